with any_version as (
    select c.id, g.account_id, g.product
    from rate_plan_charge c
    join charge g on g.charge_number = c.charge_number
    where c.charge_type = 'Usage'
    group by c.id, g.account_id, g.product
)
select v.account_id, v.product, i.created_date as billed_at, i.charge_amount as amount, i.id as invoice_id,
    i.service_start_date as period_start, i.service_end_date as period_end, 'usage' as kind,
    upper(a.currency) as currency
from invoice_item i
join any_version v on v.id = i.rate_plan_charge_id
left join account a on a.id = v.account_id
where i.charge_amount <> 0
