with came as (
    select distinct_id, group_key, min(at_time) as came_at,
        row_number() over (partition by distinct_id order by min(at_time), group_key) as place
    from use group by distinct_id, group_key
)
select distinct_id as user_id, group_key as account_id, came_at as created_at from came where place = 1
