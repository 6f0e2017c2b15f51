select group_key as account_id, at_time as occurred_at, event as feature, distinct_id as user_id,
    greatest(processed_at, at_time) as known_at
from use
