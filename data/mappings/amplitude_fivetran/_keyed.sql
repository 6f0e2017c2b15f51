-- What people did in a group, as often as it was sent. The key of the group is read from the text of the groups.
select *
from (
    select coalesce(t.name, e.event_type_id) as event, coalesce(e.user_id, e.amplitude_id) as distinct_id,
        e.event_time as at_time, e.server_received_time as received_at,
        nullif(regexp_replace(e.groups, '^[{] *"[^"]*" *: *[[]? *"([^"]*)".*$', '\1'), e.groups) as group_key,
        coalesce(e._insert_id, coalesce(e.user_id, e.amplitude_id, '') || ' ' || e.event_type_id || ' '
                               || cast(e.event_time as text)) as event_key
    from event e
    left join event_type t on t.id = e.event_type_id
) as named
where group_key is not null and event not like '[Amplitude]%' and event not in ('session_start', 'session_end')
