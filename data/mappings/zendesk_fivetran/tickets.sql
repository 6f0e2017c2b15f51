with solved as (
    select ticket_id, min(case when updated > opened_again then updated end) as closed_at
    from (
        select ticket_id, updated, value,
            coalesce(max(case when value not in ('solved', 'closed') then updated end) over (partition by ticket_id),
                     timestamp '1970-01-01 00:00:00') as opened_again
        from ticket_field_history where field_name = 'status'
    ) as status
    where value in ('solved', 'closed')
    group by ticket_id
),
answered as (
    select ticket_id, value as score, updated as rated_at from ticket_field_history
    where field_name = 'satisfaction_score' and value in ('good', 'bad')
    union all
    select ticket_id, score, updated_at from satisfaction_rating where score in ('good', 'bad')
),
rated as (
    select ticket_id, case score when 'good' then 5 else 1 end as csat,
        row_number() over (partition by ticket_id order by rated_at desc, score) as place
    from answered
),
tagged as (
    select ticket_id, max(case when tag in ('feature_request', 'feature-request') then 1 else 0 end) as is_request,
        max(case when tag = 'closed_by_merge' then 1 else 0 end) as is_merged
    from ticket_tag group by ticket_id
)
select t.id as ticket_id, coalesce(t.organization_id, u.organization_id) as account_id, t.created_at as opened_at,
    case when t.status in ('solved', 'closed') then s.closed_at end as closed_at,
    case when g.is_request = 1 then 'feature_request' when t.type in ('incident', 'problem') then 'bug'
         else coalesce(t.type, 'question') end as kind,
    case t.priority when 'urgent' then 'critical' when 'high' then 'high' else 'low' end as severity, r.csat
from ticket t
left join requester u on u.id = t.requester_id
left join solved s on s.ticket_id = t.id
left join rated r on r.ticket_id = t.id and r.place = 1
left join tagged g on g.ticket_id = t.id
where t.status <> 'deleted' and not coalesce(t._fivetran_deleted, false) and coalesce(g.is_merged, 0) = 0
    and coalesce(t.organization_id, u.organization_id) is not null
