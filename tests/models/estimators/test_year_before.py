"""A level of the whole base, foretold from the year before: drawn levels whose right value is arithmetic."""

import numpy as np
import pandas as pd
import pytest

from models.estimators.year_before import TREND_DOUBT, YEAR_CHANGE, DailyLevels, Foretold, foretell

MONTHS = pd.date_range("2023-01-01", periods=24, freq="MS")


def levels(values: np.ndarray) -> DailyLevels:
    return DailyLevels(tuple(MONTHS[: len(values)]), values, np.zeros(len(values)))


def test_the_nearest_snapshot_of_the_year_before_stands_for_the_day() -> None:
    known = levels(np.arange(12.0))
    assert known.year_before(pd.Timestamp("2024-03-10")) == 2  # the 1st of March, 9 days off
    assert known.year_before(pd.Timestamp("2024-03-20")) == 3  # the 1st of April, 12 days off
    assert known.year_before(pd.Timestamp("2025-03-01")) is None
    assert levels(np.array([])).year_before(MONTHS[0]) is None


def test_without_pairs_of_years_it_is_the_level_of_then_and_the_prior_of_its_change() -> None:
    assert foretell(levels(np.arange(12.0)), pd.Timestamp("2024-03-01"), 90) == Foretold(2.0, YEAR_CHANGE**2)


def test_one_pair_of_years_moves_it_by_a_part_of_its_change() -> None:
    """April 2023 to April 2024: up by 0.4, of which as much is believed as of one snapshot."""
    values = np.zeros(16)
    values[12:] = np.nan  # January to April 2024, of which only the first has matured by the 1st of April
    values[12] = 0.4
    told = foretell(levels(values), pd.Timestamp("2024-04-01"), 90)
    assert told is not None
    share = TREND_DOUBT**2 / (TREND_DOUBT**2 + YEAR_CHANGE**2)
    assert told.level == pytest.approx(0.4 * share)
    assert told.variance == pytest.approx((YEAR_CHANGE**2 + (0.4 - 0.4 * share) ** 2) / 2)


def test_two_opinions_are_weighed_by_how_wrong_they_have_been() -> None:
    assert Foretold(1.0, 0.2).against(0.0, 0.2) == pytest.approx(0.5)
    assert Foretold(1.0, 0.1).against(0.5, 0.3) == pytest.approx(0.5 * 3 / 4)
    assert Foretold(1.0, 0.1).against(0.5, 0.0) == 0
