"""A changed unit is told from a move: all quantiles by one factor, whatever share of the values is zero."""

import numpy as np
import pytest

from models.monitoring.units import say_factor, unit_factor

DECILES = [0, 0, 0, 2, 3, 5, 8, 20, 90]


@pytest.mark.parametrize("factor", [10, 60, 100, 1000, 1 / 10, 1 / 60, 1 / 100, 1 / 1000])
def test_a_changed_unit_is_found(factor: float) -> None:
    assert unit_factor(DECILES, np.array(DECILES) * factor * 1.05) == factor


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DECILES, DECILES),
        (DECILES, [value * 2 for value in DECILES]),  # twice as much is more, not another unit
        (DECILES, [value * 13 for value in DECILES]),
        (DECILES, [*DECILES[:-1], 9_000]),  # one end of the base grew
        ([1, 2, 3, 4, 5], [10, 10, 30, 80, 50]),  # the shape is another
        ([0, 0, 0, 0, 5], [0, 0, 0, 0, 500]),  # one quantile is no shape
        ([0, 1, 2, 3, 4], [70, 100, 200, 300, 400]),  # what was nothing is something now
        ([1.0, 2.0, 3.0], [np.nan, np.nan, np.nan]),
        ([3.0, 3.0, 3.0, 4.0], [30.0, 30.0, 30.0, 40.0]),  # days since what was the same day for nearly all
        ([], []),
    ],
)
def test_what_grew_or_changed_its_shape_has_no_other_unit(before: list[float], after: list[float]) -> None:
    assert unit_factor(before, after) is None


def test_a_factor_in_words() -> None:
    assert (say_factor(100), say_factor(1 / 60)) == ("100 times", "a 60th")
