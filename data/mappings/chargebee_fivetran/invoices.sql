-- What metered items were billed. Those that are bought ahead are in subscriptions, and must not count twice.
select customer_id as account_id, product, created as billed_at, (amount - discount_amount) / minor_units as amount,
    line as invoice_id, date_from as period_start, date_to as period_end, 'usage' as kind, currency
from billed
where is_metered and amount <> discount_amount
union all
-- What of it was taken back later, in the time that was billed.
select b.customer_id, b.product, greatest(n.date, n.generated_at), (coalesce(c.discount_amount, 0) - c.amount) / b.minor_units,
    n.id || ' ' || b.line, b.date_from, b.date_to, 'usage', b.currency
from credit_note_line_item c
join credit_note n on n.id = c.credit_note_id
join billed b on b.line = c.reference_line_item_id
where b.is_metered and c.amount <> coalesce(c.discount_amount, 0)
    and coalesce(n.status, '') <> 'voided' and not coalesce(n.deleted, false)
