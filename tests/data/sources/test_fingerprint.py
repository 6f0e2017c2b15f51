"""What tells the rows of a table from any others, on DuckDB; ``tests/engines`` asks the other engines."""

import duckdb
import ibis
import pandas as pd
import pytest

from data.sources.engine import Engine
from data.sources.kinds.duckdb_source import in_memory

ROWS = pd.DataFrame({"id": ["a", "b", "c"], "owner": ["Ada", None, ""], "seats": [1.0, 2.0, None]})


def told(rows: pd.DataFrame) -> str | None:
    return in_memory(threads=1).fingerprint(ibis.memtable(rows))


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    assert told(ROWS) == told(ROWS[::-1]) == told(ROWS[["seats", "id", "owner"]])
    assert str(told(ROWS)).startswith(f"duckdb {duckdb.__version__}: 3 rows, ")
    assert str(told(ROWS.head(0))).endswith(": 0 rows, 0")


@pytest.mark.parametrize(
    "changed",
    [
        ROWS.replace("Ada", "Bea"),
        ROWS.assign(owner=["Ada", "", None]),  # swapped between two rows
        ROWS.assign(owner=["Ada", "", ""]),  # null is not empty
        ROWS.assign(seats=[1.0, 2.0, 0.0]),
        ROWS.assign(seats=[1.0, 2.0 + 1e-15, None]),
        pd.concat([ROWS, ROWS.head(1)]),
        ROWS.rename(columns={"seats": "a_seats"}),
    ],
)
def test_whatever_else_changes_is_told(changed: pd.DataFrame) -> None:
    assert told(changed) != told(ROWS)


def test_an_engine_without_a_hash_tells_nothing() -> None:
    con = ibis.duckdb.connect()
    assert Engine(con).fingerprint(ibis.memtable(ROWS)) is None
    con.disconnect()
