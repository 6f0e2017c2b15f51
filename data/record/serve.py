"""``record://FOLDER``: the recorded days as the tables of the contract, with ``known_at``.

What a row says of itself is kept where it can be true: a fact is known since the day that the source says if it had not
been looked for in vain on a later one. Else it is known from the day on which it was first seen.
"""

import ibis.expr.types as ir
import pyarrow as pa

from data.contract.inputs import STAGED_TYPE, TABLES, Kind, Table
from data.errors import SourceError
from data.record.changes import GONE, part_columns, recorded_rows
from data.record.days import History, previous_days
from data.record.lines import served_lines
from data.record.meaning import MEANINGS, Meaning, RowChange
from data.sources.address import Address
from data.sources.engine import closed_on_error
from data.sources.kinds.duckdb_source import in_memory
from data.sources.user_sql import identifier
from data.sources.warehouse import Warehouse

KNOWN = """
create macro known_day(said, happened, seen, before) as case
    when before is null then said::date
    when said is not null then if(said::date >= before, said::date, seen)
    when happened::date >= seen - 1 then least(happened::date, seen)
    else seen
end
"""
"""Since when a fact is known that was first seen on a day, and not on the recorded day before that.

What the source ``said`` holds if that day had not yet been looked at; what only ``happened`` is known when it happened
if that was the same day or the one before: a recording early on a day shows what the day before brought. The first
recording has nothing before it: all is as the source says.
"""

HAPPENED = """
create macro happened_day(happened, seen, before) as
    if(happened is null or before is null or happened::date >= seen - 1, happened::date, seen)
"""
"""The same for a table without ``known_at``: what was seen too late counts from the day it was seen."""

FACTS = """
select * replace ({known} as known_at) from (
    select *, unnest(range(abs(record_copies))) as copy from ({rows}) join days using (recorded_on)
)
"""
BILLS = """
select * replace (
    if(record_copies < 0, recorded_on, {known}) as known_at, if(record_copies < 0, -amount, amount) as amount
) from (select *, unnest(range(abs(record_copies))) as copy from ({rows}) join days using (recorded_on))
"""
COUNTS = """
with steps as (
    select *, max(events) over earlier as events_before, max(quantity) over earlier as quantity_before,
        max(active_users) over earlier as users_before
    from ({rows}) join days using (recorded_on)
    window earlier as (
        partition by record_line order by recorded_on rows between unbounded preceding and 1 preceding
    )
),
grown as (
    select account_id, day, feature, user_id, active_users, {known} as known_at,
        if(events is null, null, greatest(events - coalesce(events_before, 0), 0)) as events,
        if(quantity is null, null, greatest(quantity - coalesce(quantity_before, 0), 0)) as quantity
    from steps
    where events_before is null or events > events_before or quantity > coalesce(quantity_before, 0)
        or active_users > coalesce(users_before, 0)
)
select * exclude (events, quantity, active_users), sum(events)::bigint as events, sum(quantity) as quantity,
    max(active_users) as active_users
from grown group by all
"""
DATED = """
with entries as (select *, {ended} as ended from ({rows}) join days using (recorded_on)),
moves as (
    select *, row_number() over in_line = 1 or ended is distinct from lag(ended) over in_line as end_moved
    from entries window in_line as (partition by record_line order by recorded_on)
),
lines as (
    select {columns}, last(ended order by recorded_on) as ended, min(recorded_on) as recorded_on,
        max(recorded_on) filter (end_moved) as end_recorded_on
    from moves group by record_line
)
select l.* replace ({replaced}) from lines l
    join days d on d.recorded_on = l.recorded_on join days e on e.recorded_on = l.end_recorded_on
"""
LATEST = """
select r.* {replaced} from (
    select *, min(recorded_on) over (partition by record_line) as first_on from ({rows})
    qualify row_number() over (partition by record_line order by recorded_on desc) = 1
) r join days d on d.recorded_on = first_on where {is_kept}
"""
LINES = """
select v.* replace (
    known_day(v.known_at, v.valid_from, v.seen_on, b.before) as known_at,
    if(v.valid_to is null, null, known_day(v.end_claim, v.valid_to, v.end_seen_on, e.before)) as ends_known_at
) from versions v join days b on b.recorded_on = v.seen_on left join days e on e.recorded_on = v.end_seen_on
"""
VALUES = """
select * replace (
    if(before is null or (known_at::date >= before and coalesce(known_at > said_before, true)),
        known_at, recorded_on::timestamp) as known_at
) from (
    select *, lag(known_at) over (partition by account_id order by recorded_on, known_at) as said_before
    from ({rows}) join days using (recorded_on)
)
"""
TYPES = STAGED_TYPE | dict.fromkeys((Kind.MONEY, Kind.QUANTITY), "float64")
"""How a column is recorded that a source does not have: as it is staged, and amounts as people write them."""
ALWAYS = frozenset({"known_at", "valid_to", "ends_known_at"})
"""Columns that the history has, whether the source had them or not."""


class RecordedTables(Warehouse):
    """The tables of a history. SQL of the user was run when they were recorded; it is not run on them again."""

    takes_sql = False

    def __init__(self, address: Address) -> None:
        history = History(address.path)
        if not history.days:
            raise SourceError(
                f"Read the history {address.path}.", "no day is recorded in it.", "Run `headroom record` first."
            )
        self.history, self.state, self.remarks = history, history.state, tuple(history.remarks())
        self.names = dict.fromkeys(history.tables, address.shown)
        self.engine = in_memory(address.threads, address.memory_limit)
        with closed_on_error(self.engine):
            for macro in (KNOWN, HAPPENED):
                self.engine.con.raw_sql(macro)

    def read(self, name: str) -> ir.Table:
        con = self.engine.con
        contract, recorded = TABLES[name], self.history.columns(name)
        types = {column.name: recorded.get(column.name, TYPES[column.kind]) for column in contract.columns} | recorded
        days = pa.table(
            dict(
                zip(
                    ("recorded_on", "before"), zip(*previous_days(self.history.days_of(name)), strict=True), strict=True
                )
            ),
            schema=pa.schema([("recorded_on", pa.date32()), ("before", pa.date32())]),
        )
        con.create_table("days", days, temp=True, overwrite=True)
        rows = recorded_rows(con.con, self.history.parts(name), types | part_columns(MEANINGS[name].change))
        query = self._query(name, rows)
        chosen = [column for column in types if column in {*recorded, *ALWAYS, *self._ends(name)}]
        columns = ", ".join(identifier(column) for column in chosen)
        con.raw_sql(f"create table raw.{name} as from ({query}) select {columns}")
        return con.table(name, database="raw")

    def query(self, name: str, sql: str) -> ir.Table:  # noqa: ARG002
        return self.read(name)

    def keep(self, name: str, staged: ir.Table) -> ir.Table:
        return self.engine.con.create_table(name, staged, database="staged")

    def _ends(self, name: str) -> tuple[str, ...]:
        """The ends that the history knows because rows were gone."""
        has_gone = any(GONE in day.tables[name].recorded for day in self.history.days_of(name))
        return TABLES[name].ends if MEANINGS[name].ends_when_gone and has_gone else ()

    def _query(self, name: str, rows: str) -> str:
        """The SQL of a table as served, with ``rows``, the SQL of all that was recorded of it."""
        contract, meaning = TABLES[name], MEANINGS[name]
        known = f"known_day(known_at, {contract.happened}, recorded_on, before)"
        match meaning.change:
            case RowChange.FACTS:
                return FACTS.format(rows=rows, known=known)
            case RowChange.BILLS:
                return BILLS.format(rows=rows, known=known)
            case RowChange.COUNTS:
                return COUNTS.format(rows=rows, known=known)
            case RowChange.VALUES:
                return VALUES.format(rows=rows)
            case RowChange.LINES:
                self._register_versions(rows)
                return LINES
            case RowChange.DATED:
                return _dated(contract, meaning, rows)
            case _:
                has_known = any(column.name == "known_at" for column in contract.columns)
                return LATEST.format(
                    rows=rows,
                    replaced="replace (known_day(r.known_at, null, first_on, before) as known_at)" if has_known else "",
                    is_kept="record_what <> 'gone'" if meaning.drops else "true",
                )

    def _register_versions(self, rows: str) -> None:
        con = self.engine.con
        order = "order by account_id, product, recorded_on, record_line"
        entries = con.con.sql(f"from ({rows}) {order}").to_arrow_table()
        schema = pa.schema(
            [field for field in entries.schema if not field.name.startswith("record")]
            + [(name, pa.date32()) for name in ("seen_on", "end_seen_on", "end_claim")]
        )
        days = dict(previous_days(self.history.days_of("subscriptions")))
        versions = pa.Table.from_pylist(list(served_lines(entries.to_pylist(), days)), schema=schema)
        con.create_table("versions", versions, temp=True, overwrite=True)


def _dated(contract: Table, meaning: Meaning, rows: str) -> str:
    """Rows as first seen, with their end."""
    (end,) = contract.ends
    named = [column.name for column in contract.columns]
    ended = end
    if meaning.ends_when_gone:
        ended = f"if(record_what = 'gone', coalesce({end}, recorded_on), {end})"
    if "status" in meaning.settles:
        # What came of a play without a day of its own is known from the day it was seen.
        ended = f"if(before is not null and status <> 'open', coalesce({end}, recorded_on), {end})"
    columns = [
        f"last({name} order by recorded_on) as {name}"
        if name in (*meaning.settles, end)
        else f"first({name} order by recorded_on) as {name}"
        if name in ("known_at", contract.happened)
        else f"first({name} order by recorded_on) filter ({name} is not null) as {name}"
        for name in named
    ]
    replaced = [f"happened_day(ended, end_recorded_on, e.before) as {end}"]
    if "known_at" in named:
        replaced.append(f"known_day(known_at, {contract.happened}, l.recorded_on, d.before) as known_at")
    else:
        happened = contract.happened
        replaced.append(f"happened_day({happened}, l.recorded_on, d.before) as {happened}")
    return DATED.format(rows=rows, ended=ended, columns=", ".join(columns), replaced=", ".join(replaced))
