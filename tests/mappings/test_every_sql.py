"""Every SQL of every mapping runs on both engines, with all that may be landed and with no more than is needed."""

from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pytest

from data.currency import CONVERTED
from data.mappings.catalogue import LINKS, Landed, LandingTable, ReadyMapping, mappings
from data.mappings.compose import compose
from data.mappings.queries import columns_of, of_tool
from data.mappings.recognise import Recognised, recognised
from data.sources.address import Address
from data.sources.connect import open_warehouse
from data.sources.user_sql import IDS, with_account_ids

LANDED_AS = {"text": "text", "timestamp": "timestamp", "epoch": "bigint", "moment": "bigint", "date": "date",
             "boolean": "boolean", "number": "double precision"}  # fmt: skip
ALL = [(name, is_whole) for name in sorted(mappings()) for is_whole in (True, False)]
WORDS = [f"{name} {'whole' if is_whole else 'bare'}" for name, is_whole in ALL]


def statements(mapping: ReadyMapping, schema: str, *, is_whole: bool) -> list[str]:
    """The tables of a mapping, empty: with every column, or without what may be missing."""
    tables: dict[str, dict[str, str]] = {}
    for name, spec in mapping.tables.items():
        if is_whole or not spec.may_lack:
            tables.setdefault((spec.names or (name,))[0], {}).update(_columns(spec, is_whole=is_whole))
    return [f"create schema {schema}"] + [
        f'create table {schema}."{name}" ({", ".join(f"{column!s} {kind}" for column, kind in columns.items())})'
        for name, columns in tables.items()
    ]


def _columns(spec: LandingTable, *, is_whole: bool) -> dict[str, str]:
    landed: dict[str, Landed] = spec.columns | (spec.optional if is_whole else {})
    return {f'"{column.name}"': LANDED_AS[column.type] for column in landed.values()}


def run_all(url: str, name: str) -> None:
    """Each query of the mapping alone, and what is composed of it."""
    address = Address(url, Path.cwd())
    warehouse = open_warehouse(address)
    there = {place: columns for place, columns in warehouse.columns().items() if place[0] == name}
    warehouse.engine.close()
    (tool,) = (tool for tool in recognised(there, {name}) if tool.mapping.name == name)
    run(address, {table: of_tool(tool, table) for table in tool.gives}, tool)
    run(address, {IDS: of_tool(tool, LINKS)})
    says_currency = {"currency" in columns_of(tool, table) for table in CONVERTED if table in tool.gives}
    assert len(says_currency) <= 1, "amounts of one tool, some with a currency and some without"
    if {"subscriptions", "invoices"} & {*tool.gives}:
        run(address, with_account_ids(compose([tool], there).queries))


def run(address: Address, queries: dict[str, str], tool: Recognised | None = None) -> None:
    warehouse = open_warehouse(replace(address, mapped=queries))
    try:
        for table, sql in queries.items():
            rows = warehouse.query(table, sql)
            assert rows.count().to_pandas() == 0
            assert tool is None or {*columns_of(tool, table)} <= {*rows.columns}
    finally:
        warehouse.engine.close()


@pytest.mark.parametrize(("name", "is_whole"), ALL, ids=WORDS)
def test_on_duckdb(tmp_path: Path, name: str, is_whole: bool) -> None:
    with duckdb.connect(str(tmp_path / "base.duckdb")) as con:
        for statement in statements(mappings()[name], name, is_whole=is_whole):
            con.execute(statement)
    run_all(f"duckdb://{tmp_path / 'base.duckdb'}", name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "is_whole"), ALL, ids=WORDS)
def test_on_postgres(postgres: str, name: str, is_whole: bool) -> None:
    database = f"{name}_{'whole' if is_whole else 'bare'}"
    server_url = postgres.replace("postgres://", "postgresql://", 1)
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as server:
        server.execute(f"create database {database}")
    with psycopg.connect(f"{server_url}/{database}") as server:
        for statement in statements(mappings()[name], name, is_whole=is_whole):
            server.execute(statement)
    run_all(f"{postgres}/{database}", name)
