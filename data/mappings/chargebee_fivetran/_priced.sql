-- One row for each price of an item: what it is called, and what one unit of it is for a period, in the smallest unit.
select p.id, i.id as item_id, lower(coalesce(i.type, p.item_type, 'plan')) as item_type,
    case when lower(coalesce(i.type, p.item_type)) = 'addon' then coalesce(i.external_name, i.name, i.id, p.id)
         else coalesce(f.name, 'Subscription') end as product,
    case when lower(coalesce(i.type, p.item_type)) = 'addon' then 'Add-on'
         else coalesce(i.external_name, i.name, i.id, p.id) end as plan,
    lower(i.unit) as unit, coalesce(i.metered, false) as is_metered, upper(p.currency_code) as currency,
    coalesce(p.pricing_model, 'per_unit') in ('per_unit', 'flat_fee') as has_unit_price,
    coalesce(p.price_in_decimal * coalesce(m.parts, 100.0), p.price) as unit_amount,
    coalesce(m.parts, 100.0) as minor_units,
    coalesce(p.period, 1) * case coalesce(p.period_unit, 'month')
        when 'year' then 12.0 when 'week' then 12.0 / 52 when 'day' then 12.0 / 365 else 1.0 end as months
from item_price p
left join minor_units m on m.code = lower(p.currency_code)
left join item i on i.id = p.item_id
left join item_family f on f.id = i.item_family_id
