-- A version of a line begins when it was seen, or on its own first day where that is another than before. Lines are told
-- apart as the ledger does it: by account, product and contract, and what is taken off apart.
with version as (
    select l.*, coalesce(kind = 'discount', false) as is_off,
        case when dbt_valid_to < timestamp '9000-01-01 00:00:00' then dbt_valid_to end as seen_until
    from line l
),
ordered as (
    select *, lag(valid_from) over (partition by account_id, product, contract_id, is_off order by dbt_valid_from) as valid_from_before,
        lag(seen_until) over (partition by account_id, product, contract_id, is_off order by dbt_valid_from) as seen_before,
        lead(dbt_valid_from) over (partition by account_id, product, contract_id, is_off order by dbt_valid_from) as next_seen,
        lead(valid_from) over (partition by account_id, product, contract_id, is_off order by dbt_valid_from) as next_valid_from
    from version
),
-- History mode ends a version a millisecond before the next one.
timed as (
    select *, coalesce(next_seen between seen_until and seen_until + interval '1 second', false) as goes_on,
        coalesce(dbt_valid_from between seen_before and seen_before + interval '1 second', false) as went_on
    from ordered
),
-- Another product may take the place of one in its contract, and another account have the contract: in one moment.
swap as (
    select o.account_id, o.product, o.contract_id, o.is_off, o.dbt_valid_from, o.valid_from, n.account_id as next_account,
        n.product as next_product, n.dbt_valid_from as next_seen, n.valid_from as next_valid_from
    from timed o
    join timed n on n.contract_id = o.contract_id and n.is_off = o.is_off
        and n.dbt_valid_from between o.seen_until and o.seen_until + interval '1 second'
        and (n.account_id <> o.account_id or n.product <> o.product)
    where o.contract_id <> '' and not o.goes_on and not n.went_on
),
replaced as (
    select account_id, product, contract_id, is_off, dbt_valid_from, max(next_valid_from) as replaced_from
    from swap where next_account = account_id
    group by account_id, product, contract_id, is_off, dbt_valid_from
),
replacing as (
    select distinct next_account, next_product, contract_id, is_off, next_seen from swap where next_valid_from = valid_from
),
held as (
    select t.*, case when t.valid_from is null or t.valid_from = t.valid_from_before or p.contract_id is not null
                     then t.dbt_valid_from else t.valid_from end as starts,
        case when t.goes_on and t.next_valid_from <> t.valid_from then t.next_valid_from
             when not t.goes_on and r.replaced_from <> t.valid_from then r.replaced_from
             else least(case when t.goes_on then t.next_seen else t.seen_until end, t.valid_to) end as ends,
        case when t.goes_on then t.next_seen else t.seen_until end as end_seen_at
    from timed t
    left join replaced r on r.account_id = t.account_id and r.product = t.product and r.contract_id = t.contract_id
        and r.is_off = t.is_off and r.dbt_valid_from = t.dbt_valid_from
    left join replacing p on p.next_account = t.account_id and p.next_product = t.product and p.contract_id = t.contract_id
        and p.is_off = t.is_off and p.next_seen = t.dbt_valid_from and not t.went_on
)
select account_id, product, plan, mrr, cast(starts as date) as valid_from, cast(ends as date) as valid_to, seats,
    cast(renews_on as date) as renews_on, dbt_valid_from as known_at, contract_id,
    case when end_seen_at > ends then end_seen_at end as ends_known_at, kind, currency
from held
where ends is null or cast(ends as date) > cast(starts as date)
