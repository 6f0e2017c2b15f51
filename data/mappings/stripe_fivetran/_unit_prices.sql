-- One row for each plan and currency: what the dearest unit of it is for a month; null where no price says it.
select product, plan, currency, max(unit_amount / minor_units / months) as unit_price
from priced where is_recurring and not is_metered
group by product, plan, currency
