"""ClickHouse through Ibis, held to mean what the other engines mean.

ClickHouse puts a common table expression in wherever it is read, and again in those that read it: a chain of them grows
twofold at each step. So each is made first, as a temporary table of the session, and the query reads those. Its own
answers to what is not there (0 in a join, in an aggregate, beside the first row) are nulls here, days are ``Date32``,
equal values have one rank, and what is counted is counted exactly.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import uuid4

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot as sg
import sqlglot.expressions as sge
from ibis.backends.clickhouse import Backend
from ibis.backends.sql.compilers.clickhouse import ClickHouseCompiler
from ibis.backends.sql.datatypes import ClickHouseType
from urllib3.exceptions import ProtocolError

SETTINGS = {
    "session_timeout": 3600,  # the longest that a server allows by default
    "session_timezone": "UTC",
    "join_use_nulls": 1,
    "aggregate_functions_null_for_empty": 1,
    "enable_extended_results_for_datetime_functions": 1,  # the month of a Date32 begins on one too
    "max_query_size": 16 << 20,
    "max_ast_elements": 1_000_000,
    "max_expanded_ast_elements": 10_000_000,
}
"""What a session is opened with."""


class Types(ClickHouseType):
    """``Date`` knows the days from 1970 to 2149 alone, and takes another for one of them.

    Most columns there have no nulls; what is asked of them, as the row before the first one, may be null all the same.
    """

    @classmethod
    def from_string(cls, text: str, nullable: bool | None = None) -> dt.DataType:
        if text.removeprefix("Nullable(").startswith("Enum"):
            return dt.unknown  # no text until it is cast to one: Arrow gets its number
        return super().from_string(text, nullable).copy(nullable=True)

    @classmethod
    def _from_ibis_Date(cls, dtype: dt.Date) -> sge.DataType:  # noqa: ARG003, N802
        return sge.DataType(this=sge.DataType.Type.DATE32)


class Compiler(ClickHouseCompiler):
    """Ibis's own, with the functions that are exact; drop a line with the ibis that says it so itself."""

    type_mapper = Types
    SIMPLE_OPS: ClassVar = {ops.Date: "toDate32", ops.CountDistinct: "uniqExact", ops.StringLength: "lengthUTF8"}

    def visit_NonNullLiteral(self, op: ops.Literal, *, value: Any, dtype: dt.DataType) -> Any:  # noqa: N802
        if dtype.is_date():
            return self.f.toDate32(value.isoformat())
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_DateFromYMD(self, op: ops.DateFromYMD, *, year: Any, month: Any, day: Any) -> Any:  # noqa: ARG002, N802
        return self.f.makeDate32(year, month, day)

    def visit_LagLead(self, op: ops.Value, *, arg: Any, offset: Any, default: Any) -> Any:  # noqa: N802
        """``lagInFrame`` and ``leadInFrame`` see the frame alone, and all of them give 0 where there is no row."""
        given = [argument for argument in (offset, default) if argument is not None]
        return self.f[type(op).__name__.lower()](self.f.toNullable(arg), *given)

    visit_Lag = visit_Lead = visit_LagLead  # noqa: N815

    @staticmethod
    def _minimize_spec(op: ops.WindowFunction, spec: Any) -> Any:
        """Within a frame of rows no two rows are tied, so that ranks of equal values would differ."""
        return None if isinstance(op.func, ops.RankBase) else ClickHouseCompiler._minimize_spec(op, spec)


class SessionBackend(Backend):
    """A session of ClickHouse: what is made in it are temporary tables, which end with it at the latest."""

    compiler = Compiler()

    def do_connect(self, **options: Any) -> None:
        super().do_connect(settings=SETTINGS, **options)

    def create_table(self, name: str, /, obj: ir.Table | pa.Table, **_: Any) -> ir.Table:
        """A temporary table with these rows."""
        if isinstance(obj, pa.Table):
            self._take(name, obj)
        else:
            with self._shared_parts(obj) as select:
                self.con.command(f"{self._declared(name, obj.schema())} as {select}")
        return self.table(name)

    def to_pyarrow_batches(self, expr: ir.Expr, /, **_: Any) -> pa.ipc.RecordBatchReader:
        schema = expr.as_table().schema().to_pyarrow()
        return pa.ipc.RecordBatchReader.from_batches(schema, self._batches(expr.as_table(), schema))

    def execute(self, expr: ir.Expr, /, **_: Any) -> Any:
        return expr.__pandas_result__(self.to_pyarrow(expr.as_table()).to_pandas())

    def _batches(self, table: ir.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._shared_parts(table) as select:
            for batch in self._sent(select):
                yield from pa.Table.from_batches([batch]).cast(schema).to_batches()

    def _sent(self, select: str) -> Iterator[pa.RecordBatch]:
        """The answer to a query. One that ends before its first rows looks to Arrow as if it were none."""
        try:
            with self.con.query_arrow_stream(select) as batches:
                yield from batches
        except pa.ArrowInvalid as error:
            raise ProtocolError(f"the answer ended early: {error}") from error

    @contextmanager
    def _shared_parts(self, table: ir.Table) -> Iterator[str]:
        """The query, and while the context lasts the tables that it reads: rows of this process, and shared parts."""
        query = self.compiler.to_sqlglot(table)
        parts = query.ctes
        query.set("with_", None)
        made: dict[str, str] = {}
        try:
            for rows in table.op().find(ops.InMemoryTable):
                made[rows.name] = _name()
                self._take(made[rows.name], rows.data.to_pyarrow(rows.schema))
            for part in parts:
                select, made[part.alias] = self._reading(part.this, made), _name()
                self.con.command(f"{_temporary(made[part.alias])} as {select}")
            yield self._reading(query, made)
        finally:
            for name in made.values():
                self.drop_table(name, force=True)

    def _reading(self, query: sge.Query, made: Mapping[str, str]) -> str:
        """The query in words, in which the tables that were ``made`` have their names in the session."""
        for table in [*query.find_all(sge.Table)]:
            if table.name in made and not table.db and not _is_of_its_own(table):
                table.set("alias", table.args.get("alias") or sge.TableAlias(this=table.this.copy()))
                table.set("this", sg.to_identifier(made[table.name], quoted=True))
        text: str = query.sql(self.dialect)
        return text

    def _take(self, name: str, rows: pa.Table) -> None:
        self.con.command(self._declared(name, sch.infer(rows)))
        self.con.insert_arrow(name, rows)

    def _declared(self, name: str, schema: sch.Schema) -> str:
        types = {
            column: self.compiler.type_mapper.to_string(kind.copy(nullable=True)) for column, kind in schema.items()
        }
        return _temporary(name, f"({', '.join(f'{_quoted(column)} {kind}' for column, kind in types.items())})")

    def _get_schema_using_query(self, query: str) -> sch.Schema:
        """Asked of the query itself; Ibis would write a view into the database."""
        names, types, *_ = self.con.query(f"describe ({query})").result_columns
        return sch.Schema(dict(zip(names, map(self.compiler.type_mapper.from_string, types), strict=True)))

    def _make_memtable_finalizer(self, name: str) -> Callable[..., None] | None:  # noqa: ARG002
        return None


def _is_of_its_own(table: sge.Table) -> bool:
    """Is that a name which the user's own SQL gives a part of itself?"""
    around = table.parent
    while around is not None:
        if isinstance(around, sge.Query) and table.name in {part.alias for part in around.ctes}:
            return True
        around = around.parent
    return False


def _temporary(name: str, columns: str = "") -> str:
    return f"create temporary table {_quoted(name)} {columns} engine = MergeTree order by tuple()"


def _quoted(name: str) -> str:
    return sg.to_identifier(name, quoted=True).sql("clickhouse")


def _name() -> str:
    return f"headroom_{uuid4().hex}"
