-- Chargebee has no tiers: the dearer plan of a family is the higher one.
with dearest as (
    select product, plan, max(coalesce(unit_amount, 0) / minor_units / months) as unit_price
    from priced where not is_metered and item_type in ('plan', 'addon')
    group by product, plan
)
select product, plan, row_number() over (partition by product order by unit_price, plan) as tier
from dearest
