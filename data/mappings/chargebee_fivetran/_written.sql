-- The lines of all invoices that are closed, each with its price, and whether its invoice stands. An item is billed by its
-- price; of plans there is one. In the older catalogue a plan and an addon may share an id.
select coalesce(l.line_item_id, l.id) as line, l.invoice_id, l.subscription_id, coalesce(i.customer_id, s.customer_id) as customer_id,
    l.subscription_id || ' ' || case when p.item_type = 'addon' then p.item_id else 'plan' end as item,
    l.amount, coalesce(l.quantity, 1) as quantity, l.date_from, l.date_to, coalesce(l.discount_amount, 0) as discount_amount,
    lower(coalesce(l.description, '')) like '%prorated%' as is_prorated, greatest(i.date, i.generated_at) as created,
    coalesce(i.status, '') <> 'voided' and not coalesce(i.deleted, false) as stands, p.*
from invoice_line_item l
join invoice i on i.id = l.invoice_id
join subscription s on s.id = l.subscription_id
join priced p on p.id = l.entity_id
    and coalesce(l.entity_type, p.item_type) in (p.item_type, 'plan_item_price', 'addon_item_price')
where coalesce(i.status, '') <> 'pending' and coalesce(l.entity_type, 'plan') in ('plan_item_price', 'addon_item_price', 'plan', 'addon')
