select customer_id as account_id, due_date as occurred_at, 'invoice_overdue' as kind, id as object_id, due_date as known_at
from invoice
where due_date is not null and coalesce(amount_due, 1) > 0 and coalesce(livemode, true)
    and coalesce(status, '') not in ('void', 'draft', 'deleted') and not coalesce(is_deleted, false)
    and (status_transitions_paid_at is null or status_transitions_paid_at > due_date)
union all
select customer_id, status_transitions_paid_at, 'invoice_paid', id, status_transitions_paid_at
from invoice
where status_transitions_paid_at > due_date and coalesce(livemode, true) and not coalesce(is_deleted, false)
