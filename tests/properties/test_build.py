"""A build in shards: the same rows however they are cut, and a build that was stopped goes on where it was."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.sources.staging import stage
from features.build import build as building
from features.build.build import Shard, build
from features.build.checkpoint import checkpoint
from features.calendar import YEAR_DAYS
from features.definition import WHOLE_BASE
from tests.drawn import known
from tests.properties.generated import SNAPSHOTS, as_arrow, frames

pytestmark = pytest.mark.slow

DATES = SNAPSHOTS[:1]
RULES = ExpansionRules()
SOME = ("accounts", "subscriptions", "plans", "usage_events", "account_features")
Tables = dict[str, ibis.Table]


VIEWS = ("beginnings", "active_days", "active_users", *WHOLE_BASE)
"""The features of these are enough where a build is stopped: each shard is a query, and a short one is soon made."""


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    base = {name: frame for name, frame in frames(5, accounts=14).items() if name in SOME}
    con = ibis.duckdb.connect()
    raw = {name: con.create_table(name, as_arrow(name, frame)) for name, frame in base.items()}
    yield {name: stage(TABLES[name], table) for name, table in raw.items()}
    con.disconnect()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where waiting shards are kept."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each shard that is really built, of a few features."""
    counted: list[int] = []
    every = building.available
    monkeypatch.setattr(building, "available", lambda *of: [f for f in every(*of) if f.view in VIEWS])
    own_rows = building._own_rows

    def counting(*arguments: object) -> ibis.Table:
        counted.append(1)
        return own_rows(*arguments)

    monkeypatch.setattr(building, "_own_rows", counting)
    return counted


def rows(shards: Iterator[Shard]) -> pd.DataFrame:
    return pa.concat_tables(shard.rows for shard in shards).to_pandas().sort_values("account_id", ignore_index=True)


def stopped_after(shards: int, tables: Tables, state: str | None) -> None:
    """A build that is killed when so many of its three shards are done."""

    def told(done: int, total: int) -> None:
        if done == shards:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rows(build(known(tables, state=state), DATES, RULES, shards=3, progress=told))


def test_blocks_and_shards_change_nothing(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows(build(known(tables), DATES, RULES, shards=1))
    five = 5 * ((max(DATES) - min(DATES)).days + YEAR_DAYS)  # three blocks of 14 accounts
    monkeypatch.setattr(building, "ACCOUNT_DAYS_PER_BLOCK", five)
    told: list[tuple[int, int]] = []
    sharded = rows(build(known(tables), DATES, RULES, shards=4, progress=lambda *shards: told.append(shards)))
    pd.testing.assert_frame_equal(whole, sharded, check_exact=True)
    assert told == [(done, 6) for done in range(1, 7)]  # two shards in each block


def test_a_stopped_build_goes_on(tables: Tables, built: list[int], scratch: Path) -> None:
    stopped_after(2, tables, "monday")
    assert len(built) == 2
    gone_on = rows(build(known(tables, state="monday"), DATES, RULES, shards=3))
    assert len(built) == 3
    pd.testing.assert_frame_equal(rows(build(known(tables), DATES, RULES, shards=1)), gone_on, check_exact=True)
    assert not list(scratch.rglob("*.parquet"))


def test_other_data_other_dates_and_other_rules_begin_anew(tables: Tables, built: list[int]) -> None:
    stopped_after(2, tables, "monday")
    rows(build(known(tables, state="tuesday"), DATES, RULES, shards=3))
    rows(build(known(tables, state="monday"), SNAPSHOTS[1:2], RULES, shards=3))
    rows(build(known(tables, state="monday"), DATES, ExpansionRules(renewal_gap_days=9), shards=3))
    assert len(built) == 2 + 3 + 3 + 3


def test_without_a_state_nothing_is_kept(tables: Tables, built: list[int], scratch: Path) -> None:
    stopped_after(2, tables, None)
    assert not list(scratch.rglob("*.parquet"))


def test_two_builds_of_the_same_do_not_meet(scratch: Path) -> None:
    with checkpoint("same") as first, checkpoint("same") as second:
        assert first.folder != second.folder
    assert not first.folder.exists()
    assert not second.folder.exists()


def test_what_a_killed_build_worked_on_is_removed(tables: Tables, built: list[int], scratch: Path) -> None:
    stopped_after(1, tables, "monday")
    (folder,) = scratch.glob("headroom-*/features-*")
    (folder / "tables-old").mkdir()
    seen: list[bool] = []

    def told(done: int, total: int) -> None:
        seen.append((folder / "tables-old").exists())

    rows(build(known(tables, state="monday"), DATES, RULES, shards=3, progress=told))
    assert seen == [False, False]
    assert len(built) == 3
    assert not folder.exists()
