"""Rows that are to be forgotten leave the store, on SQLite and on PostgreSQL; by no other way does a row go."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, text
from sqlalchemy.exc import DBAPIError

from data.contract.vocabulary import Personal
from data.erasure.places import ACCOUNT, Holding, Subject
from data.errors import SourceError
from serving.outcomes.outcome import Outcome
from serving.store import erasure, schema
from serving.store.address import StoreAddress
from serving.store.erasure import LOOKS_FOR, NOTES, StorePlace, erase_expired, erasing, expired
from serving.store.message_log import ALERT, DIGEST, MessageItem, Step
from serving.store.outcomes import OutcomeStore
from serving.store.schema import ERASING, OUTCOMES, engine_of
from serving.store.views import View, ViewStore
from serving.web.query import ListQuery
from tests.serving.store.conftest import TODAY, Clock

ZORRO = Subject(ACCOUNT, "zorro-1", frozenset({"Zorro Lumber"}), frozenset({"Quetzal Owner"}))
PLANTED = ("zorro-1", "Zorro Lumber", "Quetzal Owner")


def filled(store: OutcomeStore) -> OutcomeStore:
    """Rows of one account that is to be forgotten, and of one that stays."""
    taken, *_ = store.append(
        [
            Outcome(account_id="zorro-1", action="taken", play="seat_limits", who="Ana", text="Called Zorro Lumber."),
            Outcome(account_id="stays", action="taken", play="seat_limits", who="Ana", text="As Zorro Lumber did."),
        ]
    )
    store.append([Outcome(account_id="zorro-1", action="won", play="seat_limits", arr=9.0, who="Ana", corrects=taken)])
    alert = MessageItem(TODAY, "slack", "Ana", ALERT, account_id="zorro-1", trigger_code="limit")
    for owner in ("Ana", "QUETZAL Owner"):
        store.messages.begin([MessageItem(TODAY, "slack", owner, DIGEST, 1, 1)], TODAY, again=False)
    store.messages.end([alert], Step.SENT)
    for name, asked in (("Mine", "q=zorro+lumber"), ("Zorro Lumber", "sort=name"), ("Others", "q=Stays"), ("5", "q=5")):
        ViewStore(store).add(View(person="ana@example.com", who="Ana", name=name, asked=asked))
    return store


def tables(store: OutcomeStore) -> dict[str, list[tuple[object, ...]]]:
    names = ("headroom_outcomes", "headroom_messages", "headroom_views", "headroom_erasing")
    with store.connected("Read all") as connection:
        return {name: [tuple(row) for row in connection.execute(text(f"select * from {name}"))] for name in names}


def test_an_account_leaves_every_table_and_the_others_stay_as_they_are(
    store: OutcomeStore, url: str, tmp_path: Path
) -> None:
    before, place = tables(filled(store)), StorePlace(url, tmp_path)
    counts = {"outcomes": 2, "messages": 2, "saved views": 2}
    assert place.found(ZORRO) == counts | {NOTES: 1}
    assert place.erase(ZORRO, TODAY) == counts
    after = tables(store)
    gone = {name: [row for row in rows if row not in after[name]] for name, rows in before.items()}
    assert {name: len(rows) for name, rows in gone.items()} == {
        "headroom_outcomes": 2, "headroom_messages": 2, "headroom_views": 2, "headroom_erasing": 0,
    }  # fmt: skip
    assert all(row in before[name] for name, rows in after.items() for row in rows)
    assert place.erase(ZORRO, TODAY) == {}
    assert place.found(ZORRO) == {NOTES: 1}  # of another account: whoever wrote it may put it right


def test_no_page_of_the_file_holds_what_was_removed(tmp_path: Path) -> None:
    from serving.store.outcomes import open_store

    url, file = f"sqlite:///{tmp_path / 'outcomes.db'}", tmp_path / "outcomes.db"
    with open_store(url) as store:
        store.append(
            [Outcome(account_id="zorro-1", action="taken", play="p", who="Ana", text="x" * 3900 + "Zorro Lumber")]
        )
        store.append([Outcome(account_id="stays", action="taken", play="p", who="Ana")])
        reader = sqlite3.connect(file)  # holds the log of what was written open, as a server does
        reader.execute("select count(*) from headroom_outcomes").fetchall()
        assert any(b"Zorro Lumber" in path.read_bytes() for path in tmp_path.iterdir())
        StorePlace(url, tmp_path).erase(ZORRO, TODAY)
        left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        reader.close()
    assert not [word for word in PLANTED if word.encode() in left]
    assert b"stays" in left


def test_a_view_of_a_segment_that_is_called_as_the_account_is_stays(store: OutcomeStore, url: str) -> None:
    for name, asked in (("one", "segment=Enterprise"), ("two", "play=42"), ("three", "q=Enterprise"), ("four", "q=42")):
        ViewStore(store).add(View(person="ana@example.com", who="Ana", name=name, asked=asked))
    place = StorePlace(url, Path())
    assert place.erase(Subject(ACCOUNT, "42", frozenset({"Enterprise"})), TODAY) == {"saved views": 2}
    assert [row[3] for row in tables(store)["headroom_views"]] == ["one", "two"]


def test_what_a_view_looks_for_is_asked_for_by_these_names() -> None:
    assert set(LOOKS_FOR) <= ListQuery.model_fields.keys()


@pytest.mark.parametrize("holding", ["begin immediate", "begin"])
def test_a_file_that_another_program_holds_is_told_and_cleared_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holding: str
) -> None:
    """A writer keeps the file from being rewritten; a reader keeps its log, with what was there before."""
    from serving.store.outcomes import open_store

    url, file = f"sqlite:///{tmp_path / 'outcomes.db'}", tmp_path / "outcomes.db"
    with open_store(url) as store:
        filled(store)
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        removed, leave_nothing = [], erasure._leave_nothing

        def held(address: StoreAddress) -> None:
            removed.append(True)
            other.execute(holding)
            other.execute("select count(*) from headroom_outcomes").fetchall()
            leave_nothing(address)

        with monkeypatch.context() as patch:
            patch.setattr(erasure, "_leave_nothing", held)
            with pytest.raises(SourceError, match=r"(?s)bytes of them may still be in the file.*then run this again"):
                StorePlace(url, tmp_path).erase(ZORRO, TODAY)
    assert removed
    assert StorePlace(url, tmp_path).erase(ZORRO, TODAY) == {}
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"zorro-1" not in left


@pytest.mark.parametrize("statement", ["update headroom_outcomes set who = 'x'", "delete from headroom_outcomes"])
def test_outside_of_an_erasure_the_database_refuses_as_before(
    store: OutcomeStore, url: str, statement: str, tmp_path: Path
) -> None:
    StorePlace(url, tmp_path).erase(Subject(ACCOUNT, "nobody"), TODAY)
    filled(store)
    with pytest.raises(SourceError, match="only added to"), store.connected("Spoil it", writes=True) as connection:
        connection.execute(text(statement))


def test_an_erasure_lets_nobody_change_a_row(store: OutcomeStore) -> None:
    filled(store)
    with pytest.raises(SourceError, match="only added to"), erasing(store) as connection:
        connection.execute(text("update headroom_outcomes set who = 'x'"))


def test_the_exception_cannot_be_left_open(store: OutcomeStore, url: str, tmp_path: Path) -> None:
    engine = engine_of(StoreAddress(url, tmp_path))
    with pytest.raises(DBAPIError), engine.connect() as connection, connection.begin():
        connection.execute(insert(ERASING).values(never=-1))
    assert tables(store)["headroom_erasing"] == []
    engine.dispose()


def _remove_and_die(connection: Connection) -> None:
    connection.execute(delete(OUTCOMES).where(OUTCOMES.c.corrects.is_not(None)))
    raise RuntimeError("the machine went down")


def test_an_erasure_that_fails_half_way_removes_nothing(store: OutcomeStore) -> None:
    before = tables(filled(store))
    with pytest.raises(RuntimeError, match="went down"), erasing(store) as connection:
        _remove_and_die(connection)
    assert tables(store) == before


def test_old_rows_go_and_what_a_younger_one_corrects_stays(store: OutcomeStore, clock: Clock) -> None:
    clock.day = began = TODAY - timedelta(days=400)
    first, *_ = store.append([Outcome(account_id=name, action="taken", play="p", who="Ana") for name in ("a", "b")])
    store.messages.end([MessageItem(began, "slack", "Ana", DIGEST, 1, 1)], Step.SENT)
    clock.day = TODAY
    store.append([Outcome(account_id="a", action="won", play="p", arr=1.0, who="Ana", corrects=first)])
    limits = (began + timedelta(days=1), began)
    assert {what: len(ids) for what, ids in expired(store, *limits).items()} == {"outcomes": 1, "messages": 0}
    assert erase_expired(store, *limits) == {"outcomes": 1}
    assert [row.account_id for row in store.all_rows()] == ["a", "a"]
    assert erase_expired(store, date(2030, 1, 1), date(2030, 1, 1)) == {"outcomes": 2, "messages": 1}


def test_what_is_kept_is_told_by_table(store: OutcomeStore, url: str, tmp_path: Path) -> None:
    filled(store)
    told = {holding.what: holding for holding in StorePlace(url, tmp_path).holdings()}
    kinds = (Personal.ACCOUNT, Personal.OWNER, Personal.TEXT)
    assert told["outcomes"] == Holding("store of outcomes", "outcomes", kinds, 3, 1, TODAY, TODAY)
    assert (told["messages"].rows, told["saved views"].rows) == (3, 4)
    assert Personal.EMAIL in told["saved views"].kinds
