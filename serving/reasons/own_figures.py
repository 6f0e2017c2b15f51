"""Is a figure of the team's own high or low, and does that speak for an account? A number alone says neither.

Nobody declared which way such a figure goes. What the base shows decides: a figure is a reason that a CSM sees where
its high quarter and its low quarter are pushed opposite ways, and the account is pushed as its quarter is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.conditions import Columns
from data.contract.feature_card import FeatureCard

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

FEWEST_COMPARED = 20
"""With fewer known values in the base nothing is high or low."""
MOST_OF_BASE, NEARLY_ALL = 0.75, 0.9
HIGH, LOW = ", above three in four accounts", ", below three in four accounts"
HIGHEST, LOWEST = ", above nine in ten accounts", ", below nine in ten accounts"
MIDDLE = ", near the middle of all accounts"
SIDES = {1: (HIGH, HIGHEST), -1: (LOW, LOWEST)}


@dataclass(frozen=True)
class OwnFigure:
    """One number of the team's own in the base, or a large sample of it.

    ``values``: the known ones, ascending. ``push``: the mean attribution of what is high and of what is low, by +1 and
    -1.
    """

    values: Floats
    push: Mapping[int, float]

    @classmethod
    def of(cls, values: Floats, attributions: Floats) -> "OwnFigure":
        figure = cls(np.sort(values[~np.isnan(values)]), {})
        said = figure.compared(values)
        at = {side: np.isin(said, words) for side, words in SIDES.items()}
        return cls(figure.values, {side: float(attributions[here].mean()) for side, here in at.items() if here.any()})

    def compared(self, values: Floats) -> Objects:
        """What each value is against the base, as a sentence goes on; empty where it or the base is not known."""
        size = len(self.values)
        if size < FEWEST_COMPARED:
            return np.full(len(values), "", dtype=object)
        below = np.searchsorted(self.values, values, side="left")
        above = size - np.searchsorted(self.values, values, side="right")
        said = np.select(
            [part >= share * size for share in (NEARLY_ALL, MOST_OF_BASE) for part in (below, above)],
            [HIGHEST, LOWEST, HIGH, LOW],
            MIDDLE,
        )
        return np.where(np.isnan(values), "", said).astype(object)

    def speaks(self, said: Objects, way: float) -> npt.NDArray[np.bool_]:
        """Where it may be shown as pushing that ``way``, +1 or -1: high or low, and what is so is pushed that way.

        Where nothing can be compared it is shown as it is.
        """
        is_told_apart = self.push.get(1, 0.0) * self.push.get(-1, 0.0) < 0
        words = [word for side, push in self.push.items() if is_told_apart and push * way > 0 for word in SIDES[side]]
        return np.isin(said, [*words, ""])


OwnFigures = Mapping[str, OwnFigure]
"""By feature."""


def own_figures(
    attributions: Floats, features: Sequence[str], catalogue: Mapping[str, FeatureCard], columns: Columns
) -> OwnFigures:
    """Those of a base, to compare its accounts with. ``attributions``: accounts x features."""
    return {
        name: OwnFigure.of(columns[name], attributions[:, number])
        for number, name in enumerate(features)
        if catalogue[name].is_own and name in columns
    }
