"""Where two judgements of an account disagree: its likelihood and its money, the model and the CSM."""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import pandas as pd

from serving.outcomes.vocabulary import DISQUALIFIED, TAKEN, WON
from serving.ranking.rank import RANK_KEYS, order

FIRST, SECOND = 0.1, 0.5
"""Two orders disagree where an account is in this share of one, and behind that share of the other."""


class AtOdds(StrEnum):
    """How an account is judged in two ways."""

    LIKELY = "likely, with little at stake"
    STAKE = "much at stake, yet not likely"
    REFUSED = "disqualified, though on the short list"
    TAKEN = "taken up or won, though behind or set apart"


OF_MONEY, OF_CSM = (AtOdds.LIKELY, AtOdds.STAKE), (AtOdds.REFUSED, AtOdds.TAKEN)
READ = ("account_id", "name", "owner", "rank", "listed", *RANK_KEYS)
"""What is read of ``scores``."""


def of_money(likelihood: float, stake: float, of: int) -> AtOdds | None:
    """By the places of an account in the two orders of so many."""
    if likelihood <= FIRST * of and stake > SECOND * of:
        return AtOdds.LIKELY
    return AtOdds.STAKE if stake <= FIRST * of and likelihood > SECOND * of else None


def of_list(scores: pd.DataFrame, done: Mapping[str, str]) -> pd.DataFrame:
    """One row per account and way in which it is judged differently: account_id, name, owner, ``at_odds``.

    ``scores``: the columns ``READ`` of a list. ``done``: what a CSM did with accounts of that list, by account.
    """
    ranked = scores[scores["rank"].notna()].copy()
    for name, by in (("likelihood", "propensity"), ("stake", "expected_arr")):
        ranked.loc[ranked.index[order(ranked, by)], name] = np.arange(1.0, len(ranked) + 1)
    is_amount_known = bool(ranked["expected_arr"].notna().all())
    places = ranked.set_index("account_id")["likelihood"].to_dict()
    pairs = zip(ranked["account_id"], ranked["likelihood"], ranked["stake"], strict=True)
    found = [(account, of_money(likely, stake, len(ranked))) for account, likely, stake in pairs if is_amount_known]
    listed = set(scores.loc[scores["listed"].fillna(value=False).astype(bool), "account_id"])
    behind = {account for account in scores["account_id"] if places.get(account, np.inf) > SECOND * len(ranked)}
    for account, action in done.items():
        if action == DISQUALIFIED and account in listed:
            found.append((account, AtOdds.REFUSED))
        elif action in (TAKEN, WON) and account in behind:
            found.append((account, AtOdds.TAKEN))
    told = pd.DataFrame([row for row in found if row[1]], columns=["account_id", "at_odds"])
    return told.merge(scores[["account_id", "name", "owner"]], on="account_id")
