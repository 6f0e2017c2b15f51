-- One row for each plan, for tools that know no tiers: of a product the dearer plan is the higher one. Prices in several
-- currencies are not compared: those count that are in the one which most plans of the product have a price in. A plan
-- without such a price is left out, unless it is the only one.
with counted as (
    select *, count(unit_price) over (partition by product, currency) as priced_plans from unit_prices
),
compared as (
    select *, first_value(currency) over (partition by product order by priced_plans desc, currency) as of_most from counted
),
listed as (
    select product, plan, max(case when currency = of_most then unit_price end) as unit_price,
        count(*) over (partition by product) as plans
    from compared group by product, plan
)
select product, plan, row_number() over (partition by product order by unit_price, plan) as tier
from listed
where unit_price is not null or plans = 1
