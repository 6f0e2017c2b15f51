"""The tables of the schema, made and widened by the contract of the outputs; what does not fit is refused.

Every published table is there under its name, with all snapshots, and ``current_NAME`` shows the latest one.
``manifests`` has one row a snapshot: which list it is, and what the manifest says.
"""

from collections.abc import Iterable, Mapping

import psycopg

from data.contract.outputs import TABLES, OutputKind, OutputTable
from data.errors import PublishError
from data.sources.user_sql import identifier

MANIFESTS = "manifests"
TYPES: Mapping[OutputKind, str] = {
    OutputKind.TEXT: "text",
    OutputKind.NUMBER: "double precision",
    OutputKind.WHOLE: "bigint",
    OutputKind.YES_NO: "boolean",
    OutputKind.DAY: "date",
    OutputKind.NUMBERS: "double precision[]",
}
"""Types of PostgreSQL, by the names that it gives them."""
OF_MANIFESTS = {"snapshot_date": "date", "sha256": "text", "manifest": "jsonb"}
_COLUMNS = """select a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull and not a.atthasdef
              from pg_attribute a where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped"""


def columns_of(table: OutputTable, names: Iterable[str]) -> dict[str, str]:
    """The columns of a published table and their types; ``names`` are those it has, some of which are features."""
    own = {column.name: TYPES[column.kind] for column in table.columns}
    return own | dict.fromkeys(table.features_of(names), TYPES[OutputKind.NUMBER])


def prepare(connection: psycopg.Connection, schema: str, columns: Mapping[str, Mapping[str, str]]) -> None:
    """Let every table have these columns (by table); raise ``PublishError`` where what is there cannot take them."""
    if not connection.execute("select 1 from pg_namespace where nspname = %s", [schema]).fetchone():
        connection.execute(f"create schema {identifier(schema)}")
    connection.execute(f"set local search_path to {identifier(schema)}")
    _require(connection, schema, MANIFESTS, OF_MANIFESTS, ("snapshot_date",))
    for name, wanted in columns.items():
        if _require(connection, schema, name, wanted, TABLES[name].key):
            connection.execute(
                f"create or replace view {identifier(f'current_{name}')} as select * from {identifier(name)} "  # noqa: S608
                f"where snapshot_date = (select max(snapshot_date) from {MANIFESTS})"
            )


def _require(
    connection: psycopg.Connection, schema: str, name: str, wanted: Mapping[str, str], key: Iterable[str]
) -> bool:
    """Make a table, or the columns that it lacks. Was anything made?"""
    found = _found(connection, schema, name)
    if not found:
        columns = ", ".join(f"{identifier(column)} {kind}" for column, kind in wanted.items())
        keys = ", ".join(map(identifier, key))
        connection.execute(f"create table {identifier(name)} ({columns}, primary key ({keys}))")
        return True
    _refuse(schema, name, wanted, found)
    missing = [column for column in wanted if column not in found]
    for column in missing:
        connection.execute(f"alter table {identifier(name)} add column {identifier(column)} {wanted[column]}")
    return bool(missing)


def _found(connection: psycopg.Connection, schema: str, name: str) -> dict[str, tuple[str, bool]]:
    """The columns of a table, their types and whether they must be filled; none where there is no such table."""
    place = f"{identifier(schema)}.{identifier(name)}"
    return {column: (kind, is_needed) for column, kind, is_needed in connection.execute(_COLUMNS, [place])}


def published_tables(connection: psycopg.Connection, schema: str) -> dict[str, frozenset[str]]:
    """The published tables that are there, and their columns; none where no list was ever published to the schema.

    Until the transaction ends, their names mean those of the schema.
    """
    connection.execute(f"set local search_path to {identifier(schema)}")
    if not OF_MANIFESTS.keys() <= _found(connection, schema, MANIFESTS).keys():
        return {}
    there = {name: frozenset(_found(connection, schema, name)) for name in TABLES}
    return {name: columns for name, columns in there.items() if columns}


def _refuse(schema: str, name: str, wanted: Mapping[str, str], found: Mapping[str, tuple[str, bool]]) -> None:
    """Raise ``PublishError`` for a column of another type, and for one that must be filled and is not ours."""
    other = [
        f"{column} is {found[column][0]} and not {kind}"
        for column, kind in wanted.items()
        if column in found and found[column][0] != kind
    ]
    strange = [
        f"{column} is in no list and must not be null"
        for column, (_, is_needed) in found.items()
        if is_needed and column not in wanted
    ]
    if other or strange:
        raise PublishError(
            f"Publish to the table {name} of the schema {schema}.",
            f"{'; '.join([*other, *strange])}.",
            "Name another schema in `url` under [publish], or move that table out of this one.",
        )
