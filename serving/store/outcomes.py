"""The store of outcomes: rows that are added and never changed, in a SQLite file or a PostgreSQL database.

    with open_store("sqlite:///published/outcomes.db") as store:
        store.append([Outcome(account_id="42", action="taken", play="seat_limits", who="Ana Costa")])
        store.state_of(["42"], date.today())["42"].state        # working

The database itself refuses to change a row or to take one away. Adding is all or nothing, and one after the other, so
that the numbers of the rows are in the order in which they can be read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, func, insert, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from data.errors import OutcomeError, SourceError
from data.sources.files import first_line
from serving.outcomes.outcome import Outcome, RecordedOutcome, checked, said
from serving.outcomes.states import AccountState, by_account, state_on
from serving.store.address import StoreAddress
from serving.store.message_log import MessageLog
from serving.store.schema import LOCK, OUTCOMES, WRITES, engine_of, is_file
from serving.store.upgrade import upgrade, version_of

AT_A_TIME = 1000
"""Accounts that one query asks for."""
CLOCKS_DIFFER = timedelta(days=1)
"""By more than this no two clocks differ of which both are right enough."""
_ASKED = "Record what was done."


def utc_now() -> datetime:
    return datetime.now(UTC)


class OutcomeStore:
    """The rows of a store; a context that closes its connections. It may be used by several threads."""

    def __init__(self, engine: Engine, address: StoreAddress, now: Callable[[], datetime] = utc_now) -> None:
        self.address = address
        self._engine, self._now = engine, now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    @property
    def messages(self) -> MessageLog:
        """What was sent to whom."""
        return MessageLog(self.connected, self._now)

    def append(self, outcomes: Sequence[Outcome]) -> list[int]:
        """Record outcomes, all or none; the number of the row of each. A request that is there already has its row.

        Raises ``OutcomeError`` for what cannot be recorded (``checked``), for a correction of a row that is not there,
        is of another account or has been corrected, for a request key under which something else was recorded, and
        where this machine's clock is more than a day behind the last row, or ahead of that of the database.
        """
        with self.connected("Record outcomes", writes=True) as connection:
            now, last = self._now().astimezone(UTC), _last_at(connection)
            _require_clock(connection, now, last)
            at = max(now, last)  # in the order of the numbers, though clocks differ a little
            return [_added(connection, _checked(connection, outcome, at.date()), at) for outcome in outcomes]

    def state_of(self, accounts: Iterable[str] | None, day: date) -> dict[str, AccountState]:
        """Where each of these accounts (None: all that have rows) stood at the end of ``day`` (UTC)."""
        asked = None if accounts is None else list(dict.fromkeys(accounts))
        states = {account: AccountState() for account in asked or ()}
        for account, rows in by_account(row for row in self.rows_of(asked) if row.day <= day):
            states[account] = state_on(rows, day)
        return states

    def history(self, account_id: str) -> list[RecordedOutcome]:
        """Every row of an account, oldest first, also those that were corrected."""
        return self.rows_of([account_id])

    def all_rows(self, up_to: int | None = None) -> list[RecordedOutcome]:
        """Every row, oldest first; with ``up_to`` those that were there when the row of that number was the last."""
        query = select(OUTCOMES)
        return self._read(query if up_to is None else query.where(OUTCOMES.c.id <= up_to))

    def after(self, number: int) -> list[tuple[int, str]]:
        """Number and account of each row that was recorded after the one of a number, oldest first."""
        asked = select(OUTCOMES.c.id, OUTCOMES.c.account_id).where(OUTCOMES.c.id > number).order_by(OUTCOMES.c.id)
        with self.connected("Read the outcomes") as connection:
            return [(row.id, row.account_id) for row in connection.execute(asked)]

    def rows_of(self, accounts: Sequence[str] | None) -> list[RecordedOutcome]:
        """Every row of these accounts (None: of all), those of one account oldest first."""
        if accounts is None:
            return self.all_rows()
        return [
            row
            for some in _in_parts(accounts)
            for row in self._read(select(OUTCOMES).where(OUTCOMES.c.account_id.in_(some)))
        ]

    def _read(self, query: Select[Any]) -> list[RecordedOutcome]:
        with self.connected("Read the outcomes") as connection:
            rows = connection.execute(query.order_by(OUTCOMES.c.id)).mappings()
            return [RecordedOutcome(**row) for row in rows]

    @contextmanager
    def connected(self, verb: str, *, writes: bool = False) -> Iterator[Connection]:
        """A connection in a transaction, which is committed at the end. One writer at a time.

        ``verb``: what is done, for the error. Raises SourceError where the store cannot be reached.
        """
        with in_our_words(f"{verb} in {self.address.shown}."), self._engine.connect() as connection:
            ready = connection.execution_options(**{WRITES: writes})
            with ready.begin():
                if writes and not is_file(ready):
                    ready.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
                yield ready


def open_store(url: str, root: Path | None = None, *, now: Callable[[], datetime] = utc_now) -> OutcomeStore:
    """Open the store at an address (``PLACES``, or the bare path of a file); it is made or upgraded where need be.

    Relative paths start at ``root`` (default: the working folder). ``now`` is the clock that rows are recorded by.
    Raises ``OutcomeError`` for what is no address, and ``SourceError`` where the store cannot be reached.
    """
    address = StoreAddress(url, root or Path.cwd())
    address.require()
    engine = engine_of(address)
    try:
        with in_our_words(f"Open the store of outcomes {address.shown}."):
            if address.path is not None:
                address.path.parent.mkdir(parents=True, exist_ok=True)
            upgrade(engine, address)
    except BaseException:
        engine.dispose()
        raise
    return OutcomeStore(engine, address, now)


def is_there(url: str, root: Path | None = None) -> bool:
    """Has a store been made at that address? Nothing is made. Raises as ``open_store`` does."""
    address = StoreAddress(url, root or Path.cwd())
    address.require()
    if address.path is not None and not address.path.exists():
        return False
    engine = engine_of(address)
    try:
        with in_our_words(f"Open the store of outcomes {address.shown}."):
            return version_of(engine) is not None
    finally:
        engine.dispose()


def _in_parts(accounts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(accounts), AT_A_TIME):
        yield accounts[start : start + AT_A_TIME]


def _checked(connection: Connection, outcome: Outcome, today: date) -> Outcome:
    """``checked`` on the day on which the outcome counts: a correction does on that of the row that it corrects."""
    row, day = outcome, today
    while row.corrects is not None and (earlier := _one(connection, OUTCOMES.c.id == row.corrects)) is not None:
        row, day = earlier, earlier.day
    return checked(outcome, day)


def _added(connection: Connection, outcome: Outcome, at: datetime) -> int:
    """The number of the row of an outcome: the one that its request has already, or a new one."""
    there = None if outcome.request_key is None else _one(connection, OUTCOMES.c.request_key == outcome.request_key)
    if there is not None:
        _require_same(there, outcome)
        return there.id
    if outcome.corrects is not None:
        _require_correctable(connection, outcome, outcome.corrects)
    row = insert(OUTCOMES).values(**said(outcome), at=at).returning(OUTCOMES.c.id)
    return int(connection.execute(row).scalar_one())


def _require_clock(connection: Connection, now: datetime, last: datetime) -> None:
    """Raise ``OutcomeError`` where the clock of this machine, or the one by which the last row was recorded, is wrong.

    Rows stand in one order, so all later ones would be dated as the first that is dated too late, and no list would
    know them before that day.
    """
    if not is_file(connection):
        there: datetime = connection.execute(select(func.now())).scalar_one().astimezone(UTC)
        if now - there > CLOCKS_DIFFER:
            clocks = f"it is {_minute(now)} by the clock of this machine, and {_minute(there)} by that of the database"
            raise OutcomeError(_ASKED, f"{clocks} (UTC); nothing has been recorded.", "Set the clock of this machine.")
    if last - now > CLOCKS_DIFFER:
        clocks = f"it is {_minute(now)} by the clock of this machine, and the last row was recorded at {_minute(last)}"
        todo = "Set the clock of this machine. If it is right, the row is not: put back a copy of the store without it."
        raise OutcomeError(_ASKED, f"{clocks} (UTC); nothing has been recorded.", todo)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _last_at(connection: Connection) -> datetime:
    """When the last row was recorded; long ago where there is none."""
    last = connection.execute(select(OUTCOMES.c.at).order_by(OUTCOMES.c.id.desc()).limit(1)).scalar_one_or_none()
    return datetime.min.replace(tzinfo=UTC) if last is None else last


def _one(connection: Connection, condition: Any) -> RecordedOutcome | None:
    row = connection.execute(select(OUTCOMES).where(condition)).mappings().one_or_none()
    return None if row is None else RecordedOutcome(**row)


def _require_same(there: RecordedOutcome, outcome: Outcome) -> None:
    before, now = said(there), said(outcome)
    others = [name for name in now if before[name] != now[name]]
    if others:
        raise OutcomeError(
            f"Record what was done with account {outcome.account_id}.",
            f"row {there.id} has the same request key and another {', '.join(others)}.",
            "Give every request a key of its own.",
        )


def _require_correctable(connection: Connection, outcome: Outcome, number: int) -> None:
    asked = f"Correct row {number} of account {outcome.account_id}."
    there = _one(connection, OUTCOMES.c.id == number)
    if there is None or there.account_id != outcome.account_id:
        raise OutcomeError(asked, "this account has no such row.", "Name a row of its history.")
    later = _one(connection, OUTCOMES.c.corrects == number)
    if later is not None:
        raise OutcomeError(asked, f"row {later.id} corrects it already.", f"Correct row {later.id}.")


@contextmanager
def in_our_words(asked: str) -> Iterator[None]:
    """What the database or the system says, as a ``SourceError`` without the values of rows or a password."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        raise SourceError(asked, f"{first_line(str(cause) or type(cause).__name__).rstrip('.')}.", _todo()) from None
    except OSError as error:
        raise SourceError(asked, f"{error.strerror or error}: {error.filename}.", _todo()) from error


def _todo() -> str:
    return "Check `url` under [outcomes], that the database runs, the rights there, and PGPASSWORD."
