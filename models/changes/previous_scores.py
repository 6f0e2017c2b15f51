"""What the last published snapshot said of some accounts, and whether it is what its model says."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from data.contract.outputs import ATTRIBUTIONS
from data.contract.vocabulary import ADDITIVITY
from data.errors import PublishError
from models.estimators.bundle import Bundle


@dataclass(frozen=True)
class PreviousScores:
    """What the last snapshot said of some accounts, one row each; more accounts are left aside.

    ``scores``: account_id, run_id, log_odds, base_log_odds, propensity; more columns are left aside. ``attributions``:
    account_id, base_log_odds and one column per feature of the model that was served. ``refused``: why today's scores
    cannot be held against them part by part, though the model is there (a feed fell silent); empty if they can.
    """

    scores: pd.DataFrame
    attributions: pd.DataFrame
    refused: str = ""


def calibrated(bundle: Bundle | None, scores: pd.DataFrame) -> np.ndarray:
    """Calibrated log-odds; without the model those of the propensity, unknown where that was rounded to 0 or 1."""
    if bundle is not None:
        return bundle.any_expansion.calibrator.log_odds(scores["log_odds"].to_numpy(np.float64))
    propensity = scores["propensity"].to_numpy(np.float64)
    inside = (propensity > 0) & (propensity < 1)
    return np.where(inside, logit(np.where(inside, propensity, 0.5)), np.nan)


def of_accounts(ids: pd.Index, frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """The rows of these accounts, in their order. Raises PublishError where one is missing or there twice."""
    keyed = frame.set_index(frame["account_id"].astype("str"))
    for accounts, wrong in (
        (ids[ids.duplicated()], "there twice in the rows"),
        (keyed.index[keyed.index.duplicated()], f"there twice in the {what}"),
        (ids.difference(keyed.index), f"missing in the {what}"),
    ):
        if len(accounts):
            raise _refusal(f"account {accounts[0]} is {wrong} ({len(accounts)} in all)")
    return keyed.loc[ids]


def check_published(old: Bundle, scores: pd.DataFrame, attributions: pd.DataFrame) -> None:
    """Raise PublishError unless what was published of these accounts (index) is of this model and adds up."""
    others = scores.loc[scores["run_id"] != old.run_id, "run_id"]
    if len(others):
        raise _refusal(
            f"the last list is of run {others.iloc[0]}, the model that was loaded for it of run {old.run_id}"
        )
    differing = set(ATTRIBUTIONS.features_of(attributions.columns)) ^ set(old.feature_names)
    if differing:
        raise _refusal(f"its attributions and its model differ in the feature {min(differing)}")
    total = scores["base_log_odds"] + attributions[list(old.feature_names)].sum(axis=1, skipna=False)
    for account, gap in _off(total, scores["log_odds"]):
        raise _refusal(f"base + attributions of account {account} in the last list are off its log-odds by {gap:.3g}")
    for account, gap in _off(attributions["base_log_odds"], scores["base_log_odds"]):
        raise _refusal(f"scores and attributions of account {account} in the last list differ in base by {gap:.3g}")
    check_map(old, scores, "the last list's")


def check_base(old: Bundle, scores: pd.DataFrame, base_log_odds: pd.Series) -> None:
    """Raise PublishError unless the published base value is that of the old model."""
    for account, gap in _off(scores["base_log_odds"], base_log_odds):
        raise _refusal(f"the base of account {account} in the last list is off that of {_called(old)} by {gap:.3g}")


def check_map(bundle: Bundle, scores: pd.DataFrame, whose: str) -> None:
    """Raise PublishError unless the propensities are the model's calibration of the log-odds."""
    expected = pd.Series(expit(calibrated(bundle, scores)), index=scores.index)
    for account, gap in _off(expected, scores["propensity"]):
        raise _refusal(
            f"{whose} propensity of account {account} is off the calibration of {_called(bundle)} by {gap:.3g}"
        )


def _called(bundle: Bundle) -> str:
    return f"model {bundle.version or bundle.run_id or '(not registered)'}"


def _off(one: pd.Series, other: pd.Series) -> Iterator[tuple[object, float]]:
    """Accounts whose two values differ by more than ADDITIVITY, or are missing, and by how much."""
    gap = (one - other).abs()
    yield from gap[~(gap <= ADDITIVITY)].items()


def _refusal(found: str) -> PublishError:
    return PublishError(
        "Say why each score changed since the last published list.",
        found,
        "Put the last list and its model back as they were published, or move that list out of the output folder.",
    )
