"""From log-odds to a probability one can bet on: a stored, strictly increasing map.

Platt scaling (Platt 1999), ``propensity = 1 / (1 + exp(-(slope x log-odds + intercept)))``, fitted on snapshots
that lie later than what the booster was trained on. The slope is pulled towards 1 and kept positive, so a
calibrated list has the order of the uncalibrated one; with few expansions the map stays near the identity.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from data.errors import ModelError

SLOPE_RANGE = (0.05, 5.0)
SLOPE_DOUBT = 0.5
"""Standard deviation of the slope around 1, before the sample is seen (a Gaussian prior)."""
INTERCEPT_DOUBT = 1.0
"""Standard deviation of the intercept around 0, in log-odds."""


class Calibrator(Protocol):
    """An increasing map from log-odds to propensity that can be stored."""

    def propensity(self, log_odds: np.ndarray) -> np.ndarray: ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Platt:
    """The map, and the sample that it was fitted on. Slope 1 and intercept 0: log-odds are taken as they are."""

    slope: float = 1.0
    intercept: float = 0.0
    rows: int = 0
    positives: int = 0

    def propensity(self, log_odds: np.ndarray) -> np.ndarray:
        return expit(self.slope * np.asarray(log_odds, dtype=np.float64) + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "platt", **asdict(self)}


IDENTITY = Platt()


def fit_platt(log_odds: np.ndarray, y: np.ndarray, min_positives: int = 20) -> Platt:
    """The map that fits ``y`` (0 or 1) best; the identity below ``min_positives`` of either outcome."""
    z, y = np.asarray(log_odds, dtype=np.float64), np.asarray(y, dtype=np.float64)
    positives = int(y.sum())
    if min(positives, len(y) - positives) < min_positives:
        return Platt(rows=len(y), positives=positives)

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        margin = p[0] * z + p[1]
        miss = expit(margin) - y
        doubt = np.array([(p[0] - 1) / SLOPE_DOUBT**2, p[1] / INTERCEPT_DOUBT**2])
        value = np.logaddexp(0, margin).sum() - (y * margin).sum()
        value += ((p[0] - 1) / SLOPE_DOUBT) ** 2 / 2 + (p[1] / INTERCEPT_DOUBT) ** 2 / 2
        return float(value), np.array([(miss * z).sum(), miss.sum()]) + doubt

    bounds = [SLOPE_RANGE, (None, None)]
    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12})
    return Platt(float(best.x[0]), float(best.x[1]), len(y), positives)


def calibrator_from_dict(stored: Mapping[str, Any]) -> Calibrator:
    """Read a stored map back; ``kind`` says which."""
    rest = {key: value for key, value in stored.items() if key != "kind"}
    if stored.get("kind") != "platt":
        raise ModelError("read a stored calibration", f"kind {stored.get('kind')!r}", "use the version that wrote it")
    return Platt(**rest)
