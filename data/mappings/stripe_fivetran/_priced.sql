-- One row for each price: what it is called, and what one unit of it is for a month.
select p.id, coalesce(d.name, d.id) as product, d.unit_label, upper(p.currency) as currency,
    coalesce(p.recurring_usage_type, p.usage_type, 'licensed') = 'metered' as is_metered,
    coalesce(p.recurring_interval, p.interval) is not null as is_recurring,
    -- 'Team monthly USD' and 'Team yearly EUR' are one plan.
    coalesce(nullif(trim(regexp_replace(regexp_replace(' ' || coalesce(p.nickname, '') || ' ',
        '[ _/,()-]+(monthly|month|quarterly|annually|annual|yearly|year|weekly|usd|eur|gbp|cad|aud|chf|jpy)[ _/,()-]+', ' ', 'gi'),
        '[ _/,()-]+(monthly|month|quarterly|annually|annual|yearly|year|weekly|usd|eur|gbp|cad|aud|chf|jpy)[ _/,()-]+', ' ', 'gi')),
        ''), d.name, d.id) as plan,
    coalesce(m.parts, 100.0) as minor_units,
    case when coalesce(p.billing_scheme, 'per_unit') <> 'tiered'
         then coalesce(p.unit_amount_decimal, p.unit_amount, p.amount) end as unit_amount,
    coalesce(p.transform_quantity_divide_by, p.transform_usage_divide_by, 1) as divide_by,
    coalesce(p.recurring_interval_count, p.interval_count, 1)
        * case coalesce(p.recurring_interval, p.interval)
              when 'year' then 12.0 when 'week' then 12.0 / 52 when 'day' then 12.0 / 365 else 1.0 end as months
from price p
join product d on d.id = p.product_id
left join minor_units m on m.code = lower(p.currency)
