-- The lines of all invoices that are of a recurring price, and whether the invoice stands. A draft is made final within
-- hours: one of the last three days is still to come, and an older one is held back, as while collection is paused.
-- A bill may be in another currency than its price is landed in: how much a unit is in that one is not known.
select l.id as line, coalesce(l.subscription_item_id, l.subscription_id || ' ' || coalesce(l.price_id, l.plan_id)) as item,
    l.invoice_id, l.subscription_id, i.customer_id, l.amount, l.quantity, l.period_start, l.period_end,
    coalesce(l.proration, false) as is_prorated, i.created, i.billing_reason,
    coalesce(i.status, '') not in ('void', 'uncollectible', 'draft', 'deleted') and not coalesce(i.is_deleted, false) as stands,
    m.id, m.product, m.plan, m.unit_label, m.is_metered, m.divide_by, m.months,
    coalesce(upper(l.currency), m.currency) as currency, coalesce(u.parts, 100.0) as minor_units,
    case when upper(l.currency) <> m.currency then null else m.unit_amount end as unit_amount
from invoice_line_item l
join invoice i on i.id = l.invoice_id
join priced m on m.id = coalesce(l.price_id, l.plan_id) and m.is_recurring
left join minor_units u on u.code = lower(coalesce(l.currency, m.currency))
where coalesce(i.livemode, true)
    and not (coalesce(i.status, '') = 'draft'
             and cast((select max(created) from invoice) as date) - cast(i.created as date) <= 3)
