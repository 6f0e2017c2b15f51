import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from data.errors import ModelError
from models.calibration import IDENTITY, SLOPE_RANGE, Platt, calibrator_from_dict, fit_platt


def test_the_planted_map_is_found() -> None:
    random = np.random.default_rng(0)
    z = random.normal(-2, 1.5, 20_000)
    y = random.random(20_000) < expit(0.6 * z - 0.5)
    fitted = fit_platt(z, y)
    assert fitted.slope == pytest.approx(0.6, abs=0.05)
    assert fitted.intercept == pytest.approx(-0.5, abs=0.1)
    assert fitted.propensity(z).sum() == pytest.approx(y.sum(), rel=0.001)


@given(st.integers(0, 1000), st.integers(21, 60))
def test_the_order_is_kept_whatever_the_sample_says(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    z, y = random.normal(size=rows * 2), np.repeat([0, 1], rows)
    fitted = fit_platt(np.where(y == 1, -np.abs(z), np.abs(z)), y)  # the wrong way round
    assert SLOPE_RANGE[0] <= fitted.slope <= SLOPE_RANGE[1]
    order = np.linspace(-8, 8, 50)
    assert (np.diff(fitted.propensity(order)) > 0).all()


def test_few_expansions_leave_the_log_odds_alone() -> None:
    z, y = np.linspace(-3, 3, 200), np.arange(200) >= 181  # 19 positives
    fitted = fit_platt(z, y, min_positives=20)
    assert (fitted.slope, fitted.intercept, fitted.positives) == (1, 0, 19)
    assert fitted.propensity(z) == pytest.approx(expit(z))


def test_a_small_sample_moves_the_slope_less_than_a_large_one() -> None:
    random = np.random.default_rng(3)
    z = random.normal(0, 1, 80)
    y = random.random(80) < expit(0.2 * z)
    large = fit_platt(np.tile(z, 100), np.tile(y, 100))
    assert large.slope < fit_platt(z, y).slope < 1


def test_stored_and_read_back() -> None:
    stored = Platt(0.8, -0.1, 100, 30)
    assert calibrator_from_dict(stored.to_dict()) == stored
    assert calibrator_from_dict(IDENTITY.to_dict()) == IDENTITY
    with pytest.raises(ModelError, match="isotonic"):
        calibrator_from_dict({"kind": "isotonic"})
