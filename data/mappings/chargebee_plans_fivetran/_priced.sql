-- One row for each plan and addon, which is a price of its own here: what it is called, and what one unit costs a period.
with named as (
    select id, 'plan' as item_type, coalesce(invoice_name, name, id) as title, currency_code, pricing_model, charge_model,
        price, price_in_decimal, period, period_unit, cast(null as text) as unit
    from plan
    union all
    select id, 'addon', coalesce(invoice_name, name, id), currency_code, pricing_model, charge_model,
        price, price_in_decimal, period, period_unit, unit
    from addon where coalesce(charge_type, 'recurring') = 'recurring'
),
called as (
    select n.*, coalesce(nullif(trim(regexp_replace(' ' || n.title || ' ',
            '[ _/,()-]+((monthly|month|quarterly|annually|annual|yearly|year|' || lower(coalesce(n.currency_code, 'usd'))
                || ')[ _/,()-]+)+',
            ' ', 'gi')), ''), n.title) as words,
        coalesce(m.parts, 100.0) as minor_units
    from named n left join minor_units m on m.code = lower(n.currency_code)
)
select id, words as item_id, item_type, case when item_type = 'addon' then words else 'Subscription' end as product,
    case when item_type = 'addon' then 'Add-on' else words end as plan, lower(unit) as unit, false as is_metered,
    upper(currency_code) as currency,
    coalesce(pricing_model, charge_model, 'per_unit') in ('per_unit', 'flat_fee') as has_unit_price,
    coalesce(price_in_decimal * minor_units, price) as unit_amount, minor_units,
    coalesce(period, 1) * case coalesce(period_unit, 'month')
        when 'year' then 12.0 when 'week' then 12.0 / 52 when 'day' then 12.0 / 365 else 1.0 end as months
from called
