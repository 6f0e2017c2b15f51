select distinct account_id as id, 'self' as kind, account_id as value from line
union all
select distinct account_id, 'any', account_id from line
