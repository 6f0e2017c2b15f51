select distinct id, 'self' as kind, id as value from company
union all
select distinct id, 'any', own_id from company where own_id is not null
union all
select distinct id, 'domain', regexp_replace(lower(website), '^(https?://)?(www[.])?([^/]*).*$', '\3')
from company where website is not null
