"""The source: where the tables come from.

``connect`` gives every contract table that is there, raw and staged, as Ibis tables on one engine: an in-memory DuckDB
for files, PostgreSQL or Spark where the tables are theirs. Nothing is written to the source. Another kind of source is
one module with a ``Warehouse``, and a row in ``data.sources.address``.

CSV tables are read once, as text, and the casts of the contract decide. SQL under ``[source.tables]`` sees every file
of a folder as a view named after it, or every schema of a DuckDB file; it is run once and its result is held in memory,
beyond the memory limit on disk. CSV columns are numbers or dates for it only where that changes no value
(``data.sources.csv_types``). Every query may read the result of that for ``account_ids``, which says which account an
id of some tool is; if none does, the ids of all tables are looked up in it (``data.crosswalk``). Tables that ``ignore``
names, or whose SQL is empty, are as if they were not there.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

import ibis.expr.types as ir

from data.contract.inputs import TABLES, Kind
from data.crosswalk import UNLINKED, account_links, with_accounts
from data.errors import ContractError, hint
from data.sources.address import Address
from data.sources.engine import closed_on_error
from data.sources.known import Source
from data.sources.staging import stage
from data.sources.user_sql import IDS, is_read, with_account_ids
from data.sources.variants import merged
from data.sources.warehouse import Warehouse
from data.time_cut import Tables


def connect(
    url: str,
    queries: Mapping[str, str] | None = None,
    *,
    root: Path | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    ignore: Collection[str] | None = None,
) -> Source:
    """Open a source: an address as in ``addresses``, or the bare path of a folder.

    ``queries`` maps a contract table to SQL on the user's own tables, and ``ignore`` names those to leave out, as if
    they were not there; relative paths start at ``root`` (default: the working folder). Raises ``SourceError`` if the
    source cannot be read and ``ContractError`` if it lacks a required table or column (all of them are named), or if a
    query is wrong.
    """
    return open_source(
        Address(url, root or Path.cwd(), dict(queries or {}), threads, memory_limit, frozenset(ignore or ()))
    )


def open_source(address: Address) -> Source:
    """Open the source at an address; the same errors."""
    _refuse_unknown_names(address)
    warehouse = open_warehouse(address)
    with closed_on_error(warehouse.engine):
        source = _read(address, warehouse)
        return replace(source, not_safe=address.not_safe, remarks=(*source.remarks, *address.not_safe))


def open_warehouse(address: Address) -> Warehouse:
    """Where the tables at an address are, whatever they are: a context of the caller's, by its engine."""
    address.require()
    opener: Callable[[Address], Warehouse] = resolve_name(address.kind.opener)
    return opener(address)


def _read(address: Address, warehouse: Warehouse) -> Source:
    """Every contract table that is there and not left out, by the user's SQL where there is some."""
    url, ignored = address.url, address.ignored
    queries = address.queries if warehouse.takes_sql else {}
    asked = with_account_ids(queries)
    came = {
        name: warehouse.query(name, asked[name]) if name in asked else warehouse.read(name)
        for name in TABLES
        if name in queries or (name in warehouse.names and name not in ignored)
    }
    raw = {name: merged(TABLES[name], table, casts_text=warehouse.casts_text) for name, table in came.items()}
    sql = " ".join(queries.values()).lower()
    unread = tuple(sorted(name for name in warehouse.names if name not in TABLES and name.lower() not in sql))
    _refuse_missing(address, raw, sorted(warehouse.names))
    if not warehouse.casts_text:
        _refuse_text(address.shown, raw)
    # What was recorded went through the user's SQL then: ids that it looked up are not looked up again.
    tables, links = _staged(raw, warehouse, address.queries)
    state = None
    if warehouse.state is not None:
        state = f"{warehouse.state} {sorted(address.queries.items())} {sorted(ignored)}"
    split = {name: table for name, table in came.items() if table is not raw[name]}
    remarks = tuple(warehouse.remarks)
    return Source(
        url, warehouse.engine, raw, tables, unread, frozenset(queries), state, remarks, ignored, split, links=links
    )


def _staged(raw: Tables, warehouse: Warehouse, queries: Mapping[str, str]) -> tuple[Tables, ir.Table | None]:
    """The tables with the types of the contract, and whose the ids are that were looked up; None where none were."""
    tables = {name: warehouse.keep(name, stage(TABLES[name], raw[name])) for name in UNLINKED if name in raw}
    links = account_links(tables[IDS], tables["accounts"]) if IDS in raw and not is_read(IDS, queries) else None
    for name in raw.keys() - tables.keys():
        staged = stage(TABLES[name], raw[name])
        tables[name] = warehouse.keep(name, staged if links is None else with_accounts(staged, links))
    return {name: tables[name] for name in raw}, links


def _refuse_text(shown: str, raw: Tables) -> None:
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
            f"Read the tables of {shown}.",
            f"text where a date or a number is needed: {', '.join(wrong)}.",
            "Cast it in the database, or under [source.tables]: `select cast(mrr as numeric) as mrr, ... from ...`.",
        )


def _refuse_unknown_names(address: Address) -> None:
    for name in address.mapped:
        if name not in TABLES:
            raise _unknown_table(f"Use the SQL that [source.tables] has for a table {name}.", name)
    for name in sorted(address.left_out):
        if name not in TABLES:
            raise _unknown_table(f"Leave the table {name} out ([source] ignore).", name)
        if name in address.queries:
            raise ContractError(
                f"Leave the table {name} out ([source] ignore).",
                "[source.tables] has SQL that makes it.",
                "Take one of the two out: with SQL of its own a table's namesake is read by nobody.",
            )


def _unknown_table(asked: str, name: str) -> ContractError:
    return ContractError(
        asked, f"the contract has no such table{hint(name, TABLES)}.", f"Use one of: {', '.join(TABLES)}."
    )


def _refuse_missing(address: Address, raw: Tables, there: list[str]) -> None:
    """One error that names every required table and column that is not there."""
    missing = [] if "accounts" in raw else [_missing_table(("accounts",), address, there)]
    groups = sorted({table.one_of for table in TABLES.values() if table.one_of})
    missing += [_missing_table(group, address, there) for group in groups if not any(name in raw for name in group)]
    lacking = {
        name: [column for column in TABLES[name].required_columns if column not in raw[name].columns] for name in raw
    }
    missing += [
        f"column {name}.{column}{hint(column, raw[name].columns)}"
        for name, columns in lacking.items()
        for column in columns
    ]
    if missing:
        tables = [f"{name} ({', '.join(raw[name].columns)})" for name in raw]
        others = [name for name in there if name not in raw]
        foreign = [name for name, columns in lacking.items() if columns and _may_be_left_out(name, raw, address)]
        raise ContractError(
            f"Read the tables of {address.shown}.",
            f"missing: {'; '.join(missing)}. There: {', '.join([*tables, *others]) or 'nothing'}.",
            "Add what is missing, or say under [source.tables] in headroom.toml which SQL gives each table."
            + "".join(
                f' If {name} is something else of that name, leave it out: [source] ignore = ["{name}"].'
                for name in foreign
            ),
        )


def _missing_table(names: tuple[str, ...], address: Address, there: list[str]) -> str:
    hints = "".join(
        " (left out by [source] ignore)" if name in address.ignored else hint(name, there) for name in names
    )
    return f"table {' or '.join(names)}{hints}"


def _may_be_left_out(name: str, raw: Tables, address: Address) -> bool:
    """Is a table read by its name, and not needed beside the others?"""
    others = [other for other in TABLES[name].one_of if other != name]
    return name not in address.queries and name != "accounts" and (not others or any(other in raw for other in others))
