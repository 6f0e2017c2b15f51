"""A column and its variants are one column, and nothing is lost of it: on files and on a DuckDB file."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pytest

from data.checks.check import check
from data.contract.inputs import TABLES
from data.sources.connect import connect
from data.sources.staging import stage
from data.sources.variants import merged
from tests.data.sources.test_connect import csv_base

TODAY = date(2026, 7, 1)
INVOICES = pd.DataFrame(
    {
        "account_id": pd.array([1, None, 1], dtype="Int64"),
        "account_id__v_text": [None, "a-2", None],
        "product": ["api"] * 3,
        "billed_at": [date(2024, 1, 3), None, date(2024, 3, 3)],
        "billed_at__v_timestamp": [None, datetime(2024, 2, 3, 10, 30), None],
        "amount": pd.array([300, None, None], dtype="Int64"),
        "amount__v_double": [None, 2.75, None],
        "amount__v_bool": pd.array([None, None, True], dtype="boolean"),
        "note__v_text": ["x", "y", None],  # no column of the contract
    }
)
READ = [
    ("1", date(2024, 1, 3), 3_000_000),
    ("a-2", date(2024, 2, 3), 27_500),
    ("1", date(2024, 3, 3), 10_000),
]


@pytest.fixture(params=["parquet", "duckdb", "csv", "sql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    folder = csv_base(tmp_path)
    invoices = INVOICES  # noqa: F841  (DuckDB reads it by its name)
    if request.param == "duckdb":
        with duckdb.connect(f"{folder}/base.duckdb") as con:
            for name in ("accounts", "subscriptions", "usage_daily"):
                con.execute(f"create table {name} as from '{folder}/{name}.csv'")
            con.execute("create table invoices as from invoices")
        return f"duckdb://{folder}/base.duckdb", {}
    if request.param == "csv":
        INVOICES.drop(columns="amount__v_bool").assign(amount__v_text=["", "", "1"]).to_csv(
            folder / "invoices.csv", index=False
        )
    else:
        name = "bills" if request.param == "sql" else "invoices"
        duckdb.execute(f"copy (from invoices) to '{folder}/{name}.parquet'")
    return f"parquet://{folder}", {"invoices": "select * from bills"} if request.param == "sql" else {}


def test_a_column_and_its_variants_are_one(url: tuple[str, dict[str, str]]) -> None:
    source = connect(*url)
    rows = source.tables["invoices"].select("account_id", "billed_on", "amount_e4").to_pyarrow().to_pylist()
    assert [tuple(row.values()) for row in rows] == READ
    assert "note__v_text" in source.raw["invoices"].columns
    assert not any(name.startswith("amount__v_") for name in source.raw["invoices"].columns)
    notes = {found.rule: found for found in check(source, TODAY).findings if found.rule.startswith("variants")}
    assert {rule: found.count for rule, found in notes.items()} == {
        "variants:account_id": 1,
        "variants:billed_at": 1,
        "variants:amount": 2,
    }
    assert "amount__v_double" in notes["variants:amount"].message
    assert {found.severity for found in notes.values()} == {"note"}


@pytest.mark.parametrize(
    ("parts", "staged"),
    [
        ({"events": ("int64", 3), "events__v_double": ("float64", 2.0)}, 3),  # the column itself comes first
        ({"events": ("int64", None), "events__v_double": ("float64", 2.0)}, 2),
        ({"events": ("int64", None), "events__v_text": ("string", "7")}, 7),
        ({"events": ("string", ""), "events__v_bigint": ("int64", 7)}, 7),
        ({"events": ("float64", float("nan")), "events__v_decimal": ("decimal(9, 2)", Decimal("7.00"))}, 7),
        ({"events__v_bigint": ("int64", 7)}, 7),  # the column itself was never written
        ({"events": ("int64", None), "events__v_text": ("string", "many")}, None),
    ],
)
def test_whatever_the_types(parts: dict[str, tuple[str, Any]], staged: int | None) -> None:
    schema = {"account_id": "string"} | {name: kind for name, (kind, _) in parts.items()}
    raw = ibis.memtable([("a", *[value for _, value in parts.values()])], schema=schema)
    table = TABLES["usage_daily"]
    assert stage(table, merged(table, raw, casts_text=True)).events.to_pyarrow().to_pylist() == [staged]


def test_text_is_left_beside_a_number_where_it_cannot_be_cast_without_an_error() -> None:
    raw = ibis.memtable(
        [(None, "many", 2.0)], schema={"events": "int64", "events__v_text": "string", "events__v_double": "float64"}
    )
    whole = merged(TABLES["usage_daily"], raw, casts_text=False)
    assert whole.schema() == ibis.schema({"events": "float64"})
    assert whole.events.to_pyarrow().to_pylist() == [2.0]
