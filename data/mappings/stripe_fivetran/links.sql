select id, 'self' as kind, id as value from customer where coalesce(livemode, true)
union all
select id, 'domain', regexp_replace(email, '^.*@', '') from customer where email like '%@%'
union all
select id, 'any', cast(metadata as json) ->> 'salesforce_account_id' from customer where metadata like '{%'
union all
select id, 'any', cast(metadata as json) ->> 'account_id' from customer where metadata like '{%'
union all
select id, 'any', cast(metadata as json) ->> 'company_id' from customer where metadata like '{%'
