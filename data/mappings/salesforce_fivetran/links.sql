-- The first 15 letters of an id are the same in its form with 18.
select coalesce(master_record_id, id) as id, 'self' as kind, substr(id, 1, 15) as value
from account
where coalesce(_fivetran_active, true) and (not coalesce(is_deleted, false) or master_record_id is not null)
union all
select id, 'domain', regexp_replace(lower(website), '^(https?://)?(www[.])?([^/]*).*$', '\3')
from account
where website is not null and coalesce(_fivetran_active, true) and not coalesce(is_deleted, false)
union all
select id, 'stripe', stripe_customer_id_c from account
where stripe_customer_id_c is not null and coalesce(_fivetran_active, true) and not coalesce(is_deleted, false)
union all
select id, 'zuora', zuora_id_c from account
where zuora_id_c is not null and coalesce(_fivetran_active, true) and not coalesce(is_deleted, false)
