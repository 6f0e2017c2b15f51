"""The past that signals are asked of: earlier snapshots to read from, later ones to judge by.

Snapshots are as far apart as a label is long, so that no expansion is seen twice and no label of the earlier half
reaches into the later one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from models.estimators.sampling import day_of, places_of
from models.evaluation.bootstrap import Figures, Resamples, mean_of
from models.evaluation.measures import auc

LABEL = "expanded"


@dataclass(frozen=True)
class SignalDays:
    """``rows``: feature rows with labels, sorted by snapshot, of days that are a label's length apart."""

    rows: pd.DataFrame
    resamples: int
    seed: int

    @cached_property
    def early(self) -> np.ndarray:
        """The places of the rows of the earlier half."""
        return places_of(self.rows, self._halves[0])

    @cached_property
    def late(self) -> tuple[slice, ...]:
        """The rows of each day of the later half."""
        return tuple(day_of(self.rows, day) for day in self._halves[1])

    @cached_property
    def _halves(self) -> tuple[list[pd.Timestamp], list[pd.Timestamp]]:
        days = sorted(self.rows["snapshot_date"].unique())
        return days[: len(days) // 2], days[len(days) // 2 :]

    @cached_property
    def expanded(self) -> np.ndarray:
        """0 or 1 for each row."""
        return self.rows[LABEL].to_numpy(np.int8)

    @property
    def can_tell(self) -> bool:
        """Did some expand and some not, in both halves?"""
        halves = (self.expanded[places_of(self.rows, days)] for days in self._halves)
        return all(0 < expanded.sum() < len(expanded) for expanded in halves)

    def order(self, rankings: Callable[[slice], Mapping[str, np.ndarray]]) -> Figures:
        """How well each ranking orders the accounts of the later days: its AUC, the mean over them, by resample.

        ``rankings``: by name a number for each row of a day, higher is earlier.
        """
        drawn = Resamples(self.rows["account_id"], self.resamples, self.seed)
        return mean_of([self._of_day(drawn, day, rankings(day)) for day in self.late])

    def _of_day(self, drawn: Resamples, day: slice, ranked: Mapping[str, np.ndarray]) -> Figures:
        y = self.expanded[day]

        def of(weights: np.ndarray) -> dict[str, np.ndarray]:
            return {name: auc(y, scores, weights) for name, scores in ranked.items()}

        return drawn.figures(np.arange(day.start, day.stop), of)
