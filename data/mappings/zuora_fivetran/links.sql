select id, 'self' as kind, id as value from account where not coalesce(_fivetran_deleted, false)
union all
select id, 'any', crm_id from account where crm_id is not null and not coalesce(_fivetran_deleted, false)
