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
line as (
    select c.*, t.term_ends, t.next_term, greatest(c.known_at, t.known_at) as line_known_at,
        greatest(c.starts, t.term_starts) as valid_from,
        case when t.next_term is not null and (c.ends is null or c.ends > t.next_term)
             then least(t.next_term, t.term_ends) else c.ends end as valid_to
    from charge c
    left join ordered t on t.contract = c.contract and (c.ends is null or t.term_starts < c.ends)
        and (t.next_term is null or c.starts < t.next_term)
    where c.charge_type = 'Recurring' and c.charge_model not like 'Discount%' and c.mrr > 0
)
select l.account_id, l.product, l.plan, l.mrr, cast(coalesce(l.valid_from, l.starts) as date) as valid_from,
    cast(l.valid_to as date) as valid_to,
    case when l.uom like '%seat%' or l.uom like '%user%' or l.uom like '%licen%' or l.uom like '%member%'
         then l.quantity end as seats,
    cast(l.term_ends as date) as renews_on, coalesce(l.line_known_at, l.known_at) as known_at,
    l.charge_number as contract_id,
    case when l.valid_to = l.ends and l.end_known_at > l.ends then l.end_known_at end as ends_known_at,
    upper(a.currency) as currency
from line l
left join account a on a.id = l.account_id
where l.valid_to is null or cast(l.valid_to as date) > cast(coalesce(l.valid_from, l.starts) as date)
