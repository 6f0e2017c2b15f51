import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from models.estimators.base_rate import Rates, calibrate
from models.estimators.calibration import fit_levels, level_for

MONTHS = pd.date_range("2023-01-01", periods=30, freq="MS")
NONE = fit_levels([], 20)


def rates(by_month: dict[int, float], usual: float, trend: float = 1.0, rows: int = 2000) -> Rates:
    """Base rates by calendar month, times the trend for each full year."""
    share = np.array([by_month.get(day.month, usual) * trend ** (day.year - 2023) for day in MONTHS])
    return Rates(tuple(MONTHS), np.full(len(MONTHS), float(rows)), np.round(share * rows))


def test_the_month_of_the_year_before_foretells_the_base_rate() -> None:
    told = rates({12: 0.3}, 0.1).foretell(pd.Timestamp("2024-12-01"), 90)
    assert told is not None
    assert expit(told.level) == pytest.approx(0.3, abs=0.01)


def test_a_trend_from_year_to_year_is_followed() -> None:
    told = rates({}, 0.1, trend=1.5).foretell(pd.Timestamp("2025-06-01"), 90)
    assert told is not None
    assert 0.15 < expit(told.level) < 0.1 * 1.5**2 + 0.005  # last year 0.15, this year 0.225, in doubt for less


def test_only_the_matured_past_is_asked() -> None:
    known = rates({}, 0.1)
    day = pd.Timestamp("2024-06-01")
    open_or_later = np.array([date + pd.Timedelta(days=90) > day for date in known.days])
    turned = Rates(known.days, known.rows, np.where(open_or_later, 0.9 * known.rows, known.positives))
    assert known.foretell(day, 90) == turned.foretell(day, 90)
    assert known.foretell(pd.Timestamp("2023-12-01"), 90) is None  # no year before


def test_the_level_moves_with_the_season_where_the_booster_was_wrong() -> None:
    """The booster says 10% all year; in December 30% come. Last year's December says so, and so do its past errors."""
    random = np.random.default_rng(0)
    z = np.full(2000, logit(0.1))
    samples = [
        (day, z, (random.random(2000) < (0.3 if day.month in (12, 6) else 0.1)).astype(int)) for day in MONTHS[8:20]
    ]
    levels, known = fit_levels(samples, 20), rates({12: 0.3, 6: 0.3}, 0.1)
    december = calibrate(levels, known, pd.Timestamp("2024-12-01"), z, 90)
    assert december.propensity(z).mean() == pytest.approx(0.3, abs=0.05)
    assert december.seasonal > 1
    march = calibrate(levels, known, pd.Timestamp("2025-03-01"), z, 90)
    assert march.propensity(z).mean() == pytest.approx(0.1, abs=0.02)


def test_without_a_year_or_without_rows_the_season_is_left_out() -> None:
    known = rates({}, 0.1)
    z = np.full(50, -1.0)
    assert calibrate(NONE, known, pd.Timestamp("2023-06-01"), z, 90).seasonal == 0
    assert calibrate(NONE, known, pd.Timestamp("2025-01-01"), None, 90).seasonal == 0


def test_the_level_that_gives_a_rate() -> None:
    z = np.array([-3.0, 0.0, 1.0])
    assert expit(z + level_for(z, 0.25)).mean() == pytest.approx(0.25)
    wild = np.array([-80.0, -60.0, 70.0, 75.0])  # a booster that is too sure
    assert expit(wild + level_for(wild, 0.1)).mean() == pytest.approx(0.1)
