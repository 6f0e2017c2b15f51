select id as account_id,
    coalesce(nullif(company, ''), nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), email, id) as name,
    created_at
from customer
where not coalesce(deleted, false)
