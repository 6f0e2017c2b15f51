-- A version of a line begins when it was seen, or on its own first day where that is another than before.
with version as (
    select l.*, coalesce(contract_id, account_id || ' ' || product) as line_id,
        case when dbt_valid_to < timestamp '9000-01-01 00:00:00' then dbt_valid_to end as seen_until
    from line l
),
ordered as (
    select *, lag(valid_from) over (partition by line_id order by dbt_valid_from) as valid_from_before,
        lag(dbt_valid_from) over (partition by line_id order by dbt_valid_from) as seen_before,
        lead(dbt_valid_from) over (partition by line_id order by dbt_valid_from) as next_seen,
        lead(valid_from) over (partition by line_id order by dbt_valid_from) as next_valid_from
    from version
),
held as (
    select *, case when valid_from is null or valid_from = valid_from_before then dbt_valid_from
                   else valid_from end as starts,
        case when next_seen = seen_until and next_valid_from <> valid_from then next_valid_from
             else least(seen_until, valid_to) end as ends,
        case when seen_until is not null then seen_until end as end_seen_at
    from ordered
)
select account_id, product, plan, mrr, cast(starts as date) as valid_from, cast(ends as date) as valid_to, seats,
    cast(renews_on as date) as renews_on, dbt_valid_from as known_at, contract_id,
    case when end_seen_at > ends then end_seen_at end as ends_known_at, kind, currency
from held
where ends is null or cast(ends as date) > cast(starts as date)
