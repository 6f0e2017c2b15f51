-- Who pays on the day on which it is due pays in time, at whatever hour.
select customer_id as account_id, due_date as occurred_at, 'invoice_overdue' as kind, id as object_id, due_date as known_at
from invoice
where due_date is not null and coalesce(total, 1) > 0 and coalesce(status, '') not in ('voided', 'pending')
    and not coalesce(deleted, false) and (paid_at is null or cast(paid_at as date) > cast(due_date as date))
    and (paid_at is not null or coalesce(status, '') <> 'paid')
union all
select customer_id, paid_at, 'invoice_paid', id, paid_at
from invoice
where cast(paid_at as date) > cast(due_date as date) and coalesce(status, '') not in ('voided', 'pending') and not coalesce(deleted, false)
