"""How much an account would expand by, if it does: ARR of a window with an expansion.

A gamma regression with log link (scikit-learn) on a few columns of size, in logarithms and standardised, fitted on the
account-windows with an expansion. What is missing counts as the median, what lies outside the sample as its edge. The
total is scaled to what was really gained, so the mean forecast is unbiased on the rows it was fitted on.
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
PENALTY = 0.01
"""L2 penalty on the standardised coefficients."""


@dataclass(frozen=True)
class Amounts:
    """The fitted map from a feature row to currency per year. Without columns it is one constant."""

    columns: tuple[str, ...]
    medians: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    log_mean: float
    positives: int

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Expected expansion ARR given an expansion, per row; never negative."""
        if not self.columns:
            return np.full(len(rows), np.exp(self.log_mean))
        logs = _logs(rows, list(self.columns))
        known = np.where(np.isnan(logs), self.medians, logs)
        inside = np.clip(known, self.lowest, self.highest)
        standard = (inside - np.asarray(self.medians)) / np.asarray(self.scales)
        return np.exp(self.log_mean + standard @ np.asarray(self.coefficients))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Amounts":
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
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
        return Amounts((), (), (), (), (), (), float(np.log(arr.mean())), len(arr))
    logs = _logs(rows, columns)
    medians = np.nanmedian(logs, axis=0)
    known = np.where(np.isnan(logs), medians, logs)
    scales = np.where(known.std(axis=0) > 0, known.std(axis=0), 1.0)
    standard = (known - medians) / scales
    fitted = GammaRegressor(alpha=PENALTY, max_iter=1000).fit(standard, arr / arr.mean())
    total = float(np.exp(standard @ fitted.coef_).sum())
    return Amounts(
        columns=tuple(columns),
        medians=tuple(medians.tolist()),
        lowest=tuple(known.min(axis=0).tolist()),
        highest=tuple(known.max(axis=0).tolist()),
        scales=tuple(scales.tolist()),
        coefficients=tuple(fitted.coef_.tolist()),
        log_mean=float(np.log(arr.sum() / total)),
        positives=len(arr),
    )
