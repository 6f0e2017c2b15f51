-- Stripe has no tiers: the dearer plan of a product is the higher one.
select product, plan, tier from plans_by_price
