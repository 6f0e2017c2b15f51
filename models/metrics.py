"""How good a ranking and its probabilities are. ``y`` is 0 or 1 per account, ``p`` what it was ranked by.

Equal values of ``p`` are a tie that a list must break somehow: precision at k is told for the worst, the expected and
the best breaking, and reported for the worst.
"""

from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

Ties = Literal["worst", "expected", "best"]
SMALLEST = 1e-15
"""Probabilities are kept this far from 0 and 1 in the log loss."""


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Chance that an account that expanded is ranked above one that did not; ties count half. NaN for one outcome."""
    y = np.asarray(y)
    positives = int(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(np.asarray(p, dtype=np.float64))
    return float((ranks[y == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(y: np.ndarray, p: np.ndarray) -> float:
    """Precision averaged over the positions of the positives. NaN without a positive."""
    places = rankdata(
        np.asarray(p, dtype=np.float64), "dense"
    )  # same order, and finite where a rule says minus infinity
    return float(average_precision_score(y, places)) if np.asarray(y).any() else float("nan")


def precision_at(y: np.ndarray, p: np.ndarray, k: int, ties: Ties = "worst") -> float:
    """Share of positives among the first ``k`` (all, if there are fewer)."""
    y, p = np.asarray(y), np.asarray(p, dtype=np.float64)
    k = min(k, len(y))
    if k == 0:
        return float("nan")
    last = np.partition(p, len(p) - k)[len(p) - k]
    above, tied = p > last, p == last
    places, hits = k - above.sum(), y[tied].sum()
    from_tie = {
        "worst": max(0, places - (tied.sum() - hits)),
        "expected": places * hits / tied.sum(),
        "best": min(places, hits),
    }[ties]
    return float((y[above].sum() + from_tie) / k)


def lift_at(y: np.ndarray, p: np.ndarray, k: int, ties: Ties = "worst") -> float:
    """Precision at ``k`` over the base rate. NaN without a positive."""
    base_rate = np.mean(y) if len(y) else 0.0
    return precision_at(y, p, k, ties) / base_rate if base_rate else float("nan")


def tenth(rows: int) -> int:
    """How many accounts the first 10% are, at least one."""
    return max(1, round(rows / 10))


def brier(y: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean((np.asarray(p) - np.asarray(y)) ** 2))


def brier_skill(y: np.ndarray, p: np.ndarray) -> float:
    """1 - Brier / Brier of always saying the base rate of these same rows (the strictest constant forecast)."""
    reference = brier(y, np.full(len(y), np.mean(y)))
    return 1 - brier(y, p) / reference if reference else float("nan")


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    p = np.clip(np.asarray(p, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    return float(-np.mean(np.where(np.asarray(y) == 1, np.log(p), np.log1p(-p))))


def calibration_curve(y: np.ndarray, p: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """One row per bin of (nearly) equal counts, lowest propensity first; equal propensities share a bin.

    Columns: rows, positives, mean_propensity, observed_rate.
    """
    frame = pd.DataFrame({"y": np.asarray(y, dtype=np.float64), "p": np.asarray(p, dtype=np.float64)})
    frame["bin"] = np.minimum(((frame.p.rank(method="max") - 1) * bins // max(1, len(frame))).astype(int), bins - 1)
    grouped = frame.groupby("bin")
    curve = grouped.agg(rows=("y", "size"), positives=("y", "sum"), mean_propensity=("p", "mean")).reset_index(
        drop=True
    )
    curve["positives"] = curve.positives.astype("int64")
    curve["observed_rate"] = curve.positives / curve.rows
    return curve


def expected_calibration_error(y: np.ndarray, p: np.ndarray, bins: int = 10) -> float:
    """Mean distance between forecast and outcome over the bins, weighted by their rows."""
    curve = calibration_curve(y, p, bins)
    return float(np.average((curve.mean_propensity - curve.observed_rate).abs(), weights=curve.rows))


ORDER_METRICS = (
    "auc",
    "average_precision",
    "precision_at_20",
    "lift_at_20",
    "precision_at_10pct",
    "lift_at_10pct",
)


def ranking_metrics(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Figures of the order alone. ``p`` may be any number; ties worst case."""
    top = tenth(len(y))
    return {
        "auc": auc(y, p),
        "average_precision": average_precision(y, p),
        "precision_at_20": precision_at(y, p, 20),
        "lift_at_20": lift_at(y, p, 20),
        "precision_at_10pct": precision_at(y, p, top),
        "lift_at_10pct": lift_at(y, p, top),
    }


def probability_metrics(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Figures of the probabilities. ``p`` between 0 and 1."""
    return {
        "brier": brier(y, p),
        "brier_skill": brier_skill(y, p),
        "log_loss": log_loss(y, p),
        "ece": expected_calibration_error(y, p),
        "forecast_over_realised": float(np.sum(p) / np.sum(y)) if np.any(y) else float("nan"),
    }


def metrics(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """Everything about one snapshot: counts, order and probabilities."""
    counts = {"rows": float(len(y)), "positives": float(np.sum(y)), "base_rate": float(np.mean(y))}
    return {**counts, **ranking_metrics(y, p), **probability_metrics(y, p)}


def auc_interval(
    y: np.ndarray, p: np.ndarray, accounts: np.ndarray, snapshots: np.ndarray, resamples: int, seed: int
) -> tuple[float, float]:
    """95% interval of the mean AUC per snapshot, by resampling accounts with their rows; NaN if it cannot be told."""
    y, p = np.asarray(y), np.asarray(p, dtype=np.float64)
    codes, names = pd.factorize(np.asarray(accounts))
    day, days = pd.factorize(np.asarray(snapshots))
    rows_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        drawn = np.concatenate([rows_of[i] for i in generator.integers(0, len(names), len(names))])
        per_day = [auc(y[rows], p[rows]) for rows in (drawn[day[drawn] == d] for d in range(len(days)))]
        means.append(np.mean(per_day))
    known = np.asarray([mean for mean in means if not np.isnan(mean)])
    if len(known) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
