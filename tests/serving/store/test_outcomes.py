"""The store on SQLite and on PostgreSQL: rows are added, never changed, and none is lost."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from data.errors import HeadroomError, OutcomeError, SourceError
from serving.outcomes.outcome import Outcome, said
from serving.store import upgrade as upgrading
from serving.store.address import StoreAddress
from serving.store.outcomes import OutcomeStore, is_there, open_store
from serving.store.schema import WRITES, engine_of, is_file
from serving.store.upgrade import VERSION_TABLE, upgrade, version_of
from tests.serving.store.conftest import TODAY, Clock

TAKEN = Outcome(account_id="acme", action="taken", who="Ana Costa", play="seat_limits", motion="seat")
EVERYTHING = Outcome(
    account_id="Ōsaka & Söhne",
    action="won",
    who="Björn Ek",
    snapshot_date=TODAY,
    play="seat_limits",
    motion="seat",
    reason="they asked",
    text="two lines\n\tand 'quotes' \"too\" 😀; drop table headroom_outcomes",
    arr=1200.5,
    product="Core",
    came_from="cli",
    request_key="form-1",
)


def test_what_is_recorded_is_read_as_it_was(store: OutcomeStore, clock: Clock) -> None:
    (number,) = store.append([EVERYTHING])
    (row,) = store.all_rows()
    assert said(row) == said(EVERYTHING)
    assert (row.id, row.at) == (number, datetime(2026, 10, 1, 10, tzinfo=UTC))
    assert store.history(EVERYTHING.account_id) == [row]
    assert store.history("acme") == []


def test_a_form_that_is_sent_twice_is_one_row(store: OutcomeStore) -> None:
    first = store.append([EVERYTHING, TAKEN])
    assert store.append([EVERYTHING])[0] == first[0]
    assert len(store.all_rows()) == 2
    with pytest.raises(OutcomeError, match="row 1 has the same request key and another arr"):
        store.append([replace(EVERYTHING, arr=7)])


def test_of_several_all_are_recorded_or_none(store: OutcomeStore) -> None:
    gone = Outcome(account_id="acme", action="corrected", who="Ana", corrects=99)
    with pytest.raises(OutcomeError, match="this account has no such row"):
        store.append([TAKEN, gone])
    assert store.all_rows() == []


@pytest.mark.parametrize(
    "statement",
    [
        "update headroom_outcomes set who = 'else'",
        "delete from headroom_outcomes",
        "update headroom_outcomes set at = at where id = 1",
    ],
)
def test_the_database_refuses_to_change_a_row_or_to_take_it_away(store: OutcomeStore, url: str, statement: str) -> None:
    store.append([TAKEN, EVERYTHING])
    before = store.all_rows()
    refused(url, statement)
    assert store.all_rows() == before


def test_nor_can_a_row_be_taken_away_by_another_name(store: OutcomeStore, url: str) -> None:
    (first, _) = store.append([TAKEN, EVERYTHING])
    statement = "truncate headroom_outcomes cascade"
    if url.startswith("sqlite"):
        statement = f"insert or replace into headroom_outcomes select * from headroom_outcomes where id = {first}"
    refused(url, statement)
    assert len(store.all_rows()) == 2


def refused(url: str, statement: str, because: str = "outcomes are only added to") -> None:
    engine = engine_of(StoreAddress(url, Path()))
    with pytest.raises(DBAPIError, match=because), engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_mistake_is_corrected_by_a_new_row(store: OutcomeStore) -> None:
    (won,) = store.append([Outcome(account_id="acme", action="won", arr=1200, who="Ana")])
    right = Outcome(account_id="acme", action="won", arr=120, who="Ana", corrects=won)
    (corrected,) = store.append([right])
    state = store.state_of(["acme"], TODAY)["acme"]
    assert (state.state, state.row and state.row.arr) == ("won", 120)
    assert [row.id for row in store.history("acme")] == [won, corrected]
    with pytest.raises(OutcomeError, match=f"row {corrected} corrects it already"):
        store.append([right])
    store.append([Outcome(account_id="acme", action="corrected", who="Ana", corrects=corrected)])
    assert store.state_of(["acme"], TODAY)["acme"].state == "open"


def test_a_row_of_another_account_cannot_be_corrected(store: OutcomeStore) -> None:
    (number,) = store.append([TAKEN])
    with pytest.raises(OutcomeError, match="this account has no such row"):
        store.append([Outcome(account_id="other", action="corrected", who="Ana", corrects=number)])


# --- clocks that are wrong --------------------------------------------------------------------------------------------


def test_a_row_that_was_dated_too_late_dates_no_other(store: OutcomeStore, clock: Clock) -> None:
    store.append([TAKEN])
    clock.day -= timedelta(days=1)  # no more than a day behind
    store.append([TAKEN])
    assert [row.day for row in store.all_rows()] == [TODAY, TODAY]
    clock.day -= timedelta(days=1)
    with pytest.raises(OutcomeError) as refusal:
        store.append([TAKEN])
    assert refusal.value.found == (
        "it is 2026-09-29 10:00 by the clock of this machine, and the last row was recorded at 2026-10-01 10:00 (UTC); "
        "nothing has been recorded."
    )
    assert len(store.all_rows()) == 2


@pytest.mark.slow
def test_a_clock_ahead_of_that_of_the_database_records_nothing(postgres: str, clock: Clock) -> None:
    with open_store(f"{postgres}/postgres/kept_{uuid4().hex}", now=clock) as store:
        clock.day = datetime.now(UTC).date() + timedelta(days=3)
        with pytest.raises(OutcomeError, match="by that of the database"):
            store.append([TAKEN])
        clock.day = TODAY
        store.append([TAKEN])
        assert [row.day for row in store.all_rows()] == [TODAY]


# --- several at once, and those who die -------------------------------------------------------------------------------

ADDS = """
import sys
from serving.outcomes.outcome import Outcome
from serving.store.outcomes import open_store
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_store(url) as store:
    for number in range(count):
        store.append([Outcome(account_id=f"{name}-{number}", action="taken", who=name)])
"""
DIES = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import insert
from serving.store.address import StoreAddress
from serving.store.schema import OUTCOMES, WRITES, engine_of
from serving.store.outcomes import utc_now
connection = engine_of(StoreAddress(sys.argv[1], Path())).connect().execution_options(**{WRITES: True})
connection.begin()
row = {"account_id": "half", "action": "taken", "who": "X", "came_from": "web", "at": utc_now()}
connection.execute(insert(OUTCOMES).values(**row))
os.kill(os.getpid(), signal.SIGKILL)
"""


def started(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], env=os.environ | {"PYTHONPATH": str(root)}
    )


def test_two_processes_that_open_and_add_at_once_lose_nothing(url: str) -> None:
    both = [started(ADDS, url, name, 40) for name in ("one", "two")]
    assert [process.wait(120) for process in both] == [0, 0]
    with open_store(url) as store:
        rows = store.all_rows()
    assert {row.account_id for row in rows} == {f"{name}-{n}" for name in ("one", "two") for n in range(40)}
    assert len(rows) == 80
    assert [row.at for row in rows] == sorted(row.at for row in rows)


def test_a_writer_that_is_killed_leaves_nothing_half_and_nobody_waiting(store: OutcomeStore, url: str) -> None:
    store.append([TAKEN])
    assert started(DIES, url).wait(60) == -signal.SIGKILL
    store.append([replace(TAKEN, account_id="next")])
    assert [row.account_id for row in store.all_rows()] == ["acme", "next"]


def test_rows_are_read_while_somebody_writes(store: OutcomeStore, url: str) -> None:
    store.append([TAKEN])
    engine = engine_of(StoreAddress(url, Path()))
    with engine.connect().execution_options(**{WRITES: True}) as writing, writing.begin():
        assert len(store.all_rows()) == 1
    engine.dispose()


# --- versions ---------------------------------------------------------------------------------------------------------


def test_to_open_a_store_again_changes_nothing(url: str) -> None:
    assert not is_there(url)
    with open_store(url) as store:
        store.append([TAKEN])
        before = store.all_rows()
    with open_store(url) as store:
        assert store.all_rows() == before
    assert is_there(url)


def test_a_store_of_an_earlier_version_is_upgraded_and_keeps_its_rows(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = StoreAddress(url, tmp_path)
    if address.path:
        address.path.parent.mkdir(parents=True)
    to_head = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _: to_head(config, "0001"))
        engine = engine_of(address)
        upgrade(engine, address)
        assert version_of(engine) == "0001"
    with engine.connect() as connection, connection.begin():  # an old one lets itself be changed
        insert = "insert into headroom_outcomes (account_id, action, who, at, came_from) values {}"
        connection.execute(text(insert.format("('old', 'taken', 'Ana', '2026-01-01 10:00:00', 'web')")))
        connection.execute(text("update headroom_outcomes set who = 'Ana Costa'"))
    engine.dispose()
    with open_store(url) as store:
        assert [(row.account_id, row.who) for row in store.all_rows()] == [("old", "Ana Costa")]
    refused(url, "delete from headroom_outcomes")


def test_a_store_of_a_later_version_is_refused(url: str) -> None:
    with open_store(url) as store:
        store.append([TAKEN])
    engine = engine_of(StoreAddress(url, Path()))
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        connection.execute(text(f"update {VERSION_TABLE} set version_num = '9999'"))
    engine.dispose()
    with pytest.raises(OutcomeError, match="its tables are of version 9999; this release knows 0001, 0002"):
        open_store(url)


def test_the_migrations_make_the_table_that_is_asked_for(store: OutcomeStore, url: str) -> None:
    engine = engine_of(StoreAddress(url, Path()))
    with engine.connect() as connection:
        config = upgrading._config()
        config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
        there = connection.execute(text("select * from headroom_outcomes")).keys()
        assert is_file(connection) == url.startswith("sqlite")
    engine.dispose()
    assert set(there) == {"id", "at", *said(TAKEN)}


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mysql://u:hunter2@h/d", "mysql:// is no kind of store"),
        ("postgres://u:hunter2@h/d", "its URL holds a password"),
        ("postgres://u@h/d?password=hunter2", "its URL holds a password"),
        ("postgres://hunter@127.0.0.1:1/d", "Connection refused"),
        ("sqlite:///", "is a folder"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_a_password(url: str, found: str) -> None:
    for opening in (open_store, is_there):
        with pytest.raises(HeadroomError, match=found) as refusal:
            opening(url)
        assert "hunter2" not in str(refusal.value)


def test_a_password_of_the_environment_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(SourceError) as refusal:
        open_store("postgres://u@127.0.0.1:1/d")
    assert "hunter2" not in str(refusal.value)
    assert "hunter2" not in repr(refusal.value.__cause__)


def test_a_path_starts_at_the_root_and_may_be_bare(tmp_path: Path) -> None:
    for url in ("sqlite:///kept/o.db", "kept/o.db", f"sqlite:///{tmp_path}/kept/o.db"):
        assert StoreAddress(url, tmp_path).path == tmp_path / "kept" / "o.db"
    with pytest.raises(OutcomeError, match="is a folder"):
        open_store("sqlite:///", tmp_path)


def test_a_file_that_is_no_store_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database, by any means; just some words that are long enough")
    before = (tmp_path / "notes.txt").read_bytes()
    with pytest.raises(SourceError, match="file is not a database"):
        open_store("notes.txt", tmp_path)
    assert (tmp_path / "notes.txt").read_bytes() == before


def test_a_store_is_asked_for_many_accounts_at_a_time(store: OutcomeStore, clock: Clock) -> None:
    store.append([replace(TAKEN, account_id=f"a{number}") for number in range(30)])
    clock.day += timedelta(days=1)
    states = store.state_of([f"a{number}" for number in range(2500)], date(2026, 10, 2))
    assert len(states) == 2500
    assert sum(state.state == "working" for state in states.values()) == 30
    assert set(store.state_of(None, TODAY)) == {f"a{number}" for number in range(30)}
    assert store.state_of(["a1"], TODAY - timedelta(days=1))["a1"].state == "open"
