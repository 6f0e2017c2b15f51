"""From a propensity and an amount to expected ARR whose sum comes true, and how wrong it may be.

The number of expansions has its level from ``calibration`` and ``base_rate``, the amount of an expansion its own from
left-out accounts (``amounts``). What neither sees is whether large accounts expand as often as they are said to: a
booster that is a little too generous to the large ones is right in number and wrong in money. Past days tell it:

    chance to expand = propensity x (amount / pivot) ^ lean x (level of the day)

``lean`` is what all days have in common (a Poisson regression with a level of its own for each day, so no season can
bend it), pulled to 0; ``pivot`` leaves the number of expansions as it is. The propensity is ranked by, explained and
told as it is: the lean goes with the amount, so that propensity x amount is what is expected. So does the season of
amounts.

How wrong the expected ARR was on past days, beyond the chance of single expansions, is how wrong it may be today: of
the whole base, and of its tenths by expected ARR, which are accounts alike. Days count on which a season was foretold
where one is today, and those without where none is.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.contract.expected_arr import ArrDoubt
from models.estimators.amounts import Amounts
from models.estimators.calibration import independent
from models.estimators.year_before import blended

LEAN_DOUBT = 0.1
"""Standard deviation of the lean around 0, before the past is seen: doubling an amount moves its chance by 7%."""
SUM_ERROR, ACCOUNT_ERROR = 0.15, 0.25
"""Standard deviations of the log error of a base's mean and of that of accounts alike, before the past is seen."""
GROUPS = 10
"""Accounts alike: so many groups a day by expected ARR."""
ARR_COLUMNS = (
    "expected_arr",
    "arr_if_expands",
    "arr_if_expands_low",
    "arr_if_expands_high",
    "expected_arr_low",
    "expected_arr_high",
)
"""What is told of an account's ARR, as columns of ``scores``."""
STEPS, CLOSE = 50, 1e-9


@dataclass(frozen=True)
class Lean:
    """How the chance to expand goes with the amount, beyond the propensity; ``pivot`` is a logarithm of currency."""

    lean: float = 0.0
    pivot: float = 0.0

    def amounts(self, mean: np.ndarray) -> np.ndarray:
        """Amounts of this mean, so that propensity x amount is what is expected."""
        return mean * np.exp(self.lean * (np.log(mean) - self.pivot))


@dataclass(frozen=True)
class ExpectedArr:
    """What a model says of expected ARR beside propensity and amount; ``season``: of the amounts, as a logarithm."""

    lean: Lean
    doubt: ArrDoubt
    season: float = 0.0

    @classmethod
    def unseen(cls, square: float) -> "ExpectedArr":
        """Before any past day was seen."""
        return cls(Lean(), ArrDoubt(ACCOUNT_ERROR, SUM_ERROR, square))

    def amounts(self, mean: np.ndarray) -> np.ndarray:
        """Amounts of this mean on the day, so that propensity x amount is what is expected."""
        return self.lean.amounts(mean) * np.exp(self.season)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ExpectedArr":
        season = stored.get("season", 0.0)  # models stored before November 2026 knew none
        return cls(Lean(**stored["lean"]), ArrDoubt(**stored["doubt"]), season)


def fit_lean(past: pd.DataFrame, horizon_days: int) -> Lean:
    """The lean of past days. ``past``: snapshot_date, y (0 or 1), propensity and mean (of the amount, > 0)."""
    if not past.y.any():
        return Lean()
    day, days = pd.factorize(past.snapshot_date)
    y, propensity = past.y.to_numpy(np.float64), past.propensity.to_numpy(np.float64)
    size = np.log(past["mean"].to_numpy(np.float64))
    came = np.bincount(day, y)
    overlap = len(days) / independent(list(days), horizon_days)  # days closer than the horizon share outcomes
    lean = 0.0
    for _ in range(STEPS):
        said = propensity * np.exp(lean * size)
        said = said * (came / np.bincount(day, said))[day]
        middle = np.bincount(day, said * size) / np.maximum(np.bincount(day, said), 1e-300)
        away = size - middle[day]
        slope = ((y - said) * away).sum() / overlap - lean / LEAN_DOUBT**2
        # The variance of an outcome is that of 0 or 1, of a propensity next to 1 almost none.
        bend = (said * np.maximum(1 - propensity, 0.05) * away**2).sum() / overlap + 1 / LEAN_DOUBT**2
        step = slope / bend
        lean += step
        if abs(step) < CLOSE:
            break
    if not lean:
        return Lean()
    return Lean(float(lean), float(np.log((propensity * np.exp(lean * size)).sum() / propensity.sum()) / lean))


def fit_doubt(told: pd.DataFrame, square: float, horizon_days: int) -> ArrDoubt:
    """How wrong expected ARR was. ``told``: snapshot_date, expected_arr, arr (came) and chance, of ``ArrDoubt``."""
    days = list(told.snapshot_date.unique())
    count = independent(days, horizon_days)

    def error(prior: float, *keys: pd.Series) -> float:
        """Standard deviation of the log error beyond chance; groups that say more count more."""
        sums = told.groupby([told.snapshot_date, *keys])[["expected_arr", "arr", "chance"]].sum()
        chance = sums.chance / sums.expected_arr**2
        weights = 1 / (chance + prior**2) ** 2
        seen = float((weights * ((sums.arr / sums.expected_arr - 1) ** 2 - chance)).sum() / weights.sum())
        return float(np.sqrt(blended(prior**2, seen, count)))

    if not days:
        return ArrDoubt(ACCOUNT_ERROR, SUM_ERROR, square)
    return ArrDoubt(error(ACCOUNT_ERROR, groups_alike(told)), error(SUM_ERROR), square)


def groups_alike(told: pd.DataFrame) -> pd.Series:
    """The number of each account's tenth of its day by expected ARR: 0 has the least."""
    place = told.groupby("snapshot_date").expected_arr.rank(method="first", pct=True)
    return pd.Series(np.ceil(place * GROUPS).astype("int64") - 1, name="alike")


def say_arr(
    propensity: np.ndarray, mean: np.ndarray, amounts: Amounts, expected: ExpectedArr | None
) -> dict[str, np.ndarray]:
    """What is told of each account: column of ``scores`` to values. ``mean``: what ``amounts`` predicts.

    Without ``expected`` (a list ranked by a rule) the amounts are as they are, and expected ARR has no range.
    """
    amount = mean if expected is None else expected.amounts(mean)
    total, nothing = propensity * amount, np.full(len(mean), np.nan)
    of_mean = (nothing, nothing) if expected is None else expected.doubt.of_account(total)
    values = (total, amount, *amounts.interval(amount), *of_mean)
    return dict(zip(ARR_COLUMNS, values, strict=True))
