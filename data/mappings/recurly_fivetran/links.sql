select id, 'self' as kind, id as value from account
union all
select id, 'any', code from account where code is not null
union all
select id, 'domain', regexp_replace(email, '^.*@', '') from account where email like '%@%'
