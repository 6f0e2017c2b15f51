-- The lines of the invoices that stand, each with its price.
select l.id as line, coalesce(l.subscription_item_id, l.subscription_id || ' ' || coalesce(l.price_id, l.plan_id)) as item,
    l.subscription_id, i.customer_id, l.amount, l.quantity, l.period_start, l.period_end,
    coalesce(l.proration, false) as is_prorated, i.created, i.billing_reason, m.*
from invoice_line_item l
join invoice i on i.id = l.invoice_id
join priced m on m.id = coalesce(l.price_id, l.plan_id)
where coalesce(i.status, '') not in ('void', 'uncollectible', 'draft', 'deleted') and not coalesce(i.is_deleted, false)
    and coalesce(i.livemode, true)
