"""The list: motion and play of each account, the ranks among those that may be ranked, and the accounts set apart."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.vocabulary import MOTIONS
from serving.ranking.gates import Verdict
from serving.reasons.playbook import Playbook

NO_OWNER = "(no owner)"
"""What stands for the owner of an account that has none."""

SCORE_COLUMNS = (
    "snapshot_date", "account_id", "model_version", "run_id", "propensity",
    *(f"propensity_{motion}" for motion in MOTIONS),
    "log_odds", "base_log_odds", "expected_arr", "arr_if_expands", "arr_if_expands_low", "arr_if_expands_high",
    "cross_sell_product", "cross_sell_product_share", "motion", "play", "rank", "owner_rank", "eligible",
    "not_eligible_because", "previous_rank", "previous_propensity", "name", "owner", "segment", "act_by",
)  # fmt: skip
"""The columns of ``scores``; those after ``previous_propensity`` are for people. ``owner`` is null without one."""

OF_THE_BASE = ("rank", "owner_rank", "previous_rank", "previous_propensity")
"""Those that no account has of itself."""

RANK_KEYS = ("propensity", "expected_arr", "log_odds")
"""What decides the order of the list, with account_id as the last."""

IMPOSSIBLE = 1e6
"""Taken from the weight of a motion that cannot be, so that it wins only over others that cannot be."""

NOT_ALWAYS_KNOWN = (
    *(f"propensity_{motion}" for motion in MOTIONS), "arr_if_expands", "arr_if_expands_low", "arr_if_expands_high",
    "cross_sell_product", "cross_sell_product_share",
)  # fmt: skip
"""What a model may not be able to say: null then."""

EXCLUSION_COLUMNS = (
    "snapshot_date", "account_id", "owner", "not_eligible_because", "text", "name", "shown_under", "propensity",
)  # fmt: skip

# A motion is impossible where its feature is known to say so: no seats to add to, no tier above, nothing left to buy.
_NEEDS = {"seat": "seats", "upsell": "tiers_above", "cross_sell": "products_not_owned"}


def choose_motion(
    scores: pd.DataFrame, rows: pd.DataFrame, reasons: pd.DataFrame, verdict: Verdict, playbook: Playbook
) -> pd.Series:
    """The likeliest possible motion of each account (index: account_id), by ``propensity_<motion>``.

    Where the model gives none, the motion whose plays fit the reasons for the account best. Cross-sell waits until the
    first product is adopted. Ties: the order of ``MOTIONS``. All frames but ``reasons`` have one row per account.
    """
    possible = np.column_stack([_possible(motion, rows, verdict) for motion in MOTIONS])
    likely = np.column_stack([_numbers(scores, f"propensity_{motion}") for motion in MOTIONS])
    fitting = _fit_to_reasons(scores.index, reasons, playbook)
    # Likelihood decides, then the fit to the reasons, then the order; an impossible motion only if there is no other.
    given = ~np.isnan(likely)
    weight = np.where(given.any(axis=1, keepdims=True), np.where(given, likely, -1.0), fitting)
    weight = np.where(possible, weight, weight - IMPOSSIBLE)
    return pd.Series(np.array(MOTIONS, dtype=object)[weight.argmax(axis=1)], index=scores.index, dtype="str")


def _possible(motion: str, rows: pd.DataFrame, verdict: Verdict) -> npt.NDArray[np.bool_]:
    if motion == "usage":
        return _numbers(rows, "billed_365d") > 0
    possible = np.full(len(rows), "mrr" in rows)  # without subscriptions there is nothing but usage to expand
    if motion in _NEEDS and _NEEDS[motion] in rows:
        values = rows[_NEEDS[motion]].to_numpy(np.float64)
        possible = ~(np.nan_to_num(values, nan=0.0 if motion == "seat" else 1.0) <= 0)
    if motion == "cross_sell":
        possible &= verdict.cross_sell_ready.to_numpy()
    return possible


def _numbers(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return frame[name].to_numpy(np.float64) if name in frame else np.full(len(frame), np.nan)


def _fit_to_reasons(accounts: pd.Index, reasons: pd.DataFrame, playbook: Playbook) -> npt.NDArray[np.float64]:
    """Accounts x motions: log-odds of the reasons for the account that a play of the motion answers."""
    raising = reasons[reasons["effect"] == "for"]
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
    raising = reasons.loc[reasons["effect"] == "for", ["account_id", "position", "reason_code"]]
    raising = raising.assign(motion=raising["account_id"].map(motions))
    fitting = raising.merge(answers, on=["motion", "reason_code"])
    best = fitting.sort_values(["position", "place"]).drop_duplicates("account_id").set_index("account_id")["play"]
    defaults = motions.map({motion: playbook.default_play(motion) for motion in MOTIONS})
    return best.reindex(motions.index).fillna(defaults).astype("str")


def order(scores: pd.DataFrame, rank_by: str) -> npt.NDArray[np.int64]:
    """The places of the rows in the order of the list, best first: a total order where account_id is unique.

    ``scores``: account_id and ``RANK_KEYS``. By ``rank_by``; equal in it: by the other of propensity and expected ARR,
    then log-odds (larger first, missing last), then account_id.
    """
    other = "expected_arr" if rank_by == "propensity" else "propensity"
    falling = [-scores[name].to_numpy(np.float64) for name in (rank_by, other, "log_odds")]
    ids, _ = pd.factorize(scores["account_id"], sort=True)
    return np.lexsort((ids, *reversed(falling)))


def rank(scores: pd.DataFrame, rank_by: str) -> pd.DataFrame:
    """``scores`` with ``rank`` and ``owner_rank``: 1 = best among the eligible, without ties; null if not eligible.

    Accounts without an owner are one book.
    """
    eligible = scores[scores["eligible"]]
    listed = eligible.iloc[order(eligible, rank_by)]
    ranks = pd.Series(np.arange(1, len(listed) + 1), index=listed.index, dtype="Int64")
    owner_ranks = listed.groupby(listed["owner"].fillna(NO_OWNER)).cumcount().astype("Int64") + 1
    return scores.assign(rank=ranks.reindex(scores.index), owner_rank=owner_ranks.reindex(scores.index))


def with_unknown(scores: pd.DataFrame) -> pd.DataFrame:
    """``scores`` with a null column for each of ``NOT_ALWAYS_KNOWN`` that is not there."""
    nulls = {
        name: pd.Series(None, index=scores.index, dtype="str" if name == "cross_sell_product" else "float64")
        for name in NOT_ALWAYS_KNOWN
        if name not in scores
    }
    return scores.assign(**nulls)


def with_previous(scores: pd.DataFrame, previous: pd.DataFrame | None) -> pd.DataFrame:
    """``scores`` with rank and propensity of the previous published snapshot; null for an account that is new."""
    if previous is None:
        return scores.assign(
            previous_rank=pd.Series(pd.NA, index=scores.index, dtype="Int64"),
            previous_propensity=pd.Series(np.nan, index=scores.index, dtype="float64"),
        )
    earlier = previous.set_index("account_id").reindex(scores["account_id"])
    return scores.assign(
        previous_rank=earlier["rank"].astype("Int64").array,
        previous_propensity=earlier["propensity"].astype("float64").array,
    )


def act_by(snapshot_date: date, plays: pd.Series, playbook: Playbook) -> pd.Series:
    """The day by which each account's play is to be acted on."""
    days: Mapping[str, date] = {
        code: snapshot_date + timedelta(days=play.days_to_act) for code, play in playbook.plays.items()
    }
    return pd.Series([days[code] for code in plays], index=plays.index, dtype=object)


def exclusions(scores: pd.DataFrame, verdict: Verdict) -> pd.DataFrame:
    """One row per account without a rank: why, in codes and in words, and where it is shown."""
    table = scores[~scores["eligible"]].copy()
    table["text"] = verdict.text.loc[table["account_id"]].array
    table["shown_under"] = verdict.shown_under.loc[table["account_id"]].array
    return table[list(EXCLUSION_COLUMNS)].reset_index(drop=True)


def likeliest_first(exclusions: pd.DataFrame) -> pd.DataFrame:
    """The exclusions in the order in which they are shown."""
    return exclusions.sort_values(["propensity", "account_id"], ascending=[False, True], ignore_index=True)
