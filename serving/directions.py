"""Does an attribution go the way the feature's card says? Where it does not, a CSM would read it as nonsense."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from data.catalogue import Direction, FeatureCard
from serving.wording import Columns

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NOISE = 1e-9
"""Differences in log-odds that are no difference."""


def contradicting(values: Floats, features: list[str], catalogue: Mapping[str, FeatureCard], columns: Columns) -> Mask:
    """Where an attribution contradicts the declared direction of its feature: accounts x features.

    ``values`` are the attributions. A feature of unknown direction, a missing value and one that all accounts share
    contradict nothing.
    """
    marked = np.zeros(values.shape, dtype=np.bool_)
    for number, name in enumerate(features):
        direction = catalogue[name].direction
        if direction is not Direction.UNKNOWN and name in columns:
            sign = 1.0 if direction is Direction.UP else -1.0
            marked[:, number] = against_more_is_better(values[:, number], sign * columns[name])
    return marked


def against_more_is_better(attributions: Floats, amounts: Floats) -> Mask:
    """Where an attribution does not fit "more of it raises the propensity".

    Two things are to hold. What raises is to raise more than it does, on average, for the accounts that have less, and
    what lowers is to lower more than for those that have more (where there are none, the other side is compared). And
    those that have at most as much are, on average, not to be raised more than those that have at least as much. A
    threshold is no contradiction, wherever it lies: 75% of the seats in use may well speak against an account where
    the model's step is at 85%.
    """
    marked = np.zeros(len(amounts), dtype=np.bool_)
    known = np.flatnonzero(~np.isnan(amounts))
    known = known[np.argsort(amounts[known], kind="stable")]
    ordered, weights, size = amounts[known], attributions[known], len(known)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    first = np.searchsorted(ordered, ordered, side="left")  # so many have less
    last = np.searchsorted(ordered, ordered, side="right")  # so many have at most as much
    with np.errstate(invalid="ignore"):
        of_less, of_more = sums[first] / first, (sums[-1] - sums[last]) / (size - last)
        up_to, from_here = sums[last] / last, (sums[-1] - sums[first]) / (size - first)
    raises = np.where(first > 0, of_less <= weights + NOISE, of_more >= weights - NOISE)
    lowers = np.where(last < size, of_more >= weights - NOISE, of_less <= weights + NOISE)
    fits = np.where(weights > 0, raises, lowers) & (up_to <= from_here + NOISE)
    marked[known] = ~fits & (weights != 0) & (last - first < size)
    return marked
