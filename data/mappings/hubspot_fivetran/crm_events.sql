with expansion as (
    select d.deal_id, dc.company_id, d.property_createdate as opened_at, d.property_closedate,
        lower(coalesce(d.property_hs_is_closed, 'false')) = 'true' as is_closed
    from deal d
    join deal_company dc on dc.deal_id = d.deal_id
    where not coalesce(d.is_deleted, false) and d.property_createdate is not null
        and (lower(d.property_dealtype) like '%existing%' or lower(d.property_dealtype) like '%expan%'
             or lower(d.property_dealtype) like '%upsell%' or lower(d.property_dealtype) like '%cross%'
             or lower(d.property_dealtype) like '%upgrade%')
        and lower(d.property_dealtype) not like '%renew%'
),
-- The first time that it was closed, after the last on which it was open again.
seen as (
    select deal_id, min(case when lower(value) = 'true' and at_time > opened_again then at_time end) as closed_at
    from (
        select deal_id, value, at_time,
            coalesce(max(case when lower(value) <> 'true' then at_time end) over (partition by deal_id),
                     timestamp '1970-01-01 00:00:00') as opened_again
        from deal_property_history where name = 'hs_is_closed'
    ) as version
    group by deal_id
)
select company_id as account_id, opened_at as occurred_at, 'expansion_opportunity_opened' as kind, deal_id as object_id
from expansion
union all
select e.company_id, greatest(coalesce(s.closed_at, e.property_closedate), e.opened_at), 'expansion_opportunity_closed', e.deal_id
from expansion e
left join seen s on s.deal_id = e.deal_id
where (s.closed_at is not null or e.is_closed) and coalesce(s.closed_at, e.property_closedate) is not null
