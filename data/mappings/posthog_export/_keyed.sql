-- What people did in a group, as often as it was sent. The key of the group is read from the text of the properties.
select *
from (
    select event, distinct_id, at_time, created_at,
        case when properties like '%"$group_0"%'
             then regexp_replace(properties, '^.*"[$]group_0" *: *"([^"]*)".*$', '\1')
             when properties like '%"$groups"%' and properties like '%"company"%'
             then regexp_replace(properties, '^.*"[$]groups" *: *[{][^}]*"company" *: *"([^"]*)".*$', '\1')
             when properties like '%"$groups"%' and properties like '%"organization"%'
             then regexp_replace(properties, '^.*"[$]groups" *: *[{][^}]*"organization" *: *"([^"]*)".*$', '\1') end as group_key,
        coalesce(uuid, distinct_id || ' ' || event || ' ' || cast(at_time as text)) as event_key
    from event
    where event not like '$%'
) as named
where group_key is not null and group_key not like '{%'
