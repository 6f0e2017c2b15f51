"""Do the arms of an experiment have the share that was drawn? If not, something chose, and nothing can be told."""

from math import erfc, sqrt

from data.errors import ExperimentError

LEAST_P = 0.001
"""So seldom a ratio as far off comes by chance; what is rarer is refused."""

LEAST_EXPECTED = 5
"""Units that must be due in either arm for the chi-square test to hold (Cochran 1954)."""
FIND = "Find the accounts of `assignments` that the tables no longer have; till then trust no difference."


def ratio_p(held_out: int, of: int, share: float) -> float:
    """How often chance gives a count as far from the share: the chi-square test with one degree of freedom.

    Where fewer than ``LEAST_EXPECTED`` units are due in an arm it is the exact binomial test: that two of two units are
    held out at a share of a tenth comes once in a hundred times, and chi-square would say never.
    """
    expected = of * share
    if not of:
        return 1.0
    if min(expected, of - expected) < LEAST_EXPECTED:
        from scipy.stats import binomtest  # here, since it takes a second to load, and few lists have so few units

        return float(binomtest(held_out, of, share).pvalue)
    square = (held_out - expected) ** 2 * (1 / expected + 1 / (of - expected))
    return erfc(sqrt(square / 2))


def require_ratio(asked: str, held_out: int, of: int, share: float, todo: str = FIND) -> float:
    """``ratio_p`` of so many units drawn. Raises ExperimentError where it is below ``LEAST_P``; ``todo``: then."""
    p = ratio_p(held_out, of, share)
    if p < LEAST_P:
        raise ExperimentError(
            asked,
            f"{held_out:,} of {of:,} units are held out where {of * share:,.0f} are due (sample ratio mismatch, "
            f"p = {p:.1g}): one arm has lost accounts that the other kept, or was not drawn by chance.",
            todo,
        )
    return p
