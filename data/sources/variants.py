"""One column that a loader keeps in several: ``amount``, and ``amount__v_double`` for the values of another type.

dlt writes a value that does not fit the type of its column into a variant column beside it, so that each is half empty.
A column of the contract and its variants are read as one column; its rows are no fewer for it.
"""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from data.contract.inputs import Column, Kind, Table
from data.sources.staging import cast, given, zero_or_one

MARK = "__v_"


def variants_of(column: str, columns: Iterable[str]) -> list[str]:
    """The variants of a column that are among these ``columns``."""
    return sorted(name for name in columns if name.startswith(f"{column}{MARK}"))


def merged(table: Table, raw: ir.Table, *, casts_text: bool) -> ir.Table:
    """A raw table in which the contract's columns and their variants are one; the table itself if it has none.

    Variants that are text stay beside a column of another type where the engine cannot try to cast (``casts_text``).
    """
    split = {column: variants_of(column.name, raw.columns) for column in table.columns}
    split = {column: names for column, names in split.items() if names}
    if not split:
        return raw
    whole = {
        column.name: _whole(column, [raw[name] for name in (column.name, *names) if name in raw.columns], casts_text)
        for column, names in split.items()
    }
    return raw.mutate(**whole).drop(*[name for names in split.values() for name in names])


def _whole(column: Column, parts: list[ir.Value], casts_text: bool) -> ir.Value:
    """The first value that is there."""
    if column.kind in (Kind.ID, Kind.TEXT):
        return ibis.coalesce(*[cast(part, column.kind) for part in parts])
    if not casts_text:
        parts = [part for part in parts if not part.type().is_string()] or parts[:1]
    types = [part.type() for part in parts]
    if len(set(types)) > 1:
        if all(kind.is_numeric() or kind.is_boolean() for kind in types):
            parts = [(zero_or_one(part) if part.type().is_boolean() else part).cast("float64") for part in parts]
        elif all(kind.is_date() or kind.is_timestamp() for kind in types):
            parts = [part.cast("timestamp") for part in parts]  # in the session's zone, which is UTC
        else:
            parts = [part if part.type().is_string() else part.cast("string") for part in parts]
    return ibis.coalesce(*[given(part) for part in parts])


def from_variants(table: Table, raw: ir.Table) -> dict[str, tuple[list[str], int]]:
    """Per contract column of a table as it came: its variants, and how many rows have a value in them alone."""
    split = {column.name: variants_of(column.name, raw.columns) for column in table.columns}
    counts = {
        name: (_is_missing(raw, name) & ibis.or_(*[given(raw[variant]).notnull() for variant in variants]))
        .ifelse(1, 0)
        .sum()
        for name, variants in split.items()
        if variants
    }
    if not counts:
        return {}
    found = raw.aggregate(**counts).to_pandas().fillna(0).iloc[0]
    return {name: (split[name], int(found[name])) for name in counts}


def _is_missing(raw: ir.Table, name: str) -> ir.BooleanValue:
    return given(raw[name]).isnull() if name in raw.columns else ibis.literal(True)
