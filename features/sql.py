"""The feature rows as one SQL query, in the dialect of a warehouse: the same expressions that ``build`` runs."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis
import ibis.backends.sql.compilers as compilers
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge

from data.contract.inputs import TABLES, Kind
from data.currency import in_reporting_currency
from data.errors import SettingsError, hint
from data.ledger.rules import ExpansionRules
from data.sources.kinds.spark import load_compiler
from data.sources.staging import absent_columns, stage
from features.build.build import feature_rows

DIALECTS = {
    "duckdb": compilers.DuckDBCompiler,
    "postgres": compilers.PostgresCompiler,
    "spark": compilers.PySparkCompiler,
    "databricks": compilers.DatabricksCompiler,
    "snowflake": compilers.SnowflakeCompiler,
    "bigquery": compilers.BigQueryCompiler,
    "trino": compilers.TrinoCompiler,
}
RAW_TYPE = {
    Kind.ID: "string",
    Kind.TEXT: "string",
    Kind.CLOCK: "timestamp",
    Kind.MONEY: "float64",
    Kind.QUANTITY: "float64",
    Kind.COUNT: "int64",
    Kind.RATING: "float64",
}
"""How a warehouse would hold the columns of the contract."""


def whole_contract() -> dict[str, ibis.Schema]:
    """Every table of the contract with every column."""
    return {
        table.name: ibis.schema({column.name: RAW_TYPE[column.kind] for column in table.columns})
        for table in TABLES.values()
    }


def feature_sql(
    schemas: Mapping[str, ibis.Schema], snapshot_dates: Sequence[date], rules: ExpansionRules, dialect: str
) -> str:
    """One query over tables of the contract's names with these columns and types.

    Raises ``SettingsError`` for a dialect that is not one of ``DIALECTS``.
    """
    if dialect not in DIALECTS:
        raise SettingsError(
            f"Write the features as SQL for {dialect}.",
            f"that is not a dialect known here{hint(dialect, DIALECTS)}.",
            f"Use one of: {', '.join(DIALECTS)}.",
        )
    raw = {name: ibis.table(schema, name=name) for name, schema in schemas.items()}
    staged = {name: stage(TABLES[name], table) for name, table in raw.items()}
    converted = in_reporting_currency(staged, max(snapshot_dates))
    rows = feature_rows(converted, snapshot_dates, rules, absent=absent_columns(raw)).order_by(
        "snapshot_date", "account_id"
    )
    if dialect == "spark":
        load_compiler(f"Write the features as SQL for {dialect}.", "take the dialect databricks")
    compiler: Any = DIALECTS[dialect]()
    query = compiler.to_sqlglot(rows)
    return with_dates(query, rows).sql(dialect=compiler.dialect, pretty=True)


def with_dates(query: sge.Select, rows: ir.Table) -> sge.Select:
    """The query with the calendars, which are tables made in Python, written out at its head."""
    for number, made in enumerate(rows.op().find(ops.InMemoryTable)):
        name = f"calendar_{number}"
        for table in query.find_all(sge.Table):
            if table.name == made.name:
                table.set("this", sge.to_identifier(name))
        query = query.with_(name, as_=_values(made), append=True, copy=False)
        ctes = query.args["with_"].expressions
        ctes.insert(0, ctes.pop())
    return query


def _values(made: ops.InMemoryTable) -> sge.Query:
    """The rows of a calendar as a query: typed selects of values."""
    rows = made.data.to_pyarrow(made.schema).to_pylist()
    literals = [sge.Tuple(expressions=[_literal(value) for value in row.values()]) for row in rows]
    names = [sge.to_identifier(name) for name in made.schema]
    alias = sge.TableAlias(this=sge.to_identifier("v"), columns=names)
    values = sge.Values(expressions=literals, alias=alias)
    columns = [
        sge.cast(sge.column(name), "date" if kind.is_date() else "bigint").as_(name)
        for name, kind in made.schema.items()
    ]
    return sge.select(*columns).from_(values)


def _literal(value: date | int) -> sge.Expression:
    return sge.Literal.string(value.isoformat()) if isinstance(value, date) else sge.Literal.number(value)
