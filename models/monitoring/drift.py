"""How far features and scores have moved: PSI against frozen bins, the Kolmogorov-Smirnov distance, a changed unit.

The PSI (``models.estimators.reference``) is of the bins of a day in the past: those that the model remembers of the day
of its training, or those that an earlier run of monitoring saw, so that history which was rewritten since is not
compared with itself. The distance (``scipy.stats.ks_2samp``) is of all values of two days, as the source has them now.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import chi2, ks_2samp

from models.estimators.reference import TENTHS, ReferenceBase
from models.monitoring.units import unit_factor

SCORE = "propensity"
"""The score, which is compared as a feature is."""
FEWEST_KNOWN = 50
"""With a value of fewer accounts a column has no quantiles that tell of its unit."""


def compared(
    now: pd.DataFrame,
    reference: ReferenceBase,
    since: str,
    earlier: pd.DataFrame | None,
    error_rate: float,
    texts: frozenset[str] = frozenset(),
) -> Iterator[dict[str, object]]:
    """One row per column of the reference that is there now, as in the table ``drift``.

    A column that has one value for all accounts, on both days, tells of the day and not of them: the month moves.
    ``now``, ``earlier``: float64, one row an account, NaN is missing; ``since``: what the reference is of;
    ``error_rate``: how often a base that did not move may exceed ``psi_by_chance``; ``texts``: columns whose numbers
    stand for words, which have no distance and no unit.
    """
    kept = reference.without(reference.edges.keys() - set(now.columns))
    counts = kept.count(now)
    for name, psi in kept.stability(counts).items():
        values, then = now[name].to_numpy(), None
        if _is_of_the_day(np.array(kept.counts[name]), values):
            continue
        if earlier is not None and name in earlier and name not in texts:
            then = earlier[name].to_numpy()
        yield {
            "column": name,
            "since": since,
            "psi": psi,
            "psi_by_chance": chance_psi(np.array(kept.counts[name]), counts[name], error_rate),
            "ks": np.nan if then is None else distance(then, values),
            "missing_before": _missing(np.array(kept.counts[name])),
            "missing_now": _missing(counts[name]),
            "unit_factor": None
            if name in texts
            else unit_factor(*deciles(kept.edges[name], kept.counts[name], values)),
        }


def _is_of_the_day(counts: np.ndarray, values: np.ndarray) -> bool:
    """Had all accounts one value then, as far as its bins tell, and do they have one now?"""
    had_one = counts[-1] == 0 and (counts > 0).sum() == 1
    return bool(had_one and not np.isnan(values).any() and len(np.unique(values)) == 1)


def _missing(counts: np.ndarray) -> float:
    return float(counts[-1] / max(1, counts.sum()))


def chance_psi(then: np.ndarray, now: np.ndarray, error_rate: float) -> float:
    """The PSI that two samples of one base exceed so often (Yurdakul, 2018): few accounts move by themselves."""
    bins = int(((then + now) > 0).sum())
    return float(chi2.isf(error_rate, max(1, bins - 1)) * (1 / max(1, then.sum()) + 1 / max(1, now.sum())))


def distance(then: np.ndarray, now: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance of the values that are known; NaN where none is on one of the days."""
    known = [values[~np.isnan(values)] for values in (then, now)]
    if not all(map(len, known)):
        return np.nan
    # Of one value on each day the asymptotic chance, which nobody asks for, is a division by zero, and a warning.
    method = "asymp" if max(map(len, known)) > 1 else "exact"
    return float(ks_2samp(*known, method=method).statistic)


def deciles(edges: Sequence[float], counts: Sequence[int], now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The deciles of the values of then, as far as the ends of their bins tell them, and those of now; none of few."""
    through, known = np.cumsum(counts[:-1]), now[~np.isnan(now)]
    if min(len(known), through[-1]) < FEWEST_KNOWN:
        return np.array([]), np.array([])
    places = np.searchsorted(through, TENTHS * through[-1], side="left")
    then = np.asarray(edges)[np.minimum(places, len(edges) - 1)]
    return then, np.quantile(known, TENTHS, method="lower")


def shares_of_weight(attributions: Mapping[str, float]) -> dict[str, float]:
    """The share of each feature in the sum of all mean absolute attributions."""
    total = sum(attributions.values())
    return {name: value / total if total else 0.0 for name, value in attributions.items()}


def weighted(psi: pd.Series, weight: pd.Series) -> pd.Series:
    """The PSI of features times their weight. It has no bound, so it counts as 1 at most: then all has moved."""
    return psi.clip(upper=1.0) * weight


def weighted_psi(rows: pd.DataFrame) -> float:
    """The PSI of all features together, by their weight. What a feed explains does not count, chance counts as 0."""
    telling = rows[(rows["column"] != SCORE) & rows["because_of"].isna()]
    weight, moved = telling["weight"].sum(), telling["psi"].where(telling["psi"] > telling["psi_by_chance"], 0.0)
    return float(weighted(moved, telling["weight"]).sum() / weight) if weight else 0.0
