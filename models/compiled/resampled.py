"""What a figure needs of every resample, in one pass over how often each row was drawn: small whole numbers.

Sums are taken row by row in the order given, whatever the processor. ``counts``: resamples x rows, whole numbers.
"""

from math import exp

import numpy as np

from data.compiled.kernel import kernel


@kernel
def count_above(counts: np.ndarray, order: np.ndarray, places: np.ndarray, above: np.ndarray) -> None:
    """Fill in how many rows stand before each place (ascending) of a list in this order: resamples x places."""
    for resample in range(len(counts)):
        drawn, passed, row = counts[resample], 0, 0
        for at in range(len(places)):
            while row < places[at]:
                passed += drawn[order[row]]
                row += 1
            above[resample, at] = passed


@kernel
def fit_slopes(
    counts: np.ndarray, y: np.ndarray, x: np.ndarray, level: float, steps: int, ridge: float, slopes: np.ndarray
) -> None:
    """Fill in the slope of ``y`` on ``x`` in each resample, by Newton's steps from ``level`` and a slope of 0.

    The logistic likelihood of two parameters is concave; a step is at most 2. Where one moves nothing, the others would
    not.
    """
    for resample in range(len(counts)):
        drawn, start, slope = counts[resample], level, 0.0
        for _ in range(steps):
            a, b, c, first, second = ridge, 0.0, ridge, 0.0, 0.0
            for row in range(len(x)):
                if drawn[row]:
                    fitted = 1 / (1 + exp(-(start + slope * x[row])))
                    miss, pull = drawn[row] * (y[row] - fitted), drawn[row] * fitted * (1 - fitted)
                    a, b, c = a + pull, b + pull * x[row], c + pull * x[row] ** 2
                    first, second = first + miss, second + miss * x[row]
            below = a * c - b**2
            up, turn = (c * first - b * second) / below, (a * second - b * first) / below
            start += min(max(up, -2.0), 2.0)
            slope += min(max(turn, -2.0), 2.0)
            if abs(up) < SETTLED and abs(turn) < SETTLED:
                break
        slopes[resample] = slope


SETTLED = 1e-9
"""A step of Newton's so short is followed by one of its square."""
