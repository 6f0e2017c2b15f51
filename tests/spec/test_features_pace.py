"""Whether use rises, bends, jumps or is only in season. The snapshot is the 1st of July 2026, a Wednesday.

Usage comes already counted here, so that a week is one line of the drawing.
"""

from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, rows_of

CUSTOMERS = """
    account_id | product | plan | mrr | valid_from
    acme       | core    | team | 100 | 2024-01-01
    flat       | core    | team | 100 | 2024-01-01
    waking     | core    | team | 100 | 2024-01-01
    busy       | core    | team | 100 | 2024-01-01
    fresh      | core    | team | 100 | 2026-06-01
    early      | core    | team | 100 | 2026-06-20
    silent     | core    | team | 100 | 2024-01-01
"""
USE = """
    account_id | day        | feature | events | known_at
    acme       | 2026-06-30 | report  | 60     |
    acme       | 2026-06-24 | report  | 30     |
    acme       | 2026-06-23 | report  | 30     |
    acme       | 2026-06-02 | report  | 40     |
    acme       | 2026-05-05 | report  | 20     |
    acme       | 2026-04-01 | report  | 10     |
    acme       | 2026-03-31 | report  | 99     |
    acme       | 2026-06-10 | report  | 500    | 2026-07-01
    acme       | 2025-07-01 | report  | 7      |
    acme       | 2025-06-30 | report  | 45     |
    acme       | 2025-06-03 | report  | 35     |
    acme       | 2025-06-02 | report  | 9      |
    flat       | 2026-06-30 | report  | 8      |
    flat       | 2026-06-02 | report  | 8      |
    flat       | 2026-05-05 | report  | 8      |
    waking     | 2026-06-03 | report  | 50     |
    waking     | 2026-06-02 | report  | 20     |
    waking     | 2026-03-04 | report  | 19     |
    waking     | 2026-03-03 | report  | 30     |
    waking     | 2025-12-03 | report  | 30     |
    waking     | 2025-12-02 | report  | 1000   |
    busy       | 2026-06-03 | report  | 50     |
    busy       | 2026-06-02 | report  | 30     |
    busy       | 2026-03-03 | report  | 30     |
    fresh      | 2026-06-11 | report  | 5      |
    early      | 2026-06-13 | report  | 5      |
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of(base(subscriptions=CUSTOMERS, usage_daily=USE)).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


# --- slope ------------------------------------------------------------------------------------------------------------


def test_the_slope_is_that_of_a_line_through_13_weeks(row: pd.Series) -> None:
    this_week, last_week, week_4, week_8, week_12 = 60 + 30, 30, 40, 20, 10  # the 31st of March is of a 14th week
    leaning = 6 * this_week + 5 * last_week + 2 * week_4 - 2 * week_8 - 6 * week_12
    per_week, mean = leaning / 182, (90 + 30 + 40 + 20 + 10) / 13  # 182: the squares of -6 to 6
    assert row.events_weekly_slope_91d == leaning / (14 * 190)
    assert row.events_weekly_slope_91d == pytest.approx(per_week / mean)


def test_use_in_the_latest_week_alone_is_the_steepest_slope(rows: pd.DataFrame) -> None:
    assert rows.events_weekly_slope_91d["fresh"] == 4 / 14  # the 11th of June: two weeks back


def test_no_use_has_no_slope(rows: pd.DataFrame) -> None:
    assert isnan(rows.events_weekly_slope_91d["silent"])


# --- acceleration -----------------------------------------------------------------------------------------------------


def test_use_trebled_after_it_had_doubled(row: pd.Series) -> None:
    now, before, two_before = 60 + 30 + 30, 40, 20  # 28 days from the 3rd of June, the 6th of May, the 8th of April
    assert row.events_acceleration_28d == (now - before) / before - (before - two_before) / two_before


def test_even_use_does_not_accelerate(rows: pd.DataFrame) -> None:
    assert rows.events_acceleration_28d["flat"] == 0


def test_without_use_in_a_month_before_there_is_no_acceleration_to_tell(rows: pd.DataFrame) -> None:
    assert isnan(rows.events_acceleration_28d["fresh"])
    assert isnan(rows.events_acceleration_28d["busy"])


# --- spike after a slow quarter ---------------------------------------------------------------------------------------


def test_fifty_events_in_28_days_after_39_in_a_quarter_that_was_slower_than_the_one_before(rows: pd.DataFrame) -> None:
    quarter, quarter_before = 20 + 19, 30 + 30  # from the 4th of March; from the 3rd of December
    assert quarter < quarter_before
    assert rows.spike_after_slow_quarter["waking"] == (50 * 91 - quarter * 28) / (quarter * 28)


def test_after_a_quarter_that_was_not_slow_there_is_no_spike_of_this_kind(rows: pd.DataFrame) -> None:
    assert rows.spike_after_slow_quarter["busy"] == 0  # 30 events, and 30 before


def test_after_a_quarter_without_use_nothing_can_be_compared(rows: pd.DataFrame) -> None:
    assert isnan(rows.spike_after_slow_quarter["fresh"])
    assert isnan(rows.spike_after_slow_quarter["silent"])


# --- season -----------------------------------------------------------------------------------------------------------


def test_against_the_same_28_days_of_last_year(row: pd.Series) -> None:
    year_ago = 45 + 35  # the 3rd to the 30th of June 2025
    assert row.events_against_last_year_28d == (120 - year_ago) / year_ago


def test_a_year_ago_it_was_not_used(rows: pd.DataFrame) -> None:
    assert isnan(rows.events_against_last_year_28d["flat"])


# --- the start --------------------------------------------------------------------------------------------------------


def test_the_first_use_came_ten_days_after_the_first_contract(rows: pd.DataFrame) -> None:
    assert rows.days_to_first_use["fresh"] == 10


def test_a_trial_before_the_contract_is_below_zero(rows: pd.DataFrame) -> None:
    assert rows.days_to_first_use["early"] == -7


def test_who_never_used_it_has_no_first_use(rows: pd.DataFrame) -> None:
    assert isnan(rows.days_to_first_use["silent"])
