-- One row for each plan and currency: what the dearest unit of it is for a month; null where no price says it.
select product, plan, coalesce(currency, '') as currency,
    max(case when has_unit_price then unit_amount end / minor_units / months) as unit_price
from priced where not is_metered and item_type in ('plan', 'addon')
group by product, plan, coalesce(currency, '')
