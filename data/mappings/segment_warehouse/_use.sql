-- What people did in a group, each event once.
select *
from (
    select t.event, t.user_id as distinct_id, t.at_time, t.received_at,
        coalesce(t.context_group_id, g.group_id) as group_key,
        row_number() over (partition by t.id order by t.received_at) as place
    from track t
    left join (
        select user_id, group_id, row_number() over (partition by user_id order by at_time desc, group_id) as latest
        from group_call
    ) as g on g.user_id = t.user_id and g.latest = 1
    where t.user_id is not null
) as keyed
where place = 1 and group_key is not null
