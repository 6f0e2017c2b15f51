-- One version of a subscription's item for each line of an invoice. The line of a whole period says what it costs; what
-- was charged for a part of one does not, and has the price of the period before, or of the list.
with measured as (
    select b.*, s.status, case when s.status = 'cancelled' then s.cancelled_at end as ended_at,
        case when s.status in ('non_renewing', 'cancelled') then s.cancel_schedule_created_at end as scheduled_at,
        not b.is_prorated
            and abs(cast(b.date_to as date) - cast(b.date_from as date) - b.months * 30.4375) <= 2.5 as is_whole
    from billed b
    join subscription s on s.id = b.subscription_id
    where b.amount > 0 and b.date_to > b.date_from and not b.is_metered
),
counted as (
    select *, count(case when is_whole then 1 end) over (partition by item, id order by date_from, created, line
                                                         rows between unbounded preceding and current row) as whole_no,
        max(case when is_whole then amount end) over (partition by id, quantity) as whole_amount,
        max(quantity) over (partition by product) as most,
        row_number() over (partition by item, cast(date_from as date)
                           order by date_from desc, created desc, is_prorated, line) as place
    from measured
),
priced_before as (
    select *, first_value(amount) over (partition by item, id, whole_no order by date_from, created, line) as before_amount,
        first_value(quantity) over (partition by item, id, whole_no order by date_from, created, line) as before_quantity
    from counted
),
version as (
    select *, greatest(created, date_from) as known_at,
        case when is_whole then amount
             when has_unit_price and (whole_no = 0 or abs(before_amount - unit_amount * before_quantity) < 1)
             then unit_amount * quantity
             when has_unit_price then before_amount / before_quantity * quantity
             when whole_amount is not null then whole_amount
             else amount * months * 30.4375 / greatest(cast(date_to as date) - cast(date_from as date), 1)
        end / minor_units / months as mrr
    from priced_before where place = 1
),
-- An item that is taken off within its period is credited from that day on, and nothing else of it is billed then.
taken_off as (
    select c.subscription_id || ' ' || case when p.item_type = 'addon' then p.item_id else 'plan' end as item,
        c.date_from as off_at
    from credit_note_line_item c
    join priced p on p.id = c.entity_id
    where not exists (
        select 1 from version v
        where v.item = c.subscription_id || ' ' || case when p.item_type = 'addon' then p.item_id else 'plan' end
            and cast(v.date_from as date) = cast(c.date_from as date))
),
following as (
    select v.*, lead(v.date_from) over (partition by v.item order by v.date_from) as next_start,
        lead(v.known_at) over (partition by v.item order by v.date_from) as next_known,
        (select min(t.off_at) from taken_off t where t.item = v.item and t.off_at > v.date_from) as off_at
    from version v
),
-- Up to when each subscription was billed, whatever became of the bill; use is billed when its time is over. A line goes on
-- beyond its period until something was: what is free since, or is billed by use alone, ended with it.
reached as (
    select subscription_id,
        max(case when is_metered then greatest(date_from, least(date_to, created)) else date_from end) as last_start
    from written
    group by subscription_id
),
held as (
    select f.*, case when least(next_start, off_at, ended_at) <= date_to then least(next_start, off_at, ended_at)
                     when next_start is null and off_at is null and ended_at is null and last_start < date_to
                         and status in ('active', 'non_renewing', 'in_trial') then null
                     else date_to end as ends
    from following f
    join reached r on r.subscription_id = f.subscription_id
),
-- Coupons for one bill alone are no price of a month.
of_one_bill as (
    select d.invoice_id, sum(case when c.duration_type = 'one_time' then d.amount else 0 end) / nullif(sum(d.amount), 0) as share
    from invoice_discount d
    left join coupon c on c.id = d.entity_id
    where coalesce(d.discount_type, '') not in ('promotional_credits', 'prorated_credits')
    group by d.invoice_id
),
line as (
    select h.*, h.mrr * h.discount_amount / h.amount * (1 - coalesce(o.share, 0)) as less
    from held h
    left join of_one_bill o on o.invoice_id = h.invoice_id
    where ends is null or cast(ends as date) > cast(date_from as date)
)
select customer_id as account_id, product, plan, mrr, cast(date_from as date) as valid_from, cast(ends as date) as valid_to,
    case when item_type = 'plan' and ((unit is null and most > 1) or unit like '%seat%' or unit like '%user%'
              or unit like '%member%' or unit like '%licen%') then quantity end as seats,
    cast(date_to as date) as renews_on, known_at, item as contract_id,
    case when ends = next_start and next_known > ends then next_known end as ends_known_at,
    case when next_start is null then scheduled_at end as notice_at, 'paid' as kind, currency
from line
union all
select customer_id, product, 'Discount', -less, cast(date_from as date), cast(ends as date), null, null, known_at,
    item || ' discount', case when ends = next_start and next_known > ends then next_known end, null, 'discount', currency
from line
where less > 0
