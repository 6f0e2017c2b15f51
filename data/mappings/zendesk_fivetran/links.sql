select id, 'self' as kind, id as value from organization where not coalesce(_fivetran_deleted, false)
union all
select id, 'any', external_id from organization
where external_id is not null and not coalesce(_fivetran_deleted, false)
union all
select organization_id, 'domain', domain_name from domain_name
