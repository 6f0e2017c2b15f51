"""Alarms: each speaks of what is large and no accident, and stays silent otherwise."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from data.feeds.parts import SilentPart
from data.feeds.rhythm import Silence
from data.feeds.volume import ColumnLevel, Volume
from models.estimators.reference import ReferenceBase
from models.monitoring.alarms import KINDS, AlarmCode, in_order, owner_of
from models.monitoring.checks import (
    of_columns,
    of_drift,
    of_end,
    of_forecast,
    of_order,
    of_parts,
    of_rate,
    of_silence,
    of_volume,
)
from models.monitoring.drift import compared
from models.monitoring.settings import MonitorSettings

USUAL = MonitorSettings()


def keys(alarms: object) -> list[str]:
    return [alarm.key for alarm in alarms]


def test_every_code_has_its_words_and_an_owner() -> None:
    assert set(KINDS) == set(AlarmCode)
    assert owner_of(AlarmCode.UNIT_CHANGED, MonitorSettings(data_owner="Kim")) == "Kim"
    assert owner_of(AlarmCode.RATE_CHANGED, USUAL) == "data science"


def test_a_source_that_has_stopped_as_a_whole_is_told_by_todays_clock() -> None:
    last, limit = date(2026, 6, 1), 10
    assert list(of_end(last, date(2026, 6, 11), limit)) == []
    (alarm,) = of_end(last, date(2026, 6, 12), limit)
    assert (alarm.key, alarm.value, alarm.threshold) == ("feed_silent:all tables", 11, limit)
    assert alarm.text.startswith("No table has had a row since 2026-06-01: 11 days.")


def test_a_silent_feed_is_named_with_its_rhythm() -> None:
    (alarm,) = of_silence([Silence("usage_events", date(2026, 6, 1), 10, 1)])
    assert alarm.key == "feed_silent:usage_events"
    assert "since 2026-06-01: 10 days, where 2 are usual" in alarm.text


def test_a_part_that_stopped_is_named_with_its_accounts() -> None:
    (alarm,) = of_parts([SilentPart("usage_events", "region", "EMEA", date(2026, 6, 1), 10, ("a1", "a2"))])
    assert alarm.key == "part_silent:usage_events.region = EMEA"
    assert "since 2026-06-01, for 10 days: 2 accounts" in alarm.text


@pytest.mark.parametrize(
    ("rows", "deviation", "least", "speaks"),
    [
        (300, 40, 700, True),
        (300, 40, 290, False),  # an earlier week had fewer
        (300, 400, 700, False),
        (500, 40, 700, False),
        (2_600, 40, 700, True),
        (2_400, 40, 700, False),
    ],
)
def test_volume_is_judged_by_ratio_and_by_its_own_spread(rows: int, deviation: float, least: int, speaks: bool) -> None:
    alarms = keys(of_volume([Volume("tickets", 7, rows, 1_000.0, least, 1_300, deviation)], USUAL))
    assert alarms == (["volume_changed:tickets"] if speaks else [])


def test_lost_values_and_a_changed_unit_of_a_column() -> None:
    lost = ColumnLevel("usage_events", "user_id", 500, 200, (), 5_000, 50, ())
    chance = ColumnLevel("tickets", "severity", 10, 2, (), 5_000, 250, ())
    cents = ColumnLevel("subscriptions", "mrr", 100, 0, (5e4, 1e5, 4e5), 1_000, 0, (5e2, 1e3, 4.1e3))
    alarms = list(of_columns([lost, chance, cents], USUAL))
    assert keys(alarms) == ["nulls_changed:usage_events.user_id", "unit_changed:subscriptions.mrr"]
    assert "40% of the rows of the last weeks, and was in 1%" in alarms[0].text
    assert "100 times" in alarms[1].text


def drift(**columns: tuple[float, float, float, float | None, str | None]) -> pd.DataFrame:
    """Column to weight, PSI, what chance gives, unit factor and the feed that explains it."""
    names = ["weight", "psi", "psi_by_chance", "unit_factor", "because_of"]
    rows = pd.DataFrame.from_dict(columns, orient="index", columns=names).rename_axis("column").reset_index()
    rows["unit_factor"] = rows["unit_factor"].astype("float64")
    return rows.assign(since="since the training", missing_before=0.0, missing_now=0.5)


def test_moved_features_are_told_from_chance_small_weights_units_and_feeds() -> None:
    rows = drift(
        moved=(0.30, 0.9, 0.1, None, None),
        little=(0.01, 0.9, 0.1, None, None),
        by_chance=(0.30, 0.9, 1.0, None, None),
        in_cents=(0.20, 5.0, 0.1, 100.0, None),
        of_feed=(0.30, 5.0, 0.1, None, "usage_events"),
        propensity=(np.nan, 0.3, 0.1, None, None),
    )
    assert set(keys(of_drift(rows, USUAL))) == {
        "feature_moved:moved",
        "unit_changed:feature in_cents",
        "scores_moved:propensity",
        "features_moved:all features",
    }


def judged(expansions: int, accounts: int = 1_000, expected: float = 100.0) -> dict[str, object]:
    return {
        "snapshot_date": date(2026, 1, 1),
        "expansions": expansions,
        "accounts": accounts,
        "expected_expansions": expected,
    }


@pytest.mark.parametrize(
    ("now", "before", "speaks"),
    [((200, 1_000), (100, 1_000), True), ((130, 1_000), (100, 1_000), False), ((8, 40), (4, 40), False)],
)
def test_a_base_rate_that_doubled_is_an_alarm(now: tuple[int, int], before: tuple[int, int], speaks: bool) -> None:
    earlier = {"expansions": before[0], "accounts": before[1], "said": "of those of the training"}
    assert bool(keys(of_rate(judged(*now), earlier, USUAL))) is speaks


def test_the_threshold_that_is_told_lies_between_no_change_and_the_value() -> None:
    lost = ColumnLevel("tickets", "csat", 500, 200, (), 5_000, 50, ())
    filled = ColumnLevel("tickets", "csat", 500, 5, (), 5_000, 2_000, ())
    earlier = {"expansions": 200, "accounts": 1_000, "said": "before"}
    alarms = [*of_columns([lost, filled], USUAL)]
    alarms += [alarm for came in (400, 100) for alarm in of_rate(judged(came), earlier, USUAL)]
    told = [(round(alarm.value, 2), round(alarm.threshold, 2)) for alarm in alarms]
    assert told == [(0.39, 0.1), (-0.39, -0.1), (2.0, 1.75), (0.5, 0.57)]  # 0.57: 1 / 1.75


@pytest.mark.parametrize(("came", "speaks"), [(100, False), (75, False), (50, True), (200, True), (0, True)])
def test_a_forecast_is_off_by_ratio_and_beyond_chance(came: int, speaks: bool) -> None:
    assert bool(keys(of_forecast(judged(came), 90.0, USUAL))) is speaks
    assert not keys(of_forecast(judged(came, 10, 3.0), 1e6, USUAL))


@pytest.mark.parametrize(
    ("auc", "came", "speaks"), [(0.6, 200, True), (0.78, 200, False), (0.6, 4, False), (np.nan, 0, False)]
)
def test_an_order_is_worse_than_promised_beyond_chance(auc: float, came: int, speaks: bool) -> None:
    assert bool(keys(of_order(judged(came), auc, 0.85, USUAL))) is speaks


def test_alarms_of_the_data_come_first() -> None:
    late = of_silence([Silence("usage_events", date(2026, 6, 1), 10, 1)])
    worse = of_order(judged(200), 0.6, 0.85, USUAL)
    assert keys(in_order([*worse, *late])) == ["feed_silent:usage_events", "order_worse:all accounts"]


def test_fifty_two_quiet_weeks_give_no_alarm() -> None:
    """A base of 300 accounts that come and go, and whose values wander, against itself four weeks before."""
    draw = np.random.default_rng(5)
    levels, weeks = draw.normal(0, 1, (300, 12)), []
    for _ in range(56):
        left = draw.random(300) < 0.005
        levels = levels + draw.normal(0, 0.03, levels.shape)
        levels[left] = draw.normal(0, 1, (int(left.sum()), 12))
        weeks.append(pd.DataFrame(np.exp(levels), columns=[f"f{n}" for n in range(12)]))
    told = []
    for now, then in zip(weeks[4:], weeks[:-4], strict=True):
        rows = pd.DataFrame(compared(now, ReferenceBase.of(then), "since then", then, USUAL.error_rate))
        told += of_drift(rows.assign(weight=1 / 12, because_of=None), USUAL)
        hits, earlier = draw.binomial(300, 0.12, 2)
        told += of_rate(judged(hits, 300, 36.0), {"expansions": earlier, "accounts": 300, "said": "before"}, USUAL)
        told += of_forecast(judged(hits, 300, 36.0), 300 * 0.12 * 0.88, USUAL)
        told += of_volume([Volume("tickets", 7, int(draw.poisson(100)), 100.0, 80, 120, 10.0)], USUAL)
    assert keys(told) == []
