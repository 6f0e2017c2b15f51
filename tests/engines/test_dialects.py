"""Every query that the product sends, in the words of warehouses that no test can open: it compiles, and it parses.

The queries are those that a DuckDB was asked while the features were built, the labels and the ledger made, and the
tables checked. What an engine makes of them is not seen here; ``docs/limits.md`` says so.
"""

from collections.abc import Callable
from datetime import date

import ibis
import ibis.backends.sql.compilers as compilers
import ibis.expr.types as ir
import pytest
import sqlglot
from ibis.backends.duckdb import Backend

from data.contract.inputs import TABLES, Kind
from data.sources.kinds import clickhouse
from data.sources.kinds.hosted import teach_trino
from data.sources.known import Source, known_before
from data.sources.staging import stage
from features.sql import RAW_TYPE
from tests.engines.comparison import detail_rows, fact_rows, features, findings, label_rows, movement_rows, offer_rows
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow

DIALECTS = {
    "bigquery": compilers.BigQueryCompiler,
    "clickhouse": clickhouse.Compiler,
    "databricks": compilers.DatabricksCompiler,
    "snowflake": compilers.SnowflakeCompiler,
    "trino": compilers.TrinoCompiler,
}
DAY = date(2026, 7, 1)
SENT: dict[str, Callable[[Source], object]] = {
    "features": lambda source: features(source, (DAY,)),
    "details": lambda source: detail_rows(source, DAY),
    "facts": lambda source: fact_rows(source, DAY),
    "labels": lambda source: label_rows(source, (DAY,)),
    "ledger": movement_rows,
    "offers": lambda source: offer_rows(source, (DAY,)),
    "check": findings,
    "known": lambda source: [t.count().to_pyarrow() for t in known_before(source, DAY, DAY).tables.values()],
}


@pytest.fixture(scope="module", params=SENT)
def queries(request: pytest.FixtureRequest, simulated: Base) -> list[ir.Expr]:
    """What the engine of the source was asked."""
    asked: list[ir.Expr] = []
    compile_it = Backend.compile
    with pytest.MonkeyPatch.context() as patch:

        def recorded(self: Backend, expr: ir.Expr, /, **options: object) -> str:
            asked.append(expr)
            return compile_it(self, expr, **options)

        patch.setattr(Backend, "compile", recorded)
        SENT[request.param](simulated.source)
    assert asked
    return asked


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_compiles_and_parses(dialect: str, queries: list[ir.Expr]) -> None:
    assert faults(dialect, queries) == []


MOST_SELECTS = 1_000
"""The features have 624; for a finding of 1,205 two gigabytes were too little for Spark."""


def test_engines_that_inline_what_is_shared_can_plan_it(queries: list[ir.Expr]) -> None:
    compiler = compilers.DuckDBCompiler()
    sizes = [planned(compiler.to_sqlglot(query.as_table())) for query in queries]
    assert max(sizes) < MOST_SELECTS


def planned(query: sqlglot.exp.Query) -> int:
    """How many selects an engine plans that puts a common table expression in wherever it is read, as Spark does."""
    body = query.copy()
    shared = body.args.get("with_")
    body.set("with_", None)
    sizes: dict[str, int] = {}
    for part in shared.expressions if shared else []:
        sizes[part.alias] = selects_of(part.this, sizes)
    return selects_of(body, sizes)


def selects_of(query: sqlglot.exp.Query, sizes: dict[str, int]) -> int:
    """The selects of a query, with those of the shared ones that it reads."""
    selects = sum(1 for _ in query.find_all(sqlglot.exp.Select))
    return selects + sum(sizes.get(table.name, 0) for table in query.find_all(sqlglot.exp.Table))


TYPES = {
    Kind.ID: ("int64", "float64", "decimal(38, 0)", "uuid"),
    Kind.CLOCK: ("date", "timestamp", "timestamp('UTC')", "timestamp(9)"),
    Kind.MONEY: ("int64", "decimal(18, 2)", "boolean"),
    Kind.QUANTITY: ("int64", "decimal(38, 9)"),
    Kind.COUNT: ("int32", "decimal(38, 0)", "float64"),
    Kind.RATING: ("int64", "decimal(3, 1)"),
    Kind.TEXT: ("int64", "boolean"),
}
"""How warehouses hold a column, beside what ``whole_contract`` says."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_casts_of_the_contract_compile_whatever_the_types(dialect: str) -> None:
    staged = [
        stage(table, ibis.table({c.name: TYPES[c.kind][turn % len(TYPES[c.kind])] for c in table.columns}, name="t"))
        for table in TABLES.values()
        for turn in range(4)
    ]
    plain = [
        stage(table, ibis.table({column.name: RAW_TYPE[column.kind] for column in table.columns}, name="t"))
        for table in TABLES.values()
    ]
    assert faults(dialect, [*staged, *plain]) == []


def faults(dialect: str, queries: list[ir.Expr]) -> list[str]:
    """What stops the queries from being written in a dialect, or from being read as it."""
    teach_trino()
    compiler = DIALECTS[dialect]()
    failed = {}
    for query in queries:
        try:
            sqlglot.parse_one(compiler.to_sqlglot(query.as_table()).sql(compiler.dialect), dialect=compiler.dialect)
        except (ibis.common.exceptions.IbisError, sqlglot.errors.SqlglotError) as error:
            failed[f"{type(error).__name__}: {error}"[:300]] = True
    return list(failed)
