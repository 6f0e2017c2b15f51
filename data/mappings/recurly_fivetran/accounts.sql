with latest as (
    select *, row_number() over (partition by id order by updated_at desc) as place from account
)
select id as account_id, coalesce(company, email, code, id) as name, created_at from latest where place = 1
