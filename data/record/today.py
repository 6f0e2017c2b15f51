"""A source as it is today, in the shape in which it is recorded: contract columns only, each of one type.

Ids and words are text, clocks are days (UTC), amounts are rounded to ten-thousandths: what is written otherwise today
(2 or 2.0, a date or its midnight, a text or a number) is no change.
"""

from collections.abc import Mapping
from pathlib import Path

import ibis.expr.types as ir

from data.contract.inputs import TABLES, Column, Kind
from data.contract.vocabulary import E4
from data.record.days import SeenColumn
from data.record.meaning import TIMED
from data.sources.known import Source
from data.sources.staging import cast, given, moment, own_columns


def write_today(source: Source, name: str, recorded: Mapping[str, str], path: Path) -> dict[str, SeenColumn]:
    """Write a table of the source to a Parquet file. Returns its columns with their types and how full they are.

    ``recorded``: the types that the columns had when they were recorded; the team's own columns keep them.
    """
    raw = source.raw[name]
    contract = TABLES[name]
    columns = {column.name: _canonical(name, column, raw) for column in contract.columns if column.name in raw.columns}
    if contract.extra_columns:
        columns |= {own: _own(raw[own], recorded.get(own)) for own in own_columns(contract, raw) if own not in columns}
    table = raw.select(**columns)
    source.engine.write(table, path)
    types = {column: _type_name(value) for column, value in columns.items()}
    counted = source.engine.con.to_pyarrow(table.aggregate(**{column: table[column].count() for column in columns}))
    return {column: SeenColumn(types[column], counted[column][0].as_py() or 0) for column in columns}


def unreadable(source: Source, name: str) -> dict[str, int]:
    """The columns of a table with values that are not what the contract says, and how many: they are left out."""
    raw = source.raw[name]
    columns = [column for column in TABLES[name].columns if column.name in raw.columns]
    counts = {
        column.name: (given(raw[column.name]).notnull() & _canonical(name, column, raw).isnull()).sum()
        for column in columns
    }
    found = source.engine.con.to_pyarrow(raw.aggregate(**counts))
    return {column: count for column in counts if (count := found[column][0].as_py())}


def _canonical(name: str, column: Column, raw: ir.Table) -> ir.Value:
    value = raw[column.name]
    if (name, column.name) in TIMED:
        return moment(given(value)).cast("timestamp(6)")
    if column.kind in (Kind.MONEY, Kind.QUANTITY):
        return cast(value, column.kind).cast("float64") / float(E4)
    return cast(value, column.kind)


def _own(value: ir.Value, recorded: str | None) -> ir.Value:
    """A number or a text, as it was when it was first recorded."""
    is_text = recorded == "string" if recorded is not None else value.type().is_string()
    return given(value).cast("string") if is_text else cast(value, Kind.RATING)


def _type_name(value: ir.Value) -> str:
    kind = value.type()
    return "timestamp" if kind.is_timestamp() else str(kind).removeprefix("!")
