-- Chargebee has no tiers: the dearer plan of a family is the higher one.
select product, plan, tier from plans_by_price
