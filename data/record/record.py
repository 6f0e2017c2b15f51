"""``headroom record``: what a source shows today is compared with what was recorded; what is other is a day's part."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from duckdb import DuckDBPyConnection

from data.atomic import only_writer
from data.errors import ContractError, NotEnoughHistoryError, some
from data.record.changes import ColumnsThen, Written, number_of, write_changes
from data.record.days import History, SeenColumn, SeenTable
from data.record.erasure import put_in_place
from data.record.settings import OTHER_PLACE, RecordSettings
from data.record.today import write_today
from data.shown.urls import shown_url
from data.sources.files import quoted
from data.sources.kinds.duckdb_source import in_memory
from data.sources.known import Source


@dataclass(frozen=True)
class Recording:
    """What a run recorded. ``is_new``: False where the day was recorded before, and nothing was written."""

    day: date
    is_new: bool
    tables: dict[str, SeenTable]
    remarks: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What was recorded, table by table, in plain lines."""
        if not self.is_new:
            return [f"{self.day} was recorded before; nothing has been written", *self.remarks]
        told = [f"{name:<18} {table.rows:>12,} rows{_changes(table)}" for name, table in self.tables.items()]
        return [*told, f"recorded {self.day}", *self.remarks]


def _changes(table: SeenTable) -> str:
    told = ", ".join(f"{count:,} {what}" for what, count in table.recorded.items())
    return f": {told}" if told else ", nothing new"


@dataclass(frozen=True)
class _Day:
    """One day to record."""

    source: Source
    history: History
    day: date
    settings: RecordSettings
    con: DuckDBPyConnection
    tell: Callable[[str], None]

    @property
    def asked(self) -> str:
        return f"Record {shown_url(self.source.url)} as of {self.day}."


def record_day(
    source: Source, folder: Path, day: date, settings: RecordSettings, tell: Callable[[str], None] = lambda _: None
) -> Recording:
    """Record what the source shows on a day (UTC) into the history of a folder, whole or not at all.

    A day that is recorded already is left as it is. Raises ``NotEnoughHistoryError`` for a day before the last recorded
    one, ``ContractError`` where a table lost more than ``settings.largest_loss`` of its rows, or a column of its
    values, ``SourceError`` for a history that is not as it was recorded, and ``PublishError`` where another run is
    writing it. ``tell`` is told of what could not be read.
    """
    asked = f"Record {shown_url(source.url)} as of {day}."
    with only_writer(folder, asked, OTHER_PLACE):
        put_in_place(folder)
        history = History(folder)
        last = history.last
        if last is not None and day < last.day:
            raise NotEnoughHistoryError(
                asked, f"{last.day} was recorded already; an earlier day cannot follow it.", "Record today."
            )
        if last is not None and day == last.day:
            return Recording(day, False, last.tables, tuple(history.remarks()))
        engine = in_memory()
        try:
            run = _Day(source, history, day, settings, engine.con.con, tell)
            recorded = history.add(day, source.url, lambda path: _write(run, path), asked)
        finally:
            engine.close()
        return Recording(day, True, recorded.tables, tuple(history.remarks()))


def _write(run: _Day, folder: Path) -> dict[str, SeenTable]:
    """Write the part of every table. Raises ``ContractError`` with all that was lost."""
    lost = [
        f"{name}: the table is not there"
        for name in (run.history.last.tables if run.history.last else ())
        if name not in run.source.raw and name not in run.settings.accept
    ]
    seen: dict[str, SeenTable] = {}
    with tempfile.TemporaryDirectory(prefix="headroom-record-") as scratch:
        for name in run.source.raw:
            table, faults = _write_table(run, name, Path(scratch), folder)
            seen[name] = table
            lost += faults
    if lost:
        raise ContractError(
            run.asked,
            f"too much of it is gone since {run.history.days[-1].day}: {some(lost)}. Nothing has been recorded.",
            "Check the feed. If it is right, name what may be gone with --accept, or as `accept` under [record].",
        )
    return seen


def _write_table(run: _Day, name: str, scratch: Path, folder: Path) -> tuple[SeenTable, list[str]]:
    """Write one table's part. Returns what was seen, and what of it is lost beyond what may be."""
    days = run.history.days_of(name)
    file = scratch / f"{name}.parquet"
    seen_columns, unreadable = write_today(run.source, name, run.history.columns(name), file)
    for column, count in unreadable.items():
        run.tell(f"warning: {name}.{column}: {count:,} values cannot be read and are recorded as missing")
    run.con.execute(f"create or replace temp view today as from read_parquet({quoted(str(file))})")
    rows = number_of(run.con, "select count(*) from today")
    columns = ColumnsThen(
        {column: seen.type for column, seen in seen_columns.items()},
        list(days[-1].tables[name].columns) if days else (),
        list(days[0].tables[name].columns) if days else (),
        run.history.columns(name),
    )
    written = write_changes(run.con, name, run.day, columns, run.history.parts(name), folder / f"{name}.parquet")
    file.unlink()
    table = SeenTable(rows, seen_columns, written.recorded)
    return table, list(_losses(run, name, table, written, days[-1].tables[name])) if days else []


def _losses(run: _Day, name: str, now: SeenTable, written: Written, before: SeenTable) -> Iterable[str]:
    """What a table lost beyond what it may, in words."""
    accepted, most = run.settings.accept, run.settings.largest_loss
    if name in accepted or not before.rows:
        return
    lost = max(written.lost, before.rows - now.rows)
    if lost > most * before.rows:
        yield f"{name}: {lost:,} of {before.rows:,} rows"
        return
    for column, then in before.columns.items():
        if f"{name}.{column}" in accepted:
            continue
        values = now.columns.get(column, SeenColumn(then.type, 0)).values
        if column not in now.columns and then.values:
            yield f"{name}.{column}: the column is not there"
        elif then.values - values > most * before.rows:
            yield f"{name}.{column}: {then.values - values:,} of {then.values:,} values"
