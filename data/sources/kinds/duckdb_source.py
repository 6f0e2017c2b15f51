"""The two kinds of warehouse that DuckDB reads: a folder of files and a DuckDB file.

Both answer the same questions: which tables are there, read one as it is, run a user's SQL for one.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from data.contract.inputs import TABLES
from data.errors import SourceError
from data.sources.address import Address
from data.sources.engine import Engine, closed_on_error
from data.sources.files import (
    TableFiles,
    columns_of,
    first_line,
    list_schemas,
    list_tables,
    one_per_name,
    quoted,
    read_error,
    reader,
    state_of,
)
from data.sources.partitions import Part, partitioned
from data.sources.user_sql import identifier, not_one_select, query_error
from data.sources.warehouse import Place, Warehouse
from data.time_cut import Tables

IN_MEMORY = "memory"
SCHEMAS = ("main", "raw", "staged")
"""Of the database in memory: views of files, tables as they come, tables as the contract has them."""


class DuckDB(Engine):
    """DuckDB: it has no index by account, and its memory limit holds for finished rows too."""

    def partitioned(self, tables: Tables, count: int, folder: Path) -> AbstractContextManager[Part]:
        return partitioned(tables, count, folder)

    @contextmanager
    def scratch(self) -> Iterator[BaseBackend]:
        yield self.con


def in_memory(threads: int | None = None, memory_limit: str | None = None) -> DuckDB:
    """An in-memory DuckDB that stays off the network. Its zone is UTC (Ibis sets that)."""
    options: dict[str, object] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(Path(tempfile.gettempdir()) / f"headroom-{os.getpid()}"),
    }
    if threads is not None:
        options["threads"] = threads
    if memory_limit is not None:
        options["memory_limit"] = memory_limit
    con = ibis.duckdb.connect(**options)
    con.raw_sql("set enable_progress_bar = false")
    for schema in SCHEMAS[1:]:
        con.raw_sql(f"create schema {schema}")
    return DuckDB(con)


class Folder(Warehouse):
    """A folder of files. CSV tables are loaded, Parquet files are read in place."""

    def __init__(self, engine: DuckDB, path: Path, queries: Mapping[str, str]) -> None:
        self.engine, self.con, self.queries, self.path = engine, engine.con, queries, path
        tables = list_tables(path)
        self.names = {files.name: files.shown for files in tables}
        self.files = one_per_name(tables, set(TABLES) - set(queries))
        schemas = list_schemas(path, SCHEMAS)
        self.state = state_of([*{path for files in (*tables, *schemas.values()) for path in files.paths}])
        for files in one_per_name(tables, _named_in(queries, self.names)).values():
            self._define("view", f"main.{identifier(files.name)}", files, reader(files, typed=True))
        for (schema, name), files in schemas.items():
            if _reaches(queries, schema, name):
                self.con.raw_sql(f"create schema if not exists {identifier(schema)}")
                place = f"{identifier(schema)}.{identifier(name)}"
                self._define("view", place, files, reader(files, typed=True))

    def read(self, name: str) -> ir.Table:
        files = self.files[name]
        # The team's own columns are numbers or strings as their values say; the contract's columns stay text.
        own_columns = TABLES[name].extra_columns
        as_text = tuple(column.name for column in TABLES[name].columns)
        sql = reader(files, typed=own_columns, as_text=as_text)
        self._define("table" if files.is_csv else "view", f"raw.{name}", files, sql)
        return self.con.table(name, database="raw")

    def columns(self) -> dict[Place, tuple[str, ...]]:
        alone: dict[Place, TableFiles] = {(None, files.name): files for files in list_tables(self.path)}
        return {place: columns_of(files) for place, files in (alone | list_schemas(self.path, SCHEMAS)).items()}

    def _define(self, kind: str, name: str, files: TableFiles, sql: str) -> None:
        try:
            self.con.raw_sql(f"create {kind} {name} as {sql}")
        except duckdb.Error as error:
            raise read_error(files.shown, error) from error

    def query(self, name: str, sql: str) -> ir.Table:
        return _run(self.con, name, sql, sorted(self.names))

    def keep(self, name: str, staged: ir.Table) -> ir.Table:
        return _held(self.con, name, staged) if name in self.queries or self.files[name].is_csv else staged


class DuckDBFile(Warehouse):
    """A DuckDB file, opened for reading. Tables of its schema `main` are read by name, SQL reaches all schemas."""

    def __init__(self, engine: DuckDB, path: Path, queries: Mapping[str, str]) -> None:
        self.engine, self.con, self.queries = engine, engine.con, queries
        self.state = state_of([path])
        self.catalog = path.stem if path.stem not in {IN_MEMORY, "temp", "system"} else "warehouse"
        try:
            self._attach(path)
            if self.catalog in self._schemas():  # else a name of a table in it would have two meanings
                self.con.raw_sql(f"detach {identifier(self.catalog)}")
                self.catalog = f"{self.catalog}_file"
                self._attach(path)
        except duckdb.Error as error:
            raise SourceError(
                f"Read the DuckDB file {path.name}.",
                first_line(str(error)),
                "Check that it is a DuckDB file and that no other program is writing to it.",
            ) from error
        listing = "select schema_name, {0}_name from duckdb_{0}s() where database_name = ? and not internal"
        rows = [
            row
            for kind in ("table", "view")
            for row in self.con.con.execute(listing.format(kind), [self.catalog]).fetchall()
        ]
        self.names = {name if schema == "main" else f"{schema}.{name}": name for schema, name in rows}

    def _attach(self, path: Path) -> None:
        self.con.raw_sql(f"attach {quoted(str(path))} as {identifier(self.catalog)} (read_only)")

    def _schemas(self) -> set[str]:
        listing = "select schema_name from duckdb_schemas() where database_name = ?"
        return {name for (name,) in self.con.con.execute(listing, [self.catalog]).fetchall()}

    def read(self, name: str) -> ir.Table:
        return self.con.table(name, database=(self.catalog, "main"))

    def columns(self) -> dict[Place, tuple[str, ...]]:
        listing = """select nullif(schema_name, 'main'), table_name, list(column_name order by column_index)
                     from duckdb_columns() where database_name = ? and not internal group by all"""
        rows = self.con.con.execute(listing, [self.catalog]).fetchall()
        return {(schema, name): tuple(columns) for schema, name, columns in rows}

    def query(self, name: str, sql: str) -> ir.Table:
        self.con.raw_sql(f"use {identifier(self.catalog)}")
        try:
            return _run(self.con, name, sql, sorted(self.names))
        finally:
            self.con.raw_sql(f"use {IN_MEMORY}")

    def keep(self, name: str, staged: ir.Table) -> ir.Table:
        return _held(self.con, name, staged) if name in self.queries else staged


def open_folder(address: Address) -> Folder:
    """``parquet://FOLDER``, ``csv://FOLDER`` or a bare path."""
    path, engine = address.path, in_memory(address.threads, address.memory_limit)
    with closed_on_error(engine):
        return Folder(engine, path, address.queries)


def open_file(address: Address) -> DuckDBFile:
    """``duckdb://FILE``."""
    path, engine = address.path, in_memory(address.threads, address.memory_limit)
    with closed_on_error(engine):
        return DuckDBFile(engine, path, address.queries)


def _held(con: BaseBackend, name: str, staged: ir.Table) -> ir.Table:
    return con.create_table(name, staged, database="staged")


def _run(con: BaseBackend, name: str, sql: str, there: list[str]) -> ir.Table:
    """The result of a user's query, held as ``raw.NAME``."""
    try:
        statements = duckdb.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise not_one_select(name)
        query = statements[0].query.strip().rstrip(";")
        con.raw_sql(f"create table {IN_MEMORY}.raw.{name} as\n{query}\n")
    except duckdb.Error as error:
        is_cast = "Error when converting" in str(error)
        if "CSV Error on Line" in str(error) and not is_cast:
            raise read_error(name, error) from error
        message = " ".join(re.split(r"\n\nLINE|\n\s*Column .* is being|Possible |Did you mean", str(error))[0].split())
        raise query_error(name, message, there) from error
    return con.table(name, database=(IN_MEMORY, "raw"))


def _named_in(queries: Mapping[str, str], names: Mapping[str, str]) -> set[str]:
    """The names that occur in some query, not as a schema's: only those files need to be looked into."""
    text = "\n".join(queries.values()).lower()
    return {name for name in names if re.search(rf'{re.escape(name.lower())}(?!\w*"?\.)', text)}


def _reaches(queries: Mapping[str, str], schema: str, name: str) -> bool:
    """Does some query name the table with its schema?"""
    place = rf'\b{re.escape(schema)}"?\s*\.\s*"?{re.escape(name)}\b'
    return any(re.search(place, sql, re.IGNORECASE) for sql in queries.values())
