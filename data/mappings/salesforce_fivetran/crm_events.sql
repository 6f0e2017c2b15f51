with deal as (
    select o.id, coalesce(a.master_record_id, o.account_id) as account_id, o.created_date, o.close_date, o.is_closed,
        o.last_stage_change_date
    from opportunity o
    left join account a on a.id = o.account_id and coalesce(a._fivetran_active, true)
    where coalesce(o._fivetran_active, true) and not coalesce(o.is_deleted, false)
        and (lower(o.type) like '%expan%' or lower(o.type) like '%upsell%' or lower(o.type) like '%up-sell%'
             or lower(o.type) like '%upgrade%' or lower(o.type) like '%cross%' or lower(o.type) like '%add-on%'
             or lower(o.type) like '%addon%' or lower(o.type) like '%existing%')
        and lower(o.type) not like '%renew%' and lower(o.type) not like '%downgrade%'
        and lower(o.type) not like '%replacement%'
),
-- What history mode saw: a deal that was open in some version, and the first one after it that was closed.
version as (
    select id, is_closed, _fivetran_start as began_at, amount,
        row_number() over (partition by id order by _fivetran_start) as number,
        max(case when not is_closed then _fivetran_start end) over (partition by id) as last_open_at
    from opportunity_version
),
seen as (
    select id, max(case when number = 1 then amount end) as first_amount,
        min(case when is_closed and began_at > last_open_at then began_at end) as closed_at
    from version group by id
),
dated as (
    select d.*, s.first_amount,
        coalesce(s.closed_at, d.last_stage_change_date, d.close_date) as closed_at,
        coalesce(s.closed_at, greatest(d.last_stage_change_date, d.close_date)) as closed_known_at
    from deal d
    left join seen s on s.id = d.id
)
select account_id, created_date as occurred_at, 'expansion_opportunity_opened' as kind, first_amount as amount,
    created_date as known_at, id as object_id
from dated
union all
select account_id, greatest(closed_at, created_date), 'expansion_opportunity_closed', null,
    greatest(closed_known_at, created_date), id
from dated where is_closed
union all
select account_id, coalesce(activity_date_time, activity_date), 'qbr_held', null,
    greatest(created_date, activity_date_time, activity_date), id
from activity
where coalesce(activity_date_time, activity_date) is not null and not coalesce(is_deleted, false)
    and coalesce(_fivetran_active, true) and (lower(subject) like '%qbr%' or lower(subject) like '%business review%')
