"""The source: where the tables come from, what of them was known when, and how far they reach.

``connect`` gives every contract table that is there, raw and staged, as Ibis tables on one engine: an in-memory DuckDB
for files, PostgreSQL or Spark where the tables are theirs. Nothing is written to the source.

CSV tables are read once, as text, and the casts of the contract decide. SQL under ``[source.tables]`` sees every file
of a folder as a view named after it (CSV columns then have the types that all of their values allow), or every schema
of a DuckDB file; it is run once and its result is held in memory, beyond the memory limit on disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from data.contract.inputs import TABLES, Kind, Table
from data.errors import ContractError, SourceError
from data.hints import hint
from data.sources.duckdb_source import DuckDBFile, Folder, Warehouse, engine
from data.sources.postgres import SCHEMES, Postgres
from data.sources.spark import Spark
from data.sources.staging import stage

Tables = dict[str, ir.Table]

FILES = ("parquet", "csv", "duckdb")
SUPPORTED = (*FILES, SCHEMES[0], "spark")
LATER = {"redshift", *(entry.name for entry in ibis.util.backend_entry_points())} - {*SUPPORTED, *SCHEMES}
USAGE = ("usage_events", "usage_daily")
BILLING = ("subscriptions", "invoices")


@dataclass(frozen=True)
class Source:
    """A customer base. ``raw`` and ``tables`` (staged) hold the contract tables that are there, by name.

    ``unread`` names what else is there: files or tables that no contract table and no SQL asked for. ``state`` changes
    whenever the source does: the sizes and times of its files; None where only reading it would tell.
    """

    url: str
    con: BaseBackend
    raw: Tables
    tables: Tables
    unread: tuple[str, ...] = ()
    mapped: frozenset[str] = field(default_factory=frozenset)
    state: str | None = None


def connect(
    url: str,
    queries: Mapping[str, str] | None = None,
    *,
    root: Path | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
) -> Source:
    """Open a source: ``parquet://FOLDER``, ``csv://FOLDER``, ``duckdb://FILE``, the bare path of a folder,
    ``postgres://USER@HOST:PORT/DATABASE/SCHEMA``, ``spark://FOLDER`` or ``spark://DATABASE``.

    ``queries`` maps a contract table to SQL on the user's own tables; relative paths start at ``root`` (default: the
    working folder). Raises ``SourceError`` if the source cannot be read and ``ContractError`` if it lacks a required
    table or column (all of them are named), or if a query is wrong.
    """
    queries = dict(queries or {})
    _refuse_unknown_names(queries)
    here = _opened(url, queries, root or Path.cwd(), threads, memory_limit)
    try:
        raw = {
            name: here.query(name, queries[name]) if name in queries else here.read(name)
            for name in TABLES
            if name in queries or name in here.names
        }
        sql = " ".join(queries.values()).lower()
        unread = tuple(sorted(name for name in here.names if name not in TABLES and name.lower() not in sql))
        _refuse_missing(url, raw, sorted(here.names))
        if not here.casts_text:
            _refuse_text(url, raw)
        tables = {name: _staged(here, name, raw[name], is_query=name in queries) for name in raw}
    except BaseException:
        here.con.disconnect()
        raise
    state = None if here.state is None else f"{here.state} {sorted(queries.items())}"
    return Source(url, here.con, raw, tables, unread, frozenset(queries), state)


def _opened(
    url: str, queries: Mapping[str, str], root: Path, threads: int | None, memory_limit: str | None
) -> Warehouse:
    scheme, _, place = url.partition("://")
    if scheme in SCHEMES:
        return Postgres(url)
    if scheme == "spark":
        return Spark(place, root, threads, memory_limit)
    scheme, path = _parse(url, root)
    con = engine(threads, memory_limit)
    try:
        return DuckDBFile(con, path) if scheme == "duckdb" else Folder(con, path, queries)
    except BaseException:
        con.disconnect()
        raise


def _parse(url: str, root: Path) -> tuple[str, Path]:
    """The scheme and the absolute path of a URL; the path is there."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    elif scheme not in FILES:
        known = f"{scheme}:// comes with a later release" if scheme in LATER else f"{scheme}:// is not a kind of source"
        raise SourceError(
            f"The source {scheme}://... is to be opened.",  # without the rest, which may hold a password
            f"{known}. This release reads {', '.join(f'{name}://' for name in SUPPORTED)}.",
            "Export the tables to a folder of Parquet files, or to a DuckDB file.",
        )
    path = (root / Path(rest).expanduser()).resolve()
    asked, todo = f"The source {url} is to be read.", "Correct [source].url, or --source."
    if not path.exists():
        raise SourceError(asked, f"there is no {path}.", todo)
    if path.is_dir() == (scheme == "duckdb"):
        is_there, needed = ("folder", "a file") if path.is_dir() else ("file", "a folder")
        raise SourceError(asked, f"{path} is a {is_there}, and {scheme or 'a bare path'} names {needed}.", todo)
    return scheme or "parquet", path


def _staged(here: Warehouse, name: str, raw: ir.Table, *, is_query: bool) -> ir.Table:
    """The staged table; where raw is held in DuckDB's memory the casts are done once."""
    staged = stage(TABLES[name], raw)
    hold = isinstance(here, Folder | DuckDBFile) and (is_query or here.holds(name))
    return here.con.create_table(name, staged, database="staged") if hold else staged


def _refuse_text(url: str, raw: Tables) -> None:
    """A database has types. Text that is to be a date or a number would end the query at the first odd value."""
    wrong = [
        f"{name}.{column.name}"
        for name, table in raw.items()
        for column in TABLES[name].columns
        if column.kind not in (Kind.ID, Kind.TEXT)
        and column.name in table.columns
        and table[column.name].type().is_string()
    ]
    if wrong:
        raise ContractError(
            f"The tables of {url} are to be read.",
            f"text where a date or a number is needed: {', '.join(wrong)}.",
            "Cast it in the database, or under [source.tables], as in `select mrr::numeric as mrr, ... from ...`.",
        )


def _refuse_unknown_names(queries: Mapping[str, str]) -> None:
    for name in queries:
        if name not in TABLES:
            raise ContractError(
                f"[source.tables] has SQL for a table {name}.",
                f"the contract has no such table{hint(name, TABLES)}.",
                f"Use one of: {', '.join(TABLES)}.",
            )


def _refuse_missing(url: str, raw: Tables, there: list[str]) -> None:
    """One error that names every required table and column that is not there."""
    missing = [] if "accounts" in raw else [f"table accounts{hint('accounts', there)}"]
    for group in sorted({table.one_of for table in TABLES.values() if table.one_of}):
        if not any(name in raw for name in group):
            hints = "".join(hint(name, there) for name in group)
            missing.append(f"table {' or '.join(group)}{hints}")
    missing += [
        f"column {name}.{column}{hint(column, raw[name].columns)}"
        for name in raw
        for column in TABLES[name].required_columns
        if column not in raw[name].columns
    ]
    if missing:
        tables = [f"{name} ({', '.join(raw[name].columns)})" for name in raw]
        others = [name for name in there if name not in raw]
        raise ContractError(
            f"The tables of {url} are to be read.",
            f"missing: {'; '.join(missing)}. There: {', '.join([*tables, *others]) or 'nothing'}.",
            "Add what is missing, or say under [source.tables] in headroom.toml which SQL gives each table.",
        )


def as_of(tables: Tables, day: date) -> Tables:
    """The tables as they were known before ``day``.

    Rows happened and were known before it, so a row of which nobody knows when it happened is left out; an end on or
    after it is not known yet, and neither is what only the end tells (a ticket's rating, the outcome of a play).
    ``accounts`` keeps its rows: lines make a customer.
    """
    return {name: _known_before(TABLES[name], table, day) for name, table in tables.items()}


def _known_before(contract: Table, table: ir.Table, day: date) -> ir.Table:
    clocks = [clock for clock in (contract.happened_on, "known_on") if clock is not None and clock in table.columns]
    if contract.name != "accounts":
        for clock in clocks:
            table = table.filter(table[clock] < day)
    ended = {end: table[end] < day for end in contract.ends_on}
    later: dict[str, ir.Value] = {end: ended[end].ifelse(table[end], ibis.null("date")) for end in ended}
    if contract.name == "tickets":
        later["csat"] = ended["closed_on"].ifelse(table.csat, ibis.null("float64"))
    if contract.name == "outcomes":
        not_yet = table.closed_on.notnull() & ~ended["closed_on"]
        later |= {
            "status": not_yet.ifelse("open", table.status),
            "arr_e4": not_yet.ifelse(ibis.null("int64"), table.arr_e4),
            "reason": not_yet.ifelse(ibis.null("string"), table.reason),
        }
    return table.mutate(**later) if later else table


def watermarks(tables: Tables, today: date) -> dict[str, date | None]:
    """Per table the last day, not after ``today``, on which a row happened or became known (None: it has no clock)."""
    return {name: _last_day(TABLES[name], table, today) for name, table in tables.items()}


def _last_day(contract: Table, table: ir.Table, today: date) -> date | None:
    clocks = [clock for clock in (contract.happened_on, "known_on") if clock is not None and clock in table.columns]
    if not clocks:
        return None
    last = table.aggregate(**{clock: table[clock].max(where=table[clock] <= today) for clock in clocks})
    days = [day.date() for day in last.to_pandas().iloc[0] if day is not None and day == day]
    return max(days, default=None)


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
            f"The last day of {' and '.join(there)} is to be found.",
            f"they have no row on or before {today}.",
            "Check that the tables are not empty and that their dates are right.",
        )
    return days
