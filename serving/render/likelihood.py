"""A propensity in words: its range, four bands with fixed edges, and where it went since the last list."""

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from serving.reasons.formats import say_propensity

Floats = npt.NDArray[np.float64]


class Band(StrEnum):
    """How likely an account is to expand, in words; the likeliest first."""

    VERY_LIKELY = "very likely"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


EDGES: dict[Band, float] = {Band.VERY_LIKELY: 0.6, Band.LIKELY: 0.3, Band.POSSIBLE: 0.1, Band.UNLIKELY: 0.0}
"""The least propensity of each band, whatever the base: ``[edge, edge of the band before)``."""


NOT_ENOUGH = "not enough information"


class Trend(StrEnum):
    """Where a propensity went since the last list."""

    UP = "up"
    STEADY = "steady"
    DOWN = "down"
    UNKNOWN = NOT_ENOUGH


TIMES, POINTS = 1.25, 0.01
"""Up: the odds are so many times those of before, and the propensity is larger by so much; down: the other way round.

Odds, since 82% to 91% halves what is missing, and 2% to 2.2% is nothing.
"""
TREND_MEANING = (
    "Up or down: the odds are a quarter better or worse than on the last list, by a point or more; "
    "no trend yet: it was not on that list, which is not enough information."
)


RANGE_MEANING = (
    "The range is where the share of such accounts that expands lies four times in five; "
    f"{NOT_ENOUGH}: it begins below a band and ends above it."
)


def is_wide(low: Floats, high: Floats) -> npt.NDArray[np.bool_]:
    """Does a range begin below a band and end above it? Then any of three words might be the right one."""
    return bands(low) - bands(high) >= 2


def say_range_of(low: float, high: float) -> str:
    """A range of a propensity, and whether it is too wide to say much; nothing where none is known or both ends read
    alike.
    """
    if np.isnan(low) or np.isnan(high) or (said := say_propensity(low)) == say_propensity(high):
        return ""
    is_unsure = bool(is_wide(np.array(low), np.array(high)))
    return f"{said} to {say_propensity(high)}" + f", {NOT_ENOUGH}" * is_unsure


def bands(propensity: Floats) -> npt.NDArray[np.int8]:
    """The place of each propensity's band in ``Band``."""
    edges = sorted(EDGES.values())[1:]
    return (len(Band) - 1 - np.digitize(propensity, edges)).astype(np.int8)


def trends(propensity: Floats, before: Floats) -> npt.NDArray[np.int8]:
    """The place in ``Trend`` of where each propensity went; ``before``: of the last list, NaN where it had none."""
    now, then = _odds(propensity), _odds(before)
    up = (now >= TIMES * then) & (propensity - before >= POINTS)
    down = (then >= TIMES * now) & (before - propensity >= POINTS)
    return np.select([np.isnan(before), up, down], [3, 0, 2], 1).astype(np.int8)


def _odds(propensity: Floats) -> Floats:
    with np.errstate(divide="ignore"):  # of a certainty they are infinite
        return propensity / (1 - propensity)


def say_band(band: Band) -> str:
    """A band with its edges, in percent."""
    edges = list(EDGES.values())
    place = list(Band).index(band)
    if place == 0:
        return f"{band}: {edges[0]:.0%} or more"
    least, below = edges[place], edges[place - 1]
    return f"{band}: {least:.0%} to under {below:.0%}" if least else f"{band}: under {below:.0%}"
