"""How good a ranking and its probabilities are: how each figure is computed (which are shown: ``metrics``).

One row is one account on one snapshot: ``y`` is 0 or 1, ``p`` what it was ranked by (any number, higher is earlier),
``arr`` the expansion ARR that came. ``weights`` say how many times each row counts, in whole numbers: left out, once; a
matrix (resamples x rows) gives one figure per resample, which is how intervals are made
(``models.evaluation.bootstrap``).

Equal values of ``p`` are a tie that a list must break somehow. Figures of the top of a list break it in the worst way:
what did not come stands first. The AUC counts a tie half, as it is defined.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import digamma, expit, logit

from models.estimators.calibration import level_for

SMALLEST = 1e-15
"""Probabilities are kept this far from 0 and 1 in the log loss."""
LIST_LENGTH = 20
SHARE = 10
"""The top of a list is its first 20 accounts, or its first tenth."""


def _counts(y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weights as a matrix (resamples x rows) of whole numbers."""
    return np.ones((1, len(y)), dtype=np.int16) if weights is None else whole(weights)


def whole(weights: np.ndarray) -> np.ndarray:
    """How often each row counts in each resample, as the compiled passes take it.

    Raises ValueError for what is not whole, or above 32,767.
    """
    counts = np.ascontiguousarray(np.atleast_2d(weights))
    if counts.dtype == np.int16:
        return counts
    drawn = counts.astype(np.int16)
    if not (drawn == counts).all():
        raise ValueError(f"a row counts a whole number of times, at most {np.iinfo(np.int16).max:,}")
    return drawn


def _weights(y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Weights as a matrix (resamples x rows) for products with numbers that are not whole."""
    counts = _counts(y, weights)
    return np.asarray(counts, dtype=np.float64, order="F")


def _as_asked(values: np.ndarray, weights: np.ndarray | None) -> Any:
    """A float without weights, else one value per resample."""
    return float(values[0]) if weights is None else values


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)


def times_of(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sum of values, most of which are 0, in each resample."""
    some = np.flatnonzero(values)
    return np.asarray(counts[:, some] @ np.asarray(values, dtype=np.float64)[some])


def _above(counts: np.ndarray, order: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Resamples x places (ascending): how many rows stand before each place of the list in this order."""
    from models.compiled.resampled import count_above  # numba takes half a second to import

    above = np.empty((len(counts), len(places)), dtype=np.int64)
    count_above(counts, np.asarray(order, dtype=np.int64), np.asarray(places, dtype=np.int64), above)
    return above


def _runs(ordered: np.ndarray) -> np.ndarray:
    """The first place of each run of equal values."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.array([], dtype=np.intp)


def auc(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """Chance that an account that expanded is ranked above one that did not; ties count half. NaN for one outcome."""
    y, p, counts = np.asarray(y), np.asarray(p, dtype=np.float64), _counts(y, weights)
    if not len(y):
        return _as_asked(np.full(len(counts), np.nan), weights)
    hit, others = (places[np.argsort(p[places], kind="stable")] for places in map(np.flatnonzero, (y > 0, y == 0)))
    alike, of_hit = np.unique(p[hit], return_inverse=True)
    sides = [np.searchsorted(p[others], alike, side) for side in ("left", "right")]
    passed = _above(counts, others, np.append(np.stack(sides, axis=1), len(others)))
    below, through, times = passed[:, 2 * of_hit], passed[:, 2 * of_hit + 1], counts[:, hit]
    wins = (times * (below + through) / 2).sum(axis=1)
    return _as_asked(ratio(wins, times.sum(axis=1) * passed[:, -1]), weights)


class Listed:
    """Rows from the top of the list down, in a tie the smallest gain first, and how often each counts.

    Only those with a gain are looked at, and how many rows stand above them: ``passed``.
    """

    def __init__(self, gain: np.ndarray, p: np.ndarray, counts: np.ndarray) -> None:
        gain, counts = np.asarray(gain, dtype=np.float64), whole(counts)
        order = np.lexsort((gain, -np.asarray(p, dtype=np.float64)))
        places = np.flatnonzero(gain[order])
        self.gain, self.times = gain[order[places]], counts[:, order[places]]
        self.passed = _above(counts, order, places)

    def gained(self, k: np.ndarray) -> np.ndarray:
        """What the first ``k`` hold; one ``k`` per resample."""
        return np.asarray(np.clip(k[:, None] - self.passed, 0, self.times) @ self.gain)

    def average_precision(self) -> np.ndarray:
        """Of a gain of 0 or 1. A row that counts w times stands w times in a row: the sum over j = 1..w of
        (hits + j) / (passed + j) is w + (hits - passed) (digamma(passed + w + 1) - digamma(passed + 1)).
        """
        hits = np.cumsum(self.times, axis=1) - self.times
        at = digamma(np.arange(1, int((self.passed + self.times).max(initial=0)) + 2, dtype=np.float64))
        total = self.times + (hits - self.passed) * (at[self.passed + self.times] - at[self.passed])
        return ratio(np.asfortranarray(total).sum(axis=1), self.times.sum(axis=1))


def average_precision(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """Precision averaged over the positions of the positives, ties worst case. NaN without a positive."""
    counts = _counts(y, weights)
    return _as_asked(Listed(y, p, counts).average_precision() if len(y) else np.full(len(counts), np.nan), weights)


def base_rate(y: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """Share of positives."""
    counts = _counts(y, weights)
    return _as_asked(ratio(times_of(counts, np.asarray(y)), counts.sum(axis=1)), weights)


def precision_in_books(
    y: np.ndarray, p: np.ndarray, owners: np.ndarray, k: int = LIST_LENGTH, weights: np.ndarray | None = None
) -> Any:
    """Share of positives among the first ``k`` of every owner's book together, ties worst case.

    ``owners``: a whole number per row, below zero where there is no owner; those rows are in no book.
    """
    y, owners = np.asarray(y, dtype=np.float64), np.asarray(owners)
    order = np.lexsort((y, -np.asarray(p, dtype=np.float64), owners))
    order = order[owners[order] >= 0]
    counts, starts, hit = _counts(y, weights), _runs(owners[order]), np.flatnonzero(y[order])
    ends = np.append(starts, len(order))
    at = np.union1d(ends, hit)
    passed = _above(counts, order, at)
    of_books = passed[:, np.searchsorted(at, ends)]
    above = passed[:, np.searchsorted(at, hit)] - of_books[:, np.searchsorted(starts, hit, "right") - 1]
    gained = np.clip(k - above, 0, counts[:, order[hit]]) @ y[order[hit]]
    return _as_asked(ratio(gained, np.minimum(k, np.diff(of_books)).sum(axis=1)), weights)


def brier(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """Mean squared distance between forecast and outcome."""
    counts, miss = _weights(y, weights), (np.asarray(p) - np.asarray(y)) ** 2
    return _as_asked(ratio(counts @ miss, counts.sum(axis=1)), weights)


def brier_skill(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """1 - Brier / Brier of always saying the base rate of these same rows (the strictest constant forecast)."""
    rate = np.atleast_1d(base_rate(y, weights))
    return _as_asked(1 - ratio(np.atleast_1d(brier(y, p, weights)), rate * (1 - rate)), weights)


def log_loss(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    p = np.clip(np.asarray(p, dtype=np.float64), SMALLEST, 1 - SMALLEST)
    counts, miss = _weights(y, weights), -np.where(np.asarray(y) == 1, np.log(p), np.log1p(-p))
    return _as_asked(ratio(counts @ miss, counts.sum(axis=1)), weights)


def order_loss(y: np.ndarray, log_odds: np.ndarray) -> float:
    """Log loss at the level that fits these rows best; with one outcome only, there is no order to judge: 0."""
    if not 0 < y.sum() < len(y):
        return 0.0
    return float(log_loss(y, expit(log_odds + level_for(log_odds, float(y.mean())))))


def forecast_over_realised(expected: np.ndarray, came: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """Sum of what was forecast (propensities, or expected ARR) over the sum of what came. NaN if nothing came."""
    counts = _weights(came, weights)
    return _as_asked(ratio(counts @ np.nan_to_num(expected), counts @ np.nan_to_num(came)), weights)


def bins_of(p: np.ndarray, bins: int = 10) -> np.ndarray:
    """The bin of each row: (nearly) equal counts, lowest first; equal values share a bin."""
    ranks = pd.Series(np.asarray(p, dtype=np.float64)).rank(method="max").to_numpy()
    return np.minimum(((ranks - 1) * bins // max(1, len(ranks))).astype(int), bins - 1)


def calibration_curve(y: np.ndarray, p: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """One row per bin of (nearly) equal counts, lowest propensity first; equal propensities share a bin.

    Columns: rows, positives, mean_propensity, observed_rate.
    """
    frame = pd.DataFrame({"y": np.asarray(y, dtype=np.float64), "p": np.asarray(p, dtype=np.float64)})
    grouped = frame.assign(bin=bins_of(frame.p.to_numpy(), bins)).groupby("bin")
    curve = grouped.agg(rows=("y", "size"), positives=("y", "sum"), mean_propensity=("p", "mean"))
    curve = curve.reset_index(drop=True).astype({"positives": "int64"})
    return curve.assign(observed_rate=curve.positives / curve.rows)


def expected_calibration_error(y: np.ndarray, p: np.ndarray, bins: int = 10, weights: np.ndarray | None = None) -> Any:
    """Mean distance between forecast and outcome over the bins, weighted by their rows. The bins stay as they are."""
    counts, gap = _weights(y, weights), np.asarray(p, dtype=np.float64) - np.asarray(y)
    if not len(gap):
        return _as_asked(np.full(len(counts), np.nan), weights)
    member = bins_of(p, bins)[:, None] == np.arange(bins)
    return _as_asked(ratio(np.abs((counts * gap) @ member).sum(axis=1), counts.sum(axis=1)), weights)


def calibration_slope(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """Slope of the outcome's log-odds on the forecast's, the level left free (Cox 1958); 1: neither bold nor timid."""
    y, counts = np.asarray(y, dtype=np.float64), _counts(y, weights)
    z = logit(np.clip(np.asarray(p, dtype=np.float64), 1e-9, 1 - 1e-9))
    if not 0 < y.sum() < len(y) or np.ptp(z) == 0:
        return _as_asked(np.full(len(counts), np.nan), weights)
    middle, spread = z.mean(), z.std()
    x = (z - middle) / spread
    from models.compiled.resampled import fit_slopes  # as in ``_above``

    slopes = np.empty(len(counts))
    fit_slopes(counts, y, x, float(logit(y.mean())), NEWTON_STEPS, RIDGE, slopes)
    return _as_asked(slopes / spread, weights)


NEWTON_STEPS, RIDGE = 8, 1e-9


def deciles(y: np.ndarray, p: np.ndarray, expected_arr: np.ndarray, arr: np.ndarray) -> pd.DataFrame:
    """One row per tenth of the list, best first: what was forecast for it, and what came.

    Columns: decile, rows, positives, mean_propensity, observed_rate, expected_arr, expansion_arr.
    """
    table = pd.DataFrame({"y": y, "p": p, "expected": expected_arr, "arr": arr}).astype("float64")
    grouped = table.assign(decile=10 - bins_of(table.p.to_numpy())).groupby("decile")
    table = grouped.agg(
        rows=("y", "size"),
        positives=("y", "sum"),
        mean_propensity=("p", "mean"),
        observed_rate=("y", "mean"),
        expected_arr=("expected", "sum"),
        expansion_arr=("arr", "sum"),
    )
    return table.reset_index().astype({"positives": "int64"})


def deciles_out_of_order(y: np.ndarray, p: np.ndarray, weights: np.ndarray | None = None) -> Any:
    """How many steps from a tenth of the list to the one above go the wrong way: nine, if no tenth is empty.

    The tenths stay as they are; one without a row, as where propensities are equal, is passed over. NaN where fewer
    than two have rows.
    """
    counts = _weights(y, weights)
    member = (bins_of(p)[:, None] == np.arange(10)).astype(np.float64)
    rates = ratio((counts * np.asarray(y)) @ member, counts @ member)
    known = ~np.isnan(rates)
    last = np.maximum.accumulate(np.where(known, np.arange(10), 0), axis=1)  # the tenth itself, else the one below it
    falls = (np.diff(np.take_along_axis(rates, last, axis=1), axis=1) < 0).sum(axis=1)
    return _as_asked(np.where(known.sum(axis=1) > 1, falls, np.nan), weights)
