-- A segment in each term of its contract: what comes after a renewal was not known before it.
with term as (
    select coalesce(name, id) as contract, term_start_date as term_starts, max(term_end_date) as term_ends,
        min(created_date) as known_at
    from subscription where term_start_date is not null
    group by coalesce(name, id), term_start_date
),
ordered as (
    select *, lead(term_starts) over (partition by contract order by term_starts) as next_term from term
),
dated as (
    select c.*, t.term_ends, coalesce(greatest(c.known_at, t.known_at), c.known_at) as line_known_at,
        cast(coalesce(greatest(c.starts, t.term_starts), c.starts) as date) as valid_from,
        cast(case when t.next_term is not null and (c.ends is null or c.ends > t.next_term)
                  then least(t.next_term, t.term_ends) else c.ends end as date) as valid_to
    from charge c
    left join ordered t on t.contract = c.contract and (c.ends is null or t.term_starts < c.ends)
        and (t.next_term is null or c.starts < t.next_term)
    where c.charge_type = 'Recurring' and c.charge_model not like 'Discount%' and c.mrr > 0
),
line as (
    select *, case when valid_to = cast(ends as date) and end_known_at > ends then end_known_at end as ends_known_at
    from dated where valid_to is null or valid_to > valid_from
),
-- A discount: a share of each line, or an amount a month of all lines that it is for; where neither is said it is left out.
less as (
    select charge_number, segment, account_id, contract, rate_plan_id, discount_level, known_at,
        case when charge_model like '%Percent%' and discount_percentage is not null then discount_percentage / 100 end as share,
        case when mrr < 0 then -mrr
             else discount_amount / case when billing_period like 'month%' then 1.0 when billing_period like 'quarter%' then 3.0
                                         when billing_period like 'semi%' then 6.0 when billing_period like 'annual%' then 12.0
                                         when billing_period like 'eighteen%' then 18.0 when billing_period like 'two%' then 24.0
                                         when billing_period like 'three%' then 36.0 when billing_period like 'five%' then 60.0
                                         when billing_period like 'week%' then 12.0 / 52 end end as amount,
        cast(starts as date) as starts, cast(ends as date) as ends,
        case when end_known_at > ends then end_known_at end as ends_known_at
    from charge
    where charge_type = 'Recurring' and charge_model like 'Discount%'
        and apply_discount_to like '%recurring%' and (ends is null or ends > starts)
),
-- What a discount is for changes as lines begin and end, so time is taken from one such day to the next.
edge as (
    select account_id, valid_from as starts from line union select account_id, valid_to from line
    union select account_id, starts from less union select account_id, ends from less
),
span as (
    select account_id, starts, lead(starts) over (partition by account_id order by starts) as ends
    from edge where starts is not null
),
reduced as (
    select l.account_id, l.product, l.mrr as price, s.starts, s.ends, l.charge_number as line_number, d.charge_number, d.segment,
        greatest(l.line_known_at, d.known_at) as known_at,
        case when s.ends = l.valid_to then l.ends_known_at when s.ends = d.ends then d.ends_known_at end as ends_known_at,
        case when d.share is not null then least(d.share, 1.0)
             else least(d.amount / sum(l.mrr) over (partition by d.charge_number, d.segment, s.starts), 1.0) end * l.mrr as mrr
    from line l
    join span s on s.account_id = l.account_id and s.starts >= l.valid_from and (l.valid_to is null or s.starts < l.valid_to)
    join less d on coalesce(d.share, d.amount) > 0 and d.account_id = l.account_id and s.starts >= d.starts and (d.ends is null or s.starts < d.ends)
        and (d.discount_level = 'account' or (d.contract = l.contract
                                              and (d.discount_level <> 'rateplan' or d.rate_plan_id = l.rate_plan_id)))
),
every as (
    select account_id, product, plan, mrr, valid_from, valid_to,
        case when uom like '%seat%' or uom like '%user%' or uom like '%licen%' or uom like '%member%' then quantity end as seats,
        cast(term_ends as date) as renews_on, line_known_at as known_at, charge_number as contract_id, ends_known_at,
        'paid' as kind
    from line
    union all
    -- Several discounts together take off no more than the price.
    select account_id, product, 'Discount', -mrr * least(price / sum(mrr) over (partition by line_number, starts), 1.0), starts, ends, null, null, known_at, line_number || ' ' || charge_number,
        ends_known_at, 'discount'
    from reduced where mrr > 0
)
select e.account_id, e.product, e.plan, e.mrr, e.valid_from, e.valid_to, e.seats, e.renews_on, e.known_at, e.contract_id,
    e.ends_known_at, e.kind, upper(a.currency) as currency
from every e
left join account a on a.id = e.account_id
