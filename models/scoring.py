"""Score a snapshot: propensities and the exact attributions of the same booster, checked before anyone sees them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.contract import ADDITIVITY, MOTIONS
from data.errors import NotEnoughHistoryError, PublishError
from models import boosting
from models.bundle import Bundle
from models.categories import encode
from models.motions import motion_propensities

KEYS = ["account_id", "snapshot_date"]


@dataclass(frozen=True)
class Scored:
    """One row per account and snapshot, in the order of the rows given.

    ``scores``: account_id, snapshot_date, log_odds, base_log_odds, propensity, propensity_<motion> (missing where the
    motion was not learnt), expected_arr (missing without amounts). ``attributions``: snapshot_date, account_id,
    base_log_odds, and one column per feature, in log-odds. ``explained_by``: what computed them.
    """

    scores: pd.DataFrame
    attributions: pd.DataFrame
    explained_by: str


def score(bundle: Bundle, rows: pd.DataFrame) -> Scored:
    """Score feature rows. ``rows``: account_id, snapshot_date and the model's features, more columns are left aside.

    Raises ModelError if features of the model are missing, NotEnoughHistoryError for no rows, PublishError if an
    account is there twice or the parts of a score do not add up to it.
    """
    if rows.empty:
        raise NotEnoughHistoryError(
            "score a snapshot", "no account in the base", "choose a date on which there are customers"
        )
    if rows.duplicated(KEYS).any():
        twice = rows.loc[rows.duplicated(KEYS), "account_id"].iloc[0]
        raise PublishError("score a snapshot", f"account {twice} is there twice", "build the features again")
    X = model_matrix(bundle, rows)
    log_odds = boosting.log_odds(bundle.booster, X)
    parts, base = boosting.contributions(bundle.booster, X)
    check_sum(rows["account_id"], log_odds, base, parts)
    propensity = bundle.any_expansion.calibrator.propensity(log_odds)
    per_motion = motion_propensities(bundle, X, propensity)
    keys = rows[KEYS].reset_index(drop=True)
    missing = np.full(len(rows), np.nan)
    amount = missing if bundle.amounts is None else bundle.amounts.predict(rows)
    scores = keys.assign(log_odds=log_odds, base_log_odds=base, propensity=propensity)
    scores = scores.assign(**{f"propensity_{motion}": per_motion.get(motion, missing) for motion in MOTIONS})
    first = keys[["snapshot_date", "account_id"]].assign(base_log_odds=base)
    attributions = pd.concat([first, pd.DataFrame(parts, columns=list(bundle.feature_names))], axis=1)
    return Scored(scores.assign(expected_arr=propensity * amount), attributions, boosting.explained_by(bundle.booster))


def model_matrix(bundle: Bundle, rows: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of feature rows, as its booster takes them. Raises ModelError if one is not there."""
    names = list(bundle.feature_names)
    present = [name for name in names if name in rows.columns]
    boosting.check_columns(names, present)
    return encode(rows[names], bundle.categories).astype("float64")


def check_sum(accounts: pd.Series, log_odds: np.ndarray, base: np.ndarray, parts: np.ndarray) -> None:
    """Raise PublishError, naming the worst account, unless base + sum of attributions = log-odds on every row."""
    off = np.abs(base + parts.sum(axis=1) - log_odds)
    off = np.where(np.isnan(off), np.inf, off)
    worst = int(np.argmax(off))
    if off[worst] > ADDITIVITY:
        raise PublishError(
            asked="explain every score by parts that add up to it",
            found=f"{int((off > ADDITIVITY).sum())} of {len(off)} accounts do not add up; "
            f"account {accounts.iloc[worst]} is off by {off[worst]:.3g} in log-odds",
            todo="do not publish: scores and attributions are not of one model; score again with one version",
        )
