"""How sure a propensity is: a range from what came of past accounts that were told the same (Venn-Abers).

    low  = share of expansions at this propensity, were the account one more that does not expand
    high = the same, were it one more that does

Both shares are those of an isotonic regression over past accounts (inductive Venn-Abers; Vovk, Petej and Fedorova 2015,
"Large-scale probabilistic predictors with and without guarantees of validity"), so they lie far apart where few were
told the same. Past days share outcomes where they are closer than the horizon; the account is then added as often as
each outcome is counted (``copies``). And the level of a day may be wrong for all accounts alike, by ``level_error``
in log-odds: low is read so far below the propensity, and high so far above it, that four days in five lie between.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit

from data.contract.expected_arr import FAR

STEP = 0.02
"""Log-odds are rounded to it, at most half a percentage point: a range is as valid for rounded scores."""
FARTHEST = 12.0
"""Log-odds beyond it count as it: a propensity of 0.999994."""


@dataclass(frozen=True)
class PropensityRange:
    """What a range is read from. ``cells``: the log-odds of past accounts in units of STEP, rising, each once.

    ``low``, ``high``: the shares before the first cell, between two, and after the last: one more than cells.
    """

    cells: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    level_error: float = 0.0

    def of(self, log_odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high for the log-odds of propensities; what is told of an account is never outside its range."""
        far = FAR * self.level_error
        below = np.searchsorted(self.cells, _cells(log_odds - far), side="right")
        above = np.searchsorted(self.cells, _cells(log_odds + far), side="left")
        told = expit(log_odds)
        return np.minimum(np.asarray(self.low)[below], told), np.maximum(np.asarray(self.high)[above], told)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "PropensityRange":
        return cls(tuple(stored["cells"]), tuple(stored["low"]), tuple(stored["high"]), stored["level_error"])


def fit_range(log_odds: np.ndarray, y: np.ndarray, copies: float = 1.0, level_error: float = 0.0) -> PropensityRange:
    """The ranges that past accounts bear out; without any they reach from 0 to 1.

    ``log_odds``: of the propensities that were told, of one row per account and past day; ``y``: what came (0 or 1).
    """
    cells, place = np.unique(_cells(log_odds), return_inverse=True)
    rows = np.bincount(place, minlength=len(cells)).astype(np.float64)
    share = np.bincount(place, y, minlength=len(cells)) / rows
    low, high = (
        tuple(_share_with(share, rows, gap, came, copies) for gap in range(len(cells) + 1)) for came in (0.0, 1.0)
    )
    return PropensityRange(tuple(cells.tolist()), low, high, level_error)


def _share_with(share: np.ndarray, rows: np.ndarray, gap: int, came: float, copies: float) -> float:
    """The isotonic share of an account with this outcome, put before the cell ``gap``."""
    fitted = isotonic_regression(np.insert(share, gap, came), weights=np.insert(rows, gap, copies))
    return float(fitted.x[gap])


def _cells(log_odds: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(log_odds, -FARTHEST, FARTHEST) / STEP).astype(np.int64)
