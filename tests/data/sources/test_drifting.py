"""Folders of Parquet whose types drift, read with DuckDB; ``tests/engines`` compares Spark with it."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from data.errors import SourceError
from data.sources.connect import connect
from data.sources.known import Source
from tests.data.sources import drifting
from tests.data.sources.test_connect import csv_base, staged


def rows(source: Source, name: str, *columns: str) -> list[tuple[object, ...]]:
    found = source.tables[name].select(*columns).order_by(*columns).to_pyarrow().to_pylist()
    return [tuple(row.values()) for row in found]


def test_parts_of_other_types_are_read_by_name_and_nobody_asks_for_the_rest(tmp_path: Path) -> None:
    source = connect(f"parquet://{drifting.write(tmp_path)}")
    assert (
        rows(source, "usage_daily", "account_id", "day", "feature", "events", "active_users", "quantity_e4")
        == drifting.READ
    )
    assert rows(source, "accounts", "account_id", "created_on", "employees", "parent_id", "segment") == [
        ("1", date(2024, 1, 1), 40_000, "00000000-0000-0000-0000-00000000000a", None),
        ("2", None, None, None, None),
    ]
    assert rows(source, "subscriptions", "account_id", "mrr_e4", "valid_from", "valid_to") == [
        ("1", 105_000, date(2024, 1, 1), None),
        ("2", 200_000, date(2024, 1, 2), None),
    ]


def test_ids_that_stand_in_a_path_stay_ids(tmp_path: Path) -> None:
    folder = drifting.write(tmp_path)
    by_name = connect(f"parquet://{folder}")
    by_sql = connect(f"parquet://{folder}", {"tickets": "select * from tickets where year + 1 = 2022"})
    assert rows(by_name, "tickets", "account_id", "ticket_id") == [("007", "t1"), ("1e5", "t2")]
    assert rows(by_sql, "tickets", "account_id", "ticket_id") == [("007", "t1")]


def test_where_a_row_lies_is_no_feature_of_the_teams(tmp_path: Path) -> None:
    csv_base(tmp_path)
    path = tmp_path / "account_features" / "known_at=2024-01-06" / "batch=7"
    path.mkdir(parents=True)
    duckdb.execute(f"copy (select '1' as account_id, 8 as nps) to '{path}/part-0.parquet'")
    row = staged(connect(str(tmp_path)), "account_features")
    assert (row["known_on"], row["nps"], "batch" in row) == (date(2024, 1, 6), 8.0, False)


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
@pytest.mark.parametrize("value", ["null", "timestamptz_ns '2024-01-05 23:30:00'"])
def test_types_that_are_new_in_duckdb(value: str, kind: str, tmp_path: Path) -> None:
    folder, file = csv_base(tmp_path), tmp_path / "base.duckdb"
    (folder / "subscriptions.csv").unlink()
    lines = f"select 1 as account_id, 'core' as product, 'basic' as plan, 1 as mrr, {value} as valid_from"
    if kind == "duckdb":
        with duckdb.connect(str(file)) as con:
            for name in ("accounts", "usage_daily"):
                con.execute(f"create table {name} as from '{folder}/{name}.csv'")
            con.execute(f"create table subscriptions as {lines}")
    else:
        duckdb.execute(f"copy ({lines}) to '{folder}/subscriptions.parquet'")
    url = f"duckdb://{file}" if kind == "duckdb" else f"parquet://{folder}"
    for queries in (
        {},
        {"subscriptions": "select * from subscriptions"},
        {"subscriptions": f"with a as ({lines}) from a"},
    ):
        found = staged(connect(url, queries), "subscriptions")["valid_from"]
        assert found == (None if value == "null" else date(2024, 1, 5)), queries


def test_what_somebody_asks_for_must_be_readable(tmp_path: Path) -> None:
    folder = drifting.write(tmp_path)
    for name in ("notes", "lake"):
        with pytest.raises(SourceError, match=name):
            connect(f"parquet://{folder}", {"users": f"select * from {name}"})
