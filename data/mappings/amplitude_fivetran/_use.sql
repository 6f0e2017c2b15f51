-- What people did in a group, each event once. The key of the group is read from the text of the groups.
select *
from (
    select coalesce(t.name, e.event_type_id) as event, coalesce(e.user_id, e.amplitude_id) as distinct_id,
        e.event_time as at_time, e.server_received_time as received_at,
        nullif(regexp_replace(e.groups, '^[{] *"[^"]*" *: *[[]? *"([^"]*)".*$', '\1'), e.groups) as group_key,
        row_number() over (
            partition by coalesce(e._insert_id, coalesce(e.user_id, e.amplitude_id, '') || ' ' || e.event_type_id || ' '
                                                || cast(e.event_time as text))
            order by e.server_received_time
        ) as place
    from event e
    left join event_type t on t.id = e.event_type_id
) as keyed
where place = 1 and group_key is not null and event not like '[Amplitude]%'
    and event not in ('session_start', 'session_end')
