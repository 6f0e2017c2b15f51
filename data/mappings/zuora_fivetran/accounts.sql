select id as account_id, coalesce(name, id) as name, created_date as created_at, parent_id
from account
where not coalesce(_fivetran_deleted, false)
