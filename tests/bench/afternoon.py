"""What a good analyst writes in an afternoon: about 90 columns by hand in SQL, and a bagged LightGBM.

The peer of the product on every simulated world. It sees the same days and the same labels; its columns are its own,
point in time as well. One row of ``columns`` is one account on one day.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb
import lightgbm as lgb
import numpy as np
import pandas as pd

WINDOWS = (7, 28, 91, 182)
FEATURES_APART = 12
"""So many of the most used features get columns of their own."""
SEEDS = 5
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.04, "num_leaves": 15, "min_child_samples": 30, "subsample": 0.8,
    "subsample_freq": 1, "colsample_bytree": 0.6, "reg_lambda": 5.0, "n_estimators": 220, "verbose": -1, "n_jobs": 1,
}  # fmt: skip
CRM_KINDS = (
    "champion_promoted", "champion_left", "budget_opened", "qbr_held", "nps_response", "invoice_overdue",
    "competitor_research", "expansion_opportunity_opened",
)  # fmt: skip

USE = """
create table use as
select account_id, {day}::date as day, coalesce(known_at, {day}) as known_at, feature, {user} as user_id,
    {events} as events, quantity
from read_parquet('{path}') where coalesce(known_at, {day}) < timestamp '{end}'
"""
LINES = """
with open as (
    select * from lines where valid_from < $day and coalesce(known_at, valid_from) < $day
        and (valid_to is null or valid_to >= $day)
), past as (
    select account_id, sum(seats) as seats, sum(mrr) as mrr from lines
    where valid_from < $day - interval 182 day and (valid_to is null or valid_to >= $day - interval 182 day)
    group by account_id
)
select account_id, sum(o.seats) as seats, sum(o.mrr) as mrr, max(p.tier) as tier, count(distinct o.product) as products,
    count(*) as lines, date_diff('day', max(o.valid_from), $day) as since_change,
    date_diff('day', $day, min(o.renews_on)) as to_renewal, any_value(past.seats) as seats_before,
    sum(o.mrr) / any_value(past.mrr) as mrr_growth, any_value(h.first_day) as first_day,
    date_diff('day', any_value(h.first_day), $day) as tenure, any_value(h.versions) as versions,
    sum(o.mrr) / sum(o.seats) as price
from open o left join plans p using (product, plan) left join past using (account_id)
left join (select account_id, min(valid_from) as first_day, count(*) as versions from lines where valid_from < $day
    group by account_id) h using (account_id)
group by account_id
"""
WEEKS = """
with weeks as (
    select account_id, (date_diff('day', day, $day) - 1) // 7 as back, count(distinct user_id) as users,
        sum(events) as events
    from use where day < $day and known_at < $day and day >= $day - interval 91 day group by all
)
select account_id, avg(users) filter (back < 4) as wau_4, sum(users) / 13 as wau_13,
    sum(events) filter (back < 4) / 4 as week_4, sum(events) / 13 as week_13, stddev(events) as week_spread,
    max(users) as wau_max, sum(users * pow(0.85, back)) as wau_recent, count(*) as weeks_used
from weeks group by account_id
"""
CRM = """
select account_id, {kinds} from crm where occurred_at < $day and coalesce(known_at, occurred_at) < $day
group by account_id
"""
TICKETS = """
select account_id, count(*) filter (opened_at >= $day - interval 91 day) as tickets_91,
    count(*) filter (kind = 'feature_request' and opened_at >= $day - interval 182 day) as requests_182,
    date_diff('day', max(opened_at) filter (kind = 'feature_request'), $day) as since_request,
    count(*) filter (severity = 'critical' and (closed_at is null or closed_at >= $day)) as critical_open,
    avg(csat) filter (closed_at < $day and opened_at >= $day - interval 182 day) as csat_182,
    arg_max(csat, opened_at) filter (closed_at < $day) as csat_last
from tickets where opened_at < $day and coalesce(known_at, opened_at) < $day group by account_id
"""
BILLS = """
select account_id, sum(amount) filter (billed_at >= $day - interval 30 day) as billed_30,
    sum(amount) filter (billed_at >= $day - interval 91 day) as billed_91,
    sum(amount) filter (billed_at >= $day - interval 182 day and billed_at < $day - interval 91 day) as billed_before,
    sum(amount) filter (billed_at >= $day - interval 365 day and billed_at < $day - interval 274 day) as billed_year_ago
from bills where billed_at < $day and coalesce(known_at, billed_at) < $day group by account_id
"""
USERS = """
select account_id, count(*) filter (deactivated_at is null or deactivated_at >= $day) as registered,
    count(*) filter (created_at >= $day - interval 28 day) as new_28,
    count(*) filter (created_at >= $day - interval 91 day) as new_91, count(distinct email_domain) as domains,
    count(distinct team) as teams from users where created_at < $day group by account_id
"""


def columns(folder: Path, days: Sequence[date]) -> pd.DataFrame:
    """The analyst's table: account_id, snapshot_date and about 90 columns, for the customers of each day."""
    with duckdb.connect(config={"threads": 1}) as con:
        _load(con, folder, max(days))
        apart = [name for name, in con.execute(
            "select feature from use group by feature order by count(*) desc, feature limit ?", [FEATURES_APART]
        ).fetchall()]  # fmt: skip
        parts = [_day(con, day, apart) for day in days]
    return pd.concat(parts, ignore_index=True)


def _load(con: duckdb.DuckDBPyConnection, folder: Path, end: date) -> None:
    by_event = (folder / "usage_events.parquet").exists()
    name = "usage_events" if by_event else "usage_daily"
    day, user, events = ("occurred_at", "user_id", "1") if by_event else ("day", "null", "events")
    con.execute(USE.format(path=folder / f"{name}.parquet", day=day, user=user, events=events, end=end))
    tables = {
        "lines": "subscriptions",
        "plans": "plans",
        "crm": "crm_events",
        "tickets": "tickets",
        "bills": "invoices",
    }
    for view, table in tables.items() | ({("users", "users")} if by_event else set()):
        con.execute(f"create view {view} as from read_parquet('{folder / f'{table}.parquet'}')")
    con.execute(
        "create view limits as select product, plan, feature, monthly_limit from"
        f" read_parquet('{folder / 'plan_features.parquet'}')"
    )


def _use_columns(apart: Sequence[str]) -> Iterator[str]:
    """The select list over the use of half a year before a day."""
    for window in WINDOWS:
        inside = f"filter (day >= $day - interval {window} day)"
        yield f"sum(events) {inside} as events_{window}"
        yield f"count(distinct day) {inside} as days_{window}"
        yield f"count(distinct user_id) {inside} as users_{window}"
        yield f"count(distinct feature) {inside} as features_{window}"
    for number, _ in enumerate(apart):
        yield f"sum(events) filter (feature = $f{number} and day >= $day - interval 28 day) as f{number}_28"
        yield f"sum(events) filter (feature = $f{number} and day >= $day - interval 91 day) as f{number}_91"
    month_before = "day < $day - interval 28 day and day >= $day - interval 56 day"
    yield f"sum(events) filter ({month_before}) as events_before_28"
    yield f"count(distinct user_id) filter ({month_before}) as users_before"
    yield "sum(events) filter (day < $day - interval 91 day) as events_before_91"


def _day(con: duckdb.DuckDBPyConnection, day: date, apart: Sequence[str]) -> pd.DataFrame:
    asked = {"day": day}
    rows = con.execute(LINES, asked).df()
    names = {f"f{number}": name for number, name in enumerate(apart)}
    half_year = "day < $day and known_at < $day and day >= $day - interval 182 day"
    use = f"select account_id, {', '.join(_use_columns(apart))} from use where {half_year} group by account_id"
    kinds = ", ".join(
        f"count(*) filter (kind = '{kind}' and occurred_at >= $day - interval 182 day) as {kind}_182,"
        f" date_diff('day', max(occurred_at) filter (kind = '{kind}'), $day) as since_{kind}"
        for kind in CRM_KINDS
    )
    metered = """
        with own as (select distinct account_id, product, plan from lines where valid_from < $day
            and (valid_to is null or valid_to >= $day)),
        used as (select account_id, feature, sum(quantity) as units from use
            where day < $day and known_at < $day and day >= $day - interval 28 day and quantity is not null
            group by all)
        select account_id, max(units / monthly_limit) as of_limit, count(*) filter (units > 0.7 * monthly_limit) as near
        from own join limits using (product, plan) join used using (account_id, feature)
        where monthly_limit is not null group by account_id"""
    gated = """
        with own as (select account_id, product, plan from lines where valid_from < $day
            and (valid_to is null or valid_to >= $day)),
        used as (select distinct account_id, feature from use
            where day < $day and known_at < $day and day >= $day - interval 56 day)
        select account_id, count(*) as beyond from used u
        where not exists (from own join limits using (product, plan) where own.account_id = u.account_id
            and limits.feature = u.feature) and exists (from limits where limits.feature = u.feature)
        group by account_id"""
    queries = [(use, asked | names), (WEEKS, asked), (metered, asked), (gated, asked), (TICKETS, asked), (BILLS, asked)]
    queries.append((CRM.format(kinds=kinds), asked))
    if con.execute("select count(*) from duckdb_views() where view_name = 'users'").fetchone() != (0,):
        queries.append((USERS, asked))
    for query, parameters in queries:
        rows = rows.merge(con.execute(query, parameters).df(), on="account_id", how="left")
    return _ratios(rows).assign(snapshot_date=pd.Timestamp(day)).drop(columns="first_day")


def _ratios(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = rows.columns.difference(["account_id", "first_day"])
    rows = rows.astype(dict.fromkeys(numbers, "float64"))
    made = {
        "seat_use": rows.users_28 / rows.seats,
        "seat_use_91": rows.users_91 / rows.seats,
        "wau_seat": rows.wau_4 / rows.seats,
        "wau_seat_13": rows.wau_13 / rows.seats,
        "wau_max_seat": rows.wau_max / rows.seats,
        "events_trend": rows.events_28 / rows.events_before_28,
        "users_trend": rows.users_28 / rows.users_before,
        "quarter_trend": rows.events_91 / rows.events_before_91,
        "per_user": rows.events_28 / rows.users_28,
        "billed_trend": rows.billed_91 / rows.billed_before,
        "billed_year": rows.billed_91 / rows.billed_year_ago,
        "week_trend": rows.week_4 / rows.week_13,
    }
    return pd.concat([rows, pd.DataFrame(made)], axis=1)


def ranking(rows: pd.DataFrame, train: np.ndarray, test: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The mean log-odds of ``SEEDS`` boosters, grown on the rows ``train``, of the rows ``test``."""
    matrix = rows.drop(columns=["account_id", "snapshot_date"]).to_numpy(np.float64)
    said = np.zeros(len(test))
    for seed in range(SEEDS):
        model = lgb.LGBMClassifier(**PARAMETERS, random_state=seed).fit(matrix[train], y[train])
        said += np.asarray(model.predict(matrix[test], raw_score=True)) / SEEDS
    return said
