-- What metered items were billed. Those that are bought ahead are in subscriptions, and must not count twice.
select customer_id as account_id, product, created as billed_at, (amount - discount_amount) / minor_units as amount,
    line as invoice_id, date_from as period_start, date_to as period_end, 'usage' as kind, currency
from billed
where is_metered and amount <> discount_amount
