with priced as (
    select id, coalesce(interval_length, 1) * case interval_unit when 'days' then 12.0 / 365 else 1.0 end as months,
        coalesce(nullif(trim(regexp_replace(' ' || coalesce(name, '') || ' ',
            '[ _/,()-]+(monthly|month|quarterly|annually|annual|yearly|year)[ _/,()-]+', ' ', 'gi')), ''), code, id) as plan,
        row_number() over (partition by id order by updated_at desc) as place
    from plan
),
-- The last version of a day stands for the day.
daily as (
    select *, row_number() over (partition by id, cast(updated_at as date) order by updated_at desc) as place,
        min(updated_at) over (partition by id) as first_at,
        max(quantity) over (partition by plan_id) as most
    from subscription
),
version as (
    select d.*, case when updated_at = first_at then least(coalesce(activated_at, created_at), updated_at)
                     else updated_at end as starts,
        lead(updated_at) over (partition by id order by updated_at) as next_at,
        lead(state) over (partition by id order by updated_at) as next_state,
        lead(expires_at) over (partition by id order by updated_at) as next_expires
    from daily d where place = 1
),
held as (
    select v.*, case when next_state = 'expired' then least(coalesce(next_expires, next_at), next_at)
                     when next_at is not null then next_at
                     when state = 'canceled' then expires_at end as ends
    from version v where state in ('active', 'canceled')
)
select h.account_id, 'Subscription' as product, p.plan,
    case when h.starts < h.trial_ends_at then 0 else h.unit_amount * h.quantity / p.months end as mrr,
    cast(h.starts as date) as valid_from, cast(h.ends as date) as valid_to,
    case when h.most > 1 then h.quantity end as seats, cast(h.current_period_ends_at as date) as renews_on,
    h.starts as known_at, h.id as contract_id, case when h.state = 'canceled' then h.canceled_at end as notice_at,
    case when h.starts < h.trial_ends_at then 'trial' else 'paid' end as kind, upper(h.currency) as currency
from held h
join priced p on p.id = h.plan_id and p.place = 1
where h.ends is null or cast(h.ends as date) > cast(h.starts as date)
union all
select h.account_id, coalesce(o.name, o.code, o.plan_add_on_id), 'Add-on', o.unit_amount * o.quantity / p.months,
    cast(h.starts as date), cast(h.ends as date), null, cast(h.current_period_ends_at as date), h.starts,
    h.id || ' ' || coalesce(o.plan_add_on_id, o.code, o.name),
    case when h.state = 'canceled' then h.canceled_at end, 'paid', upper(h.currency)
from held h
join priced p on p.id = h.plan_id and p.place = 1
join add_on o on o.subscription_id = h.id and o.subscription_updated_at = h.updated_at
where o.unit_amount * o.quantity > 0 and (h.ends is null or cast(h.ends as date) > cast(h.starts as date))
