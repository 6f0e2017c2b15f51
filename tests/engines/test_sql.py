"""The whole build as one query: it compiles for every dialect, and for DuckDB it gives the very same rows."""

from datetime import date
from pathlib import Path

import pytest
import sqlglot
import sqlglot.expressions as sge

from data.errors import SettingsError
from data.ledger.rules import ExpansionRules
from features.catalogue import full_catalogue
from features.sql import DIALECTS, feature_sql, whole_contract
from tests.data.sources.test_connect import csv_base
from tests.engines.comparison import differences, features, in_order
from tests.engines.conftest import Base
from tests.flows.conftest import Headroom

pytestmark = pytest.mark.slow

DAY = date(2026, 10, 1)
PRINTED = "bigquery"
"""The dialect that is compiled by the command line."""


def columns(query: sge.Query) -> list[str]:
    """The columns of a query, which may select all of those of the query in it."""
    inner = query.args["from_"].this
    return columns(inner.this) if query.named_selects == ["*"] else query.named_selects


def assert_whole(query: str, dialect: str) -> None:
    """The query has a column for every feature, and reads the tables of the contract."""
    parsed = sqlglot.parse_one(query, dialect=DIALECTS[dialect]().dialect)
    assert columns(parsed) == ["account_id", "snapshot_date", *full_catalogue()]
    # Nothing is read but the contract's tables: what was made in Python is written out.
    made = {cte.alias for cte in parsed.find_all(sge.CTE)}
    assert {table.name for table in parsed.find_all(sge.Table)} - made <= {*whole_contract(), ""}


@pytest.mark.parametrize("dialect", sorted(DIALECTS.keys() - {PRINTED}))
def test_the_whole_contract_compiles(dialect: str) -> None:
    assert_whole(feature_sql(whole_contract(), [DAY], ExpansionRules(), dialect), dialect)


def test_the_query_for_duckdb_gives_the_rows_of_the_build(simulated: Base) -> None:
    schemas = {name: raw.schema() for name, raw in simulated.source.raw.items()}
    query = feature_sql(schemas, [DAY], ExpansionRules(), "duckdb")
    con = simulated.source.con.con.cursor()
    con.execute("set search_path = 'raw'")
    rows = con.sql(query).to_arrow_table()
    assert differences(simulated.here(features, (DAY,)), in_order(rows, ("snapshot_date", "account_id"))) == []


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean"):
        feature_sql(whole_contract(), [DAY], ExpansionRules(), "snowflak")


def test_the_command_prints_it(headroom: Headroom) -> None:
    ran = headroom("features", "--sql", PRINTED, "--snapshot-date", DAY)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("WITH calendar_")
    assert "every table and column of the contract" in ran.err
    assert_whole(ran.out, PRINTED)


def test_of_a_source_columns_without_a_value_are_left_out(headroom: Headroom, tmp_path: Path) -> None:
    use = "account_id,day,feature,events,active_users,user_id\n1,2026-06-30,login,30,8,\n"
    source = f"csv://{csv_base(tmp_path, usage_daily=use)}"
    ran = headroom("features", "--sql", "duckdb", "--snapshot-date", DAY, "--source", source)
    assert ran.code == 0, ran.err
    named = columns(sqlglot.parse_one(ran.out, dialect="duckdb"))
    assert "active_users_28d" in named
    assert "power_users_28d" not in named
