"""Is a figure of the team's own high or low? A number alone says neither; against the base it does."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from data.contract.feature_card import FeatureCard
from serving.reasons.templates import Columns

Floats = npt.NDArray[np.float64]

FEWEST_COMPARED = 20
"""With fewer known values in the base nothing is high or low."""
MOST_OF_BASE = 0.75
HIGH, LOW = ", higher than at three in four accounts", ", lower than at three in four accounts"
MIDDLE = ", near the middle of all accounts"
"""Speaks neither for an account nor against it to a reader, whatever it weighs."""

OwnFigures = Mapping[str, Floats]
"""The known values of each number of the team's own, of the base or a large sample of it, ascending."""


def own_figures(features: Sequence[str], catalogue: Mapping[str, FeatureCard], columns: Columns) -> OwnFigures:
    """Those of a base, to compare its accounts with."""
    own = [name for name in features if catalogue[name].is_own and name in columns]
    return {name: np.sort(columns[name][~np.isnan(columns[name])]) for name in own}


def compared(values: Floats, base: Floats) -> npt.NDArray[np.object_]:
    """What each value is against the base, as a sentence goes on; empty where it is not known or the base too small."""
    size = len(base)
    if size < FEWEST_COMPARED:
        return np.full(len(values), "", dtype=object)
    below, above = np.searchsorted(base, values, side="left"), size - np.searchsorted(base, values, side="right")
    said = np.select([below >= MOST_OF_BASE * size, above >= MOST_OF_BASE * size], [HIGH, LOW], MIDDLE)
    return np.where(np.isnan(values), "", said).astype(object)
