"""Motion and play of each account: which expansion is likeliest of those that are possible, and what to do about it."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.outputs import FOR
from data.contract.vocabulary import MOTIONS
from serving.ranking.gates import GateResult
from serving.reasons.playbook import Playbook

IMPOSSIBLE = 1e6
"""Taken from the weight of a motion that cannot be, so that it wins only over others that cannot be."""

# A motion is impossible where its feature is known to say so: no seats to add to, no tier above, nothing left to buy.
_NEEDS = {"seat": "seats", "upsell": "tiers_above", "cross_sell": "products_not_owned"}


def choose_motion(
    scores: pd.DataFrame, rows: pd.DataFrame, reasons: pd.DataFrame, passed: GateResult, playbook: Playbook
) -> pd.Series:
    """The likeliest possible motion of each account (index: account_id), by ``propensity_<motion>``.

    Where the model gives none, the motion whose plays fit the reasons for the account best. Cross-sell waits until the
    first product is adopted. Ties: the order of ``MOTIONS``. All frames but ``reasons`` have one row per account.
    """
    possible = np.column_stack([_possible(motion, rows, passed) for motion in MOTIONS])
    likely = np.column_stack([_numbers(scores, f"propensity_{motion}") for motion in MOTIONS])
    fitting = _fit_to_reasons(scores.index, reasons, playbook)
    # Likelihood decides, then the fit to the reasons, then the order; an impossible motion only if there is no other.
    given = ~np.isnan(likely)
    weight = np.where(given.any(axis=1, keepdims=True), np.where(given, likely, -1.0), fitting)
    weight = np.where(possible, weight, weight - IMPOSSIBLE)
    return pd.Series(np.array(MOTIONS, dtype=object)[weight.argmax(axis=1)], index=scores.index, dtype="str")


def _possible(motion: str, rows: pd.DataFrame, passed: GateResult) -> npt.NDArray[np.bool_]:
    if motion == "usage":
        return _numbers(rows, "billed_365d") > 0
    possible = np.full(len(rows), "mrr" in rows)  # without subscriptions there is nothing but usage to expand
    if motion in _NEEDS and _NEEDS[motion] in rows:
        values = rows[_NEEDS[motion]].to_numpy(np.float64)
        possible = ~(np.nan_to_num(values, nan=0.0 if motion == "seat" else 1.0) <= 0)
    if motion == "cross_sell":
        possible &= passed.cross_sell_ready.to_numpy()
    return possible


def _numbers(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return frame[name].to_numpy(np.float64) if name in frame else np.full(len(frame), np.nan)


def _fit_to_reasons(accounts: pd.Index, reasons: pd.DataFrame, playbook: Playbook) -> npt.NDArray[np.float64]:
    """Accounts x motions: log-odds of the reasons for the account that a play of the motion answers."""
    raising = reasons[reasons["effect"] == FOR]
    totals = []
    for motion in MOTIONS:
        codes = {code for play in playbook.plays_of(motion).values() for code in play.reasons}
        fitting = raising[raising["reason_code"].isin(codes)]
        total = fitting.groupby("account_id")["shap_log_odds"].sum().reindex(accounts, fill_value=0.0)
        totals.append(total.to_numpy(np.float64))
    return np.column_stack(totals)


def choose_play(motions: pd.Series, reasons: pd.DataFrame, playbook: Playbook) -> pd.Series:
    """The play of each account: of its motion, the one that answers its strongest reason; else the motion's default.

    Only what raises the propensity chooses a play.
    """
    answers = pd.DataFrame(
        [
            (play.motion, reason, place, code)
            for place, (code, play) in enumerate(playbook.plays.items())
            for reason in play.reasons
        ],
        columns=["motion", "reason_code", "place", "play"],
    )
    raising = reasons.loc[reasons["effect"] == FOR, ["account_id", "position", "reason_code"]]
    raising = raising.assign(motion=raising["account_id"].map(motions))
    fitting = raising.merge(answers, on=["motion", "reason_code"])
    best = fitting.sort_values(["position", "place"]).drop_duplicates("account_id").set_index("account_id")["play"]
    defaults = motions.map({motion: playbook.default_play(motion) for motion in MOTIONS})
    return best.reindex(motions.index).fillna(defaults).astype("str")


def act_by(snapshot_date: date, plays: pd.Series, playbook: Playbook) -> pd.Series:
    """The day by which each account's play is to be acted on."""
    days: Mapping[str, date] = {
        code: snapshot_date + timedelta(days=play.days_to_act) for code, play in playbook.plays.items()
    }
    return pd.Series([days[code] for code in plays], index=plays.index, dtype=object)
