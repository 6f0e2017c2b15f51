"""The two kinds of warehouse that DuckDB reads: a folder of files and a DuckDB file.

Both answer the same questions: which tables are there, read one as it is, run a user's SQL for one.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from data.contract.inputs import TABLES
from data.errors import SourceError
from data.sources.files import TableFiles, first_line, list_tables, one_per_name, quoted, read_error, reader, state_of
from data.sources.user_sql import identifier, not_one_select, query_error

IN_MEMORY = "memory"


def engine(threads: int | None, memory_limit: str | None) -> BaseBackend:
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
    for schema in ("raw", "staged"):
        con.raw_sql(f"create schema {schema}")
    return con


class Warehouse(Protocol):
    """Where tables are: ``names`` maps each to how messages name it. ``casts_text``: a text that is no number, cast
    to one, becomes null and is no error.
    """

    casts_text: bool

    @property
    def con(self) -> BaseBackend:
        """The engine that runs the expressions."""

    @property
    def names(self) -> Mapping[str, str]:
        """The tables that are there."""

    @property
    def state(self) -> str | None:
        """Changes whenever the tables do; None if only reading them would tell."""

    def read(self, name: str) -> ir.Table:
        """A table as it is."""

    def query(self, name: str, sql: str) -> ir.Table:
        """The result of a user's SQL, run once and held. Raises ``ContractError`` if the SQL is wrong."""


class Folder:
    """A folder of files. CSV tables are loaded, Parquet files are read in place."""

    casts_text = True

    def __init__(self, con: BaseBackend, path: Path, queries: Mapping[str, str]) -> None:
        self.con = con
        self.found = list_tables(path)
        self.names = {files.name: files.shown for files in self.found}
        self.files = one_per_name(self.found, set(TABLES) - set(queries))
        self.state: str | None = state_of([path for files in self.found for path in files.paths])
        for files in one_per_name(self.found, _named_in(queries, self.names)).values():
            self._define("view", f"main.{identifier(files.name)}", files, reader(files, typed=True))

    def holds(self, name: str) -> bool:
        return self.files[name].is_csv

    def read(self, name: str) -> ir.Table:
        files = self.files[name]
        # The team's own columns are numbers or strings as their values say; the contract's columns stay text.
        own_columns = TABLES[name].extra_columns
        as_text = tuple(column.name for column in TABLES[name].columns)
        sql = reader(files, typed=own_columns, as_text=as_text)
        self._define("table" if files.is_csv else "view", f"raw.{name}", files, sql)
        return self.con.table(name, database="raw")

    def _define(self, kind: str, name: str, files: TableFiles, sql: str) -> None:
        try:
            self.con.raw_sql(f"create {kind} {name} as {sql}")
        except duckdb.Error as error:
            raise read_error(files.shown, error) from error

    def query(self, name: str, sql: str) -> ir.Table:
        return _run(self.con, name, sql, sorted(self.names))


class DuckDBFile:
    """A DuckDB file, opened for reading. Tables of its schema `main` are read by name, SQL reaches all schemas."""

    casts_text = True

    def __init__(self, con: BaseBackend, path: Path) -> None:
        self.con = con
        self.state: str | None = state_of([path])
        self.catalog = path.stem if path.stem not in {IN_MEMORY, "temp", "system"} else "warehouse"
        try:
            con.raw_sql(f"attach {quoted(str(path))} as {identifier(self.catalog)} (read_only)")
        except duckdb.Error as error:
            raise SourceError(
                f"The DuckDB file {path.name} is to be read.",
                first_line(str(error)),
                "Check that it is a DuckDB file and that no other program is writing to it.",
            ) from error
        listing = "select schema_name, {0}_name from duckdb_{0}s() where database_name = ? and not internal"
        rows = [
            row
            for kind in ("table", "view")
            for row in con.con.execute(listing.format(kind), [self.catalog]).fetchall()
        ]
        self.names = {name if schema == "main" else f"{schema}.{name}": name for schema, name in rows}

    def holds(self, name: str) -> bool:  # noqa: ARG002  (same questions as to a folder)
        return False

    def read(self, name: str) -> ir.Table:
        return self.con.table(name, database=(self.catalog, "main"))

    def query(self, name: str, sql: str) -> ir.Table:
        self.con.raw_sql(f"use {identifier(self.catalog)}")
        try:
            return _run(self.con, name, sql, sorted(self.names))
        finally:
            self.con.raw_sql(f"use {IN_MEMORY}")


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
        found = " ".join(re.split(r"\n\nLINE|\n\s*Column .* is being|Possible |Did you mean", str(error))[0].split())
        raise query_error(name, found, there) from error
    return con.table(name, database=(IN_MEMORY, "raw"))


def _named_in(queries: Mapping[str, str], names: Mapping[str, str]) -> set[str]:
    """The names that occur in some query: only those files need to be looked into."""
    text = "\n".join(queries.values()).lower()
    return {name for name in names if name.lower() in text}
