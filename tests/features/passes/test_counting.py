"""The pass over the rows of use against the views: the same tables, whatever the rows are."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.contract.inputs import TABLES
from data.contract.vocabulary import KEY
from data.ledger.rules import ExpansionRules
from data.sources.engine import Engine
from data.sources.kinds.duckdb_source import DuckDB
from data.sources.known import KnownBase
from data.sources.staging import stage
from data.time_cut import cut_days, cut_slots
from features.build import build as building
from features.build.build import build
from features.calendar import YEAR_MONTHS, whole_months
from features.passes.counting import BYTES_PER_ROW, use_by_pass
from features.views.account import Views
from features.views.usage import MONTHS_DAYS
from tests.properties.generated import EDGES, FEATURES, SNAPSHOTS, as_arrow, frames

CUT = ("active_users", "user_events", "shared_users", "features_used")
IDS = ("a", "A", " a", "a ", "7", "07", "7.0", "account number seventeen", "", None)
NUMBERS = (1.0, 2.5, 0.0, -3.0, float("inf"), float("-inf"), float("nan"), 4.0e11, None)
COUNTS = (0, 1, 2, 500, None)
PLANS = {"team": ("a", "A", "7"), "business": ("a", " a", FEATURES[0])}
"""The plans of the one product, and the product features of each."""


class Narrow(DuckDB):
    """DuckDB that gives room for so many rows."""

    rows_at_once = 10**6

    @property
    def room(self) -> int:
        return self.rows_at_once * BYTES_PER_ROW


@pytest.fixture(scope="module")
def engine() -> Iterator[Narrow]:
    engine = Narrow(ibis.duckdb.connect())
    yield engine
    engine.close()


# --- rows -------------------------------------------------------------------------------------------------------------

ids, days = st.sampled_from(IDS), st.sampled_from(sorted({*EDGES, *SNAPSHOTS}))
numbered = st.sampled_from((1, 2, 30, None))
lags = st.sampled_from((None, None, 0, 1, 3, 40, 200, -5))


@st.composite
def events(draw: st.DrawFn) -> pa.Table:
    """Events of a few ids, texts or whole numbers, in any order; many are of one user and day."""
    of_accounts, id_type = draw(st.sampled_from(((ids, pa.string()), (numbered, pa.int64()))))
    row = st.tuples(
        of_accounts, ids, ids, st.none() | days, st.sampled_from((0, 1, 7, 23)), lags, st.sampled_from(NUMBERS)
    )
    rows = draw(st.lists(row, min_size=1, max_size=90))
    at = [None if day is None else datetime(day.year, day.month, day.day, hour, 30) for *_, day, hour, _, _ in rows]
    known = [
        None if time is None or lag is None else time + timedelta(days=lag)
        for time, (*_, lag, _) in zip(at, rows, strict=True)
    ]
    account, user, feature, *_, quantity = zip(*rows, strict=True)
    return pa.table(
        {
            "account_id": pa.array(account, id_type),
            "user_id": pa.array(user, pa.string()),
            "feature": pa.array(feature, pa.string()),
            "occurred_at": pa.array(at, pa.timestamp("us")),
            "known_at": pa.array(known, pa.timestamp("us")),
            "quantity": pa.array(quantity, pa.float64()),
        }
    )


@st.composite
def daily_counts(draw: st.DrawFn) -> pa.Table:
    """Days that are counted already, by user or not."""
    counts, users = st.sampled_from(COUNTS), draw(st.sampled_from((ids, st.none())))
    row = st.tuples(ids, users, ids, days, lags, st.sampled_from(NUMBERS), counts, counts)
    rows = draw(st.lists(row, min_size=1, max_size=90))
    account, user, feature, day, lag, quantity, events, active = zip(*rows, strict=True)
    known = [None if lag is None else day + timedelta(days=lag) for day, lag in zip(day, lag, strict=True)]
    return pa.table(
        {
            "account_id": pa.array(account, pa.string()),
            "user_id": pa.array(user, pa.string()),
            "feature": pa.array(feature, pa.string()),
            "day": pa.array(day, pa.date32()),
            "known_at": pa.array(known, pa.date32()),
            "quantity": pa.array(quantity, pa.float64()),
            "events": pa.array(events, pa.int64()),
            "active_users": pa.array(active, pa.int64()),
        }
    )


# --- the two ----------------------------------------------------------------------------------------------------------


def views_of(name: str, table: ir.Table, dates: list[date], held: dict[str, ir.Table] | None = None) -> Views:
    nobody = ibis.memtable([], schema=ibis.schema({"account_id": "string", "snapshot_date": "date"}))
    granted = [("core", plan, feature) for plan, features in PLANS.items() for feature in features]
    tables = {
        name: table,
        "plans": ibis.memtable({"product": ["core"] * len(PLANS), "plan": [*PLANS]}),
        "plan_features": ibis.memtable(granted, columns=["product", "plan", "feature"]),
    }
    return Views(tables, nobody, dates, ExpansionRules(), held)


def rows_of(view: ir.Table) -> list[tuple[object, ...]]:
    """The rows of accounts that have an id, in order."""
    rows = view.filter(view.account_id.notnull()).to_pyarrow()
    columns = [rows[name].to_pylist() for name in sorted(rows.column_names)]
    return sorted(zip(*columns, strict=True), key=repr)


def by_day(views: Views) -> list[tuple[object, ...]]:
    """Each day of the longest lookback as the snapshots know it: what is known of a day may stand in several rows."""
    days = cut_days(views.usage_days, views.calendar, MONTHS_DAYS)
    sums = days.group_by(*KEY, "age").aggregate(
        events=days.events.sum(), quantity=days.quantity_e4.sum(), active=days.active_users.max(), days=days.days.sum()
    )
    return rows_of(sums)


def by_month(views: Views) -> list[list[tuple[object, ...]]]:
    """Users, and features that plans differ in, of each whole month as the snapshots know them."""
    _, dates = whole_months(views.snapshot_dates, YEAR_MONTHS)
    users, features = (cut_slots(table, dates) for table in (views.users_by_month, views.features_by_month))
    counts = users.group_by(*KEY, "months_ago").aggregate(users=users.users.sum())
    return [rows_of(counts), rows_of(features.select(*KEY, "feature", "months_ago").distinct())]


def compare(engine: Narrow, name: str, raw: pa.Table, dates: list[date], rows_at_once: int) -> None:
    engine.rows_at_once = rows_at_once
    with engine.taking(raw) as table:
        staged = stage(TABLES[name], table)
        views = views_of(name, staged, dates)
        with use_by_pass(engine, views, fewest=1) as held:
            if not held:  # no row counts at any snapshot
                assert rows_of(views.rows_to_count()) == []
                return
            passed = views_of(name, staged, dates, held)
            for view in CUT:
                assert rows_of(getattr(passed, view)) == rows_of(getattr(views, view)), view
            assert by_day(passed) == by_day(views)
            assert by_month(passed) == by_month(views)


snapshots = st.lists(st.sampled_from(SNAPSHOTS), min_size=1, max_size=4)
"""In any order, and some of them twice."""


@settings(max_examples=10, deadline=None)
@given(raw=events(), dates=snapshots, rows_at_once=st.sampled_from((5, 10**6)))
def test_the_pass_over_events_gives_the_views(
    engine: Narrow, raw: pa.Table, dates: list[date], rows_at_once: int
) -> None:
    compare(engine, "usage_events", raw, dates, rows_at_once)


@settings(max_examples=6, deadline=None)
@given(raw=daily_counts(), dates=snapshots, rows_at_once=st.sampled_from((5, 10**6)))
def test_the_pass_over_counted_days_gives_the_views(
    engine: Narrow, raw: pa.Table, dates: list[date], rows_at_once: int
) -> None:
    compare(engine, "usage_daily", raw, dates, rows_at_once)


@pytest.mark.parametrize("dates", [SNAPSHOTS, SNAPSHOTS[-1:]])
@pytest.mark.parametrize("is_daily", [False, True])
def test_the_pass_over_a_base_gives_the_views(engine: Narrow, is_daily: bool, dates: tuple[date, ...]) -> None:
    """Before the last snapshot alone there is use that is too old for every view."""
    name = "usage_daily" if is_daily else "usage_events"
    raw = as_arrow(name, frames(4, accounts=30, daily=is_daily)[name])
    compare(engine, name, raw, list(dates), rows_at_once=500)


# --- when the views are made after all --------------------------------------------------------------------------------


def one_event(quantity: float) -> pa.Table:
    at = datetime(2026, 6, 1, 9)
    return pa.table(
        {"account_id": ["a"] * 12, "feature": ["x"] * 12, "occurred_at": [at] * 12, "quantity": [quantity] * 12}
    )


def is_passed(engine: Engine, raw: pa.Table, fewest: int = 1) -> bool:
    with engine.taking(raw) as table:
        views = views_of("usage_events", stage(TABLES["usage_events"], table), [SNAPSHOTS[-1]])
        with use_by_pass(engine, views, fewest) as held:
            return bool(held)


def test_quantities_that_may_not_fit_when_added_up_are_left_to_the_views(engine: Narrow) -> None:
    engine.rows_at_once = 100
    assert is_passed(engine, one_event(1.0))
    assert not is_passed(engine, one_event(8e13))  # 8e13 x 10,000 x 12 rows = 9.6e18, and 2**63 is 9.2e18


def test_few_rows_are_left_to_the_views(engine: Narrow) -> None:
    assert is_passed(engine, one_event(1.0), fewest=12)
    assert not is_passed(engine, one_event(1.0), fewest=13)


def test_rows_that_are_elsewhere_are_left_to_the_views(engine: Narrow) -> None:
    assert not is_passed(Engine(engine.con), one_event(1.0))


# --- in a build -------------------------------------------------------------------------------------------------------

READ = ("daily", "active_days", "year_ago", "first_use", "user_months", *CUT)


def test_a_build_with_the_pass_gives_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    every = building.available
    monkeypatch.setattr(building, "available", lambda *of: [f for f in every(*of) if f.view in READ])
    base = {name: frame for name, frame in frames(5).items() if name in ("accounts", "subscriptions", "usage_events")}
    engine = DuckDB(ibis.duckdb.connect())
    try:
        raw = {name: engine.con.create_table(name, as_arrow(name, frame)) for name, frame in base.items()}
        tables = {name: stage(TABLES[name], table) for name, table in raw.items()}
        known = KnownBase(SNAPSHOTS[-1], tables, engine)
        built = []
        for fewest in (10**9, 1):
            monkeypatch.setattr(building, "use_by_pass", partial(use_by_pass, fewest=fewest))
            parts = build(known, SNAPSHOTS, ExpansionRules(), shards=2)
            rows = pa.concat_tables([shard.rows for shard in parts]).to_pandas()
            built.append(rows.sort_values(list(KEY), ignore_index=True))
            assert engine.taken == set()
    finally:
        engine.close()
    by_views, by_pass = built
    assert len(by_views) == 18
    pd.testing.assert_frame_equal(by_pass, by_views, check_exact=True)
