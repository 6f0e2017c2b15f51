select id, 'self' as kind, id as value from customer where not coalesce(deleted, false)
union all
select id, 'any', id from customer
union all
select id, 'any', salesforce_account_id from customer where salesforce_account_id is not null
union all
select id, 'domain', regexp_replace(email, '^.*@', '') from customer where email like '%@%'
