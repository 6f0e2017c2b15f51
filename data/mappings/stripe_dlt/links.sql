select id, 'self' as kind, id as value from customer where coalesce(livemode, true)
union all
select id, 'domain', regexp_replace(email, '^.*@', '') from customer where email like '%@%'
union all
select id, 'any', salesforce_account_id from customer
union all
select id, 'any', own_account_id from customer
union all
select id, 'any', company_id from customer
