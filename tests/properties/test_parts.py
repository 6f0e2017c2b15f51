"""A base in parts: laid out on disk they are the parts that a filter finds, whatever their number."""

from pathlib import Path

import ibis
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.sources.partitions import filtered, partitioned
from data.sources.staging import stage
from tests.properties.generated import as_arrow, frames

pytestmark = pytest.mark.slow

FINEST = 8
"""More parts than accounts, so that some have none."""


@pytest.fixture(scope="module")
def tables() -> dict[str, ibis.Table]:
    base = frames(5, accounts=6)
    users = base["users"]
    base["users"] = pd.concat([users, users.head(1).assign(account_id=None)])
    con = ibis.duckdb.connect()
    return {name: stage(TABLES[name], con.create_table(name, as_arrow(name, frame))) for name, frame in base.items()}


def sorted_rows(table: ibis.Table) -> pd.DataFrame:
    return table.order_by(table.columns).to_pandas()


@pytest.mark.parametrize("count", [1, 4, FINEST])
def test_parts_on_disk_are_the_parts_that_a_filter_finds(
    tables: dict[str, ibis.Table], tmp_path: Path, count: int
) -> None:
    accounts = 0
    with partitioned(tables, FINEST, tmp_path) as part:
        for index in range(count):
            there = part(index, count)
            assert list(there) == list(tables)
            for name, table in there.items():
                expected = sorted_rows(filtered(tables)(index, count)[name])
                assert table.schema() == tables[name].schema()
                pd.testing.assert_frame_equal(sorted_rows(table), expected, check_exact=True)
            accounts += len(there["accounts"].to_pandas())
    assert accounts == len(tables["accounts"].to_pandas())
    assert not list(tmp_path.iterdir())
