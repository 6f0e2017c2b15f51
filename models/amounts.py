"""How much an account would expand by, if it does: ARR of a window with an expansion.

A gamma regression with log link (scikit-learn) on a few columns of size, in logarithms and standardised, fitted on the
account-windows with an expansion. What is missing counts as the median, what lies outside the sample as its edge. The
total is scaled to what was really gained, so the mean forecast is unbiased on the rows it was fitted on.

How far single amounts lie from their mean is told by the sample too: four in five lie between ``low`` and ``high``
times the mean (the 10% and 90% quantiles of amount / fitted mean). It is the interval of what an account gains *if* it
expands. Most accounts do not, so the interval of one account's expected ARR would say little: a total has one instead.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import GammaRegressor

SIZE_COLUMNS = (
    "mrr",
    "seats",
    "mrr_per_seat",
    "products",
    "employees",
    "active_users_28d",
    "billed_91d",
    "billed_365d",
)
"""Columns that say how large an account is; those present are used."""
MIN_POSITIVES_PER_COLUMN = 10
INTERVAL = (0.1, 0.9)
MIN_POSITIVES_INTERVAL = 20
"""Fewer amounts say nothing about their tenths."""
PENALTY = 0.01
"""L2 penalty on the standardised coefficients."""


@dataclass(frozen=True)
class Amounts:
    """The fitted map from a feature row to currency per year. Without columns it is one constant.

    ``low``, ``high``: between them times the mean lie four in five amounts (NaN where there were too few to say);
    ``square``: the mean square of amount / mean.
    """

    columns: tuple[str, ...]
    medians: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    log_mean: float
    positives: int
    low: float
    high: float
    square: float

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Expected expansion ARR given an expansion, per row; never negative."""
        if not self.columns:
            return np.full(len(rows), np.exp(self.log_mean))
        logs = _logs(rows, list(self.columns))
        known = np.where(np.isnan(logs), self.medians, logs)
        inside = np.clip(known, self.lowest, self.highest)
        standard = (inside - np.asarray(self.medians)) / np.asarray(self.scales)
        return np.exp(self.log_mean + standard @ np.asarray(self.coefficients))

    def interval(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between which four in five of the amounts with these means lie."""
        return mean * self.low, mean * self.high

    def to_dict(self) -> dict[str, Any]:
        return {name: None if value != value else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Amounts":
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        values |= {k: float("nan") for k, v in values.items() if v is None}
        return cls(**values)


def _logs(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    return np.log1p(np.clip(rows[columns].to_numpy(np.float64), 0, None))


def fit_amounts(rows: pd.DataFrame, arr: np.ndarray) -> Amounts | None:
    """Fit on the rows of account-windows with an expansion; None if not one of them gained anything.

    ``arr`` is the expansion ARR of the window; rows where it is missing or not positive are left out. One column
    is used per ten rows, in the order of SIZE_COLUMNS.
    """
    arr = np.asarray(arr, dtype=np.float64)
    gained = np.isfinite(arr) & (arr > 0)
    rows, arr = rows[gained], arr[gained]
    if not len(arr):
        return None
    present = [column for column in SIZE_COLUMNS if column in rows.columns and rows[column].nunique() > 1]
    columns = present[: len(arr) // MIN_POSITIVES_PER_COLUMN]
    if not columns:
        return Amounts((), (), (), (), (), (), float(np.log(arr.mean())), len(arr), *_spread(arr / arr.mean()))
    logs = _logs(rows, columns)
    medians = np.nanmedian(logs, axis=0)
    known = np.where(np.isnan(logs), medians, logs)
    scales = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    standard = (known - medians) / scales
    fitted = GammaRegressor(alpha=PENALTY, max_iter=1000).fit(standard, arr / arr.mean())
    shape = np.exp(standard @ fitted.coef_)
    level = float(arr.sum() / shape.sum())
    low, high, square = _spread(arr / (level * shape))
    return Amounts(
        columns=tuple(columns),
        medians=tuple(medians.tolist()),
        lowest=tuple(known.min(axis=0).tolist()),
        highest=tuple(known.max(axis=0).tolist()),
        scales=tuple(scales.tolist()),
        coefficients=tuple(fitted.coef_.tolist()),
        log_mean=float(np.log(level)),
        positives=len(arr),
        low=low,
        high=high,
        square=square,
    )


def _spread(ratios: np.ndarray) -> tuple[float, float, float]:
    """The interval and the mean square of amounts over their means."""
    square = float((ratios**2).mean())
    if len(ratios) < MIN_POSITIVES_INTERVAL:
        return float("nan"), float("nan"), square
    low, high = np.quantile(ratios, INTERVAL)
    return float(low), float(high), square
