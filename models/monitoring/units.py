"""A unit that changed: all of a column's values became so many times what they were, its shape stayed."""

import numpy as np
import numpy.typing as npt

FACTORS = (10, 60, 100, 1000)
"""Of cents and euros, minutes and hours, seconds and milliseconds, shares and percentages."""
NEAR, ALIKE = 0.1, 0.25
"""The ratio of the medians lies within a tenth of the factor, that of each other quantile within a quarter."""
FEWEST = 3
"""With fewer quantiles that differ and are not zero there is no shape: what is alike for all may just move."""


def unit_factor(before: npt.ArrayLike, after: npt.ArrayLike) -> float | None:
    """Times what a column's values became by a change of its unit, below one where they shrank; None where it is none.

    ``before``, ``after``: the same quantiles of its values, in order, the median in the middle of those given. A
    quantile that is zero or missing in both says nothing; one that is so in only one of them is no change of a unit.
    """
    then, now = np.asarray(before, np.float64), np.asarray(after, np.float64)
    is_telling = ~((np.nan_to_num(then) == 0) & (np.nan_to_num(now) == 0))
    then, now = then[is_telling], now[is_telling]
    if len(np.unique(then)) < FEWEST or (np.nan_to_num(then) == 0).any():
        return None
    ratios = now / then
    for factor in (*FACTORS, *(1 / factor for factor in FACTORS)):
        off = np.abs(ratios / factor - 1)
        if off[len(off) // 2] <= NEAR and (off <= ALIKE).all():
            return factor
    return None


def say_factor(factor: float) -> str:
    """The factor in words: ``100 times``, ``a 100th``."""
    return f"{factor:g} times" if factor >= 1 else f"a {round(1 / factor)}th"
