"""What a silent feed tells is missing at the snapshots that it was silent before, and nothing else changes."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data.contract.inputs import TABLES
from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.sources.connect import connect
from data.sources.known import KnownBase, known_before
from features.build.build import build, feature_rows
from features.details import detail_needs
from features.muted import features_of_use, muted_days, muted_features
from tests.drawn import SNAPSHOT

RULES = ExpansionRules()
WITHIN = date(2026, 4, 1)
"""A snapshot within an outage that is over on the 1st of July."""
DATES = [WITHIN, SNAPSHOT]
READS = {
    "usage_events": ("events_28d", "seat_utilization_28d", "days_since_first_use", "peers_below_events"),
    "crm_events": ("crm_events_91d", "opportunity_open", "days_to_first_value"),
    "tickets": ("tickets_91d", "csat_182d", "tickets_open"),
    "users": ("registered_users", "teams"),
    "invoices": ("billed_91d", "days_since_billed"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnownBase]:
    folder = tmp_path_factory.mktemp("base")
    simulate(folder, accounts=80, months=12, seed=3, end=SNAPSHOT)
    with connect(f"parquet://{folder}") as source:
        yield known_before(source, SNAPSHOT, SNAPSHOT)


def with_outage(base: KnownBase, name: str, days: int, until: date) -> KnownBase:
    """The base without rows of a table in so many days before ``until``."""
    table = base.tables[name]
    happened = table[TABLES[name].happened_on]
    gone = (happened >= until - timedelta(days=days)) & (happened < until)
    return replace(base, tables=base.tables | {name: table.filter(~gone)})


def rows(base: KnownBase, dates: list[date], shards: int) -> pd.DataFrame:
    made = pa.concat_tables(shard.rows for shard in build(base, dates, RULES, shards=shards)).to_pandas()
    return made.sort_values(["snapshot_date", "account_id"], ignore_index=True)


@pytest.mark.parametrize("name", READS)
def test_what_rests_on_a_table_is_not_known_once_it_is_silent(base: KnownBase, name: str) -> None:
    days = {"invoices": 70, "usage_events": 10}.get(name, 40)
    muted = muted_features(with_outage(base, name, days, SNAPSHOT), SNAPSHOT)
    assert set(READS[name]) <= muted
    others = {feature for other, read in READS.items() if other != name for feature in read}
    assert not muted & (others | {"tenure_days", "mrr", "days_since_expansion"})


def test_lines_of_contracts_hold_until_they_end(base: KnownBase) -> None:
    cut = with_outage(base, "subscriptions", 60, SNAPSHOT)
    assert set(cut.silent) == {"subscriptions"}
    assert muted_features(cut, SNAPSHOT) == frozenset()


def test_a_snapshot_within_an_outage_is_built_as_on_its_day_and_all_else_as_ever(base: KnownBase) -> None:
    cut = with_outage(with_outage(base, "usage_events", 10, WITHIN), "crm_events", 40, SNAPSHOT)
    muted = muted_days(cut, DATES)
    assert (muted["events_28d"], muted["opportunity_open"]) == ([WITHIN], [SNAPSHOT])
    made = rows(cut, DATES, 1)
    plain = feature_rows(cut.tables, DATES, RULES, absent=cut.absent).to_pyarrow().to_pandas()
    plain = plain.sort_values(["snapshot_date", "account_id"], ignore_index=True)
    for name, days in muted.items():
        if name in plain:
            plain.loc[plain["snapshot_date"].isin(days), name] = np.nan
    pd.testing.assert_frame_equal(made, plain, check_exact=True)
    pd.testing.assert_frame_equal(rows(cut, DATES, 2), plain, check_exact=True)


def test_a_base_with_every_feed_is_built_as_ever(base: KnownBase) -> None:
    assert base.silent == {}
    assert muted_days(base, DATES) == {}


def test_details_of_a_silent_feed_are_missing_too(base: KnownBase) -> None:
    cut = with_outage(base, "usage_events", 10, SNAPSHOT)
    muted = muted_days(cut, [SNAPSHOT], detail_needs(cut.tables, cut.absent))
    assert {"use_week_1", "use_week_13", "top_feature", "next_plan_used"} <= muted.keys()
    assert not {"main_product", "milestone_on", "critical_feature"} & muted.keys()


@pytest.mark.parametrize(
    ("name", "days", "gone"),
    [("usage_events", 10, set()), ("crm_events", 40, {"champion"}), ("tickets", 40, {"ticket"}),
     ("users", 40, {"team", "role"})],
)  # fmt: skip
def test_what_a_page_shows_of_a_silent_feed_is_not_known(base: KnownBase, name: str, days: int, gone: set[str]) -> None:
    cut = with_outage(base, name, days, SNAPSHOT)
    assert set(cut.silent) == {name}
    (shard,) = build(cut, [SNAPSHOT], RULES, for_list=True, shards=1)
    facts = shard.facts.to_pandas()
    assert {"line", "team", "role", "champion", "ticket"} - set(facts["kind"]) == gone
    teams = facts.loc[facts["kind"] == "team", "active_users"]
    assert teams.isna().all() if name == "usage_events" else (teams > 0).any() or name == "users"


def test_a_build_that_is_left_after_a_shard_leaves_no_table(base: KnownBase) -> None:
    with closing(build(replace(base, state=None), [SNAPSHOT], RULES, shards=2)) as shards:
        assert len(next(shards).rows)
    there = base.engine.con.raw_sql("select table_name from duckdb_tables()").fetchall()
    assert not [name for (name,) in there if name.startswith("headroom_")]


def with_a_silent_region(base: KnownBase, days: int) -> tuple[KnownBase, str]:
    """The base without use in its largest region, in so many days before its day."""
    accounts, events = base.tables["accounts"].to_pandas(), base.tables["usage_events"]
    region = accounts["region"].value_counts().index[0]
    theirs = events.account_id.isin(accounts.loc[accounts["region"] == region, "account_id"].tolist())
    kept = events.filter(~theirs | (events.occurred_on < base.snapshot_date - timedelta(days=days)))
    return replace(base, tables=base.tables | {"usage_events": kept}, state=None), region


@pytest.mark.parametrize("shards", [1, 3])
def test_what_rests_on_use_is_not_known_of_the_accounts_whose_part_stopped(base: KnownBase, shards: int) -> None:
    cut, region = with_a_silent_region(base, 12)
    (part,) = cut.parts
    assert (part.column, part.value) == ("region", region)
    made, whole = rows(cut, DATES, shards), rows(base, DATES, shards)
    silent = made["account_id"].isin(part.accounts) & (made["snapshot_date"] == SNAPSHOT)
    assert 3 < silent.sum() < (made["snapshot_date"] == SNAPSHOT).sum()
    of_use = sorted(features_of_use(cut))
    assert made.loc[silent, of_use].isna().all(axis=None)
    compared = ["peers_below_events"]  # others are compared with fewer, and so at another place
    own = [
        name for name in of_use if not name.startswith("peers_") and "look_alike" not in name and "group" not in name
    ]
    pd.testing.assert_frame_equal(made.loc[~silent, own], whole.loc[~silent, own])
    assert made.loc[~silent, compared].notna().any(axis=None)
    others = [name for name in made.columns if name not in of_use]
    pd.testing.assert_frame_equal(made[others], whole[others])
