"""Laws of the features on generated bases: the future, other dates, other accounts, the order of rows change nothing.

Values are compared bit for bit. Every law looks at all features; the query over a base is compiled once and run again
on other rows. It takes as long over a dozen accounts as over two dozen, so the bases are few and not the smallest.
"""

import inspect
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import time_cut
from data.contract.inputs import TABLES
from data.ledger.lines import lines, standing
from data.ledger.movements import movements, prepared
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect
from data.sources.known import as_of
from data.sources.staging import stage
from features import calendar
from features.build.build import build, feature_rows
from features.catalogue import catalogue
from features.definition import OF_FINISHED_ROWS, REGISTRY, WHOLE_BASE
from features.definitions import peers
from features.views import account as views
from features.views import whole_base as likeness
from tests.drawn import NOT_BY_USER, known
from tests.properties.by_hand import by_hand
from tests.properties.generated import SNAPSHOTS, as_arrow, frames, known_before
from tests.properties.peers_by_hand import peers_by_hand

# ibis 12.0 asks DuckDB for Arrow in a way that DuckDB 2 will drop; goes with the next ibis.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

RULES = ExpansionRules()
KEY = ["account_id", "snapshot_date"]
Frames = dict[str, pd.DataFrame]

CROSSING = {name for name, feature in REGISTRY.features.items() if feature.view in (*OF_FINISHED_ROWS, *WHOLE_BASE)}
"""The features that may see other accounts: those of the same snapshot."""

ACCOUNTS = 24
BY_USER = "usage_daily by user"
USAGE = ("usage_events", "usage_daily", BY_USER)
"""Usage comes as events or already counted by day, for all users or for each."""
usage = pytest.mark.parametrize("usage", USAGE)


class Engine:
    """Feature rows of one base after the other; each query is compiled once for the tables that are there."""

    def __init__(self) -> None:
        self.con = ibis.duckdb.connect()
        self.filler = self.con.con.cursor()
        self.staged: dict[str, ir.Table] = {}
        self.queries: dict[tuple[frozenset[str], tuple[date, ...], frozenset[str]], str] = {}

    def tables(self, frames: Frames) -> dict[str, ir.Table]:
        """The staged tables of a base: views of raw tables that the next base will fill again."""
        for name, frame in frames.items():
            self.filler.register("rows", as_arrow(name, frame))
            self.filler.execute(f"create or replace table {name} as select * from rows").fetchall()
            if name not in self.staged:
                self.staged[name] = self.con.create_view(f"staged_{name}", stage(TABLES[name], self.con.table(name)))
        return {name: self.staged[name] for name in frames}

    def rows(
        self, frames: Frames, dates: Sequence[date] = SNAPSHOTS, absent: frozenset[str] = NOT_BY_USER
    ) -> pd.DataFrame:
        """The feature rows of a base, by account and snapshot."""
        tables, key = self.tables(frames), (frozenset(frames), tuple(dates), absent)
        if key not in self.queries:
            expression = feature_rows(tables, dates, RULES, absent=absent).order_by(KEY)
            self.con._run_pre_execute_hooks(expression)  # the calendar becomes a table
            self.queries[key] = str(self.con.compile(expression))
        return as_rows(self.con.con.sql(self.queries[key]).to_arrow_table())

    def close(self) -> None:
        self.con.disconnect()


def as_rows(table: pa.Table) -> pd.DataFrame:
    rows = table.to_pandas()
    rows["snapshot_date"] = pd.to_datetime(rows["snapshot_date"])
    return rows.set_index(KEY).sort_index()


def at(rows: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows of one snapshot."""
    return rows[rows.index.get_level_values("snapshot_date") == pd.Timestamp(day)]


def differences(left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    """The columns of which a single bit differs."""
    if not left.index.equals(right.index):
        return ["account_id", "snapshot_date"]
    return [name for name in left if not same(left[name], right[name])]


def same(left: pd.Series, right: pd.Series) -> bool:
    """Every bit of numbers, every letter of text."""
    if not pd.api.types.is_numeric_dtype(left):
        return left.equals(right)
    return left.to_numpy().tobytes() == right.to_numpy().tobytes()


@dataclass(frozen=True)
class Base:
    """The raw tables of a base and its feature rows, by account and snapshot."""

    frames: Frames
    rows: pd.DataFrame
    absent: frozenset[str] = NOT_BY_USER


def told_by_the_future(engine: Engine, base: Base, day: date) -> list[str]:
    """The columns that change when everything since ``day`` is removed from the raw tables."""
    return differences(at(base.rows, day), at(engine.rows(known_before(base.frames, day), absent=base.absent), day))


@pytest.fixture(scope="module", autouse=True)
def few_peers() -> Iterator[None]:
    """Two peers are enough here: with ten, so small a base would have nobody to compare."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (peers, likeness):
            patch.setattr(module, "FEWEST_PEERS", 2)
        yield


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with closing(Engine()) as engine:
        yield engine


@pytest.fixture(scope="module")
def bases(engine: Engine) -> dict[str, Base]:
    """One base with each kind of usage."""
    made = {kind: frames(3, accounts=ACCOUNTS, daily=kind != "usage_events") for kind in USAGE}
    absent = {kind: frozenset() if kind == BY_USER else NOT_BY_USER for kind in USAGE}
    return {kind: Base(tables, engine.rows(tables, absent=absent[kind]), absent[kind]) for kind, tables in made.items()}


# --- time -------------------------------------------------------------------------------------------------------------


@usage
@pytest.mark.parametrize("day", SNAPSHOTS)
def test_the_future_changes_nothing(engine: Engine, bases: dict[str, Base], usage: str, day: date) -> None:
    assert told_by_the_future(engine, bases[usage], day) == []


@usage
def test_one_date_gives_the_rows_that_it_has_among_several(engine: Engine, bases: dict[str, Base], usage: str) -> None:
    base, day = bases[usage], SNAPSHOTS[1]
    assert differences(at(base.rows, day), engine.rows(base.frames, [day], base.absent)) == []


@usage
@pytest.mark.parametrize("day", SNAPSHOTS)
def test_as_of_removes_what_was_not_known(engine: Engine, bases: dict[str, Base], usage: str, day: date) -> None:
    base = bases[usage].frames
    past = known_before(base, day)
    # What only the end tells is not known before it: a ticket's rating, and what came of a play.
    past["tickets"]["csat"] = past["tickets"]["csat"].where(past["tickets"]["closed_at"].notna())
    plays = past["outcomes"]
    is_going_on = base["outcomes"].loc[plays.index, "closed_at"] >= pd.Timestamp(day)
    past["outcomes"] = plays.assign(
        status=plays["status"].mask(is_going_on, "open"),
        arr=plays["arr"].mask(is_going_on),
        reason=plays["reason"].mask(is_going_on),
    )
    known = {name: table.to_pyarrow() for name, table in as_of(engine.tables(base), day).items()}
    expected = {name: table.to_pyarrow() for name, table in engine.tables(past).items()}
    for name, table in expected.items():
        assert in_order(known[name]).equals(in_order(table)), name


def in_order(table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


# --- rows -------------------------------------------------------------------------------------------------------------


@usage
def test_the_order_of_rows_changes_nothing(engine: Engine, bases: dict[str, Base], usage: str) -> None:
    base = bases[usage]
    shuffled = {name: frame.sample(frac=1, random_state=0) for name, frame in base.frames.items()}
    assert differences(base.rows, engine.rows(shuffled, absent=base.absent)) == []


@usage
@pytest.mark.parametrize("place", [0, -1])
def test_accounts_do_not_see_each_other(engine: Engine, bases: dict[str, Base], usage: str, place: int) -> None:
    base = bases[usage]
    account = base.rows.index[place][0]
    alone = {n: f[f["account_id"] == account] if "account_id" in f else f for n, f in base.frames.items()}
    assert set(differences(base.rows.loc[[account]], engine.rows(alone, absent=base.absent))) <= CROSSING


def test_the_number_of_shards_changes_nothing(engine: Engine, bases: dict[str, Base]) -> None:
    base = bases["usage_events"]
    told: list[tuple[int, int]] = []
    tables = known(engine.tables(base.frames))
    sharded = [
        as_rows(part.rows)
        for part in build(tables, SNAPSHOTS, RULES, shards=2, progress=lambda *shards: told.append(shards))
    ]
    assert told == [(1, 2), (2, 2)]
    assert all(len(part) for part in sharded)
    assert differences(base.rows, pd.concat(sharded).sort_index()) == []


# --- days counted by user ---------------------------------------------------------------------------------------------


def counted_by_user(base: Frames) -> Frames:
    """The same use, counted by account, day, feature, user and day of knowing."""
    events = base["usage_events"].assign(day=base["usage_events"].occurred_at.dt.floor("D"))
    events = events.assign(known_at=events.known_at.fillna(events.day), quantity=events.quantity.fillna(1).round())
    key = ["account_id", "day", "feature", "user_id", "known_at"]
    daily = events.groupby(key, dropna=False, as_index=False).agg(events=("day", "size"), quantity=("quantity", "sum"))
    whole = base["usage_events"].assign(quantity=base["usage_events"].quantity.round())
    plans = base["plan_features"].assign(measure=None)  # of levels the highest event counts, or the sum of the users
    others = {name: frame for name, frame in base.items() if name != "usage_events"} | {"plan_features": plans}
    daily = daily.astype({"events": "float64"}).assign(active_users=None)
    return others | {"usage_daily": daily, "usage_events": whole}


def test_days_counted_by_user_tell_what_the_events_tell(engine: Engine) -> None:
    both = counted_by_user(frames(5, accounts=ACCOUNTS))
    daily = {name: frame for name, frame in both.items() if name != "usage_events"}
    events = {name: frame for name, frame in both.items() if name != "usage_daily"}
    of_events, of_days = engine.rows(events), engine.rows(daily, absent=frozenset())
    assert set(of_events) - set(of_days) == {"shared_logins_28d"}  # a day has no hours
    assert differences(of_days, of_events[list(of_days)]) == []


# --- files, threads, time zones ---------------------------------------------------------------------------------------


FEW = frames(11, accounts=6)


def written(base: Frames, folder: Path, *, zone: str | None = None, backwards: bool = False) -> Path:
    """A folder of Parquet files, three for each table; ``backwards``: the last rows are in the first file.

    ``zone``: every clock carries a time zone, and tells the same moments in it.
    """
    for name, frame in base.items():
        rows = as_arrow(name, frame)
        if zone is not None:
            rows = pa.table({column: zoned(rows[column], zone) for column in rows.column_names})
        parts = [rows.slice(start, len(rows) // 3 + 1) for start in range(0, len(rows), len(rows) // 3 + 1)]
        (folder / name).mkdir(parents=True)
        for number, part in enumerate(reversed(parts) if backwards else parts):
            pq.write_table(part, folder / name / f"{number}.parquet")
    return folder


def zoned(column: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us", zone)) if pa.types.is_timestamp(column.type) else column


def built(folder: Path, threads: int | None = None) -> pd.DataFrame:
    """The feature rows of a folder, as a user gets them."""
    with connect(f"parquet://{folder}", threads=threads) as source:
        return pd.concat(
            [as_rows(part.rows) for part in build(known(source.tables), SNAPSHOTS[1:2], RULES)]
        ).sort_index()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a base as it usually comes: clocks without a zone, the first rows in the first file."""
    return written(FEW, tmp_path_factory.mktemp("base") / "usual")


@pytest.fixture(scope="module")
def usual(folder: Path) -> pd.DataFrame:
    """Its rows, made by one thread."""
    return built(folder, threads=1)


@pytest.mark.slow
def test_the_order_of_files_and_the_number_of_threads_change_nothing(
    folder: Path, usual: pd.DataFrame, tmp_path: Path
) -> None:
    assert len(usual)
    assert differences(usual, built(folder, threads=2)) == []
    assert differences(usual, built(written(FEW, tmp_path / "backwards", backwards=True), threads=2)) == []


@pytest.mark.slow
def test_a_day_is_a_utc_day_whatever_the_zone_of_the_machine_and_of_the_data(
    folder: Path, usual: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert time.tzname == ("NZST", "NZDT")
        assert differences(usual, built(folder)) == []
        assert differences(usual, built(written(FEW, tmp_path / "zoned", zone="America/Los_Angeles"))) == []
    finally:
        monkeypatch.undo()
        time.tzset()


# --- a plain loop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [5, 8])
def test_a_plain_loop_over_an_account_gives_the_same_values(engine: Engine, seed: int) -> None:
    base = frames(seed, accounts=ACCOUNTS)
    for day, rows in engine.rows(base).groupby(level="snapshot_date"):
        rows = rows.droplevel("snapshot_date")
        among = peers_by_hand(base, rows, day.date(), peers.FEWEST_PEERS)
        for account, row in rows.iterrows():
            expected = by_hand(base, account, day.date(), RULES) | among[account]
            assert set(expected) == set(row.index)
            wrong = {name: (row[name], value) for name, value in expected.items() if not is_value(row[name], value)}
            assert not wrong, (account, day, wrong)


def test_a_plain_loop_gives_the_same_values_where_bills_pay_for_what_is_subscribed(engine: Engine) -> None:
    rules, base = ExpansionRules(billed_and_subscribed="payments"), frames(5, accounts=ACCOUNTS)
    commercial = ("accounts", "subscriptions", "invoices", "plans", "product_succession")
    tables = engine.tables({name: base[name] for name in commercial})
    rows, others = (as_rows(feature_rows(tables, SNAPSHOTS, each).to_pyarrow()) for each in (rules, RULES))
    assert not rows["billed_365d"].equals(others["billed_365d"])  # some bills pay for what is subscribed
    for (account, day), row in rows[[name for name in rows if name not in CROSSING]].iterrows():
        expected = by_hand(base, account, day.date(), rules)
        wrong = {name: (row[name], expected[name]) for name in row.index if not is_value(row[name], expected[name])}
        assert not wrong, (account, day, wrong)


def is_value(found: Any, expected: float | str | None) -> bool:
    return found == expected if expected is not None else pd.isna(found)


def test_the_generated_bases_bring_every_feature_to_life(engine: Engine, bases: dict[str, Base]) -> None:
    rows = pd.concat([base.rows for base in bases.values()])
    tables = {kind: engine.tables(base.frames) for kind, base in bases.items()}
    assert set(rows) == {name for kind, base in bases.items() for name in catalogue(tables[kind], absent=base.absent)}
    dull = [name for name in rows if rows[name].nunique(dropna=False) < 2 and name != "month_of_year"]
    assert dull == []


# --- the laws themselves ----------------------------------------------------------------------------------------------

CONTRACTS = ("accounts", "subscriptions", "plans")
CRM = ("accounts", "subscriptions", "crm_events")
USE = ("accounts", "subscriptions", "usage_events")


def todays_plan(tables: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """Every line with the plan of the account's latest line of that product, whenever that became known."""
    table = tables["subscriptions"]
    whole = ibis.window(group_by=["account_id", "product"], order_by=["valid_from", "plan"], following=None)
    return {**tables, "subscriptions": table.mutate(plan=table.plan.last().over(whole))}


def moved_before_the_cut(tables: dict[str, ir.Table], rules: ExpansionRules, cohort: ir.Table) -> ir.Table:
    """The movements of all lines that there will ever be, cut where the line that made them became known."""
    every = lines(tables)
    known = every.group_by("account_id", "product", day=every.valid_from).aggregate(known_on=every.known_on.min())
    by = ("account_id",)
    moves = movements(prepared(standing(every, rules, by=by), rules, by), rules).left_join(
        known, ["account_id", "product", "day"]
    )
    moves = moves.select(~ibis.selectors.endswith("_right"))
    seen = cohort.select(*KEY).inner_join(moves, "account_id")
    known_on = seen.known_on.coalesce(seen.day)
    return seen.filter((seen.day < seen.snapshot_date) & (known_on < seen.snapshot_date)).drop("known_on")


SLIPPED = {"todays_plan": todays_plan, "moved_before_the_cut": moved_before_the_cut}
SLIPS = {
    "forgets when a fact became known": (CRM, "cut", "seen.filter(seen.known_on < seen.snapshot_date)", "seen"),
    "forgets when use became known": (USE, "cut_days", "seen.filter(seen.known_on < seen.snapshot_date)", "seen"),
    "lets the snapshot day into a window": (CRM, "cut", " < seen.snapshot_date", " <= seen.snapshot_date"),
    "lets use of the snapshot day into a window": (USE, "calendar", "range(1, ", "range(0, "),
    "knows that a line ends today": (CONTRACTS, "_later_facts", "(table[name] < day)", "(table[name] <= day)"),
    "knows when a line will end": (CONTRACTS, "cut", "seen.mutate(**later) if later else seen", "seen"),
    "knows of an end before it became known": (CONTRACTS, "_later_facts", "(table.ends_known_on < day)", "True"),
    "joins the plan of today": (CONTRACTS, "Views.lines", "lines(self.tables)", "lines(todays_plan(self.tables))"),
    "compares with the line before and cuts afterwards": (
        CONTRACTS,
        "Views.movements",
        "movements(prepared(self.lines, self.rules, KEY), self.rules, by=KEY, lineage=False)",
        "moved_before_the_cut(self.tables, self.rules, self.cohort)",
    ),
    "knows what is late by the next snapshot": (
        USE,
        "with_lateness",
        "rows.known_on >= rows.seen_on",
        "rows.day >= rows.seen_on",
    ),
    "takes the month of the snapshot for a whole one": (USE, "months_before", "range(1, months + 1)", "range(months)"),
    "knows all hours of a day that it knows": (
        USE,
        "Views.shared_users",
        "days.semi_join(long",
        "days.drop('known_on').mutate(known_on=days.day).semi_join(long",
    ),
}
"""What a view may get wrong: the tables that show it, the function or view, and which of its words are replaced."""


def plant(monkeypatch: pytest.MonkeyPatch, path: str, right: str, wrong: str) -> None:
    """Replace a function of the clock or the calendar, or one of the views, by itself with other words in it."""
    owner, _, name = path.rpartition(".")
    homes = views.Views.__mro__ if owner else (time_cut, calendar)
    home = next(home for home in homes if name in vars(home))
    right_one = vars(home)[name]
    function = right_one.func if isinstance(right_one, cached_property) else right_one
    source = textwrap.dedent(inspect.getsource(function))
    assert right in source
    planted_by_name: dict[str, Any] = {}
    exec(source.replace(right, wrong), {**vars(sys.modules[function.__module__]), **SLIPPED}, planted_by_name)
    planted = planted_by_name[name]
    if isinstance(planted, cached_property):
        planted.__set_name__(home, name)
    users = [home] if owner else [m for m in list(sys.modules.values()) if vars(m).get(name) is right_one]
    for user in users:
        monkeypatch.setattr(user, name, planted)


@pytest.mark.slow
@pytest.mark.parametrize(("tables", "name", "right", "wrong"), SLIPS.values(), ids=SLIPS)
def test_the_law_catches_a_view_that(
    monkeypatch: pytest.MonkeyPatch, tables: tuple[str, ...], name: str, right: str, wrong: str
) -> None:
    plant(monkeypatch, name, right, wrong)
    few = {table: frame for table, frame in frames(0).items() if table in tables}
    with closing(Engine()) as engine:
        base = Base(few, engine.rows(few))
        assert any(told_by_the_future(engine, base, day) for day in SNAPSHOTS)
