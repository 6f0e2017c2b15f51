select id, 'self' as kind, id as value from account
union all
select id, 'any', id from account
union all
select id, 'salesforce', agent_salesforceaccountid from account where agent_salesforceaccountid is not null
