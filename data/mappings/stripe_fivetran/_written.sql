-- The lines of all invoices that are of a recurring price, and whether the invoice stands. A draft is made final within
-- hours: one of the last three days is still to come, and an older one is held back, as while collection is paused.
select l.id as line, coalesce(l.subscription_item_id, l.subscription_id || ' ' || coalesce(l.price_id, l.plan_id)) as item,
    l.invoice_id, l.subscription_id, i.customer_id, l.amount, l.quantity, l.period_start, l.period_end,
    coalesce(l.proration, false) as is_prorated, i.created, i.billing_reason,
    coalesce(i.status, '') not in ('void', 'uncollectible', 'draft', 'deleted') and not coalesce(i.is_deleted, false) as stands,
    m.*
from invoice_line_item l
join invoice i on i.id = l.invoice_id
join priced m on m.id = coalesce(l.price_id, l.plan_id) and m.is_recurring
where coalesce(i.livemode, true)
    and not (coalesce(i.status, '') = 'draft'
             and cast((select max(created) from invoice) as date) - cast(i.created as date) <= 3)
