-- One row for each segment of a charge: its latest version, when it first appeared, and when its end did.
select *
from (
    select c.id, c.charge_number, c.segment, coalesce(c.charge_type, 'Recurring') as charge_type,
        coalesce(c.charge_model, '') as charge_model, c.mrr, c.quantity, lower(c.uom) as uom, c.rate_plan_id,
        lower(c.billing_period) as billing_period, lower(coalesce(c.discount_level, 'subscription')) as discount_level,
        lower(coalesce(c.apply_discount_to, 'recurring')) as apply_discount_to, t.discount_amount, t.discount_percentage,
        c.effective_start_date as starts, c.effective_end_date as ends, s.account_id, coalesce(s.name, s.id) as contract,
        coalesce(p.name, r.name, c.name) as product, coalesce(r.name, c.name) as plan,
        min(c.created_date) over (partition by c.charge_number, c.segment) as known_at,
        min(c.created_date) over (partition by c.charge_number, c.segment, c.effective_end_date) as end_known_at,
        row_number() over (partition by c.charge_number, c.segment
                           order by c.version desc, c.created_date desc, c.id) as place
    from rate_plan_charge c
    join subscription s on s.id = c.subscription_id
    left join rate_plan r on r.id = c.rate_plan_id
    left join product_rate_plan q on q.id = r.product_rate_plan_id
    left join product p on p.id = q.product_id
    left join (
        select rate_plan_charge_id, max(discount_amount) as discount_amount, max(discount_percentage) as discount_percentage
        from rate_plan_charge_tier group by rate_plan_charge_id
    ) t on t.rate_plan_charge_id = c.id
    where not coalesce(c._fivetran_deleted, false)
) as versions
where place = 1
