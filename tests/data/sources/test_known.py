"""A base as known before a day: what it says of itself, which days it refuses, and that it is closed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import ClassVar

import duckdb
import ibis
import pytest

from data.contract.inputs import TABLES
from data.errors import ContractError, NotEnoughHistoryError, SourceError
from data.sources import connect as connecting
from data.sources import known as knowing
from data.sources.address import SCHEMES, Address, Scheme, SourceSettings, addresses
from data.sources.connect import connect
from data.sources.engine import Engine
from data.sources.kinds.duckdb_source import in_memory
from data.sources.known import Source, empty_columns, known_before
from data.sources.staging import stage
from data.sources.warehouse import Warehouse
from tests.data.sources.test_connect import csv_base

TODAY = date(2026, 7, 1)
ROWS = {
    "accounts": "select 'acme' as account_id, 'Acme' as name, date '2024-01-05' as created_at",
    "subscriptions": "select 'acme' as account_id, 'core' as product, 'team' as plan, 10.5 as mrr, "
    "date '2026-06-01' as valid_from",
    "usage_daily": "select 'acme' as account_id, date '2026-06-20' as day, 'login' as feature, 3 as events",
}


class Toy(Warehouse):
    """Another kind of source: tables of three lines, at an address of one word."""

    def __init__(self, address: Address) -> None:
        self.engine = in_memory()
        self.names = dict.fromkeys(ROWS, address.place)

    def read(self, name: str) -> ibis.Table:
        return self.query(name, ROWS[name])

    def query(self, name: str, sql: str) -> ibis.Table:
        self.engine.con.raw_sql(f"create table raw.{name} as {sql}")
        return self.engine.con.table(name, database="raw")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setitem(SCHEMES, "toy", Scheme(f"{__name__}:Toy", ("WORD",)))
    with connect("toy://word") as source:
        yield source


def is_closed(engine: Engine) -> bool:
    try:
        engine.con.raw_sql("select 1")
    except duckdb.ConnectionException:
        return True
    return False


# --- a kind of source is one row --------------------------------------------------------------------------------------


def test_a_kind_of_source_is_a_warehouse_and_a_row(toy: Source) -> None:
    with toy:
        assert set(toy.tables) == set(ROWS)
        assert toy.tables["subscriptions"].mrr_e4.sum().to_pyarrow().as_py() == 105_000
    assert "toy://WORD" in addresses()
    with pytest.raises(SourceError, match="toy://"):
        connect("sparkle://x")


def test_how_a_source_is_written_is_read_off_the_rows() -> None:
    described = SourceSettings.model_fields["url"].description
    assert described == ", ".join(addresses())
    for page in ("README.md", "docs/settings.md"):
        text = (Path(connecting.__file__).parents[2] / page).read_text(encoding="utf-8")
        assert [scheme for scheme, kind in SCHEMES.items() if kind.places and f"{scheme}://" not in text] == [], page


# --- what is known before a day ---------------------------------------------------------------------------------------


def test_a_base_says_what_it_is(toy: Source) -> None:
    with known_before(toy, None, TODAY) as base:
        assert base.snapshot_date == date(2026, 6, 21)  # the day after the last row
        assert base.users_are_daily_peaks
        assert not replace(base, absent=base.absent - {"usage_daily.user_id"}).users_are_daily_peaks
        assert "accounts.owner" in base.absent
        assert base.state is None
        assert base.warnings == (
            "The data ends on 2026-06-20, 11 days before 2026-07-01: what fell may not have come in.",
        )
        assert known_before(toy, date(2026, 6, 25), TODAY).warnings == ()
        events = toy.tables | {"usage_events": stage(TABLES["usage_events"], toy.raw["usage_daily"])}
        assert not known_before(Source(toy.url, toy.engine, toy.raw, events), None, TODAY).users_are_daily_peaks


# --- a column without a value is as good as absent --------------------------------------------------------------------

HOLLOW = {
    "usage_daily": "account_id,day,feature,events,active_users,user_id\n1,2026-06-01,login,3,2,\n",
    "users": "user_id,account_id,created_at,team\nu1,1,,sales\n",
    "tickets": "ticket_id,account_id,opened_at,closed_at,severity\nt1,1,2026-06-01,2026-06-15,\n",
}


@pytest.fixture
def hollow(tmp_path: Path) -> Iterator[Source]:
    with connect(f"csv://{csv_base(tmp_path, **HOLLOW)}") as source:
        yield source


def test_what_nothing_is_known_of_before_the_day_is_absent(hollow: Source) -> None:
    """No ticket was closed before the 15th, and no user says since when."""
    lacking = hollow.absent
    early, late = (known_before(hollow, date(2026, 6, day), TODAY) for day in (10, 20))
    never = {"usage_daily.user_id", "users.created_at", "tickets.severity"}
    assert late.absent - lacking == never
    assert early.absent - lacking == never | {"tickets.closed_at"}
    assert late.users_are_daily_peaks


def test_of_tables_without_a_row_nothing_is_said(hollow: Source) -> None:
    assert known_before(hollow, date(2026, 6, 1), TODAY).absent - hollow.absent == {"users.created_at"}


def test_a_value_that_comes_late_is_found(hollow: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowing, "FIRST_ROWS", 1)
    tickets = hollow.tables["tickets"]
    more = [tickets.mutate(ticket_id=ibis.literal(name), severity=ibis.literal("low")) for name in ("t2", "t3")]
    both = replace(hollow, tables=hollow.tables | {"tickets": ibis.union(tickets, *more)})
    assert hollow.absent | {"tickets.severity"} <= known_before(hollow, None, TODAY).absent
    assert "tickets.severity" not in known_before(both, None, TODAY).absent


@pytest.mark.parametrize(
    ("rows", "absent"),
    [
        ("1,seats,2026-06-01,open,\n", set()),  # under way, as the status says
        ("1,seats,2026-06-01,won,\n", set()),
        ("1,seats,2026-06-01,,\n", {"outcomes.status", "outcomes.closed_at"}),
        ("1,seats,2026-06-01,,2026-06-02\n", {"outcomes.status"}),
    ],
)
def test_plays_of_which_none_has_ended(tmp_path: Path, rows: str, absent: set[str]) -> None:
    outcomes = f"account_id,play,opened_at,status,closed_at\n{rows}"
    with connect(f"csv://{csv_base(tmp_path, outcomes=outcomes)}") as source:
        assert empty_columns(source, TODAY) == absent


def test_the_tables_end_before_the_day(toy: Source) -> None:
    with known_before(toy, date(2026, 6, 20), TODAY) as base:
        counts = {name: table.count().to_pyarrow().as_py() for name, table in base.tables.items()}
    assert counts == {"accounts": 1, "subscriptions": 1, "usage_daily": 0}


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(1899, 12, 31), "it lies before 1900"),
        (date(2026, 7, 3), r"today is 2026-07-01 \(UTC\): nothing is known of later days"),
    ],
)
def test_a_day_of_which_nothing_can_be_known(toy: Source, day: date, words: str) -> None:
    with toy, pytest.raises(NotEnoughHistoryError, match=words):
        known_before(toy, day, TODAY)


# --- closing ----------------------------------------------------------------------------------------------------------


def test_the_context_of_either_closes_the_engine(toy: Source) -> None:
    with toy:
        assert not is_closed(toy.engine)
    assert is_closed(toy.engine)
    toy.close()  # again


def test_an_error_closes_the_engine(toy: Source) -> None:
    base = known_before(toy, None, TODAY)
    with pytest.raises(ZeroDivisionError), base:
        raise ZeroDivisionError
    assert is_closed(toy.engine)


def test_what_is_held_for_a_build_that_an_error_stopped_is_gone_with_the_connection(toy: Source) -> None:
    """The build itself is only collected later, when there is no connection to drop a table with."""
    held = toy.engine.cached({"accounts": toy.tables["accounts"]})
    assert held.__enter__()["accounts"].count().to_pyarrow().as_py() == 1
    toy.close()
    held.__exit__(None, None, None)


class Lacking(Toy):
    opened: ClassVar[list[Toy]] = []

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.names = {"accounts": "accounts"}
        self.opened.append(self)


def test_a_source_that_lacks_a_table_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEMES, "toy", Scheme(f"{__name__}:Lacking", ("WORD",)))
    with pytest.raises(ContractError, match="table subscriptions or invoices"):
        connect("toy://word")
    assert is_closed(Lacking.opened[0].engine)
