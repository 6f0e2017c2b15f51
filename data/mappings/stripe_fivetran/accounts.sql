select id as account_id, coalesce(nullif(name, ''), nullif(description, ''), email, id) as name, created as created_at,
    address_country as region
from customer
where coalesce(livemode, true)
