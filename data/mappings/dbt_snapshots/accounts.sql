with latest as (
    select *, row_number() over (partition by account_id order by dbt_valid_from desc) as place from account_version
)
select account_id, name, created_at, owner, segment, industry, region, employees, parent_id
from latest where place = 1
