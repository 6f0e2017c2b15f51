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
left join invoice n on n.id = i.invoice_id and not coalesce(n._fivetran_deleted, false)
where i.charge_amount <> 0 and not coalesce(i._fivetran_deleted, false)
    -- Each run bills what no posted bill is for: a draft, or what was cancelled, has the same use once more.
    and (lower(n.status) = 'posted' or i.invoice_id is null or not exists (select 1 from invoice))
