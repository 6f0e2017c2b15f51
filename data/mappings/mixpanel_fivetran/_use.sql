-- What people did in an account, each event once.
select *
from (
    select name as event, distinct_id, at_time, coalesce(account_id, company_id, group_id) as group_key,
        row_number() over (
            partition by coalesce(insert_id, event_id, distinct_id || ' ' || name || ' ' || cast(at_time as text))
            order by at_time
        ) as place
    from event
    where name not like '$%'
) as keyed
where place = 1 and group_key is not null
