"""The base rate of the day that is scored, foretold from the same month of the year before.

A booster learns the level of the months that had matured, which ended a horizon ago: over a Christmas, a fiscal year's
end or a steady trend it is wrong by as much as the base rate moves. Where the history holds the same month of the year
before, its base rate, moved by the trend from year to year, is a second opinion on the level (``year_before``): both
are weighed by how wrong each has been on the matured past. The order of a list is not touched.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from models.estimators.calibration import Levels, Platt, level_for, pooled_level
from models.estimators.year_before import DailyLevels, Foretold, foretell, own_variance


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

    @property
    def levels(self) -> DailyLevels:
        """In log-odds, with their sampling variance."""
        log_odds = np.asarray(logit((self.positives + 0.5) / (self.rows + 1)))
        return DailyLevels(self.days, log_odds, 1 / (self.positives + 0.5) + 1 / (self.rows - self.positives + 0.5))

    def foretell(self, day: pd.Timestamp, horizon_days: int) -> Foretold | None:
        """The log-odds of the base rate of ``day``; None if the matured past does not hold the year before."""
        return foretell(self.levels, day, horizon_days)


def calibrate(levels: Levels, rates: Rates, day: pd.Timestamp, log_odds: np.ndarray | None, horizon_days: int) -> Platt:
    """The map for one day, from the matured past alone.

    ``log_odds``: raw, of the rows to be scored on ``day``; without them the season is left out. They are features of
    the day, so nothing of the future is used.
    """
    lasting = pooled_level(levels, horizon_days)
    foretold = rates.foretell(day, horizon_days)
    seasonal = 0.0
    if foretold is not None and log_odds is not None and len(log_odds):
        wanted = level_for(levels.slope * np.asarray(log_odds, dtype=np.float64), float(expit(foretold.level)))
        own = own_variance(levels.days, levels.levels, levels.variances, lasting, horizon_days)
        seasonal = Foretold(wanted, foretold.variance).against(lasting, own)
    return Platt(levels.slope, lasting + seasonal, levels.rows, levels.positives, seasonal)
