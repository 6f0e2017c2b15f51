select distinct group_key as id, 'self' as kind, group_key as value from use
union all
select distinct group_key, 'any', group_key from use
