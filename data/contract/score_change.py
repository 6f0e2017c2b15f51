"""What the change of a score is split into: the names that the models compute, the tables store and people read."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

PARTS = ("data", "model", "calibration")
"""The parts of a change of calibrated log-odds; they sum to it."""

REST = "rest"
"""Stands for a reason code: the changes too small to be kept, and the rounding of stored attributions."""

EXACT = 1e-9
"""Largest difference, in log-odds, between a change and the sum of its parts."""

LEAST_LOG_ODDS = 0.02
"""A change of a reason smaller than that is not kept by its code and not told: it moves 12.0% to 12.2%."""


RETRAINED = "the retrained model"
"""What a sentence calls the model of this list, where it was trained after that of the last one."""


class NotSplit(StrEnum):
    """Why the change of an account is not split into its parts."""

    FIRST = "first_list"  # nothing was published before
    NEW = "new"  # the account was not in the base then
    MODEL_NOT_FOUND = "old_model_not_found"
    FEATURES_MISSING = "old_features_missing"  # the old model cannot be asked about today's rows


@dataclass(frozen=True)
class Change:
    """The change of some accounts.

    ``accounts``: one row each, in the order of the rows given: account_id, change, data, model, calibration (calibrated
    log-odds; missing where not known), because (a NotSplit, or empty). ``reasons``: account_id, reason_code, log_odds:
    the data part of each account by reason code, largest first; what is too small stands under REST, last, so that they
    sum to ``data``. ``as_before``: what the old model says of today's rows (account_id, log_odds, propensity,
    expected_arr), of new accounts too; None where it is today's, or cannot be asked, and ``not_asked`` says why.
    """

    accounts: pd.DataFrame
    reasons: pd.DataFrame
    as_before: pd.DataFrame | None
    not_asked: str = ""


def not_split(
    account_ids: Sequence[str] | pd.Index | pd.Series,
    change: npt.NDArray[np.float64],
    because: npt.NDArray[np.object_],
    not_asked: str = "",
) -> Change:
    """The change of accounts that cannot be split, and why for each of them."""
    nothing = long_reasons([], [], [])
    return Change(wide_accounts(account_ids, change, because), nothing, None, not_asked)


def first_list(account_ids: Sequence[str] | pd.Index | pd.Series) -> Change:
    """The change of accounts of which nothing was published before."""
    count = len(account_ids)
    return not_split(account_ids, np.full(count, np.nan), np.full(count, NotSplit.FIRST.value, dtype=object))


def wide_accounts(account_ids: object, change: object, because: object) -> pd.DataFrame:
    """``Change.accounts`` without a split."""
    values = {
        "account_id": np.asarray(account_ids),
        "change": change,
        **dict.fromkeys(PARTS, np.nan),
        "because": because,
    }
    return pd.DataFrame(values).astype({"account_id": "str", "because": "str"})


def long_reasons(account_ids: object, codes: object, log_odds: object) -> pd.DataFrame:
    """``Change.reasons``."""
    made = pd.DataFrame({"account_id": account_ids, "reason_code": codes, "log_odds": log_odds})
    return made.astype({"account_id": "str", "reason_code": "str", "log_odds": "float64"})
