-- What metered prices were billed. Lines that are bought ahead are in subscriptions, and must not count twice.
select customer_id as account_id, product, created as billed_at, amount / minor_units as amount, line as invoice_id,
    period_start, period_end, 'usage' as kind, currency
from billed
where is_metered and amount <> 0
