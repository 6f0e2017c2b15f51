"""A shard is whole: its rows, and what its own accounts could be sold."""

from collections.abc import Iterator
from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.sources.connect import connect
from data.sources.known import KnownBase, known_before
from features.build.build import Shard, build, shard_count
from features.build.kept import of_day
from features.calendar import YEAR_DAYS
from features.cohort import cohort
from features.cross_sell import features_used, products_had
from tests.drawn import SNAPSHOT

SHARDS = 3
PAST = date(2026, 4, 1)
KEPT = {"had": products_had, "used": features_used}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnownBase]:
    folder = tmp_path_factory.mktemp("base")
    simulate(folder, accounts=120, months=12, seed=3, end=SNAPSHOT)
    with connect(f"parquet://{folder}") as source:
        yield known_before(source, SNAPSHOT, SNAPSHOT)


@pytest.fixture(scope="module")
def shards(base: KnownBase) -> list[Shard]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("features.build.build.ACCOUNT_DAYS_PER_BLOCK", 60 * YEAR_DAYS)
        return list(build(base, [SNAPSHOT], ExpansionRules(), for_list=True, shards=SHARDS))


def test_accounts_that_have_come_since_change_no_shard(base: KnownBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.build.build.ACCOUNTS_PER_SHARD", 20)
    accounts = base.tables["accounts"]
    grown = base.tables | {"accounts": accounts.union(accounts.mutate(account_id=accounts.account_id + "-new"))}
    assert shard_count(grown, [SNAPSHOT]) == shard_count(base.tables, [SNAPSHOT]) > 1


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns), ignore_index=True)


def test_each_shard_comes_with_what_its_own_accounts_have(base: KnownBase, shards: list[Shard]) -> None:
    assert len(shards) >= SHARDS
    for name, table in KEPT.items():
        own = [getattr(shard.cross_sell_options, name) for shard in shards]
        for shard, rows in zip(shards, own, strict=True):
            assert set(rows["account_id"]) <= set(shard.rows["account_id"].to_pylist())
        expected = table(base.tables, cohort(base.tables, [SNAPSHOT])).drop("snapshot_date").to_pyarrow().to_pandas()
        assert len(expected)
        pd.testing.assert_frame_equal(in_order(pd.concat(own).drop(columns="snapshot_date")), in_order(expected))
    assert all(shard.cross_sell_options.on_offer["product"].nunique() > 1 for shard in shards)


def test_options_come_when_they_are_asked_for_and_change_no_row(base: KnownBase, shards: list[Shard]) -> None:
    plain = list(build(base, [SNAPSHOT], ExpansionRules()))
    assert [shard.cross_sell_options for shard in plain] == [None] * len(plain)
    whole, parts = (pa.concat_tables(shard.rows for shard in some).to_pandas() for some in (plain, shards))
    pd.testing.assert_frame_equal(in_order(whole), in_order(parts), check_exact=True)


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.slow), SHARDS])
def test_past_days_beside_the_day_of_a_list_change_nothing_of_it(
    base: KnownBase, shards: list[Shard], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    if count > 1:  # two blocks of one date, three of both
        monkeypatch.setattr("features.build.build.ACCOUNT_DAYS_PER_BLOCK", 60 * YEAR_DAYS)
    monkeypatch.setattr("features.build.build.ROWS_PER_SHARD", 120)
    alone = list(build(base, [SNAPSHOT], ExpansionRules(), for_list=True)) if count == 1 else shards
    beside = list(build(base, [PAST, SNAPSHOT], ExpansionRules(), for_list=True, shards=count))
    before = pa.concat_tables(shard.rows for shard in build(base, [PAST], ExpansionRules()))
    assert before.num_rows > 10
    assert len(alone) == len(beside) >= count
    made = pa.concat_tables(of_day(shard.rows, PAST) for shard in beside)
    pd.testing.assert_frame_equal(in_order(made.to_pandas()), in_order(before.to_pandas()))
    for one, other in zip(alone, beside, strict=True):  # of as many shards, what a list is judged against is the same
        assert of_day(other.rows, SNAPSHOT).equals(one.rows)
        assert other.details == one.details
        pd.testing.assert_frame_equal(in_order(other.facts.to_pandas()), in_order(one.facts.to_pandas()))
        for name in ("had", "on_offer", "used"):
            options = [getattr(shard.cross_sell_options, name) for shard in (other, one)]
            pd.testing.assert_frame_equal(*map(in_order, options))
