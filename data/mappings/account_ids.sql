-- What the tools have in common: ids of other tools, and domains. An id of Salesforce is the same with 15 and 18 letters.
with said as (
$links
),
link as (
    select distinct system, id, kind,
        case when kind <> 'domain' and length(value) = 18 and value like '001%' then substr(value, 1, 15)
             when kind = 'domain' then lower(value) else value end as value
    from said
    where value <> '' and not (kind = 'domain' and lower(value) in ($of_many))
),
-- A domain links only where one id of the other tool has it.
one_domain as (
    select system, value, min(id) as id from link where kind = 'domain' group by system, value having count(*) = 1
),
pair as (
    select a.system, a.id, b.system as to_system, b.id as to_id, 1 as strength
    from link a join link b on a.value = b.value and b.kind = 'self' and a.kind in (b.system, 'any') and a.system <> b.system
    union all
    select b.system, b.id, a.system, a.id, 2
    from link a join link b on a.value = b.value and b.kind = 'self' and a.kind in (b.system, 'any') and a.system <> b.system
    union all
    select a.system, a.id, b.system, b.id, 3
    from link a join one_domain b on a.kind = 'domain' and a.value = b.value and a.system <> b.system
),
best as (
    select system, id, to_system, to_id,
        row_number() over (partition by system, id, to_system order by strength, to_id) as place
    from pair
),
customer as (
    select l.id, coalesce(b.to_id, l.id) as account_id
    from (select distinct id from link where system = '$billing' and kind = 'self') as l
    left join best b on b.system = '$billing' and b.id = l.id and b.to_system = '$crm' and b.place = 1
),
other as (
    select b.system, b.id, c.account_id,
        row_number() over (partition by b.system, b.id
                           order by case when b.to_system = '$crm' then 1 else 2 end, c.account_id) as place
    from best b
    join (select '$billing' as system, id, account_id from customer
          union select '$crm', account_id, account_id from customer) as c
        on c.system = b.to_system and c.id = b.to_id
    where b.place = 1 and b.system not in ('$billing', '$crm')
)
select '$billing' as system, id, account_id from customer
union all
select distinct l.system, l.id, c.account_id
from link l join customer c on l.system = '$crm' and l.kind = 'self' and c.account_id = l.id
union all
select system, id, account_id from other where place = 1
