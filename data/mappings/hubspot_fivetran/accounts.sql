select c.id as account_id, coalesce(c.property_name, c.property_domain, c.id) as name,
    c.property_createdate as created_at,
    coalesce(nullif(trim(coalesce(o.first_name, '') || ' ' || coalesce(o.last_name, '')), ''), o.email) as owner,
    c.property_segment as segment, c.property_industry as industry, c.property_country as region,
    c.property_numberofemployees as employees, c.property_hs_parent_company_id as parent_id
from company c
left join hs_owner o on o.owner_id = c.property_hubspot_owner_id
where not coalesce(c.is_deleted, false)
