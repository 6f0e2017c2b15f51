"""One SELECT, judged by what the query holds, not by how it begins."""

import pytest

from data.errors import ContractError
from data.sources.user_sql import one_select

DIALECTS = ("postgres", "spark", "snowflake", "bigquery", "databricks", "trino", "clickhouse")
CHANGING = [
    "with gone as (delete from accounts returning *) select * from gone",
    "with made as (insert into accounts select * from old returning *) select * from made",
    "with put as (update accounts set name = 'x' returning *) select * from put",
    "select * into copy from accounts",
    "select * from accounts for update",
    "drop table accounts",
    "create table x as select 1",
    "select 1; select 2",
    "truncate accounts",
    "call clean_up()",
]


@pytest.mark.parametrize("sql", CHANGING)
def test_what_changes_something_is_no_select(sql: str) -> None:
    with pytest.raises(ContractError, match="it is not one SELECT"):
        one_select("accounts", sql, "postgres")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "sql",
    [
        "select account_id, 'delete from x' as words from accounts",
        "with a as (select 1 as n union all select 2) select n, count(*) over () as c from a",
        "(select 1 as n) union all (select 2 as n)",
    ],
)
def test_a_select_of_any_form_is_one(sql: str, dialect: str) -> None:
    assert one_select("accounts", f"{sql};", dialect) == sql
