-- What people did in a group. Its key is a column of its own, or stands in the text of all groups.
select *
from (
    select event, distinct_id, at_time, created_at, uuid as event_key,
        coalesce(key_0,
            case when of_all like '%"company"%' then regexp_replace(of_all, '^.*"company" *: *"([^"]*)".*$', '\1')
                 when of_all like '%"organization"%' then regexp_replace(of_all, '^.*"organization" *: *"([^"]*)".*$', '\1')
            end) as group_key
    from (
        select *, coalesce(group_0, group_0_too) as key_0, coalesce(groups, groups_too) as of_all
        from event
        where event not like '$%' and coalesce(is_deleted, false) = false
    ) as landed
) as named
where group_key is not null and group_key not like '{%'
