"""The range of a mean and the interval of a sum, on bases whose truth is drawn."""

import numpy as np
import pytest

from data.contract.expected_arr import COVERAGE, FAR, ArrDoubt, around

SHAPE = 2.0
"""Of the gamma that amounts are drawn from: the mean square of amount / mean is 1 + 1 / SHAPE."""
SQUARE = 1 + 1 / SHAPE


def test_one_account_by_hand() -> None:
    low, high = ArrDoubt(account_error=0.25, sum_error=0.0, square=SQUARE).of_account(np.array([1000.0]))
    assert low[0] == pytest.approx(1000 * np.exp(-1.2816 * 0.25), rel=1e-3)  # 726
    assert high[0] == pytest.approx(1000 * np.exp(1.2816 * 0.25), rel=1e-3)  # 1,378


def test_the_chance_of_one_account_by_hand() -> None:
    # One in ten gains 1,000 on average, 1.5 million is its mean square: 0.1 x 1.5 million - 100^2.
    chance = ArrDoubt(0.0, 0.0, SQUARE).chance(np.array([100.0]), np.array([1000.0]))
    assert chance == pytest.approx([140_000])


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_four_in_five_sums_lie_in_their_interval(error: float) -> None:
    draw = np.random.default_rng(5)
    propensity, amount = draw.uniform(0.02, 0.5, 400), np.exp(draw.normal(8, 1, 400))
    low, high = ArrDoubt(0.0, error, SQUARE).of_sum(propensity * amount, amount)
    moved = np.exp(draw.normal(0, error, (4000, 1)))  # the base as a whole gains more or less than was told
    came = (draw.random((4000, 400)) < propensity) * amount * moved * draw.gamma(SHAPE, 1 / SHAPE, (4000, 400))
    inside = (low <= came.sum(axis=1)) & (came.sum(axis=1) <= high)
    assert inside.mean() == pytest.approx(COVERAGE, abs=0.03)


def test_four_in_five_means_lie_in_their_range() -> None:
    draw = np.random.default_rng(6)
    told = np.exp(draw.normal(5, 1, 20_000))
    true = told * np.exp(draw.normal(0, 0.4, 20_000))
    low, high = ArrDoubt(0.4, 0.0, SQUARE).of_account(told)
    assert ((low <= true) & (true <= high)).mean() == pytest.approx(COVERAGE, abs=0.01)


def test_nothing_expected_is_nothing() -> None:
    doubt = ArrDoubt(0.2, 0.1, SQUARE)
    assert doubt.of_sum(np.array([]), np.array([])) == (0.0, 0.0)
    assert doubt.of_account(np.array([0.0]))[1] == 0


def test_without_chance_the_error_alone_counts() -> None:
    low, high = around(np.array([100.0]), np.array([0.0]), 0.2)
    assert (low[0], high[0]) == pytest.approx((100 * np.exp(-FAR * 0.2), 100 * np.exp(FAR * 0.2)))
