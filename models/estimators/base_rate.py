"""The base rate of the day that is scored, foretold from the same month of the year before.

A booster learns the level of the months that had matured, which ended a horizon ago: over a Christmas, a fiscal year's
end or a steady trend it is wrong by as much as the base rate moves. Where the history holds the same month of the year
before, its base rate, moved by the trend from year to year, is a second opinion on the level:

    log-odds of the base rate foretold = log-odds of a year before + mean change from year to year

Both opinions are weighed by how wrong each has been on the matured past (inverse variance; with little past, by a
prior), so a base without seasons keeps the booster's level. The order of a list is not touched.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from models.estimators.calibration import Levels, Platt, independent, level_for, pooled_level

YEAR = pd.DateOffset(years=1)
NEAREST_DAYS = 16
"""A snapshot of the year before stands for this day if it is no farther from the day a year ago."""
YEAR_CHANGE = 0.15
"""Standard deviation of a base rate's change from year to year, in log-odds, before the past is seen."""
TREND_DOUBT = 0.15
"""Standard deviation of the trend from year to year, in log-odds, before the past is seen."""
LEVEL_ERROR = 0.14
"""Standard deviation of the booster's own level, in log-odds, before the past is seen."""


@dataclass(frozen=True)
class Rates:
    """The base rate of each matured snapshot, oldest first."""

    days: tuple[pd.Timestamp, ...]
    rows: np.ndarray
    positives: np.ndarray

    @classmethod
    def of(cls, history: pd.DataFrame, label: str) -> "Rates":
        counts = history.groupby("snapshot_date")[label].agg(["size", "sum"]).sort_index()
        return cls(tuple(counts.index), counts["size"].to_numpy(np.float64), counts["sum"].to_numpy(np.float64))

    def before(self, day: pd.Timestamp, horizon_days: int) -> "Rates":
        """Those that had matured before ``day``."""
        known = [date + timedelta(days=horizon_days) <= day for date in self.days]
        return Rates(tuple(np.asarray(self.days, dtype=object)[known]), self.rows[known], self.positives[known])

    @property
    def log_odds(self) -> np.ndarray:
        return np.asarray(logit((self.positives + 0.5) / (self.rows + 1)))

    @property
    def variances(self) -> np.ndarray:
        """Sampling variance of the log-odds."""
        return 1 / (self.positives + 0.5) + 1 / (self.rows - self.positives + 0.5)

    def year_before(self, day: pd.Timestamp) -> int | None:
        """The place of the snapshot nearest to the day a year before; None if there is none near."""
        if not self.days:
            return None
        away = [abs((date - (day - YEAR)).days) for date in self.days]
        nearest = int(np.argmin(away))
        return nearest if away[nearest] <= NEAREST_DAYS else None


@dataclass(frozen=True)
class Foretold:
    """A base rate foretold, in log-odds, and how wrong it may be."""

    log_odds: float
    variance: float


def foretell(rates: Rates, day: pd.Timestamp, horizon_days: int) -> Foretold | None:
    """The base rate of ``day`` by the year before; None if the matured past does not reach that far back."""
    known = rates.before(day, horizon_days)
    there = known.year_before(day)
    if there is None:
        return None
    pairs = [(at, back) for at, date in enumerate(known.days) if (back := known.year_before(date)) is not None]
    trend, change = 0.0, YEAR_CHANGE**2
    if pairs:
        now, then = np.array(pairs).T
        moved = known.log_odds[now] - known.log_odds[then]
        noise = float((known.variances[now] + known.variances[then]).mean())
        count = independent([known.days[place] for place in now], horizon_days)
        trend = float(moved.mean()) * TREND_DOUBT**2 / (TREND_DOUBT**2 + (YEAR_CHANGE**2 + noise) / count)
        change = blended(YEAR_CHANGE**2, float(((moved - trend) ** 2).mean()) - noise, count)
    return Foretold(float(known.log_odds[there]) + trend, change + float(known.variances[there]))


def calibrate(levels: Levels, rates: Rates, day: pd.Timestamp, log_odds: np.ndarray | None, horizon_days: int) -> Platt:
    """The map for one day, from the matured past alone.

    ``log_odds``: raw, of the rows to be scored on ``day``; without them the season is left out. They are features of
    the day, so nothing of the future is used.
    """
    lasting = pooled_level(levels, horizon_days)
    foretold = foretell(rates, day, horizon_days)
    seasonal = 0.0
    if foretold is not None and log_odds is not None and len(log_odds):
        wanted = level_for(levels.slope * np.asarray(log_odds, dtype=np.float64), float(expit(foretold.log_odds)))
        own = level_variance(levels, lasting, horizon_days)
        seasonal = (wanted - lasting) * own / (own + foretold.variance)
    return Platt(levels.slope, lasting + seasonal, levels.rows, levels.positives, seasonal)


def level_variance(levels: Levels, lasting: float, horizon_days: int) -> float:
    """How wrong the booster's own level has been on the matured past."""
    if not levels.days:
        return LEVEL_ERROR**2
    wrong = float(((levels.levels - lasting) ** 2).mean() - levels.variances.mean())
    return blended(LEVEL_ERROR**2, wrong, independent(levels.days, horizon_days))


def blended(prior: float, seen: float, count: float) -> float:
    """A variance: the prior counts as one snapshot."""
    return (prior + count * max(0.0, seen)) / (1 + count)
