"""The list: the ranks among the accounts that may be ranked, and the accounts set apart."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.outputs import EXCLUSIONS, NO_OWNER, SCORES, OutputKind
from serving.ranking.gates import GateResult

RANK_KEYS = ("propensity", "expected_arr", "log_odds")
"""What decides the order of the list, with account_id as the last."""

HELD_OUT_CODE = "held_out"
"""The code of an account that an experiment holds out, beside those of gates."""
TEXT_OF_HELD_OUT = "Held out of the lists by an experiment, drawn by chance."
_UNKNOWN = {OutputKind.TEXT: "str", OutputKind.NUMBER: "float64"}


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
    """``scores`` with ``rank``, ``owner_rank`` and ``stake_rank``: 1 = best of the eligible, without ties, else null.

    Accounts without an owner are one book.
    """
    eligible = scores[scores["eligible"]]
    listed = eligible.iloc[order(eligible, rank_by)]
    owner_ranks = listed.groupby(listed["owner"].fillna(NO_OWNER)).cumcount().astype("Int64") + 1
    return scores.assign(
        rank=_places(listed, scores),
        owner_rank=owner_ranks.reindex(scores.index),
        stake_rank=_places(eligible.iloc[order(eligible, "expected_arr")], scores),
    )


def hold_out(scores: pd.DataFrame, accounts: Collection[str]) -> pd.DataFrame:
    """``scores`` with ``held_out``: these accounts are not eligible, with that beside the gates they did not pass."""
    held, codes = scores["account_id"].isin(accounts), scores["not_eligible_because"]
    return scores.assign(
        held_out=held,
        eligible=scores["eligible"] & ~held,
        not_eligible_because=codes.mask(held, codes.where(codes == "", codes + ";") + HELD_OUT_CODE),
    )


def because_of_gates(codes: pd.Series, held_out: pd.Series) -> pd.Series:
    """``not_eligible_because`` of scores without what ``hold_out`` added of those that are ``held_out``."""
    return codes.mask(held_out, codes.str.removesuffix(HELD_OUT_CODE).str.removesuffix(";"))


def _places(listed: pd.DataFrame, scores: pd.DataFrame) -> pd.Series:
    """The place of each of the scores among those listed, 1 = first; null if it is not among them."""
    return pd.Series(np.arange(1, len(listed) + 1), index=listed.index, dtype="Int64").reindex(scores.index)


def with_unknown(scores: pd.DataFrame) -> pd.DataFrame:
    """``scores`` with a null column for what may be unknown of an account and was not said."""
    nulls = {
        column.name: pd.Series([None] * len(scores), index=scores.index, dtype=_UNKNOWN.get(column.kind, "object"))
        for column in SCORES.columns
        if column.nullable and not column.of_the_base and column.name not in scores
    }
    return scores.assign(**nulls)


def with_previous(scores: pd.DataFrame, previous: pd.DataFrame | None) -> pd.DataFrame:
    """``scores`` with rank and propensity of the previous published snapshot, null for an account that is new, and
    whether that snapshot held it out.
    """
    if previous is None:
        return scores.assign(
            previous_rank=pd.Series(pd.NA, index=scores.index, dtype="Int64"),
            previous_propensity=pd.Series(np.nan, index=scores.index, dtype="float64"),
            previous_held_out=False,
        )
    earlier = previous.set_index("account_id").reindex(scores["account_id"])
    return scores.assign(
        previous_rank=earlier["rank"].astype("Int64").array,
        previous_propensity=earlier["propensity"].astype("float64").array,
        previous_held_out=earlier["held_out"].fillna(value=False).astype(bool).array,
    )


def exclusions(scores: pd.DataFrame, passed: GateResult) -> pd.DataFrame:
    """One row per account without a rank: why, in codes and in words, and where it is shown."""
    table = scores[~scores["eligible"]].copy()
    table["text"] = passed.text.loc[table["account_id"]].array
    table["shown_under"] = passed.shown_under.loc[table["account_id"]].array
    return table[list(EXCLUSIONS.names)].reset_index(drop=True)


def exclusions_with_held_out(exclusions: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """The exclusions with those that ``scores`` holds out: under no heading, for they are shown to nobody."""
    held = scores[scores["held_out"]]
    if held.empty:
        return exclusions
    apart = exclusions[~exclusions["account_id"].isin(held["account_id"])]
    return pd.concat([apart, held.assign(text=TEXT_OF_HELD_OUT, shown_under="")[list(EXCLUSIONS.names)]])


def likeliest_first(exclusions: pd.DataFrame) -> pd.DataFrame:
    """The exclusions in the order in which they are shown."""
    rising = EXCLUSIONS.rising
    return exclusions.sort_values(list(rising), ascending=list(rising.values()), ignore_index=True)
