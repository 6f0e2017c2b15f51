-- One version of a subscription's item for each line of an invoice: what was charged for a part of a period says nothing
-- of the MRR. A change within a period is two lines: what is not used of the old (negative), and the rest of the new.
-- A whole period of a price in tiers has a line for each tier, and one without a quantity for what is flat: they are one.
-- What is charged for a part of a period is one line already.
with charged as (
    select min(line) as line, sum(amount) as amount, sum(quantity) as quantity, item, subscription_id, customer_id,
        period_start, period_end, is_prorated, created, billing_reason, id, product, plan, unit_label, currency, minor_units,
        unit_amount, divide_by, months
    from billed
    where not is_metered
    group by invoice_id, item, subscription_id, customer_id, period_start, period_end, is_prorated, created, billing_reason,
        id, product, plan, unit_label, currency, minor_units, unit_amount, divide_by, months,
        case when unit_amount is not null or is_prorated then line end
),
version as (
    select b.*, s.status, s.ended_at, s.canceled_at, coalesce(s.cancel_at_period_end, false) as is_notice,
        coalesce(b.period_start < s.trial_end and b.amount = 0, false) as is_trial,
        max(case when not b.is_prorated then b.amount end) over (partition by b.id, b.currency, b.quantity) as whole_amount,
        max(b.quantity) over (partition by b.product) as most,
        row_number() over (partition by b.item, cast(b.period_start as date)
                           order by b.period_start desc, b.created desc, b.is_prorated, b.line) as place
    from charged b
    join subscription s on s.id = b.subscription_id and coalesce(s._fivetran_active, true)
    where (b.amount > 0 or (b.amount = 0 and b.period_start < s.trial_end)) and b.period_end > b.period_start
),
known as (
    select *, case when is_prorated and coalesce(billing_reason, '') <> 'subscription_update' then period_start
                   else greatest(created, period_start) end as known_at
    from version where place = 1
),
-- An item that is taken off has a negative line, and no other on its day.
taken_off as (
    select b.item, b.period_start as off_at from billed b
    where b.amount < 0 and b.is_prorated and not exists (
        select 1 from version v where v.item = b.item and cast(v.period_start as date) = cast(b.period_start as date))
),
following as (
    select k.*, lead(k.period_start) over (partition by k.item order by k.period_start) as next_start,
        lead(k.known_at) over (partition by k.item order by k.period_start) as next_known,
        (select min(t.off_at) from taken_off t where t.item = k.item and t.off_at > k.period_start) as off_at
    from known k
),
-- Up to when each subscription was billed, whatever became of the bill; use is billed when its time is over. A line goes on
-- beyond its period until something was: what is paused, unpaid or free since, or is billed by use alone, ended with it.
reached as (
    select subscription_id,
        max(case when is_metered then greatest(period_start, least(period_end, created)) else period_start end) as last_start
    from written
    group by subscription_id
),
held as (
    select f.*, case when least(next_start, off_at, ended_at) <= period_end then least(next_start, off_at, ended_at)
                     when next_start is null and off_at is null and ended_at is null and last_start < period_end
                         and status in ('active', 'past_due', 'trialing') then null
                     else period_end end as ends
    from following f
    join reached r on r.subscription_id = f.subscription_id
),
line as (
    select customer_id as account_id, product, plan, subscription_id,
        case when is_trial then 0
             else coalesce(ceil(quantity / divide_by) * unit_amount, whole_amount,
                           amount * months * 30.4375 / greatest(cast(period_end as date) - cast(period_start as date), 1))
                  / minor_units / months end as mrr,
        cast(period_start as date) as valid_from, cast(ends as date) as valid_to,
        case when (unit_label is null and most > 1) or lower(unit_label) like '%seat%' or lower(unit_label) like '%user%'
                  or lower(unit_label) like '%member%' or lower(unit_label) like '%licen%' then quantity end as seats,
        cast(period_end as date) as renews_on, known_at, item as contract_id,
        case when ends = next_start and next_known > ends then next_known end as ends_known_at,
        case when is_notice and next_start is null then canceled_at end as notice_at,
        case when is_trial then 'trial' else 'paid' end as kind, currency, minor_units, months
    from held
    where ends is null or cast(ends as date) > cast(period_start as date)
),
-- A discount is landed once for what it was given to, and again for each invoice that it was taken off.
granted as (
    select coalesce(id, coupon_id || ' ' || coalesce(subscription_id, customer_id, '')) as id, max(coupon_id) as coupon_id,
        max(coalesce(subscription_id, case when lower(type) like 'subscription%' then type_id end)) as subscription_id,
        max(case when lower(type) like 'customer%' or (type is null and invoice_id is null)
                 then coalesce(customer_id, type_id) end) as customer_id,
        cast(min(starts) as date) as starts, cast(max(ends) as date) as ends
    from discount
    group by coalesce(id, coupon_id || ' ' || coalesce(subscription_id, customer_id, ''))
),
terms as (
    select id, max(percent_off) as percent_off, max(amount_off) as amount_off, max(duration) as duration
    from coupon group by id
),
-- It is taken off what is billed while it holds: a line that begins then, until the line ends. An amount is one for the
-- whole bill, and each line has its share. What is taken off one bill alone is no price of a month.
reduced as (
    select l.*, g.id as discount_id,
        case when t.percent_off is not null then l.mrr * t.percent_off / 100
             else least(1.0, t.amount_off / l.minor_units / l.months / (
                 select sum(o.mrr) from line o
                 where o.subscription_id = l.subscription_id and o.valid_from <= l.valid_from
                     and (o.valid_to is null or o.valid_to > l.valid_from)
             )) * l.mrr end as less
    from line l
    join granted g on (g.subscription_id = l.subscription_id or (g.subscription_id is null and g.customer_id = l.account_id))
        and l.valid_from >= g.starts and (g.ends is null or l.valid_from < g.ends)
    join terms t on t.id = g.coupon_id
    where l.mrr > 0 and coalesce(t.duration, '') <> 'once'
)
select account_id, product, plan, mrr, valid_from, valid_to, seats, renews_on, known_at, contract_id, ends_known_at,
    notice_at, kind, currency
from line
union all
select account_id, product, 'Discount', -less, valid_from, valid_to, null, null, known_at,
    contract_id || ' ' || discount_id, ends_known_at, null, 'discount', currency
from reduced
where less > 0
