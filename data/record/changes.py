"""What is other today than what was recorded: the rows of a day's part, by kind of table.

Every part has ``recorded_on``. Facts have ``record_copies``: how many equal rows came (below 0: went). Keyed rows have
``record_line``, the number of the row that they are a version of, and ``record_what`` happened to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from data.record.meaning import MEANINGS, RowChange
from data.sources.files import quoted
from data.sources.user_sql import identifier

NEW, CHANGED, LEARNED, GONE = "new", "changed", "learned", "gone"
"""What happens to a row. ``learned``: a column that is new in its table has a value; nothing else is other."""

SQL_TYPES = {"string": "varchar", "date": "date", "int64": "bigint", "float64": "double", "timestamp": "timestamp"}
OF_FACTS = {"recorded_on": "date", "record_copies": "int64"}
OF_KEYED = {"recorded_on": "date", "record_line": "int64", "record_what": "string"}
OF_VALUES = {"recorded_on": "date"}

EVER = "select {columns} from read_parquet([{parts}], union_by_name=true, hive_partitioning=false)"
NEVER = "select {nulls} where false"

FACTS = """
with ever as ({ever}),
moved as (
    select {key}, sum(here)::bigint as more, sum(before)::bigint as before from (
        select {key}, 1 as here, 0 as before from today
        union all
        select {key}, -record_copies as here, record_copies as before from ever
    ) group by all having sum(here) <> 0
),
grown as (select * from moved where more > 0),
rows_today as (
    select {columns}{known}, count(*) as record_copies
    from today t where exists (select 1 from grown g where {t_is_g}) group by {columns}
),
counted as (
    select r.*, g.before, sum(r.record_copies) over (
        partition by {r_key} order by {r_columns} rows between unbounded preceding and current row
    ) as so_far
    from rows_today r join grown g on {r_is_g}
)
select * exclude (before, so_far) replace (least(record_copies, so_far - before)::bigint as record_copies)
from counted where so_far > before
union all by name
select {key}, more as record_copies from moved where more < 0 and {is_taken_back}
"""
"""A row that is there more often than it was recorded has come; of equal ones the first so many were there before."""

KEYED = """
with latest as (
    select * from ({ever}) qualify row_number() over (partition by record_line order by recorded_on desc) = 1
),
was as (
    select *, row_number() over (
        partition by {key} order by record_what = 'gone', {order}, record_line
    ) as number from latest
),
here as (select *, row_number() over (partition by {key} order by {order}) as number from today),
met as (
    select {merged}, w.record_line as record_line, w.record_what as was_what, h.number is not null as is_here,
        {differs} as differs, {learns} as learns
    from was w full join here h on {w_is_h} and w.number = h.number
),
told as (
    select *, case
        when record_line is null then 'new'
        when is_here and (was_what = 'gone' or differs) then 'changed'
        when is_here and learns then 'learned'
        when not is_here and was_what <> 'gone' and {gone_is_told} then 'gone'
    end as record_what from met
)
select {columns}, record_what, coalesce(
    record_line,
    (select coalesce(max(record_line), 0) from latest)
        + row_number() over (partition by record_line is null order by {columns})
) as record_line
from told where record_what is not null
"""
"""Rows of one key meet in the order of their values, those that are gone after the others."""

VALUES = """
with last_of_each as (
    select {columns}, true as was from ({ever})
    qualify row_number() over (partition by account_id order by recorded_on desc, known_at desc) = 1
),
here as (
    select {columns}, false as was,
        row_number() over (partition by account_id order by known_at desc, {columns}) as back
    from today
),
newer as (
    select h.* exclude (back) from here h left join last_of_each l on h.account_id = l.account_id
    where l.account_id is null or h.known_at > l.known_at or h.back = 1
),
in_order as (
    select *, row_number() over by_time as number, {moved} as moved
    from (select * from last_of_each union all by name select * from newer)
    window by_time as (partition by account_id order by was desc, known_at, {columns})
)
select {columns} from in_order where not was and (number = 1 or moved)
"""


PART = """
copy (select date '{day}' as recorded_on, * from came order by {order}) to {path} (format parquet, compression zstd)
"""
LOST = "from came c select count(*) where record_what = 'gone' and not exists (from today t where {same})"


@dataclass(frozen=True)
class ColumnsThen:
    """The columns of a table: today, on the last day that it was recorded, on the first, and ever with their types."""

    today: Mapping[str, str]
    last: Sequence[str] = ()
    first: Sequence[str] = ()
    ever: Mapping[str, str] | None = None


class Written(NamedTuple):
    """What was recorded of a table today: rows by what happened to them, and how many of before were lost."""

    recorded: dict[str, int]
    lost: int


def part_columns(change: RowChange) -> dict[str, str]:
    """The columns that a part has beside those of its table, with their types."""
    if change in (RowChange.FACTS, RowChange.BILLS):
        return OF_FACTS
    return OF_VALUES if change is RowChange.VALUES else OF_KEYED


def number_of(con: DuckDBPyConnection, query: str) -> int:
    """The one number that a query gives."""
    ((number,),) = con.execute(query).fetchall()
    return int(number)


def recorded_rows(con: DuckDBPyConnection, parts: Sequence[Path], columns: Mapping[str, str]) -> str:
    """The SQL of all recorded rows of a table with these columns; what the parts do not have is null."""
    nulls = {name: f"null::{SQL_TYPES[kind]} as {identifier(name)}" for name, kind in columns.items()}
    if not parts:
        return NEVER.format(nulls=", ".join(nulls.values()))
    files = ", ".join(quoted(str(path)) for path in parts)
    there = {row[0] for row in con.execute("describe " + EVER.format(columns="*", parts=files)).fetchall()}
    chosen = [identifier(name) if name in there else nulls[name] for name in columns]
    return EVER.format(columns=", ".join(chosen), parts=files)


def write_changes(
    con: DuckDBPyConnection, name: str, day: date, columns: ColumnsThen, parts: Sequence[Path], path: Path
) -> Written:
    """Compare ``today``, a table of the connection, with all that was recorded; write what is other to ``path``.

    Nothing is written where nothing is other.
    """
    change = MEANINGS[name].change
    types = {**(columns.ever or {}), **columns.today}
    ever = recorded_rows(con, parts, types | part_columns(change))
    query = {RowChange.FACTS: _facts, RowChange.BILLS: _facts, RowChange.VALUES: _values}.get(change, _keyed)
    con.execute(f"create or replace temp table came as {query(name, columns, ever)}")
    recorded = _told(con, change)
    lost = _lost(con, name, recorded)
    if recorded:
        order = ", ".join(identifier(row[0]) for row in con.execute("describe came").fetchall())
        con.execute(PART.format(day=day, order=order, path=quoted(str(path))))
    con.execute("drop table came")
    return Written(recorded, lost)


def _told(con: DuckDBPyConnection, change: RowChange) -> dict[str, int]:
    own = part_columns(change)
    what, count = "'new'", "count(*)"
    if "record_copies" in own:
        what, count = "if(record_copies > 0, 'new', 'gone')", "sum(abs(record_copies))::bigint"
    elif "record_what" in own:
        what = "record_what"
    rows = con.execute(f"from came select {what}, {count} group by 1 order by 1").fetchall()
    return dict(rows)


def _lost(con: DuckDBPyConnection, name: str, recorded: Mapping[str, int]) -> int:
    """How many rows are gone, by what the table says a row is told by."""
    lost_by = MEANINGS[name].lost_by
    if not lost_by:
        return recorded.get(GONE, 0)
    return number_of(con, LOST.format(same=_all_same(lost_by, "c", "t")))


def _facts(name: str, columns: ColumnsThen, ever: str) -> str:
    counted = [column for column in columns.today if column != "known_at"]
    # A column that came later does not make other facts of those that were recorded without it.
    key = [column for column in counted if column in columns.first] or counted
    happened = "billed_at >= (select min(billed_at) from today)"
    return FACTS.format(
        ever=ever,
        key=_names(key),
        columns=_names(counted),
        known=", min(known_at) as known_at" if "known_at" in columns.today else "",
        t_is_g=_all_same(key, "t", "g"),
        r_is_g=_all_same(key, "r", "g"),
        r_key=_names(key, "r"),
        r_columns=_names(counted, "r"),
        # What is older than all that the source still shows has left its window; nobody took it back.
        is_taken_back=happened if MEANINGS[name].change is RowChange.BILLS else "false",
    )


def _keyed(name: str, columns: ColumnsThen, ever: str) -> str:
    before = columns.last or list(columns.today)
    common = [column for column in columns.today if column in before]
    key = [column for column in MEANINGS[name].key if column in common]
    compared = [column for column in common if column not in (*key, "known_at")]
    fresh = [column for column in columns.today if column not in before and column != "known_at"]
    every = [*columns.today, *(column for column in columns.ever or () if column not in columns.today)]
    merged = {
        column: f"if(h.number is null, w.{identifier(column)}, h.{identifier(column)})"
        if column in columns.today
        else f"w.{identifier(column)}"
        for column in every
    }
    return KEYED.format(
        ever=ever,
        key=_names(key),
        order=_names(common),
        merged=", ".join(f"{value} as {identifier(column)}" for column, value in merged.items()),
        differs=_any(f"w.{identifier(column)} is distinct from h.{identifier(column)}" for column in compared),
        learns=_any(f"h.{identifier(column)} is not null" for column in fresh),
        w_is_h=_all_same(key, "w", "h"),
        gone_is_told="false" if MEANINGS[name].change is RowChange.COUNTS else "true",
        columns=_names(every),
    )


def _values(_name: str, columns: ColumnsThen, ever: str) -> str:
    own = [column for column in columns.today if column not in ("account_id", "known_at")]
    moved = _any(f"{identifier(column)} is distinct from lag({identifier(column)}) over by_time" for column in own)
    return VALUES.format(ever=ever, columns=_names(columns.today), moved=moved)


def _names(columns: Iterable[str], of: str = "") -> str:
    return ", ".join(f"{of}.{identifier(column)}" if of else identifier(column) for column in columns)


def _all_same(columns: Iterable[str], one: str, other: str) -> str:
    return " and ".join(
        f"{one}.{identifier(column)} is not distinct from {other}.{identifier(column)}" for column in columns
    )


def _any(conditions: Iterable[str]) -> str:
    return f"({' or '.join(conditions) or 'false'})"
