"""A base: as its source holds it, and as it was known before a day: what a run on that day could have seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from data.contract.inputs import TABLES, Column
from data.currency import in_reporting_currency
from data.errors import ContractError, NotEnoughHistoryError
from data.feeds.feeds import Feeds
from data.feeds.parts import SilentPart, silent_parts
from data.feeds.rhythm import Silence
from data.sources.engine import Engine
from data.sources.staging import absent_columns, with_versions
from data.time_cut import Tables, before_day, is_told_more_later, known_since, last_day

USAGE = ("usage_events", "usage_daily")
BILLING = ("subscriptions", "invoices")
FIRST_YEAR = 1900
CLOSED_AT = "outcomes.closed_at"
PLAY_COLUMNS = frozenset({CLOSED_AT, "outcomes.status"})
NOT_READ = "Only the outcomes recorded here are read: where plays of the source stand is not known without"
FIRST_ROWS = 1000
"""A column that says anything nearly always does so in the first rows; the others are read where these are empty."""
FEW_ROWS = 100
"""Of so few rows each may lack a value by chance."""
OLD_DAYS = 7
"""Data that ends more than a week before the day asked for (by default: today) is warned of: a feed may be dead."""


class OnAnEngine:
    """A context that closes the engine which its tables are on; what the engine raised leaves it as ``SourceError``."""

    engine: Engine

    def close(self) -> None:
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        told = None if error is None else self.engine.in_words(error)
        self.close()
        if told is not None:
            raise told from error


@dataclass(frozen=True)
class Source(OnAnEngine):
    """A customer base; a context that closes its engine.

    ``raw`` and ``tables`` (staged) hold the contract tables that are there, by name. ``unread`` names what else is
    there: files or tables that no contract table and no SQL asked for; ``ignored`` the contract's tables that the user
    left out. ``split`` holds the tables as they came some of whose columns have variants, which are one in ``raw``.
    ``state`` changes whenever the source does: the sizes and times of its files; None where only reading it would tell.
    ``remarks`` are sentences about the tables, ``not_safe`` those of them that every report repeats. ``links`` says
    which accounts the ids in ``raw`` are, where those in ``tables`` were looked up (``data.crosswalk``).
    """

    url: str
    engine: Engine
    raw: Tables
    tables: Tables
    unread: tuple[str, ...] = ()
    mapped: frozenset[str] = field(default_factory=frozenset)
    state: str | None = None
    remarks: tuple[str, ...] = ()
    ignored: frozenset[str] = field(default_factory=frozenset)
    split: Tables = field(default_factory=dict)
    not_safe: tuple[str, ...] = ()
    links: ir.Table | None = None

    @property
    def con(self) -> BaseBackend:
        """What runs the expressions."""
        return self.engine.con

    @property
    def absent(self) -> frozenset[str]:
        """The optional columns that the source lacks, as ``table.column``."""
        return absent_columns(self.raw)


@dataclass(frozen=True)
class KnownBase(OnAnEngine):
    """A base as known before ``snapshot_date``; a context that closes its engine.

    ``absent`` are the optional columns that the source lacks, or had no value in; ``empty`` those without a value.
    ``state`` names what the tables hold, if that can be told without reading them. ``warnings`` are sentences for
    whoever reads a list of that day. ``beside``: what was read beside the source, as manifests say it.
    """

    snapshot_date: date
    tables: Tables
    engine: Engine
    absent: frozenset[str] = frozenset()
    state: str | None = None
    warnings: tuple[str, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()

    @property
    def users_are_daily_peaks(self) -> bool:
        """Are there daily counts without user ids only, so that the users of a window are those of its busiest day?"""
        return USAGE[0] not in self.tables and f"{USAGE[1]}.user_id" in self.absent

    @cached_property
    def feeds(self) -> Feeds:
        """How often each table is filled."""
        return Feeds(self.tables)

    @property
    def silent(self) -> dict[str, Silence]:
        """By table the feeds that were late on the day."""
        return self.feeds.silent(self.snapshot_date)

    def silent_parts(self, days: Sequence[date]) -> dict[date, tuple[SilentPart, ...]]:
        """By day of ``days`` the parts of the use that had stopped before it; what was asked before is not again."""
        asked = sorted(set(days))
        if unasked := [day for day in asked if day not in self._silent_parts]:
            self._silent_parts.update(silent_parts(self.tables, unasked))
        return {day: self._silent_parts[day] for day in asked}

    @property
    def parts(self) -> tuple[SilentPart, ...]:
        """The parts of the use that had stopped before the day; none where all of it is silent."""
        return self.silent_parts([self.snapshot_date])[self.snapshot_date]

    def digests(self, name: str) -> pa.Table | None:
        """What tells the rows of a table that count from the day after ``since`` on: ``Engine.digests``, asked once.

        None where the engine has no hash.
        """
        if name not in self._digests:
            hashed = self.engine.digests(known_since(name, self.tables[name]), "since")
            self._digests[name] = None if hashed is None else hashed.to_pyarrow()
        return self._digests[name]

    def fingerprint(self, name: str) -> str | None:
        """What tells the rows of a table from any others: ``Engine.fingerprint``.

        Of ``accounts``, which has no clock, those that are or were customers count: who comes later changes nothing.
        """
        if name == "accounts":
            return self.engine.fingerprint(self.tables[name].semi_join(customers(self.tables), "account_id"))
        if is_told_more_later(name):
            return self.engine.fingerprint(self.tables[name])
        hashed = self.digests(name)
        if hashed is None:
            return None
        return self.engine.fingerprint_of(*(sum(map(int, hashed[part].to_pylist())) for part in ("rows", "low")))

    @cached_property
    def _digests(self) -> dict[str, pa.Table | None]:
        return {}

    @cached_property
    def _silent_parts(self) -> dict[date, tuple[SilentPart, ...]]:
        return {}


def known_before(source: Source, snapshot_date: date | None, today: date) -> KnownBase:
    """The base as known before ``snapshot_date`` (default: the day after the data ends).

    Raises ``NotEnoughHistoryError`` for a day that lies after ``today`` (tomorrow may be asked for: today has passed
    then), and ``ContractError`` for tables without a row.
    """
    day = snapshot_date or next_snapshot(source.tables, today)
    _require_day(day, today)
    tables = in_reporting_currency(as_of(source.tables, day), day)
    last, wanted = data_end(tables, day), today if snapshot_date is None else day
    warnings = list(source.not_safe)
    if (wanted - last).days > OLD_DAYS:
        warnings.append(
            f"The data ends on {last}, {(wanted - last).days} days before {wanted}: what fell may not have come in."
        )
    state = None if source.state is None else f"{source.state} as of {day}"
    empty = empty_columns(source, day)
    return KnownBase(day, tables, source.engine, source.absent | empty, state, tuple(warnings), empty=empty)


def empty_columns(source: Source, day: date | None = None) -> frozenset[str]:
    """The columns that signals rest on, and that are there without one value, as ``table.column``: as good as absent.

    As known before ``day``, where there is one. Of a table without a row nothing is said.
    """
    empty: set[str] = set()
    for name, table in source.tables.items():
        contract = TABLES[name]
        asked = [c for c in contract.columns if c.costs and not c.required and f"{name}.{c.name}" not in source.absent]
        known = table if day is None else before_day(name, table, day)
        # Rows without the day on which they happened are known on none.
        clock = [column for column in asked if column.name == contract.happened]
        others = [column for column in asked if column.name != contract.happened]
        without = (*_without_values(table, clock), *_without_values(known, others))
        empty.update(f"{name}.{column.name}" for column in without)
    # That no play has ended yet is said by a status, too.
    return frozenset(empty if empty | source.absent >= PLAY_COLUMNS else empty - {CLOSED_AT})


def _without_values(table: ir.Table, columns: Sequence[Column]) -> list[Column]:
    """Those of some staged columns in which no row has a value, if there is a row. What is told is not read again."""
    if not columns:
        return []
    first = table.limit(FIRST_ROWS)
    counts = first.aggregate(all_rows=first.count(), **{c.name: first[c.staged_name].count() for c in columns})
    told = counts.to_pyarrow().to_pylist()[0]
    left = [column for column in columns if not told[column.name]] if told["all_rows"] else []
    while left and told["all_rows"] == FIRST_ROWS:
        values = table.select(**{column.name: table[column.staged_name] for column in left})
        some = values.filter(ibis.or_(*[values[column.name].notnull() for column in left])).limit(1)
        found = some.to_pyarrow().to_pylist()
        if not found:
            break
        left = [column for column in left if found[0][column.name] is None]
    return left


def may_be_empty(base: KnownBase, name: str) -> bool:
    """Can it be so that no row has a value in this ``table.column``, without anything being lost?

    It can where the column says what comes later, or which company another belongs to, and where the rows are few.
    """
    table, column = name.split(".")
    contract = TABLES[table]
    if column in (*contract.ends, *contract.later) or contract.column(column).other_account:
        return True
    return int(base.tables[table].limit(FEW_ROWS).count().to_pyarrow().as_py()) < FEW_ROWS


def with_outcomes(base: KnownBase, recorded: pa.Table, state: str) -> KnownBase:
    """The base with outcomes that were recorded row by row before its day, beside those of its source.

    ``recorded`` has the columns of the contract, ``known_at``, ``withdrawn_at`` and ``corrected_at``; ``state`` names
    what it holds. Without rows its signals are there all the same, and say that nothing was done.
    """
    own, absent, warnings = base.tables.get("outcomes"), base.absent, base.warnings
    if own is not None and absent & PLAY_COLUMNS:
        own, warnings = None, (*warnings, f"{NOT_READ} {', '.join(sorted(absent & PLAY_COLUMNS))}.")
    table = with_versions(own, ibis.memtable(recorded))
    return replace(
        base,
        tables=base.tables | {"outcomes": table},
        absent=frozenset(name for name in absent if not name.startswith("outcomes.")),
        empty=frozenset(name for name in base.empty if not name.startswith("outcomes.")),
        state=None if base.state is None else f"{base.state} with outcomes {state}",
        warnings=warnings,
    )


def _require_day(day: date, today: date) -> None:
    if day.year < FIRST_YEAR:
        raise NotEnoughHistoryError(
            f"Read what was known before {day}.", f"it lies before {FIRST_YEAR}.", "Choose a day with customers."
        )
    if day > today + timedelta(days=1):
        raise NotEnoughHistoryError(
            f"Read what was known before {day}.",
            f"today is {today} (UTC): nothing is known of later days.",
            "Choose a day that has come.",
        )


def as_of(tables: Tables, day: date) -> Tables:
    """The tables as they were known before ``day``."""
    return {name: before_day(name, table, day) for name, table in tables.items()}


def customers(tables: Tables) -> ir.Table:
    """The ``account_id`` of whoever has ever had a line or a bill, as known to the tables."""
    ids = [tables[name].select("account_id") for name in BILLING if name in tables]
    return ibis.union(*ids).distinct()  # a union of one table is that table, whatever it is asked to be


def watermarks(tables: Tables, today: date) -> dict[str, date | None]:
    """Per table the last day, not after ``today``, on which a row happened or became known (None: it has no clock)."""
    return {name: last_day(name, table, today) for name, table in tables.items()}


def last_days_of_use(tables: Tables, today: date) -> dict[str, date | None]:
    """The watermarks of the tables of usage that are there."""
    return watermarks({name: tables[name] for name in USAGE if name in tables}, today)


def label_watermark(tables: Tables, today: date) -> date:
    """The last day up to which movements are known: a label matures only before it.

    Read from subscriptions and invoices alone; usage may run on after them. With both, the earlier one counts.
    Raises ``ContractError`` if there is no such day.
    """
    return min(_days(tables, BILLING, today))


def data_end(tables: Tables, today: date) -> date:
    """The last day of usage, subscriptions or invoices; the snapshot after it is the latest one that makes sense."""
    return max(_days(tables, (*USAGE, *BILLING), today))


def next_snapshot(tables: Tables, today: date) -> date:
    """The default ``snapshot_date``: the day after the data ends."""
    return data_end(tables, today) + timedelta(days=1)


def _days(tables: Tables, names: tuple[str, ...], today: date) -> list[date]:
    there = {name: tables[name] for name in names if name in tables}
    days = [day for day in watermarks(there, today).values() if day is not None]
    if not days:
        raise ContractError(
            f"Find the last day of {' and '.join(there)}.",
            f"they have no row on or before {today}.",
            "Check that the tables are not empty and that their dates are right.",
        )
    return days
