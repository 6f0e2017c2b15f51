select a.id as account_id, coalesce(a.name, a.id) as name, a.created_date as created_at, u.name as owner,
    coalesce(a.segment_c, a.customer_segment_c) as segment, a.industry, a.billing_country as region,
    a.number_of_employees as employees, a.parent_id
from account a
left join sf_user u on u.id = a.owner_id and coalesce(u._fivetran_active, true)
where coalesce(a._fivetran_active, true) and not coalesce(a.is_deleted, false)
