"""The two kinds of warehouse that DuckDB reads: a folder of files and a DuckDB file.

Both answer the same questions: which tables are there, read one as it is, run a user's SQL for one.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends import BaseBackend

from data.contract.inputs import TABLES, Kind, Table
from data.errors import ContractError, HeadroomError, SourceError
from data.sources.address import Address
from data.sources.csv_types import typed_columns
from data.sources.engine import Engine, closed_on_error
from data.sources.files import (
    TableFiles,
    columns_of,
    csv_header,
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
from data.sources.user_sql import asked_sql, identifier, names_read, not_one_select, query_error, words_of
from data.sources.warehouse import Place, Warehouse
from data.time_cut import Tables

OF_A_FILE = (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException)
"""What DuckDB raises for a file that is damaged or cannot be read."""
IN_MEMORY = "memory"
UNKNOWN_TO_IBIS = {'"NULL"': "VARCHAR", "TIMESTAMPTZ_NS": "TIMESTAMPTZ"}
"""Types of DuckDB 2 that ibis 12 does not know, and what they are read as; drop with the next ibis."""
AS_TEXT = (
    "A column of a CSV file is text unless every value is a plain number or a date such as 2024-12-31: cast it, as in "
    "`try_cast(amount as double)` or `strptime(day, '%d/%m/%Y')`."
)
SHARE_OF_ROWS = 1 / 3
"""Of the memory limit so much may be taken by rows in this process, beside the tables in DuckDB."""
BATCH_ROWS = 200_000
SCHEMAS = ("main", "raw", "staged")
"""Of the database in memory: views of files, tables as they come, tables as the contract has them."""


@ibis.udf.scalar.builtin(name="hash", signature=((int, None), int))
def _hash(before: int, value: Any) -> int:
    """DuckDB's own hash of both."""
    raise NotImplementedError


class DuckDB(Engine):
    """DuckDB: it has no index by account, and its memory limit holds for finished rows too."""

    @property
    def room(self) -> int:
        ((limit,),) = self.con.raw_sql("select parse_formatted_bytes(current_setting('memory_limit'))").fetchall()
        return int(limit * SHARE_OF_ROWS)

    def batches(self, rows: ir.Table) -> Iterator[pa.RecordBatch]:
        # ibis 12 asks for batches by a name that DuckDB 2 has no more.
        yield from self.con.con.sql(self.con.compile(rows)).to_arrow_reader(BATCH_ROWS)

    def hash_with(self, before: ir.IntegerValue, value: ir.Value) -> ir.IntegerValue:
        hashed: ir.IntegerValue = _hash(before, value)
        return hashed

    def partitioned(self, tables: Tables, count: int, folder: Path) -> AbstractContextManager[Part]:
        return partitioned(tables, count, folder)

    @contextmanager
    def scratch(self) -> Iterator[BaseBackend]:
        yield self.con

    def in_words(self, error: BaseException) -> HeadroomError | None:
        asked = "Read the tables of the source."
        if isinstance(error, duckdb.OutOfMemoryException):
            todo = "Raise [source] memory_limit, or give TMPDIR a folder with room."
            return SourceError(asked, f"{first_line(str(error))}.", todo)
        if isinstance(error, OF_A_FILE) or type(error) is duckdb.Error:  # a Parquet reader has no kind of its own
            return SourceError(asked, first_line(str(error)), "Write the file again, and check the disk that it is on.")
        return None


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

    def __init__(self, engine: DuckDB, path: Path, queries: Mapping[str, str], ignored: frozenset[str]) -> None:
        self.engine, self.con, self.queries, self.path = engine, engine.con, queries, path
        tables = list_tables(path)
        self.names = {files.name: files.shown for files in tables}
        self.files = one_per_name(tables, set(TABLES) - set(queries) - ignored)
        schemas = list_schemas(path, SCHEMAS)
        every = (*tables, *schemas.values())
        self.state = state_of([*{path for files in every for path in files.paths}])
        self.has_csv = any(files.is_csv for files in every)
        self.respelled: dict[str, str] = {}
        named = {name for sql in queries.values() for name in names_read(sql, self.names, "duckdb")}
        for files in one_per_name(tables, named).values():
            self._define("view", f"main.{identifier(files.name)}", files)
        for (schema, name), files in schemas.items():
            if _reaches(queries, schema, name):
                self.con.raw_sql(f"create schema if not exists {identifier(schema)}")
                self._define("view", f"{identifier(schema)}.{identifier(name)}", files)

    def read(self, name: str) -> ir.Table:
        files = self.files[name]
        self._define("table" if files.is_csv else "view", f"raw.{name}", files, TABLES[name])
        return self.con.table(name, database="raw")

    def columns(self) -> dict[Place, tuple[str, ...]]:
        alone: dict[Place, TableFiles] = {(None, files.name): files for files in list_tables(self.path)}
        return {place: columns_of(files) for place, files in (alone | list_schemas(self.path, SCHEMAS)).items()}

    def _define(self, kind: str, name: str, files: TableFiles, table: Table | None = None) -> None:
        """A table or view of some files, as a ``table`` of the contract or as SQL reads them."""
        try:
            reading = reader(files)
            if files.is_csv:
                reading = self._typed_csv(reading, csv_header(files.paths[0])[1], table)
            elif files.root is not None:
                reading = self._typed_paths(reading, files, table)
            self.con.raw_sql(f"create {kind} {name} as {_known_types(self.con, reading)}")
        except duckdb.Error as error:
            raise read_error(files.shown, str(error)) from error

    def _typed_csv(self, reading: str, columns: list[str], table: Table | None) -> str:
        """The reading of a CSV file with the types that its values have to the letter.

        The contract's own casts read its columns as text; other columns are read by nobody, but in the team's features.
        """
        if table is not None and not table.extra_columns:
            return reading
        as_text = set() if table is None else {column.name for column in table.columns}
        others = [name for name in columns if name not in as_text]
        typed = typed_columns(self.con, reading, others, own=others if table is not None else ())
        if table is None:
            self.respelled |= {name: typed.types[name] for name in typed.respelled}
        return typed.reading(reading, columns)

    def _typed_paths(self, reading: str, files: TableFiles, table: Table | None) -> str:
        """The reading of a folder whose paths hold columns, as text: to SQL they are what a CSV column would be.

        Where a row lies is no feature of the team's, so of a table of the contract only its own columns are read.
        """
        rows = [files.partition(path) for path in files.paths]
        names = sorted({name for row in rows for name in row})
        if table is not None:
            others = [identifier(name) for name in names if name not in {column.name for column in table.columns}]
            return f"select * exclude ({', '.join(others)}) from ({reading})" if others else reading  # noqa: S608
        if not names:
            return reading
        values = ", ".join(f"({', '.join(_literal(row.get(name)) for name in names)})" for row in rows)
        listed = f"select * from (values {values}) as paths({', '.join(map(identifier, names))})"  # noqa: S608
        return typed_columns(self.con, listed, names).replaced(reading)

    def query(self, name: str, sql: str) -> ir.Table:
        found = _run(self.con, name, sql, sorted(self.names), AS_TEXT if self.has_csv else "")
        self._refuse_respelled(name, sql, found)
        return found

    def _refuse_respelled(self, name: str, sql: str, found: ir.Table) -> None:
        """A name or an id that was a number in between is written otherwise than in its file: 1.50 has become 1.5."""
        as_it_is = (dt.String, dt.Integer, dt.Decimal, dt.Date)
        wrong = {
            column.name: f"{column.name} ({found[column.name].type()})"
            for column in (TABLES[name].columns if name in TABLES else ())
            if column.kind in (Kind.ID, Kind.TEXT) and column.name in found.columns
            if not isinstance(found[column.name].type(), as_it_is)
        }
        causes = [column for column in self.respelled if column.lower() in words_of(sql) | wrong.keys()]
        if wrong and causes:
            raise ContractError(
                asked_sql(name),
                f"text is needed in {', '.join(wrong.values())}, and the files write {', '.join(causes)} in more than "
                "one way: as numbers or times they would be other names than in the file.",
                f"Write them in one way in the file, or say how: `cast({causes[0]} as varchar)`.",
            )

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
        # No user input but names of tables gets into this SQL, and they are quoted.
        reading = f"select * from {identifier(self.catalog)}.main.{identifier(name)}"  # noqa: S608
        typed = _known_types(self.con, reading)
        if typed == reading:
            return self.con.table(name, database=(self.catalog, "main"))
        self.con.raw_sql(f"create view {IN_MEMORY}.raw.{identifier(name)} as {typed}")
        return self.con.table(name, database=(IN_MEMORY, "raw"))

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
        return Folder(engine, path, address.queries, address.ignored)


def open_file(address: Address) -> DuckDBFile:
    """``duckdb://FILE``."""
    path, engine = address.path, in_memory(address.threads, address.memory_limit)
    with closed_on_error(engine):
        return DuckDBFile(engine, path, address.queries)


def _known_types(con: BaseBackend, select: str) -> str:
    """The query with the types that Ibis knows."""
    described = con.raw_sql(f"describe select * from (\n{select}\n)").fetchall()  # noqa: S608
    casts = [
        f"cast({identifier(name)} as {UNKNOWN_TO_IBIS[kind]}) as {identifier(name)}"
        for name, kind, *_ in described
        if kind in UNKNOWN_TO_IBIS
    ]
    return f"select * replace ({', '.join(casts)}) from (\n{select}\n)" if casts else select  # noqa: S608


def _literal(value: str | None) -> str:
    return "null" if value is None else quoted(value)


def _held(con: BaseBackend, name: str, staged: ir.Table) -> ir.Table:
    return con.create_table(name, staged, database="staged")


def _run(con: BaseBackend, name: str, sql: str, there: list[str], of_text: str = "") -> ir.Table:
    """The result of a user's query, held as ``raw.NAME``; ``of_text`` is said of a wrong type."""
    try:
        statements = duckdb.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise not_one_select(name)
        query = _known_types(con, statements[0].query.strip().rstrip(";"))
        con.raw_sql(f"create table {IN_MEMORY}.raw.{name} as\n{query}\n")
    except duckdb.Error as error:
        is_cast = "Error when converting" in str(error)
        if "CSV Error on Line" in str(error) and not is_cast:
            raise read_error(name, str(error)) from error
        message = " ".join(re.split(r"\n\nLINE|\n\s*Column .* is being|Possible |Did you mean", str(error))[0].split())
        raise query_error(name, message, there, of_text if "VARCHAR" in message or is_cast else "") from error
    return con.table(name, database=(IN_MEMORY, "raw"))


def _reaches(queries: Mapping[str, str], schema: str, name: str) -> bool:
    """Does some query name the table with its schema?"""
    place = rf'\b{re.escape(schema)}"?\s*\.\s*"?{re.escape(name)}\b'
    return any(re.search(place, sql, re.IGNORECASE) for sql in queries.values())
