"""Is a figure of the team's own high or low, and does that speak for an account? A number alone says neither.

Nobody declared which way such a figure goes. What the base shows decides: a figure is a reason that a CSM sees where
its high quarter and its low quarter are pushed opposite ways, and the account is pushed as its quarter is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from data.conditions import Columns
from data.contract.feature_card import FeatureCard

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

FEWEST_COMPARED = 20
"""With fewer known values in the base nothing is high or low."""
MOST_OF_BASE, NEARLY_ALL = 0.75, 0.9
SHARES = {NEARLY_ALL: "nine in ten", MOST_OF_BASE: "three in four"}
"""Of how many accounts a figure may lie above or below, and how that is said: the most first."""
MIDDLE = ", near the middle of all accounts"


def told(side: int, share: float, *, is_counted: bool) -> str:
    """How a sentence goes on of a figure that lies above (+1) or below (-1) so many: what is whole is counted."""
    words = {1: "more", -1: "fewer"} if is_counted else {1: "higher", -1: "lower"}
    return f", {words[side]} than at {SHARES[share]} accounts"


@dataclass(frozen=True)
class OwnFigure:
    """One number of the team's own in the base, or a large sample of it.

    ``values``: the known ones, ascending. ``push``: the mean attribution of what is high (+1) and of what is low (-1).
    """

    values: Floats
    push: Mapping[int, float]

    @classmethod
    def of(cls, values: Floats, attributions: Floats) -> "OwnFigure":
        figure = cls(np.sort(values[~np.isnan(values)]), {})
        said = figure.compared(values)
        at = {side: np.isin(said, words) for side, words in figure.words.items()}
        return cls(figure.values, {side: float(attributions[here].mean()) for side, here in at.items() if here.any()})

    @cached_property
    def words(self) -> Mapping[int, list[str]]:
        """What is said of a high figure (+1) and of a low one (-1), for each of ``SHARES``."""
        is_counted = bool((self.values == np.floor(self.values)).all())
        return {side: [told(side, share, is_counted=is_counted) for share in SHARES] for side in (1, -1)}

    def compared(self, values: Floats) -> Objects:
        """What each value is against the base, as a sentence goes on; empty where it or the base is not known."""
        size = len(self.values)
        if size < FEWEST_COMPARED:
            return np.full(len(values), "", dtype=object)
        below = np.searchsorted(self.values, values, side="left")
        above = size - np.searchsorted(self.values, values, side="right")
        lies = {
            word: beyond >= share * size
            for side, beyond in ((1, below), (-1, above))
            for share, word in zip(SHARES, self.words[side], strict=True)
        }
        said = np.select(list(lies.values()), list(lies), MIDDLE)
        return np.where(np.isnan(values), "", said).astype(object)

    def speaks(self, said: Objects, way: float) -> npt.NDArray[np.bool_]:
        """Where it may be shown as pushing that ``way``, +1 or -1: high or low, and what is so is pushed that way.

        Where nothing can be compared it is shown as it is.
        """
        is_told_apart = self.push.get(1, 0.0) * self.push.get(-1, 0.0) < 0
        sides = [side for side, push in self.push.items() if is_told_apart and push * way > 0]
        return np.isin(said, [*(word for side in sides for word in self.words[side]), ""])


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
