import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from data.errors import ModelError
from models.estimators.calibration import (
    IDENTITY,
    SLOPE_RANGE,
    Levels,
    Platt,
    calibrator_from_dict,
    fit_levels,
    independent,
    pooled_level,
)

DAY = pd.Timestamp("2025-01-01")


def sample(
    rows: int, slope: float, level: float, seed: int = 0, day: pd.Timestamp = DAY
) -> tuple[pd.Timestamp, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    z = random.normal(-2, 1.5, rows)
    return day, z, (random.random(rows) < expit(slope * z + level)).astype(int)


def test_slope_and_levels_are_told_apart() -> None:
    """Two snapshots of one booster that is too bold, the second in a season with more expansions."""
    months = [DAY, DAY + pd.DateOffset(months=6)]
    fitted = fit_levels(
        [sample(20_000, 0.6, level, day=day) for day, level in zip(months, (-0.5, 0.7), strict=True)], 20
    )
    assert fitted.slope == pytest.approx(0.6, abs=0.05)
    assert fitted.levels == pytest.approx([-0.5, 0.7], abs=0.1)
    assert (fitted.rows, fitted.days) == (40_000, tuple(months))
    assert (fitted.variances < 0.01).all()


@given(st.integers(0, 1000), st.integers(21, 60))
def test_the_order_is_kept_whatever_the_sample_says(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    z, y = random.normal(size=rows * 2), np.repeat([0, 1], rows)
    fitted = fit_levels([(DAY, np.where(y == 1, -np.abs(z), np.abs(z)), y)], 20)  # the wrong way round
    assert SLOPE_RANGE[0] <= fitted.slope <= SLOPE_RANGE[1]
    order = np.linspace(-8, 8, 50)
    assert (np.diff(Platt(fitted.slope, pooled_level(fitted, 90)).propensity(order)) > 0).all()


def test_few_expansions_leave_the_log_odds_alone() -> None:
    fitted = fit_levels([(DAY, np.linspace(-3, 3, 200), np.arange(200) >= 181)], min_positives=20)  # 19 positives
    assert (fitted.slope, fitted.days, fitted.positives) == (1, (), 19)
    assert pooled_level(fitted, 90) == 0


def test_a_small_sample_moves_the_slope_less_than_a_large_one() -> None:
    day, z, y = sample(80, 0.2, 0, seed=3)
    large = fit_levels([(day, np.tile(z, 100), np.tile(y, 100))], 20)
    assert large.slope < fit_levels([(day, z, y)], 20).slope < 1


def levels(*told: float, months: int = 3) -> Levels:
    days = tuple(DAY + pd.DateOffset(months=months * place) for place in range(len(told)))
    return Levels(1.0, days, np.array(told), np.full(len(told), 0.001), 1000, 100)


def test_a_lasting_level_is_taken_and_a_season_is_not() -> None:
    assert pooled_level(levels(0.3, 0.3, 0.3, 0.3), 90) == pytest.approx(0.3, abs=0.01)
    assert abs(pooled_level(levels(1.0, -1.0, 1.0, -0.2), 90)) < 0.5 * 0.2  # their mean is 0.2
    assert pooled_level(levels(), 90) == 0


def test_snapshots_closer_than_the_horizon_count_once() -> None:
    assert independent(levels(0, 0, 0, months=1).days, 90) == pytest.approx(1 + 59 / 90)  # January to March: 59 days
    assert independent(levels(0, 0, months=12).days, 90) == 2


def test_stored_and_read_back() -> None:
    stored = Platt(0.8, -0.1, 100, 30, 0.05)
    assert calibrator_from_dict(stored.to_dict()) == stored
    assert calibrator_from_dict(IDENTITY.to_dict()) == IDENTITY
    with pytest.raises(ModelError, match="isotonic"):
        calibrator_from_dict({"kind": "isotonic"})
