"""Intervals of shares against values from the papers, and the error of an AUC against resamples."""

import numpy as np
import pytest

from models.evaluation.measures import auc
from models.monitoring.intervals import auc_error, difference_interval, share_interval


def test_wilson_and_newcombe_as_published() -> None:
    """Newcombe (1998): 81 of 263 gives 0.2553 to 0.3662; 56/70 against 48/80 gives 0.0524 to 0.3339 (method 10)."""
    assert share_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert difference_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_without_a_row_any_share_may_be_true() -> None:
    assert share_interval(0, 0) == (0, 1)


def test_the_error_of_an_auc_is_that_of_resamples() -> None:
    draw = np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        p = np.concatenate([draw.normal(1, 1, 40), draw.normal(0, 1, 400)])
        drawn.append(auc(np.repeat([1, 0], [40, 400]), p))
    assert auc_error(float(np.mean(drawn)), 40, 400) == pytest.approx(np.std(drawn), rel=0.15)
