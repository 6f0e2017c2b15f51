"""Which features went with expansions, out of time, and what a table is worth."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from data.contract.feature_card import Direction, FeatureCard
from data.contract.stories import STORIES
from data.figures.settings import ReadinessSettings
from models.settings import Params
from models.signals.days import SignalDays
from models.signals.strength import NO_SIGNALS, signals_in, strengths
from models.signals.worth import worth_of_tables

ACCOUNTS, DAYS = 300, 4
STORY = {
    "seats_used": ("seats_in_use", "users"),
    "seats_used_too": ("seats_in_use", "users"),
    "bugs_open": ("bugs", "tickets"),
    "turned": ("stickiness", "usage_daily"),
    "mrr": ("account_size", "subscriptions"),
    "billed": ("billing_level", "invoices"),
    "noise": ("crm_activity", "crm_events"),
    "constant": ("budget", "crm_events"),
}
CARDS = {
    name: FeatureCard(name, name, "", Direction.UNKNOWN, "", reason, actionable=False, tables=(table,))
    for name, (reason, table) in STORY.items()
}


@pytest.fixture(scope="module")
def days() -> SignalDays:
    """Four days; who uses more seats, has fewer bugs and pays more expands. What ``turned`` does it did otherwise."""
    drawn = np.random.default_rng(1)
    frames = []
    for place in range(DAYS):
        pushes = drawn.normal(size=ACCOUNTS)
        expanded = (pushes + drawn.normal(size=ACCOUNTS) > 1).astype("int8")
        frames.append(
            pd.DataFrame(
                {
                    "account_id": [f"a{number}" for number in range(ACCOUNTS)],
                    "snapshot_date": pd.Timestamp(date(2026, 1, 1) + timedelta(days=90 * place)),
                    "expanded": expanded,
                    "seats_used": pushes,
                    "seats_used_too": pushes + drawn.normal(size=ACCOUNTS) / 10,
                    "bugs_open": np.where(drawn.random(ACCOUNTS) < 0.5, np.nan, -pushes),
                    "turned": pushes if place < DAYS // 2 else -pushes,
                    "mrr": pushes,
                    "billed": pushes,
                    "noise": drawn.normal(size=ACCOUNTS),
                    "constant": 1.0,
                }
            )
        )
    return SignalDays(pd.concat(frames, ignore_index=True), resamples=100, seed=0)


@pytest.fixture(scope="module")
def table(days: SignalDays) -> pd.DataFrame:
    return strengths(days, CARDS, ReadinessSettings()).set_index("feature")


def test_a_feature_is_judged_on_later_days_than_its_direction_was_read_from(table: pd.DataFrame) -> None:
    assert table.loc["seats_used", "auc"] > 0.75
    assert table.loc["seats_used", "auc_low"] < table.loc["seats_used", "auc"] < table.loc["seats_used", "auc_high"]
    assert table.loc["turned", "auc"] < 0.25  # the earlier days said "more", and then it was less
    assert not table.loc["turned", "is_signal"]
    assert "constant" not in table.index  # it sets no account above another


def test_less_of_a_feature_may_go_with_expansions(table: pd.DataFrame) -> None:
    assert (table.loc["bugs_open", "more"], table.loc["seats_used", "more"]) == (False, True)
    assert table.loc["bugs_open", "coverage"] == pytest.approx(0.5, abs=0.1)


def test_chance_is_no_signal_and_neither_is_what_an_account_is(table: pd.DataFrame) -> None:
    assert not table.loc["noise", "is_signal"]
    assert table.loc["mrr", "auc"] == table.loc["seats_used", "auc"]
    assert not table.loc[["mrr", "billed"], "is_signal"].any()
    assert set(NO_SIGNALS) <= set(STORIES)


def test_features_of_one_story_are_one_signal(table: pd.DataFrame) -> None:
    assert list(table.index[table["is_signal"]]) == ["bugs_open", "seats_used", "seats_used_too"]
    assert signals_in(table) == 2


def test_p_values_are_adjusted_for_so_many_features(table: pd.DataFrame) -> None:
    """Benjamini and Hochberg by hand: p x count / place, and never more than the next larger one's."""
    p = table["p"].sort_values()
    steps = p * len(p) / np.arange(1, len(p) + 1)
    by_hand = steps[::-1].cummin()[::-1].clip(upper=1)
    np.testing.assert_allclose(table["p_adjusted"].loc[p.index], by_hand)


def test_a_table_is_worth_what_is_lost_without_it(days: SignalDays) -> None:
    alone = {name: CARDS[name] for name in ("seats_used", "noise", "constant")}
    worth = worth_of_tables(days, alone, ("users", "crm_events", "tickets"), Params()).set_index("table")
    assert list(worth.index) == ["users", "crm_events"]  # nothing comes from tickets here
    assert worth.loc["users", "worth_low"] > 0.1
    assert worth.loc["crm_events", "worth"] == pytest.approx(0, abs=0.05)
    both = worth_of_tables(days, {name: CARDS[name] for name in ("seats_used", "mrr", "noise")}, ("users",), Params())
    assert both["worth"].iloc[0] == pytest.approx(0, abs=0.02)  # the MRR tells the same


def test_nothing_is_asked_where_only_one_thing_happened(days: SignalDays) -> None:
    assert days.can_tell
    nobody = days.rows.assign(expanded=np.where(days.rows["snapshot_date"] < "2026-06-01", days.rows["expanded"], 0))
    assert not SignalDays(nobody, 10, 0).can_tell
    one_day = days.rows[days.rows["snapshot_date"] == days.rows["snapshot_date"].max()]
    assert not SignalDays(one_day.reset_index(drop=True), 10, 0).can_tell
