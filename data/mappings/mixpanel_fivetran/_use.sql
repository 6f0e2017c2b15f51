-- Each event once.
select *
from (
    select *, row_number() over (partition by event_key order by at_time, processed_at) as place from keyed
) as numbered
where place = 1
