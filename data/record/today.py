"""A source as it is today, in the shape in which it is recorded: contract columns only, each of one type.

Ids and words are text, clocks are days (UTC), amounts are rounded to ten-thousandths: what is written otherwise today
(2 or 2.0, a date or its midnight, a text or a number) is no change.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import ibis.expr.types as ir

from data.contract.inputs import TABLES, Column, Kind
from data.contract.vocabulary import E4
from data.record.days import SeenColumn
from data.record.meaning import TIMED
from data.sources.known import Source
from data.sources.staging import cast, given, moment, own_columns


class Today(NamedTuple):
    """The columns of a table today, and how many values of which could not be read and are left out."""

    columns: dict[str, SeenColumn]
    unreadable: dict[str, int]


def write_today(source: Source, name: str, recorded: Mapping[str, str], path: Path) -> Today:
    """Write a table of the source to a Parquet file.

    ``recorded``: the types that the columns had when they were recorded; the team's own columns keep them.
    """
    raw = source.raw[name]
    contract = TABLES[name]
    columns = {column.name: _canonical(name, column, raw) for column in contract.columns if column.name in raw.columns}
    if contract.extra_columns:
        columns |= {own: _own(raw[own], recorded.get(own)) for own in own_columns(contract, raw) if own not in columns}
    source.engine.write(raw.select(**columns), path)
    given_values = {f"given__{column}": given(raw[column]).count() for column in columns}
    values = {f"read__{column}": value.count() for column, value in columns.items()}
    counted = source.engine.con.to_pyarrow(raw.aggregate(**given_values, **values)).to_pylist()[0]
    lost = {column: counted[f"given__{column}"] - counted[f"read__{column}"] for column in columns}
    return Today(
        {column: SeenColumn(_type_name(value), counted[f"read__{column}"]) for column, value in columns.items()},
        {column: count for column, count in lost.items() if count},
    )


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
