"""Rows of the store that are taken away: those of one account, or those that are older than they may be.

Outcomes and messages are only added to; the one exception is opened and closed within one transaction, by a migration.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, insert, or_, select, text

from data.contract.vocabulary import Personal
from data.erasure.places import Holding, Subject, present
from data.erasure.sqlite_file import clear
from serving.store.address import StoreAddress
from serving.store.message_log import spellings
from serving.store.outcomes import OutcomeStore, in_our_words, is_there, open_store
from serving.store.schema import ERASING, MESSAGES, OUTCOMES, PERSONAL, engine_of, is_file
from serving.store.views import VIEWS

KEPT_HERE: Mapping[str, Table] = {"outcomes": OUTCOMES, "messages": MESSAGES, "saved views": VIEWS}
"""What the store keeps, as it is called in reports."""
NOTES = "notes of other accounts that name it (left)"
LOOKS_FOR = ("q", "owner")
"""Where an address says whom it looks for; a segment or a play may be called as an account is."""
AT_A_TIME = 500
"""Rows that one statement takes away."""


class StorePlace:
    """Outcomes, messages and saved views of a store, which need not be there."""

    name = "store of outcomes"

    def __init__(self, url: str, root: Path) -> None:
        self._url, self._root = url, root

    def holdings(self) -> Iterator[Holding]:
        """One for each table of the store."""
        if not is_there(self._url, self._root):
            return
        with open_store(self._url, self._root) as store, store.connected("Count what is kept") as connection:
            for what, table in KEPT_HERE.items():
                rows, first, last = connection.execute(
                    select(func.count(), func.min(table.c.at), func.max(table.c.at))
                ).one()
                kinds = Personal.among(column.info.get(PERSONAL) for column in table.columns)
                yield Holding(self.name, what, kinds, rows, 1, _day(first), _day(last))

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows, and the views that look for it."""
        if not subject.is_account or not is_there(self._url, self._root):
            return {}
        with open_store(self._url, self._root) as store, store.connected("Look for an account") as connection:
            counts = _counts(_rows_of(connection, subject))
            return present(counts | {NOTES: _other_notes(connection, subject)})

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take its rows away, all or none, and leave nothing of them in the file."""
        if not subject.is_account or not is_there(self._url, self._root):
            return {}
        with open_store(self._url, self._root) as store:
            with erasing(store) as connection:
                ids = _rows_of(connection, subject)
                _remove(connection, ids)
            _leave_nothing(store.address)
        return _counts(ids)


@contextmanager
def erasing(store: OutcomeStore) -> Iterator[Connection]:
    """A transaction in which rows may be taken away."""
    with store.connected("Take rows away", writes=True) as connection:
        if is_file(connection):
            connection.execute(text("pragma secure_delete = on"))
        connection.execute(insert(ERASING).values(never=-1))
        yield connection
        connection.execute(delete(ERASING))


def expired(store: OutcomeStore, outcomes_before: date | None, messages_before: date | None) -> dict[str, list[int]]:
    """The rows that were recorded before these days (None: none of them), by table.

    A row that a later one corrects stays as long as that does.
    """
    with store.connected("Look for what is old") as connection:
        return _expired(connection, outcomes_before, messages_before)


def erase_expired(store: OutcomeStore, outcomes_before: date | None, messages_before: date | None) -> dict[str, int]:
    """Take these rows away: how many of each table."""
    with erasing(store) as connection:
        ids = _expired(connection, outcomes_before, messages_before)
        _remove(connection, ids)
    if any(ids.values()):
        _leave_nothing(store.address)
    return _counts(ids)


def _expired(
    connection: Connection, outcomes_before: date | None, messages_before: date | None
) -> dict[str, list[int]]:
    ids = {}
    if outcomes_before is not None:
        ids["outcomes"] = _uncorrected(connection, outcomes_before)
    if messages_before is not None:
        ids["messages"] = _ids(connection, MESSAGES, MESSAGES.c.at < _midnight(messages_before))
    return ids


def _uncorrected(connection: Connection, before: date) -> list[int]:
    """Outcomes of before a day, without those that a row which stays corrects, over any number of corrections."""
    rows = connection.execute(select(OUTCOMES.c.id, OUTCOMES.c.corrects, OUTCOMES.c.at).order_by(OUTCOMES.c.id.desc()))
    old, needed = [], set()
    for number, corrects, at in rows:  # whatever corrects a row comes after it
        if at < _midnight(before) and number not in needed:
            old.append(number)
        elif corrects is not None:
            needed.add(corrects)
    return old


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()


def _rows_of(connection: Connection, subject: Subject) -> dict[str, list[int]]:
    """The rows of an account, by table; of the messages also those to owners that have no other."""
    told = or_(MESSAGES.c.account_id == subject.id, MESSAGES.c.owner.in_(spellings(connection, subject.owners)))
    return {
        "outcomes": _ids(connection, OUTCOMES, OUTCOMES.c.account_id == subject.id),
        "messages": _ids(connection, MESSAGES, told),
        "saved views": _views_on(connection, subject),
    }


def _counts(ids: Mapping[str, Sequence[int]]) -> dict[str, int]:
    return present({what: len(of_table) for what, of_table in ids.items()})


def _ids(connection: Connection, table: Table, which: ColumnElement[bool]) -> list[int]:
    return list(connection.execute(select(table.c.id).where(which)).scalars())


def _views_on(connection: Connection, subject: Subject) -> list[int]:
    """The views that look for an account or for an owner that goes with it, or are called after one."""
    names = subject.names | subject.owners
    rows = connection.execute(select(VIEWS.c.id, VIEWS.c.name, VIEWS.c.asked))
    return [
        number
        for number, name, asked in rows
        if _names_one(name, names)
        or any(value == subject.id or _names_one(value, names) for key, value in parse_qsl(asked) if key in LOOKS_FOR)
    ]


def _other_notes(connection: Connection, subject: Subject) -> int:
    """How many rows of other accounts name it in what somebody wrote."""
    told = or_(OUTCOMES.c.text.is_not(None), OUTCOMES.c.reason.is_not(None))
    rows = connection.execute(
        select(OUTCOMES.c.reason, OUTCOMES.c.text).where(OUTCOMES.c.account_id != subject.id, told)
    )
    return sum(any(_names_one(note or "", subject.names) for note in notes) for notes in rows)


def _names_one(told: str, names: frozenset[str]) -> bool:
    """Does a text hold one of these names, as whole words?"""
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told, re.IGNORECASE) for name in names)


def _remove(connection: Connection, ids: Mapping[str, Sequence[int]]) -> None:
    """All of them are gone after the last statement; a row is gone before the one that it corrects."""
    for what, of_table in ids.items():
        table, ordered = KEPT_HERE[what], sorted(of_table, reverse=True)
        for start in range(0, len(ordered), AT_A_TIME):
            connection.execute(delete(table).where(table.c.id.in_(ordered[start : start + AT_A_TIME])))


def _leave_nothing(address: StoreAddress) -> None:
    """What was taken away is in no page of the database any more; in its backups and logs it may be."""
    engine = engine_of(address)
    try:
        with in_our_words(f"Clear what was taken away in {address.shown}."):
            if address.path is None:
                _clear_server(engine)
            else:
                with closing(engine.raw_connection()) as connection:
                    clear(cast(sqlite3.Connection, connection.driver_connection), address.shown)
    finally:
        engine.dispose()


def _clear_server(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in KEPT_HERE.values():
            connection.execute(text(f"vacuum {table.name}"))
