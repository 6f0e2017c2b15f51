-- A count by visitor, feature and hour is so many events. A feature that was tagged later was not known before.
with named as (
    select id, coalesce(name, id) as name, created_at,
        row_number() over (partition by id order by last_updated_at desc) as place
    from feature
),
tagged as (
    select n.id, n.name, (select min(f.created_at) from feature f where f.id = n.id) as created_at
    from named n where n.place = 1
)
select e.account_id, e.timestamp as occurred_at, coalesce(t.name, e.feature_id) as feature, e.visitor_id as user_id,
    case when t.created_at > e.timestamp then t.created_at end as known_at
from feature_event e
left join tagged t on t.id = e.feature_id
cross join lateral generate_series(1, cast(e.num_events as bigint)) as each_one(number)
where e.num_events > 0
