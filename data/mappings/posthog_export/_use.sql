-- What people did in a group. The key of the group is read from the text of the properties.
select *
from (
    select coalesce(uuid, distinct_id || ' ' || event || ' ' || cast(at_time as text)) as uuid, event, distinct_id,
        at_time, created_at,
        case when properties like '%"$group_0"%'
             then regexp_replace(properties, '^.*"[$]group_0" *: *"([^"]*)".*$', '\1')
             when properties like '%"$groups"%' and properties like '%"company"%'
             then regexp_replace(properties, '^.*"[$]groups" *: *[{][^}]*"company" *: *"([^"]*)".*$', '\1')
             when properties like '%"$groups"%' and properties like '%"organization"%'
             then regexp_replace(properties, '^.*"[$]groups" *: *[{][^}]*"organization" *: *"([^"]*)".*$', '\1') end as group_key,
        row_number() over (
            partition by coalesce(uuid, distinct_id || ' ' || event || ' ' || cast(at_time as text)) order by created_at
        ) as place
    from event
    where event not like '$%'
) as keyed
where place = 1 and group_key is not null and group_key not like '{%'
