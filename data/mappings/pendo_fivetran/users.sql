with latest as (
    select *, min(first_visit) over (partition by id) as came_at,
        row_number() over (partition by id order by last_updated_at desc, account_id) as place
    from visitor where account_id is not null
)
select id as user_id, account_id, lower(regexp_replace(agent_email, '^.*@', '')) as email_domain, agent_role as role,
    came_at as created_at
from latest where place = 1
