"""From log-odds to a probability one can bet on: a stored, strictly increasing map.

``propensity = 1 / (1 + exp(-(slope x log-odds + intercept)))`` (Platt 1999), fitted on snapshots that lie later than
what the booster was trained on. Slope and intercept are learnt apart. The slope says how bold the booster is; every
past snapshot tells it with a level of its own, so a season that came cannot bend it. The intercept is the level that
past snapshots ask for, pulled to 0 as far as they disagree, and moved to the base rate that the season foretells
(``base_rate``). The slope is pulled towards 1 and kept positive, so a calibrated list keeps its order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from data.errors import ModelError

SLOPE_RANGE = (0.05, 5.0)
SLOPE_DOUBT = 0.5
"""Standard deviation of the slope around 1, before the sample is seen (a Gaussian prior)."""
LEVEL_DOUBT, MOST_LEVEL = 2.0, 8.0
"""Standard deviation of one snapshot's level around 0, and the farthest it may go, in log-odds."""
LASTING_BIAS = 0.3
"""Standard deviation of a booster's lasting bias around 0, in log-odds: one trained on the past is nearly unbiased."""

Sample = tuple[pd.Timestamp, np.ndarray, np.ndarray]
"""A past snapshot: its day, the raw log-odds of its rows, and what came of them (0 or 1)."""


class Calibrator(Protocol):
    """An increasing map from log-odds to propensity that can be stored."""

    def propensity(self, log_odds: np.ndarray) -> np.ndarray: ...

    def log_odds(self, log_odds: np.ndarray) -> np.ndarray:
        """The log-odds of the propensity, from raw log-odds: exact where a propensity is next to 0 or 1."""
        ...

    def slopes(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """How far calibrated log-odds go for each raw one between ``start`` and ``end``."""
        ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Platt:
    """The map, and the sample that it was fitted on. Slope 1 and intercept 0: log-odds are taken as they are.

    ``seasonal`` is the part of the intercept that the season's base rate asked for.
    """

    slope: float = 1.0
    intercept: float = 0.0
    rows: int = 0
    positives: int = 0
    seasonal: float = 0.0

    def propensity(self, log_odds: np.ndarray) -> np.ndarray:
        return expit(self.log_odds(log_odds))

    def log_odds(self, log_odds: np.ndarray) -> np.ndarray:
        return self.slope * np.asarray(log_odds, dtype=np.float64) + self.intercept

    def slopes(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        return np.full(np.broadcast(start, end).shape, self.slope)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "platt", **asdict(self)}


IDENTITY = Platt()


@dataclass(frozen=True)
class Levels:
    """What past snapshots say: one slope, and the level (in log-odds) that makes each snapshot's forecast come true.

    ``variances``: sampling variance of each level. Without snapshots, or with too few expansions, slope 1 and none.
    """

    slope: float
    days: tuple[pd.Timestamp, ...]
    levels: np.ndarray
    variances: np.ndarray
    rows: int
    positives: int


def fit_levels(samples: Sequence[Sample], min_positives: int) -> Levels:
    """Fit the slope and a level per snapshot; the identity below ``min_positives`` of either outcome."""
    rows = sum(len(y) for _, _, y in samples)
    positives = int(sum(y.sum() for _, _, y in samples))
    if min(positives, rows - positives) < min_positives:
        return Levels(1.0, (), np.array([]), np.array([]), rows, positives)
    z = np.concatenate([z for _, z, _ in samples]).astype(np.float64)
    y = np.concatenate([y for _, _, y in samples]).astype(np.float64)
    place = np.repeat(np.arange(len(samples)), [len(y) for _, _, y in samples])

    def loss(p: np.ndarray) -> tuple[float, np.ndarray]:
        margin = p[0] * z + p[1:][place]
        miss = expit(margin) - y
        value = np.logaddexp(0, margin).sum() - (y * margin).sum()
        value += ((p[0] - 1) / SLOPE_DOUBT) ** 2 / 2 + (p[1:] ** 2).sum() / LEVEL_DOUBT**2 / 2
        pull = np.concatenate([[(p[0] - 1) / SLOPE_DOUBT**2], p[1:] / LEVEL_DOUBT**2])
        by_day = np.bincount(place, miss, minlength=len(samples))
        return float(value), np.concatenate([[(miss * z).sum()], by_day]) + pull

    start = np.concatenate([[1.0], np.zeros(len(samples))])
    bounds = [SLOPE_RANGE, *[(-MOST_LEVEL, MOST_LEVEL)] * len(samples)]
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12})
    said = expit(best.x[0] * z + best.x[1:][place])
    information = np.bincount(place, said * (1 - said), minlength=len(samples))
    days = tuple(day for day, _, _ in samples)
    return Levels(float(best.x[0]), days, best.x[1:], 1 / np.maximum(information, 1e-9), rows, positives)


def pooled_level(levels: Levels, horizon_days: int) -> float:
    """The level that lasts, in log-odds: the mean over the snapshots, pulled to 0 as far as they disagree.

    A random-effects mean with a Gaussian prior of standard deviation LASTING_BIAS. Snapshots closer than the horizon
    share outcomes: they count for as many as horizons fit into their span.
    """
    if not levels.days:
        return 0.0
    between = max(0.0, float(levels.levels.var() - levels.variances.mean()))
    if len(levels.days) == 1:
        between = LASTING_BIAS**2
    doubt = (between + float(levels.variances.mean())) / independent(levels.days, horizon_days)
    return float(levels.levels.mean()) * LASTING_BIAS**2 / (LASTING_BIAS**2 + doubt)


def independent(days: Sequence[pd.Timestamp], horizon_days: int) -> float:
    """How many of these snapshots have outcomes of their own: horizons from the first to the last window."""
    if not days:
        return 0.0
    return min(len(days), (max(days) - min(days)).days / horizon_days + 1)


def level_for(log_odds: np.ndarray, rate: float) -> float:
    """The level that gives these log-odds a mean propensity of ``rate``, which is between 0 and 1."""
    wanted = float(logit(rate))
    lowest, highest = wanted - float(log_odds.max()) - 1e-6, wanted - float(log_odds.min()) + 1e-6
    return float(brentq(lambda level: float(expit(log_odds + level).mean()) - rate, lowest, highest))


def calibrator_from_dict(stored: Mapping[str, Any]) -> Calibrator:
    """Read a stored map back; ``kind`` says which."""
    rest = {key: value for key, value in stored.items() if key != "kind"}
    if stored.get("kind") != "platt":
        raise ModelError(
            "Read a stored calibration.", f"kind {stored.get('kind')!r}.", "Use the version that wrote it."
        )
    return Platt(**rest)
