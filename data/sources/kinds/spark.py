"""Spark: a folder of Parquet files, or the tables of a database of its catalog.

A session that is already there (a cluster, a notebook) is used as it is; else a local one is started. Its zone is UTC.
"""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ibis
import ibis.expr.types as ir
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from data.contract.inputs import TABLES
from data.errors import SourceError, hint
from data.sources.address import Address
from data.sources.engine import Engine
from data.sources.files import TableFiles, list_tables, one_per_name, refuse_repeated_columns
from data.sources.kinds import spark_parquet
from data.sources.user_sql import names_read, one_select, query_error, words_of
from data.sources.variants import variants_of
from data.sources.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL_MEMORY = "2g"
LOCAL = {
    # All features are one query of some thirty aggregations: with the default pages each would hold 64 MB at once.
    "spark.buffer.pageSize": "1m",
    # So large a query takes longer to compile than to run.
    "spark.sql.codegen.wholeStage": "false",
    "spark.ui.enabled": "false",
    # What the pages would show of past queries is kept all the same: the plan of each is some megabytes.
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # It makes a folder for tables of its own as soon as it is asked for any: not in the working folder.
    "spark.sql.warehouse.dir": tempfile.gettempdir(),
}
"""What a session of our own is started with."""
ANALYZER_ROUNDS = 1000
"""Spark resolves a level of views in a round and by default gives up after 100; the ledger of invoices has more."""


@ibis.udf.scalar.builtin(name="xxhash64", signature=((int, None), int))
def _hash(before: int, value: Any) -> int:
    """Spark's own hash of both; null is as if it were not there."""
    raise NotImplementedError


class SparkEngine(Engine):
    """A session of Spark, which may be a notebook's: closing ends what was kept in it for us, and not the session."""

    def __init__(self, session: "SparkSession", con: BaseBackend) -> None:
        super().__init__(con)
        self.session = session
        self.kept: list[Any] = []

    def hash_with(self, before: ir.IntegerValue, value: ir.Value) -> ir.IntegerValue:
        hashed: ir.IntegerValue = _hash(before, value)
        return hashed

    def close(self) -> None:
        self.release()
        for frame in self.kept:
            frame.unpersist()

    def _hold(self, view: ir.Table) -> ir.Table:
        """Its rows alone: what Spark caches keeps the whole query, and is planned again by every query that reads it.

        Spark drops the rows some time after the view.
        """
        self.con._run_pre_execute_hooks(view)  # brings the calendar, a table made in Python
        name = f"headroom_held_{uuid4().hex}"
        self.session.sql(self.con.compile(view)).localCheckpoint().createTempView(name)
        return self.con.table(name)

    def _let_go(self, table: ir.Table) -> None:
        self.session.catalog.dropTempView(table.get_name())

    def write(self, table: ir.Table, path: Path) -> None:
        pq.write_table(table.to_pyarrow(), path)  # Spark itself would write where its cluster is


class Spark(Warehouse):
    """The tables of ``spark://FOLDER`` (Parquet), ``spark://DATABASE`` or ``spark://CATALOG.DATABASE``."""

    engine: SparkEngine
    reads_mappings = False

    def __init__(self, address: Address) -> None:
        self.session = session(address.threads, address.memory_limit)
        self.con = ibis.pyspark.connect(self.session)
        self.engine = SparkEngine(self.session, self.con)
        self.files: dict[str, TableFiles] = {}
        self.database: str | None = None
        if address.place and address.path.is_dir():
            self._read_folder(address.path, address.queries, address.ignored)
        else:
            self._use_database(address.place, address.path)

    def _read_folder(self, folder: Path, queries: Mapping[str, str], ignored: frozenset[str]) -> None:
        tables = list_tables(folder)
        self.names = {files.name: files.shown for files in tables}
        by_sql = {name for sql in queries.values() for name in names_read(sql, self.names, "spark")}
        by_name = TABLES.keys() - queries.keys() - ignored
        self.files = one_per_name(tables, by_sql | by_name)
        csv_files = [files.shown for files in self.files.values() if files.is_csv]
        if csv_files:
            raise SourceError(
                f"Read the folder {folder} with Spark.",
                f"{', '.join(csv_files)}: spark:// reads Parquet.",
                "Export them to Parquet, or read the folder with csv://.",
            )
        for name in by_sql & self.files.keys():
            refuse_repeated_columns(self.files[name])
            parts = spark_parquet.look_into(self.files[name])
            words = set().union(
                *[words_of(sql) for sql in queries.values() if name in names_read(sql, [name], "spark")]
            )
            _refuse_unreadable({c: at for c, at in parts.unreadable.items() if c.lower() in words})
            spark_parquet.read(self.session, parts, parts.names).createOrReplaceTempView(f"`{name}`")

    def _read_table(self, name: str) -> ir.Table:
        """A table of the folder: the contract's columns, and the team's own where it may have some."""
        refuse_repeated_columns(self.files[name])
        table, parts = TABLES[name], spark_parquet.look_into(self.files[name])
        wanted = {column.name for column in table.columns}
        wanted |= {variant for column in wanted for variant in variants_of(column, [*parts.names, *parts.unreadable])}
        _refuse_unreadable({column: at for column, at in parts.unreadable.items() if column in wanted})
        columns = parts.names if table.extra_columns else wanted
        view = f"headroom_file_{name}"
        spark_parquet.read(self.session, parts, columns).createOrReplaceTempView(view)
        return self.con.table(view)

    def _use_database(self, place: str, folder: Path) -> None:
        from pyspark.errors import PySparkException

        asked = f"Read the source spark://{place}."
        if place and not re.fullmatch(r"\w+(\.\w+)*", place):
            raise SourceError(asked, f"there is no folder {folder}.", "Correct [source].url, or --source.")
        try:
            self.database = place or self.session.catalog.currentDatabase()
            rows = self.session.sql(f"show tables in {self.database}").collect()
        except PySparkException as error:
            known = [database.name for database in self.session.catalog.listDatabases()]
            raise SourceError(
                asked,
                f"there is no folder {folder}, and Spark has no database {place}{hint(place, known)}.",
                f"Correct [source].url, or --source. Databases: {', '.join(known)}.",
            ) from error
        self.names = {row["tableName"]: row["tableName"] for row in rows if not row["isTemporary"]}

    def read(self, name: str) -> ir.Table:
        return self.con.table(name, database=self.database) if self.database else self._read_table(name)

    def query(self, name: str, sql: str) -> ir.Table:
        """The result of a user's query, kept by the session."""
        from pyspark.errors import PySparkException

        select = one_select(name, sql, "spark")
        try:
            if self.database:
                self.session.catalog.setCurrentDatabase(self.database)
            frame = self.session.sql(select).persist()
            self.engine.kept.append(frame)
            frame.createOrReplaceTempView(f"headroom_{name}")
        except PySparkException as error:
            raise query_error(name, str(error).splitlines()[0], self.names) from error
        return self.con.table(f"headroom_{name}")


def _refuse_unreadable(columns: Mapping[str, str]) -> None:
    """One error that names every column that is needed and that Spark cannot read, with its file and type."""
    if columns:
        raise SourceError(
            f"Read the columns {', '.join(columns)} with Spark.",
            f"Spark does not read their types: {', '.join(f'{name} of {at}' for name, at in columns.items())}.",
            "Write them as text, as numbers or as timestamps of microseconds, or leave them out.",
        )


def session(threads: int | None, memory_limit: str | None) -> "SparkSession":
    """The session that is there, or a local one. Raises ``SourceError`` without PySpark or without Java."""
    asked = "Read a spark:// source."
    _require_pyspark(asked, "export the tables to a folder of Parquet files")
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    there = SparkSession.getActiveSession()
    if there is None:
        try:
            there = _started(SparkSession.builder, threads, memory_limit)
        except (PySparkException, OSError) as error:
            raise SourceError(
                asked,
                f"Spark does not start: {str(error).splitlines()[0]}",
                "Install Java 17 or later and set JAVA_HOME, or connect to a cluster (SPARK_REMOTE, spark-submit).",
            ) from error
    there.conf.set("spark.sql.session.timeZone", "UTC")
    rounds = "spark.sql.analyzer.maxIterations"
    there.conf.set(rounds, str(max(ANALYZER_ROUNDS, int(there.conf.get(rounds) or 0))))
    return there


def load_compiler(asked: str, instead: str) -> None:
    """Load the options that the compiler of Spark's SQL reads. Raises ``SourceError`` without PySpark."""
    _require_pyspark(asked, instead)
    _ = ibis.pyspark


def _require_pyspark(asked: str, instead: str) -> None:
    if importlib.util.find_spec("pyspark") is None:
        todo = f"Install the project with its extra headroom[spark], or {instead}."
        raise SourceError(asked, "PySpark is not installed.", todo)


def _started(builder: Any, threads: int | None, memory_limit: str | None) -> "SparkSession":
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if "SPARK_REMOTE" in os.environ:
        return builder.getOrCreate()
    cores = "*" if threads is None else str(threads)
    partitions = str(threads or os.cpu_count() or 1)
    local = {**LOCAL, "spark.sql.shuffle.partitions": partitions, "spark.driver.memory": _java_size(memory_limit)}
    for key, value in local.items():
        builder = builder.config(key, value)
    session: SparkSession = builder.master(f"local[{cores}]").appName("headroom").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _java_size(memory_limit: str | None) -> str:
    """'4GB' as Java writes it: '4g'."""
    if memory_limit is None:
        return LOCAL_MEMORY
    number, unit = re.fullmatch(r"([\d.]+) ?([KMGT])i?B", memory_limit).groups()  # type: ignore[union-attr]
    factor = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}[unit]
    return f"{max(1, int(float(number) * factor))}m"
