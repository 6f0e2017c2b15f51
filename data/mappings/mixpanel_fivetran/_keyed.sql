-- What people did in an account, as often as it was sent.
select name as event, distinct_id, at_time, processed_at, coalesce(account_id, company_id, group_id) as group_key,
    coalesce(insert_id, event_id, distinct_id || ' ' || name || ' ' || cast(at_time as text)) as event_key
from event
where name not like '$%' and coalesce(account_id, company_id, group_id) is not null
