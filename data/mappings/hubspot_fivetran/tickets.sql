select t.id as ticket_id, min(c.company_id) as account_id, min(t.property_createdate) as opened_at,
    min(t.property_closed_date) as closed_at,
    min(case when lower(t.property_hs_ticket_category) like '%feature%' then 'feature_request'
             when lower(t.property_hs_ticket_category) like '%issue%' or lower(t.property_hs_ticket_category) like '%bug%' then 'bug'
             else lower(coalesce(t.property_hs_ticket_category, 'question')) end) as kind,
    min(case lower(t.property_hs_ticket_priority) when 'urgent' then 'critical' when 'high' then 'high' else 'low' end) as severity
from ticket t
join ticket_company c on c.ticket_id = t.id
where not coalesce(t.is_deleted, false) and t.property_createdate is not null
group by t.id
