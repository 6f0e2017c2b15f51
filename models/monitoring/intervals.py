"""Intervals of shares: of one (Wilson, 1927), and of the difference of two (Newcombe, 1998, method 10)."""

from math import sqrt

from scipy.stats import norm

USUAL_ERROR = 0.05
"""Intervals that are shown miss the truth so often."""


def share_interval(hits: float, rows: float, error_rate: float = USUAL_ERROR) -> tuple[float, float]:
    """Between which shares the true one lies, but for ``error_rate``. Without a row it may be any."""
    if rows <= 0:
        return 0.0, 1.0
    z, share = float(norm.isf(error_rate / 2)), hits / rows
    middle = share + z * z / (2 * rows)
    spread = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, (middle - spread) / (1 + z * z / rows)), min(1.0, (middle + spread) / (1 + z * z / rows))


def difference_interval(
    hits: float, rows: float, earlier_hits: float, earlier_rows: float, error_rate: float = USUAL_ERROR
) -> tuple[float, float]:
    """Between which differences of the two shares the true one lies, but for ``error_rate``."""
    low, high = share_interval(hits, rows, error_rate)
    earlier_low, earlier_high = share_interval(earlier_hits, earlier_rows, error_rate)
    share, earlier = hits / rows if rows else 0.0, earlier_hits / earlier_rows if earlier_rows else 0.0
    down = sqrt((share - low) ** 2 + (earlier_high - earlier) ** 2)
    up = sqrt((high - share) ** 2 + (earlier - earlier_low) ** 2)
    return share - earlier - down, share - earlier + up


def auc_error(auc: float, hits: float, misses: float) -> float:
    """The standard error of an AUC of so many expansions and accounts without one (Hanley and McNeil, 1982)."""
    one, two = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (hits - 1) * (one - auc * auc) + (misses - 1) * (two - auc * auc)
    return sqrt(max(variance, 0.0) / (hits * misses))
