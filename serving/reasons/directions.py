"""Does an attribution go the way the feature's card says? Where it does not, a CSM would read it as nonsense."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.conditions import Columns
from data.contract.feature_card import Direction, FeatureCard

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NOISE = 1e-9
"""Differences in log-odds that are no difference."""


@dataclass(frozen=True)
class DirectionReference:
    """What the attributions of one feature are compared with: the base, or a large sample of it.

    ``amounts``: the known values times the direction's sign, ascending; ``sums``: those of their attributions, added up
    from the least amount on, a 0 before them.
    """

    sign: float
    amounts: Floats
    sums: Floats

    @classmethod
    def of(cls, attributions: Floats, values: Floats, direction: Direction) -> "DirectionReference":
        sign = 1.0 if direction is Direction.UP else -1.0
        known = ~np.isnan(values)
        amounts, weights = sign * values[known], attributions[known]
        order = np.argsort(amounts, kind="stable")
        return cls(sign, amounts[order], np.concatenate([[0.0], np.cumsum(weights[order])]))

    def contradicted(self, attributions: Floats, values: Floats) -> Mask:
        """Where an attribution does not fit "more of it raises the propensity" (or lowers it, if so declared).

        Two things are to hold. What raises is to raise more than it does, on average, for the accounts that have less,
        and what lowers is to lower more than for those that have more (where there are none, the other side is
        compared). And those that have at most as much are, on average, not to be raised more than those that have at
        least as much. A threshold is no contradiction, wherever it lies: 75% of the seats in use may well speak against
        an account where the model's step is at 85%.
        """
        marked = np.zeros(len(values), dtype=np.bool_)
        known = np.flatnonzero(~np.isnan(values))
        amounts, weights, size, sums = self.sign * values[known], attributions[known], len(self.amounts), self.sums
        first = np.searchsorted(self.amounts, amounts, side="left")  # so many have less
        last = np.searchsorted(self.amounts, amounts, side="right")  # so many have at most as much
        with np.errstate(invalid="ignore", divide="ignore"):
            of_less, of_more = sums[first] / first, (sums[-1] - sums[last]) / (size - last)
            up_to, from_here = sums[last] / last, (sums[-1] - sums[first]) / (size - first)
        raises = np.where(first > 0, of_less <= weights + NOISE, of_more >= weights - NOISE)
        lowers = np.where(last < size, of_more >= weights - NOISE, of_less <= weights + NOISE)
        one_sided = (last == 0) | (first == size)  # beyond the sample there is nobody on one of the sides
        fits = np.where(weights > 0, raises, lowers) & (one_sided | (up_to <= from_here + NOISE))
        marked[known] = ~fits & (weights != 0) & (last - first < size)
        return marked


DirectionReferences = Mapping[str, DirectionReference]
"""By feature. A feature of unknown direction has none: nothing contradicts it."""


def direction_references(
    values: Floats, features: Sequence[str], catalogue: Mapping[str, FeatureCard], columns: Columns
) -> DirectionReferences:
    """What attributions are compared with, from those of the base or of a large sample: accounts x features."""
    declared = [
        (number, name)
        for number, name in enumerate(features)
        if catalogue[name].direction is not Direction.UNKNOWN and name in columns
    ]
    return {
        name: DirectionReference.of(values[:, number], columns[name], catalogue[name].direction)
        for number, name in declared
    }


def contradicting(values: Floats, features: Sequence[str], columns: Columns, references: DirectionReferences) -> Mask:
    """Where an attribution contradicts the declared direction of its feature: accounts x features.

    ``values`` are the attributions. A feature of unknown direction, a missing value and one that all accounts share
    contradict nothing.
    """
    marked = np.zeros(values.shape, dtype=np.bool_)
    for number, name in enumerate(features):
        if name in references and name in columns:
            marked[:, number] = references[name].contradicted(values[:, number], columns[name])
    return marked
