"""The base on the day its model was trained, in counts, and how far a base has moved since.

How far is told by the population stability index (PSI), over the bins of a column:

    sum of (share now - share then) x ln(share now / share then)

The bins are the tenths of the base of then (fewer where many accounts have the same value), and one of the missing
values. Each bin counts half an account more than it has, so that an empty one says something finite. By the usual rule
of thumb (Siddiqi, Credit Risk Scorecards, 2006) nothing has moved below 0.1, and much above 0.25.
"""

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

TENTHS = np.arange(1, 10) / 10
MUCH = 0.25
"""From here on a base is said to have moved."""


@dataclass(frozen=True)
class ReferenceBase:
    """Columns of one base, one row an account, the most important column first.

    ``edges``: of each column the values at which its bins end (each is in the bin that it ends). ``counts``: the
    accounts of each bin; the last two bins are those beyond the last edge and those without a value.
    """

    edges: Mapping[str, tuple[float, ...]]
    counts: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, columns: pd.DataFrame) -> "ReferenceBase":
        """The reference that these columns (float64, NaN is missing) are."""
        edges = {name: _edges(columns[name].to_numpy()) for name in columns.columns}
        counts = {name: tuple(_count(columns[name].to_numpy(), ends).tolist()) for name, ends in edges.items()}
        return cls(edges, counts)

    def without(self, features: Set[str]) -> "ReferenceBase":
        """The same of the other columns."""
        kept = [name for name in self.edges if name not in features]
        return ReferenceBase({name: self.edges[name] for name in kept}, {name: self.counts[name] for name in kept})

    def count(self, columns: pd.DataFrame) -> dict[str, np.ndarray]:
        """Column to accounts of each bin, of some accounts of another base; what parts of it count can be added."""
        return {name: _count(columns[name].to_numpy(), ends) for name, ends in self.edges.items()}

    def stability(self, counts: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The PSI of each column of another base, by its counts."""
        return {name: _stability(np.array(then), counts[name]) for name, then in self.counts.items()}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ReferenceBase":
        return cls(*({name: tuple(values) for name, values in stored[part].items()} for part in ("edges", "counts")))


def _edges(values: np.ndarray) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    return tuple(np.unique(np.quantile(known, TENTHS, method="lower")).tolist()) if len(known) else ()


def _count(values: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    bins = np.searchsorted(np.array(edges), values, side="left")
    return np.bincount(np.where(np.isnan(values), len(edges) + 1, bins), minlength=len(edges) + 2)


def _stability(then: np.ndarray, now: np.ndarray) -> float:
    before, after = ((counts + 0.5) / (counts + 0.5).sum() for counts in (then, now))
    return float(((after - before) * np.log(after / before)).sum())
