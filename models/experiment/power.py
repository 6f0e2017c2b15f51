"""What an experiment can show, told before it begins: by what the same accounts did in the windows before.

A window is one horizon. Of each window that an experiment of the past would have had, what came of every account is
known, and so is how much the mean of two arms drawn by chance would have differed. What the adjustment takes off the
error is not counted: an experiment shows no less than it is planned to.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.experiment.effect import reach_on_all_days
from models.monitoring.intervals import USUAL_ERROR

POWER = 0.8
"""An effect that can be shown is shown so often."""
_STEPS = 50


@dataclass(frozen=True)
class PlannedLook:
    """What can be shown of one measure once so many windows are over; ``mean``: of the measure, before.

    ``on_a_day`` and ``on_all_days``: the smallest effect that each of the two intervals finds with ``POWER``.
    """

    windows: int
    rows: int
    mean: float
    on_a_day: float
    on_all_days: float


def planned(outcomes: pd.DataFrame, measure: str, share: float) -> list[PlannedLook]:
    """A look after each of the windows that are known.

    ``outcomes``: one row per account and window, with ``unit``, ``window`` (0 for the first) and the measure;
    ``share`` is held out. No look where the
    same came of all, for then nothing is known of what else could.
    """
    windows, planned_rows = sorted(outcomes["window"].unique()), len(outcomes)
    until = {number: outcomes[outcomes["window"] <= last] for number, last in enumerate(windows, start=1)}
    varied = {number: rows for number, rows in until.items() if rows[measure].nunique() > 1}
    return [_look(rows, number, measure, share, planned_rows) for number, rows in varied.items()]


def _look(rows: pd.DataFrame, windows: int, measure: str, share: float, planned_rows: int) -> PlannedLook:
    values = rows[measure].astype("float64")
    of_units = (values - values.mean()).groupby(rows["unit"]).sum()
    spread = Spread(
        mean=float(values.mean()),
        square=float((values**2).mean()),
        per_row=float((of_units**2).sum() / ((values - values.mean()) ** 2).sum()) / len(rows),
        share=share,
    )
    usual, sequence = float(norm.isf(USUAL_ERROR / 2)), float(reach_on_all_days(len(rows), planned_rows))
    return PlannedLook(windows, len(rows), spread.mean, spread.least_effect(usual), spread.least_effect(sequence))


@dataclass(frozen=True)
class Spread:
    """How an outcome varies: its mean and mean square.

    ``per_row``: what a row's variance is divided by, clusters counted. An effect is more expansions of the same kind,
    so the mean square grows with the mean: of a share that expands, p becomes p + effect.
    """

    mean: float
    square: float
    per_row: float
    share: float

    def least_effect(self, reach: float) -> float:
        """The effect that an interval of so many standard errors to each side finds with ``POWER``."""
        effect = 0.0
        for _ in range(_STEPS):  # the error grows with the effect, much more slowly than it
            told, true = self._errors(effect)
            effect = reach * told + float(norm.ppf(POWER)) * true
        return effect

    def _errors(self, effect: float) -> tuple[float, float]:
        """The standard error that will be told, where both arms are taken to spread alike, and the true one."""
        held_out = self.square - self.mean**2
        listed = self.square * (1 + effect / self.mean) - (self.mean + effect) ** 2
        alike = self.share * held_out + (1 - self.share) * listed
        told = alike / (self.share * (1 - self.share))
        true = held_out / self.share + listed / (1 - self.share)
        return float(np.sqrt(told * self.per_row)), float(np.sqrt(true * self.per_row))
