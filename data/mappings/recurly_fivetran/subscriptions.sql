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
),
line as (
    select h.account_id, 'Subscription' as product, p.plan,
        case when h.starts < h.trial_ends_at then 0 else h.unit_amount * h.quantity / p.months end as mrr,
        cast(h.starts as date) as valid_from, cast(h.ends as date) as valid_to,
        case when h.most > 1 then h.quantity end as seats, h.starts as known_at, h.id as contract_id,
        case when h.starts < h.trial_ends_at then 'trial' when h.unit_amount * h.quantity = 0 then 'free' else 'paid' end as kind,
        h.id, h.updated_at, p.months
    from held h
    join priced p on p.id = h.plan_id and p.place = 1
    union all
    select h.account_id, coalesce(o.name, o.code, o.plan_add_on_id), 'Add-on', o.unit_amount * o.quantity / p.months,
        cast(h.starts as date), cast(h.ends as date), null, h.starts,
        h.id || ' ' || coalesce(o.plan_add_on_id, o.code, o.name), 'paid', h.id, h.updated_at, p.months
    from held h
    join priced p on p.id = h.plan_id and p.place = 1
    join add_on o on o.subscription_id = h.id and o.subscription_updated_at = h.updated_at
    where o.unit_amount * o.quantity > 0
),
-- A coupon holds from when it was redeemed until it is first no more active; one for a single bill ends as it is billed.
redeemed as (
    select id, max(account_id) as account_id, max(coupon_id) as coupon_id, cast(min(created_at) as date) as starts,
        cast(least(min(removed_at), min(case when state = 'inactive' then updated_at end)) as date) as ends
    from coupon_redemption
    group by id
),
-- It is taken off the lines that begin while it holds; an amount is one for a whole subscription.
reduced as (
    select l.*, r.id as redemption_id,
        case when c.percentage is not null then l.mrr * c.percentage / 100
             else least(1.0, c.amount / l.months / sum(l.mrr) over (partition by l.id, l.updated_at, r.id)) * l.mrr end as less
    from line l
    join held h on h.id = l.id and h.updated_at = l.updated_at
    join redeemed r on r.account_id = l.account_id and l.valid_from >= r.starts
        and (r.ends is null or l.valid_from < r.ends)
    join coupon_discount c on c.coupon_id = r.coupon_id and (c.currency is null or upper(c.currency) = upper(h.currency))
    where l.mrr > 0
),
every as (
    select id, updated_at, account_id, product, plan, mrr, valid_from, valid_to, seats, known_at, contract_id, kind
    from line
    union all
    select id, updated_at, account_id, product, 'Discount', -less, valid_from, valid_to, null, known_at,
        contract_id || ' ' || redemption_id, 'discount'
    from reduced where less > 0
)
select e.account_id, e.product, e.plan, e.mrr, e.valid_from, e.valid_to, e.seats,
    cast(h.current_period_ends_at as date) as renews_on, e.known_at, e.contract_id,
    case when h.state = 'canceled' and e.kind <> 'discount' then h.canceled_at end as notice_at, e.kind,
    upper(h.currency) as currency
from every e
join held h on h.id = e.id and h.updated_at = e.updated_at
where e.valid_to is null or e.valid_to > e.valid_from
