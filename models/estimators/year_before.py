"""What the same month of the year before foretells of a level of the whole base: its base rate, its amounts.

    level foretold = level of a year before + mean change from year to year

in log-odds or logarithms. How wrong that has been on the matured past goes with it; with little past a prior does. A
level that was learnt from all months is a second opinion, and both are weighed by how wrong each has been (inverse
variance; Bates and Granger 1969), so a base without seasons keeps its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from models.estimators.calibration import independent

YEAR = pd.DateOffset(years=1)
NEAREST_DAYS = 16
"""A snapshot of the year before stands for this day if it is no farther from the day a year ago."""
YEAR_CHANGE = 0.15
"""Standard deviation of a level's change from year to year, before the past is seen."""
TREND_DOUBT = 0.15
"""Standard deviation of the trend from year to year, before the past is seen."""
LEVEL_ERROR = 0.14
"""Standard deviation of the level that a model learnt from all months, before the past is seen."""


@dataclass(frozen=True)
class DailyLevels:
    """A level of each matured snapshot, in log-odds or logarithms, oldest first; ``variances`` by sampling."""

    days: tuple[pd.Timestamp, ...]
    values: np.ndarray
    variances: np.ndarray

    def before(self, day: pd.Timestamp, horizon_days: int) -> "DailyLevels":
        """Those that had matured before ``day``."""
        known = [date + timedelta(days=horizon_days) <= day for date in self.days]
        return DailyLevels(tuple(np.asarray(self.days, dtype=object)[known]), self.values[known], self.variances[known])

    def year_before(self, day: pd.Timestamp) -> int | None:
        """The place of the snapshot nearest to the day a year before; None if there is none near."""
        if not self.days:
            return None
        away = [abs((date - (day - YEAR)).days) for date in self.days]
        nearest = int(np.argmin(away))
        return nearest if away[nearest] <= NEAREST_DAYS else None


@dataclass(frozen=True)
class Foretold:
    """A level foretold, and how wrong it may be."""

    level: float
    variance: float

    def against(self, own: float, own_variance: float) -> float:
        """How far it moves a model's own level, which may be wrong by ``own_variance``."""
        return (self.level - own) * own_variance / (own_variance + self.variance)


def foretell(levels: DailyLevels, day: pd.Timestamp, horizon_days: int) -> Foretold | None:
    """The level of ``day`` by the year before; None if the matured past does not reach that far back."""
    known = levels.before(day, horizon_days)
    there = known.year_before(day)
    if there is None:
        return None
    pairs = [(at, back) for at, date in enumerate(known.days) if (back := known.year_before(date)) is not None]
    trend, change = 0.0, YEAR_CHANGE**2
    if pairs:
        now, then = np.array(pairs).T
        moved = known.values[now] - known.values[then]
        noise = float((known.variances[now] + known.variances[then]).mean())
        count = independent([known.days[place] for place in now], horizon_days)
        trend = float(moved.mean()) * TREND_DOUBT**2 / (TREND_DOUBT**2 + (YEAR_CHANGE**2 + noise) / count)
        change = blended(YEAR_CHANGE**2, float(((moved - trend) ** 2).mean()) - noise, count)
    return Foretold(float(known.values[there]) + trend, change + float(known.variances[there]))


def own_variance(
    days: Sequence[pd.Timestamp], levels: np.ndarray, variances: np.ndarray, lasting: float, horizon_days: int
) -> float:
    """How wrong a model's own level, ``lasting``, has been on the matured past, beyond the ``variances`` of samples."""
    if not len(days):
        return LEVEL_ERROR**2
    wrong = float(((levels - lasting) ** 2).mean() - variances.mean())
    return blended(LEVEL_ERROR**2, wrong, independent(days, horizon_days))


def blended(prior: float, seen: float, count: float) -> float:
    """A variance: the prior counts as one snapshot."""
    return (prior + count * max(0.0, seen)) / (1 + count)
