select id, kind, id as value
from (select distinct group_key as id from keyed) as key_of_group
cross join (select 'self' as kind union all select 'any') as kind_of_link
