-- One version of a subscription's item for each line of an invoice: what was charged for a part of a period says nothing
-- of the MRR. A change within a period is two lines: what is not used of the old (negative), and the rest of the new.
with version as (
    select b.*, s.status, s.ended_at, s.canceled_at, coalesce(s.cancel_at_period_end, false) as is_notice,
        coalesce(b.period_start < s.trial_end and b.amount = 0, false) as is_trial,
        max(case when not b.is_prorated then b.amount end) over (partition by b.id, b.quantity) as whole_amount,
        max(b.quantity) over (partition by b.product) as most,
        max(b.period_start) over (partition by b.subscription_id) as last_start,
        row_number() over (partition by b.item, cast(b.period_start as date)
                           order by b.period_start desc, b.created desc, b.is_prorated, b.line) as place
    from billed b
    join subscription s on s.id = b.subscription_id and coalesce(s._fivetran_active, true)
    where (b.amount > 0 or (b.amount = 0 and b.period_start < s.trial_end)) and b.period_end > b.period_start
        and not b.is_metered
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
held as (
    select f.*, case when least(next_start, off_at, ended_at) <= period_end then least(next_start, off_at, ended_at)
                     when next_start is null and off_at is null and ended_at is null and last_start < period_end
                         and status in ('active', 'past_due', 'trialing', 'unpaid') then null
                     else period_end end as ends
    from following f
)
select customer_id as account_id, product, plan,
    case when is_trial then 0
         else coalesce(ceil(quantity / divide_by) * unit_amount, whole_amount) / minor_units / months end as mrr,
    cast(period_start as date) as valid_from, cast(ends as date) as valid_to,
    case when (unit_label is null and most > 1) or lower(unit_label) like '%seat%' or lower(unit_label) like '%user%'
              or lower(unit_label) like '%member%' or lower(unit_label) like '%licen%' then quantity end as seats,
    cast(period_end as date) as renews_on, known_at, item as contract_id,
    case when ends = next_start and next_known > ends then next_known end as ends_known_at,
    case when is_notice and next_start is null then canceled_at end as notice_at,
    case when is_trial then 'trial' else 'paid' end as kind, currency
from held
where (is_trial or unit_amount is not null or whole_amount is not null)
    and (ends is null or cast(ends as date) > cast(period_start as date))
