"""Which tools' tables are in a source: by the names of its tables and columns alone, without reading a row."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from data.mappings.catalogue import LandingTable, ReadyMapping, mappings
from data.sources.user_sql import identifier
from data.sources.warehouse import Place

There = Mapping[Place, tuple[str, ...]]
"""The columns of every table of a source."""
OF_AIRBYTE = "_airbyte_"
"""What Airbyte's own columns begin with, in every table that it lands."""


@dataclass(frozen=True)
class FoundTable:
    """A landed table: where it is, and its columns by their names in lower case."""

    place: Place
    columns: Mapping[str, str]

    @property
    def sql(self) -> str:
        schema, name = self.place
        return identifier(name) if schema is None else f"{identifier(schema)}.{identifier(name)}"


@dataclass(frozen=True)
class Recognised:
    """A mapping whose tables are in the source, all in one schema: the landed table of each that is there."""

    mapping: ReadyMapping
    tables: Mapping[str, FoundTable]

    @property
    def where(self) -> str:
        """``stripe``, the schema or the prefix of its tables, or nothing."""
        schema, _ = next(iter(self.tables.values())).place
        return schema or ""

    def has(self, place: str) -> bool:
        """Is a landing table there, or a column of one (``table.column``)?"""
        table, _, column = place.partition(".")
        if table not in self.tables:
            return False
        spec = self.mapping.tables[table]
        return not column or (spec.columns | spec.optional)[column].name.lower() in self.tables[table].columns

    @property
    def gives(self) -> list[str]:
        """The contract tables that it gives from what is there."""
        return [name for name, given in self.mapping.gives.items() if all(map(self.has, given.needs))]

    def caveats(self, table: str) -> list[str]:
        """What is not safe about the times of a contract table that it gives."""
        return [words for place, words in self.mapping.gives[table].caveats.items() if not self.has(place)]


def recognised(there: There, named: Collection[str] = ()) -> list[Recognised]:
    """Every mapping whose needed tables are there; of two of one tool the one that is ``named``, or has more columns.

    In the order of the mappings' names; where a tool is landed twice, its first schema.
    """
    best: dict[str, Recognised] = {}
    for mapping in mappings().values():
        for found in _found(mapping, there):
            other = best.get(mapping.tool)
            if other is None or _rank(found, named) > _rank(other, named):
                best[mapping.tool] = found
    return list(best.values())


def _rank(found: Recognised, named: Collection[str]) -> tuple[bool, int]:
    """Was it asked for, and how many of its columns are there?"""
    columns = {name: spec.columns | spec.optional for name, spec in found.mapping.tables.items()}
    there = sum(found.has(f"{table}.{column}") for table in found.tables for column in columns[table])
    return found.mapping.name in named, there


def _found(mapping: ReadyMapping, there: There) -> Iterator[Recognised]:
    """The mapping in each schema, and under each prefix of table names, that has all that it needs."""
    schemas = sorted({schema for schema, _ in there}, key=lambda schema: schema or "")
    for schema in schemas:
        by_name = {
            name.lower(): FoundTable((schema, name), {column.lower(): column for column in columns})
            for (of, name), columns in there.items()
            if of == schema
        }
        for prefix in ("", f"{mapping.tool}_"):
            tables = {name: _table(name, spec, by_name, prefix) for name, spec in mapping.tables.items()}
            if all(tables[name] or spec.may_lack for name, spec in mapping.tables.items()):
                yield Recognised(mapping, {name: table for name, table in tables.items() if table is not None})


def _table(name: str, spec: LandingTable, by_name: Mapping[str, FoundTable], prefix: str) -> FoundTable | None:
    needed = {column.name.lower() for column in spec.columns.values()}
    for landed in spec.names or (name,):
        table = by_name.get(f"{prefix}{landed}")
        if table is not None and needed <= table.columns.keys():
            return table
    return None


def by_airbyte(there: There) -> list[str]:
    """The names of the tables that Airbyte landed, which no ready-made mapping reads."""
    return sorted(
        f"{schema}.{name}" if schema else name
        for (schema, name), columns in there.items()
        if any(column.lower().startswith(OF_AIRBYTE) for column in columns)
    )


def lacking(mapping: ReadyMapping, there: There) -> str:
    """What of a mapping is not in the source, in words; of the schema that has the most of it."""
    schemas = {schema for schema, _ in there} or {None}
    return min((_lacks(mapping, there, schema) for schema in sorted(schemas, key=str)), key=len)


def _lacks(mapping: ReadyMapping, there: There, schema: str | None) -> str:
    columns = {name.lower().removeprefix(f"{mapping.tool}_"): has for (of, name), has in there.items() if of == schema}
    missing = []
    for name, spec in mapping.tables.items():
        landed = [other for other in spec.names or (name,) if other in columns]
        if spec.may_lack:
            continue
        if not landed:
            missing.append(f"table {' or '.join(spec.names or (name,))}")
            continue
        has = {column.lower() for column in columns[landed[0]]}
        missing += [f"column {landed[0]}.{c.name}" for c in spec.columns.values() if c.name.lower() not in has]
    return ", ".join(missing)
