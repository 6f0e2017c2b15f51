from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.cohort import cohort
from features.cross_sell import features_used, products_had
from flows.run.settings import Settings, load
from flows.stages import inputs as steps
from flows.stages.cross_sell import shards
from flows.stages.dates import Standing, stand_on
from tests.flows.conftest import END

Parts = list[pa.Table]
SHARDS = 5
KEPT = ("had", "used")


@pytest.fixture(scope="module")
def settings(warehouse: Path) -> Settings:
    return load(source=f"parquet://{warehouse}")


@pytest.fixture(scope="module")
def standing(settings: Settings) -> Iterator[Standing]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("features.build.build.ACCOUNTS_PER_BLOCK", 60)  # of 250 accounts
        yield stand_on(steps.read_source(settings), END)


@pytest.fixture(scope="module")
def built(standing: Standing, settings: Settings) -> Parts:
    return list(steps.row_parts(standing, [END], settings))


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns), ignore_index=True)


def test_each_shard_comes_with_what_its_own_accounts_have(
    standing: Standing, settings: Settings, built: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "row_parts", lambda *_: iter(built))
    parts = list(shards(standing, settings))
    assert len(parts) == SHARDS
    base = cohort(standing.tables, [END])
    for name, table in zip(KEPT, (products_had, features_used), strict=True):
        own = [getattr(options, name) for _, options in parts]
        for (rows, _), found in zip(parts, own, strict=True):
            assert set(found["account_id"]) <= set(rows["account_id"])
        told = pd.concat(own).drop(columns="snapshot_date")
        expected = table(standing.tables, base).drop("snapshot_date").to_pyarrow().to_pandas()
        pd.testing.assert_frame_equal(in_order(told), in_order(expected))
    assert all(options.on_offer["product"].nunique() > 1 for _, options in parts)


def turned(parts: Parts) -> Parts:
    """The rows of each part in another order."""
    draw = np.random.default_rng(0)
    return [part.take(pa.array(draw.permutation(len(part)))) for part in parts]


def cut_anew(parts: Parts) -> Parts:
    """The same rows in other parts: each has accounts of several shards."""
    (whole,) = turned([pa.concat_tables(parts)])
    return [whole.slice(0, 3), whole.slice(3, 0), whole.slice(3, 100), whole.slice(103)]


@pytest.mark.parametrize(
    "change",
    [lambda parts: parts[::-1], lambda parts: [*parts[2:], *parts[:2]], turned, cut_anew],
    ids=["last first", "begun in the middle", "rows turned", "cut anew"],
)
def test_parts_and_rows_in_another_order_come_with_the_same(
    standing: Standing,
    settings: Settings,
    built: Parts,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Parts], Parts],
) -> None:
    def by_account(parts: Parts) -> list[pd.DataFrame]:
        """All rows, and what each account came with: a part comes with what is its own."""
        monkeypatch.setattr(steps, "row_parts", lambda *_: iter(parts))
        said: dict[str, list[pd.DataFrame]] = {"rows": [], **{name: [] for name in KEPT}}
        for rows, options in shards(standing, settings):
            said["rows"].append(rows)
            for name in KEPT:
                table = getattr(options, name)
                assert set(table["account_id"]) <= set(rows["account_id"])
                said[name].append(table)
        return [in_order(pd.concat(tables)) for tables in said.values()]

    for one, other in zip(by_account(change(built)), by_account(built), strict=True):
        assert len(one)
        pd.testing.assert_frame_equal(one, other)
