"""Confidence intervals by resampling accounts: an account comes with all its snapshots, or not at all.

Rows of one account are not independent (monthly snapshots see one expansion three times), so rows must not be
resampled one by one. A resample is how often each account was drawn, a small whole number; figures take these counts as
weights: a list is put in order once, and then only counted through. The first "resample" is the sample itself: its
figure is the estimate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

Figures = dict[str, np.ndarray]
"""Name of a figure to one value per resample, the sample itself first."""
CELLS = 4_000_000
"""Weights worked on at a time: resamples x rows."""
INTERVAL = 0.95


class Resamples:
    """How often each account counts in each resample."""

    def __init__(self, accounts: Sequence[str] | pd.Series, resamples: int, seed: int) -> None:
        """``accounts``: the account of each row, in the order of the rows."""
        self.codes, names = pd.factorize(np.asarray(accounts))
        self.count = resamples + 1
        count = len(names)
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / max(1, count)), resamples)
        self.times = np.concatenate([np.ones((1, count), dtype=np.int16), drawn.astype(np.int16)])

    def figures(self, rows: np.ndarray, of: Callable[[np.ndarray], Mapping[str, np.ndarray]]) -> Figures:
        """The figures of some rows (their places) in every resample; ``of``: from how often each row counts."""
        parts = [of(weights) for weights in self._weights(rows)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _weights(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        step = max(1, CELLS // max(1, len(rows)))
        for start in range(0, self.count, step):
            yield np.take(self.times[start : start + step], self.codes[rows], axis=1)


def mean_of(parts: Sequence[Figures]) -> Figures:
    """The mean over snapshots in every resample; a snapshot without the figure (no expansion in it) is left out."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _mean(np.stack([part[name] for part in parts if name in part])) for name in names}


def _mean(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def interval(values: np.ndarray, level: float = INTERVAL) -> tuple[float, float]:
    """The interval of a figure's resamples (without the sample itself); NaN if fewer than two of them have it."""
    known = values[1:][~np.isnan(values[1:])]
    if len(known) < 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def table_of(figures: Figures) -> pd.DataFrame:
    """One row per figure: metric, value, low, high."""
    lines = [(name, float(values[0]), *interval(values)) for name, values in figures.items()]
    return pd.DataFrame(lines, columns=["metric", "value", "low", "high"])


def difference(one: Figures, other: Figures) -> Figures:
    """``one - other`` in the same resamples: paired, so what both owe to the draw cancels."""
    return {name: one[name] - other[name] for name in one if name in other}
