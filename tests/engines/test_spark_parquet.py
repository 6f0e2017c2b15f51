"""Spark reads a folder whose types drift as DuckDB does, row by row, and says which file and column it cannot read."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import ContractError, SourceError
from data.sources.connect import connect
from data.sources.known import Source
from tests.data.sources import drifting
from tests.data.sources.test_variants import INVOICES, READ
from tests.engines.comparison import findings
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(in_spark: Callable[[Base], str], tmp_path: Path) -> Path:
    """``in_spark`` says whether there is a Java."""
    return drifting.write(tmp_path)


def rows(source: Source, name: str) -> list[dict[str, object]]:
    table = source.tables[name]
    columns = [
        table[column].cast("string") if table[column].type().is_string() else table[column] for column in table.columns
    ]
    return table.select(*columns).order_by(*table.columns).to_pyarrow().to_pylist()


def test_both_engines_read_the_same_rows(folder: Path) -> None:
    here, there = connect(f"parquet://{folder}"), connect(f"spark://{folder}")
    assert here.tables.keys() == there.tables.keys()
    for name in here.tables:
        assert rows(here, name) == rows(there, name), name
    assert len(rows(there, "usage_daily")) == len(drifting.PARTS)


def test_the_users_sql_sees_the_files_that_it_names(folder: Path) -> None:
    (folder / "usage_daily").rename(folder / "use of it")
    sql = "select account_id, day, feature, events + 1 as events from `use of it` where feature <> 'd'"
    there = connect(f"spark://{folder}", {"usage_daily": sql})
    assert sorted(row["events"] for row in rows(there, "usage_daily")) == [4, 5, 6, 7]
    with pytest.raises(SourceError, match=r"use of it/part-4\.parquet \(time64\[us\]\)"):
        connect(f"spark://{folder}", {"usage_daily": f"{sql} and stopped_at is null"})
    with pytest.raises(SourceError, match=r"notes\.parquet"):
        connect(f"spark://{folder}", {"usage_daily": "select * from notes"})
    with pytest.raises(SourceError, match=r"memo\.csv: spark:// reads Parquet"):
        connect(f"spark://{folder}", {"usage_daily": "select * from memo"})
    with pytest.raises(ContractError, match="SQL for the table usage_daily"):
        connect(f"spark://{folder}", {"usage_daily": "select * from nowhere"})


def test_a_column_of_the_contract_that_cannot_be_read_is_named(folder: Path) -> None:
    part = folder / "usage_daily" / "part-0.parquet"
    table = pq.read_table(part)
    pq.write_table(table.append_column("known_at", pa.array([1.5], pa.float16())), part)
    with pytest.raises(SourceError, match=r"known_at of usage_daily/part-0\.parquet \(halffloat\)"):
        connect(f"spark://{folder}")
    part.write_bytes(b"cut off")
    with pytest.raises(SourceError, match=r"Read the file usage_daily/part-0\.parquet"):
        connect(f"spark://{folder}")
    there = connect(
        f"spark://{folder}", {"usage_daily": "select 1 account_id, '2026-01-05' day, 'a' feature, 1 events"}
    )
    assert len(rows(there, "usage_daily")) == 1, "a file that no one reads may be broken"


def test_a_column_and_its_variants_are_one(folder: Path) -> None:
    pq.write_table(pa.Table.from_pandas(INVOICES, preserve_index=False), folder / "invoices.parquet")
    here, there = connect(f"parquet://{folder}"), connect(f"spark://{folder}")
    bills = there.tables["invoices"].select("account_id", "billed_on", "amount_e4").to_pyarrow().to_pylist()
    assert sorted(tuple(row.values()) for row in bills) == sorted(READ)
    # Which row is the example is up to the engine.
    noted = [[line for line in findings(source) if "such as" not in line] for source in (here, there)]
    assert noted[0] == noted[1]
    assert any("amount__v_double" in line for line in noted[0])
