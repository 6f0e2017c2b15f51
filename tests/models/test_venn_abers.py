import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from data.contract.expected_arr import FAR
from models.venn_abers import STEP, PropensityRange, fit_range

with np.errstate():  # the package switches numpy's warnings off for the whole process when it is imported
    from venn_abers.venn_abers import calc_p0p1, calc_probs

DRAW = np.random.default_rng(7)


def came(log_odds: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """What comes of accounts whose propensities are right."""
    return (draw.random(len(log_odds)) < expit(log_odds)).astype(np.int8)


def bare(fitted: PropensityRange, log_odds: np.ndarray) -> np.ndarray:
    """The shares as they are, not yet widened to hold the propensity: low and high of each account."""
    cells = np.rint(log_odds / STEP).astype(int)
    low, high = np.asarray(fitted.low), np.asarray(fitted.high)
    return np.column_stack(
        [low[np.searchsorted(fitted.cells, cells, "right")], high[np.searchsorted(fitted.cells, cells, "left")]]
    )


@pytest.mark.filterwarnings("ignore:All-NaN slice encountered")  # of the package, where nobody expanded
@pytest.mark.parametrize("rows", [1, 2, 30, 3000])
@pytest.mark.parametrize("spread", [0.05, 2.0])
def test_the_range_is_that_of_the_venn_abers_package(rows: int, spread: float) -> None:
    draw = np.random.default_rng(rows)
    z = np.rint(draw.normal(-2, spread, rows) / STEP) * STEP
    y, new = came(z, draw), np.rint(draw.normal(-2, 2 * spread, 500) / STEP) * STEP
    fitted = fit_range(z, y)
    both = [np.column_stack([1 - scores, scores]) for scores in (np.rint(z / STEP), np.rint(new / STEP))]
    with np.errstate(divide="ignore", invalid="ignore"):
        p0, p1, cells = calc_p0p1(both[0], y)
    assert np.array_equal(fitted.cells, cells)
    np.testing.assert_allclose(fitted.low, p0[:, 1], atol=1e-12)
    np.testing.assert_allclose(fitted.high, p1[:, 1], atol=1e-12)
    np.testing.assert_allclose(bare(fitted, new), calc_probs(p0, p1, cells, both[1])[1], atol=1e-12)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("z", [-4.0, -1.0, -0.5, 0.0, 0.02, 3.0])
def test_low_and_high_are_isotonic_shares_with_the_account_added(z: float, copies: int) -> None:
    past = np.array([-3.0, -1.0, -1.0, -0.5, 0.0, 0.0, 0.0, 1.0, 2.0])
    y = np.array([0, 1, 0, 0, 1, 0, 0, 1, 0])
    added = []
    for outcome in (0, 1):  # the account, as often as an outcome is counted
        regression = IsotonicRegression().fit([*past, *[z] * copies], [*y, *[outcome] * copies])
        added.append(float(regression.predict([z])[0]))
    assert bare(fit_range(past, y, copies), np.array([z]))[0] == pytest.approx(added)


def test_four_accounts_of_which_one_expanded() -> None:
    fitted = fit_range(np.zeros(4), np.array([1, 0, 0, 0]))
    low, high = fitted.of(np.array([logit(0.3)]) * 0)
    assert (low[0], high[0]) == (1 / 5, 0.5)  # 2/5 with one more expansion: the propensity told, 50%, lies above it
    assert fitted.low == (0.0, 1 / 5)
    assert fitted.high == (2 / 5, 1.0)


def test_without_a_past_nothing_is_known() -> None:
    fitted = fit_range(np.array([]), np.array([]))
    low, high = fitted.of(np.array([-3.0, 0.0, 4.0]))
    assert (low == 0).all()
    assert (high == 1).all()


def test_copies_widen_the_range_as_if_there_were_fewer_accounts() -> None:
    z = DRAW.normal(-2, 1, 1000)
    y = came(z, DRAW)
    thrice = fit_range(np.tile(z, 3), np.tile(y, 3), copies=3)
    np.testing.assert_allclose([thrice.low, thrice.high], [(once := fit_range(z, y)).low, once.high], atol=1e-12)


def test_a_level_that_may_be_wrong_widens_it_by_as_much() -> None:
    z = np.repeat(np.arange(-200, 200) * STEP, 400)
    sure = fit_range(z, expit(z))  # every share is as told
    doubtful = fit_range(z, expit(z), level_error=0.25)
    at = np.array([-1.0, 0.0, 1.5])
    for far, (low, high) in ((0.0, sure.of(at)), (FAR * 0.25, doubtful.of(at))):
        np.testing.assert_allclose(low, expit(at - far), atol=0.006)
        np.testing.assert_allclose(high, expit(at + far), atol=0.006)


@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.floats(1, 5), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_laws(seed: int, rows: int, copies: float, level_error: float) -> None:
    """A range lies in 0 to 1, holds the propensity, and rises with it; stored and read back it is the same."""
    draw = np.random.default_rng(seed)
    z = draw.normal(-2, 2, rows)
    fitted = fit_range(z, came(z + draw.normal(0, 1), draw), copies, level_error)
    at = np.sort(np.append(draw.normal(-2, 4, 200), [-800.0, 800.0]))
    low, high = fitted.of(at)
    assert ((low >= 0) & (low <= expit(at)) & (expit(at) <= high) & (high <= 1)).all()
    assert (np.diff(low) >= -1e-12).all()
    assert (np.diff(high) >= -1e-12).all()
    assert PropensityRange.from_dict(fitted.to_dict()) == fitted


def test_more_accounts_narrow_it() -> None:
    widths = []
    for rows in (100, 1000, 10_000):
        draw = np.random.default_rng(3)
        z = draw.normal(-2, 1.5, rows)
        low, high = fit_range(z, came(z, draw)).of(draw.normal(-2, 1.5, 1000))
        widths.append(float((high - low).mean()))
    assert widths[0] > 2 * widths[1] > 4 * widths[2]
