"""How wrong expected ARR may be: the range of one account's mean, and the interval of what a sum of accounts comes to.

Both are told with a coverage of four in five, on a scale of factors, since amounts have none below zero:

    one account   expected x exp(-+ z x account_error)                    of the mean, not of what comes
    a sum         expected x exp(-+ z x sqrt(log(1 + chance / expected^2) + sum_error^2))     of what comes

``chance`` is the variance of what comes where every mean is right: whether each account expands, and by how much.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

COVERAGE = 0.8
"""Share of the intervals that hold what they speak of."""
FAR = NormalDist().inv_cdf((1 + COVERAGE) / 2)
"""Standard deviations to either side."""


@dataclass(frozen=True)
class ArrDoubt:
    """How wrong means of expected ARR have been beyond chance.

    ``account_error``, ``sum_error``: standard deviations of log(true mean / told mean), of accounts alike and of a
    whole base. ``square``: the mean square of amount / mean amount.
    """

    account_error: float
    sum_error: float
    square: float

    def of_account(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between which the mean of each account lies."""
        far = FAR * self.account_error
        return expected * np.exp(-far), expected * np.exp(far)

    def of_sum(self, expected: np.ndarray, amount: np.ndarray) -> tuple[float, float]:
        """Between which the ARR of these accounts comes to lie; ``expected`` = propensity x ``amount``."""
        total, chance = float(np.sum(expected)), float(np.sum(self.chance(expected, amount)))
        low, high = around(np.array([total]), np.array([chance]), self.sum_error)
        return float(low[0]), float(high[0])

    def chance(self, expected: np.ndarray, amount: np.ndarray) -> np.ndarray:
        """The variance of what each account comes to: 0 often, and else about ``amount``."""
        return expected * amount * self.square - expected**2


def around(expected: np.ndarray, chance: np.ndarray, error: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Between which what comes lies, four times in five: of sums with this mean, variance by chance and log error."""
    rest = np.divide(chance, expected**2, out=np.zeros_like(expected), where=expected > 0)
    far = FAR * np.sqrt(np.log1p(rest) + error**2)
    return expected * np.exp(-far), expected * np.exp(far)
