-- What people did in a group, as often as it was sent.
select t.event, t.user_id as distinct_id, t.at_time, t.received_at, t.id as event_key,
    coalesce(t.context_group_id, g.group_id) as group_key
from track t
left join (
    select user_id, group_id, row_number() over (partition by user_id order by at_time desc, group_id) as latest
    from group_call
) as g on g.user_id = t.user_id and g.latest = 1
where t.user_id is not null and coalesce(t.context_group_id, g.group_id) is not null
