with latest as (
    select *, row_number() over (partition by id order by updated_at desc) as place
    from conversation where coalesce(_fivetran_active, true)
),
member as (
    select p.conversation_id, min(c.company_id) as company_id
    from conversation_contact p
    join contact_company c on c.contact_id = p.contact_id
    group by p.conversation_id
),
closing as (
    select conversation_id, min(case when part_type = 'close' and created_at > opened_again then created_at end) as closed_at
    from (
        select conversation_id, part_type, created_at,
            coalesce(max(case when part_type = 'open' then created_at end) over (partition by conversation_id),
                     timestamp '1970-01-01 00:00:00') as opened_again
        from part where coalesce(_fivetran_active, true)
    ) as parts
    group by conversation_id
)
select l.id as ticket_id, m.company_id as account_id, l.created_at as opened_at,
    case when l.state = 'closed' then c.closed_at end as closed_at, 'question' as kind,
    case when l.priority = 'priority' then 'high' else 'low' end as severity,
    l.conversation_rating_value as csat
from latest l
join member m on m.conversation_id = l.id
left join closing c on c.conversation_id = l.id
where l.place = 1
