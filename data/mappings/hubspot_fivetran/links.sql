select id, 'self' as kind, id as value from company where not coalesce(is_deleted, false)
union all
select id, 'domain', property_domain from company where property_domain is not null and not coalesce(is_deleted, false)
union all
select id, 'stripe', property_stripe_customer_id from company
where property_stripe_customer_id is not null and not coalesce(is_deleted, false)
union all
select id, 'salesforce', property_salesforceaccountid from company
where property_salesforceaccountid is not null and not coalesce(is_deleted, false)
