"""The journal of a run: what a record held before and what it is to hold, on disk before it is sent; then what came.

    with Journal(folder / "journal.db") as journal:
        journal.plan(changes)
        journal.sending(changes)
        journal.note(changes, crm.update(changes))

Rows that are ``planned`` were never sent. A run that is killed within a call leaves its rows ``sending``. Whether they
were taken, the CRM knows: the next run reads it, and so does an undo.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    Column,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.pool import NullPool

from serving.crm.client import RecordChange, Rejection

JOURNAL = "journal.db"
"""What the journal of a run is called in its folder."""
PLANNED, SENDING, TAKEN, REJECTED, NOT_FOUND = "planned", "sending", "taken", "rejected", "not_found"
ROWS = Table(
    "rows",
    MetaData(),
    Column("account_id", Text, primary_key=True),
    Column("record", Text),
    Column("previous", Text),
    Column("new", Text),
    Column("state", Text, nullable=False),
    Column("code", Text),
    Column("message", Text),
)
AT_A_TIME = 1_000


class JournalRow(NamedTuple):
    """An account of a run, and what became of it; ``change`` is None where the CRM has no record of it."""

    account_id: str
    change: RecordChange | None
    state: str
    code: str | None
    message: str | None


class Journal:
    """The rows of one run in a SQLite file; a context that closes it. What is added outlives a power cut."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}", hide_parameters=True, poolclass=NullPool)
        event.listen(self._engine, "connect", lambda connection, _: connection.execute("pragma synchronous = full"))
        ROWS.metadata.create_all(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def plan(self, changes: Iterable[RecordChange]) -> None:
        """Keep what is going to be sent."""
        self._add(
            {
                "account_id": each.account_id,
                "record": each.record,
                "previous": json.dumps(dict(each.previous)),
                "new": json.dumps(dict(each.values)),
                "state": PLANNED,
            }
            for each in changes
        )

    def not_found(self, accounts: Iterable[str], message: str) -> None:
        """Keep accounts that the CRM has no record of."""
        self._add(
            {"account_id": account, "state": NOT_FOUND, "code": NOT_FOUND, "message": message} for account in accounts
        )

    def sending(self, changes: Iterable[RecordChange]) -> None:
        """Keep that changes are on their way, just before they are sent."""
        self._came({"account": each.account_id, "state": SENDING} for each in changes)

    def note(self, sent: Sequence[RecordChange], rejections: Sequence[Rejection]) -> None:
        """Keep what became of changes that were sent."""
        bad = {each.account_id: each for each in rejections}
        self._came(
            {"account": each.account_id, "state": TAKEN, "code": None, "message": None}
            if (why := bad.get(each.account_id)) is None
            else {"account": each.account_id, "state": REJECTED, "code": why.code, "message": why.message}
            for each in sent
        )

    def rows(self, *states: str) -> Iterator[JournalRow]:
        """Every row, by account; or those of some states."""
        asked = select(ROWS).order_by(ROWS.c.account_id)
        if states:
            asked = asked.where(ROWS.c.state.in_(states))
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=AT_A_TIME).execute(asked):
                change = None
                if row.record is not None:
                    change = RecordChange(row.account_id, row.record, json.loads(row.previous), json.loads(row.new))
                yield JournalRow(row.account_id, change, row.state, row.code, row.message)

    def written(self, later: Iterable["Journal"] = ()) -> Iterator[RecordChange]:
        """The changes that the CRM took, and those of the call whose answer never came.

        Of the latter without what ``later`` runs sent alike: they read the CRM, and it did not hold it.
        """
        unsure = {row.account_id for row in self.rows(SENDING)}
        asked = later if unsure else ()
        others = [row.change for each in asked for row in each.rows(SENDING, TAKEN) if row.account_id in unsure]
        for row in self.rows(SENDING, TAKEN):
            if row.change is not None:
                yield row.change if row.state == TAKEN else _without(row.change, others)

    def counts(self) -> dict[str, int]:
        """How many rows there are of each state."""
        with self._engine.connect() as connection:
            return dict(connection.execute(select(ROWS.c.state, func.count()).group_by(ROWS.c.state)).tuples().all())

    def count_of(self, account_id: str) -> int:
        """The rows of an account: one, or none."""
        asked = select(func.count()).where(ROWS.c.account_id == account_id)
        with self._engine.connect() as connection:
            return int(connection.execute(asked).scalar_one())

    def erase(self, account_id: str) -> int:
        """Take the row of an account away, and leave nothing of it in the file: how many there were."""
        with self._engine.begin() as connection:
            removed = connection.execute(delete(ROWS).where(ROWS.c.account_id == account_id)).rowcount
        with closing(self._engine.raw_connection()) as file:
            file.cursor().execute("vacuum")
        return int(removed)

    def _came(self, states: Iterable[dict[str, Any]]) -> None:
        changed = update(ROWS).where(ROWS.c.account_id == bindparam("account"))
        with self._engine.begin() as connection:
            connection.execute(changed, list(states))

    def _add(self, rows: Iterator[dict[str, Any]]) -> None:
        added = list(rows)
        if added:
            with self._engine.begin() as connection:
                connection.execute(insert(ROWS), added)


def _without(change: RecordChange, others: Iterable[RecordChange | None]) -> RecordChange:
    """A change without the values that others bring to the same account."""
    theirs = {pair for each in others if each and each.account_id == change.account_id for pair in each.values.items()}
    return replace(change, values={name: value for name, value in change.values.items() if (name, value) not in theirs})
