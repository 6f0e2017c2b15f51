"""One tool's SQL on the tables as they were landed: every column by its declared name and type."""

import re
from textwrap import indent

from data.mappings.catalogue import Landed, LandingTable, ReadyMapping
from data.mappings.recognise import FoundTable, Recognised
from data.sources.user_sql import column_names, identifier

TYPES = {
    "text": "text",
    "timestamp": "timestamp",
    "epoch": "timestamp",
    "moment": "timestamp",
    "date": "date",
    "boolean": "boolean",
    "number": "double precision",
}
"""How the declared types are written, alike on every engine."""


def of_tool(found: Recognised, table: str) -> str:
    """The SELECT that gives a contract table (or ``links``), with the tool's own ids as ``account_id``."""
    sql = found.mapping.sql(table)
    parts = _parts(found.mapping, sql)
    read = "\n".join([sql, *parts.values()])
    landed = [f"{name} as ({_typed(found, name, read)})" for name in found.mapping.tables if name in _named(read)]
    made = [f"{name} as (\n{indent(part, '    ')}\n)" for name, part in parts.items()]
    opening, tables = re.match(r"((?:--.*\n)*)(with\s+)?", sql), ",\n".join([*landed, *made])  # comments, then `with`
    assert opening, sql
    rest = sql[opening.end() :]
    return f"{opening[1]}with {tables}{',' if opening[2] else ''}\n{rest}"


def _parts(mapping: ReadyMapping, sql: str) -> dict[str, str]:
    """The SELECTs that several tables of a mapping share (``_NAME.sql``), each after those that it reads."""
    found: dict[str, str] = {}
    for name in sorted(_named(sql) - {*mapping.tables}):
        part = mapping.part(name)
        if part is not None:
            found |= {**_parts(mapping, part), name: part}
    return found


def _named(sql: str) -> set[str]:
    """What stands where a table does."""
    return set(re.findall(r"\b(?:from|join)\s+(\w+)", sql, re.IGNORECASE))


def columns_of(found: Recognised, table: str) -> list[str]:
    """The columns that it gives from what is there."""
    given = found.mapping.gives[table]
    names = column_names(found.mapping.sql(table))
    return [name for name in names if name not in given.drop or any(map(found.has, given.drop[name]))]


def _typed(found: Recognised, name: str, sql: str) -> str:
    spec = found.mapping.tables[name]
    words = set(re.findall(r"\w+", sql))
    table = found.tables.get(name)
    columns = {c: landed for c, landed in (spec.columns | spec.optional).items() if c in words}
    casts = [f"\n        {_cast(landed, table)} as {c}" for c, landed in (columns or _first(spec)).items()]
    where = "\n    where 1 = 0" if table is None else f"\n    from {table.sql}"
    return f"\n    select{','.join(casts)}{where}\n"


def _first(spec: LandingTable) -> dict[str, Landed]:
    return dict([next(iter(spec.columns.items()))])


def _cast(landed: Landed, table: FoundTable | None) -> str:
    column = None if table is None else table.columns.get(landed.name.lower())
    if column is None:
        return f"cast(null as {TYPES[landed.type]})"
    if landed.type == "epoch":
        return _since_1970(identifier(column))
    if landed.type == "moment":
        text = f"cast({identifier(column)} as text)"
        return f"case when {text} like '%-%' then cast({text} as timestamp) else {_since_1970(text)} end"
    return f"cast({identifier(column)} as {TYPES[landed.type]})"


def _since_1970(seconds: str) -> str:
    return f"timestamp '1970-01-01 00:00:00' + cast({seconds} as double precision) * interval '1 second'"
