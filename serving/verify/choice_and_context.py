"""What a list chose to tell and what stands beside each account, derived again from rows that somebody recomputed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from data.contract.outputs import ACCOUNT_PLAYS, AGAINST, EXCLUSIONS, FIRST, SCORES, SPARE
from serving.published.context import ListContext
from serving.published.read import PublishedList
from serving.published.row_context import beside_scores
from serving.ranking import plays
from serving.reasons.choose import BaseReferences, explain
from serving.verify.files_and_sums import Difference, Differences

CHOSEN = ("position", "effect", "choice")
"""What is chosen of each reason, beside that the table keeps it."""
OF_SCORES = ("owner", "name", "propensity")
"""What ``exclusions`` repeat of ``scores``."""


def check_choice(
    reasons: pd.DataFrame,
    rows: pd.DataFrame,
    attributions: pd.DataFrame,
    context: ListContext,
    references: BaseReferences,
    details: pd.DataFrame | None = None,
) -> Differences:
    """Which reasons the table keeps, in which order and to which effect, and which of them a CSM sees: chosen again.

    ``attributions`` are the published ones of the accounts of ``rows`` and ``details``, in their order; ``references``
    is what they are compared with.
    """
    chosen = explain(attributions, rows, context.reasons, context.settings.reasons, references, details).reasons
    keys = ["account_id", "reason_code"]
    both = reasons[[*keys, *CHOSEN]].merge(
        chosen[[*keys, *CHOSEN]], "outer", keys, suffixes=("", " again"), indicator=True
    )
    yield from _shown_otherwise(reasons)
    for _, reason in both.iterrows():
        account, code = reason["account_id"], reason["reason_code"]
        if reason["_merge"] != "both":
            told = ("a reason", "none") if reason["_merge"] == "left_only" else ("no reason", "one")
            yield Difference(account, f"{code} (kept)", *told)
            continue
        for name in CHOSEN:
            if not _same(reason[name], reason[f"{name} again"]):
                yield Difference(account, f"{code} ({name})", str(reason[name]), str(reason[f"{name} again"]))


def _shown_otherwise(reasons: pd.DataFrame) -> Differences:
    """What is shown is what was chosen, or all but one and a spare one in place of that, or all but the weakest of
    several that speak against: which, the pages say.
    """
    reasons = reasons.reset_index(drop=True)
    is_first, shown = reasons["choice"] == FIRST, reasons["shown"].astype(bool)
    against = reasons[is_first & (reasons["effect"] == AGAINST)].sort_values("position").groupby("account_id")
    weakest = set(against.tail(1).index) - set(against.head(1).index)
    for account, rows in reasons[is_first != shown].groupby("account_id", sort=False):
        if sorted(rows["choice"]) != [FIRST, SPARE] and not (len(rows) == 1 and rows.index[0] in weakest):
            for code, is_shown in zip(rows["reason_code"], rows["shown"], strict=True):
                yield Difference(str(account), f"{code} (shown)", str(is_shown), str(not is_shown))


def check_context(
    listing: PublishedList, rows: pd.DataFrame, details: pd.DataFrame | None, context: ListContext
) -> Differences:
    """Who each account is, until when to act, and what it has; and what the exclusions repeat of it.

    ``rows`` and ``details`` are of some accounts of the list, in one order. What an older list has not got is not
    compared.
    """
    accounts = rows["account_id"].astype("str").tolist()
    listed = listing.of("scores", accounts).drop_duplicates("account_id").set_index("account_id").reindex(accounts)
    known = listed["play"].isin(context.playbook.plays).to_numpy()
    named = rows[["account_id"]] if details is None else details
    there, listed = set(listing.columns(SCORES.name)), listed[known]
    rows, named = rows[known].reset_index(drop=True), named[known].reset_index(drop=True)
    beside, forms = beside_scores(context.people, rows, named), _forms(listing, listed, context)
    renewals = plays.renewals_to_meet(rows, beside["renews_on"])
    until = plays.act_by(listing.snapshot_date, listed["play"], context.playbook, forms, renewals).array
    derived = {"act_by": until, **beside}
    derived = {name: values for name, values in derived.items() if name in there}
    yield from _differing(listed, derived, "")
    apart = listing.of(EXCLUSIONS.name, accounts).drop_duplicates("account_id").set_index("account_id")
    again = listed.assign(**derived).reindex(apart.index)
    yield from _differing(apart, {name: again[name].array for name in OF_SCORES}, f"{EXCLUSIONS.name}, ")


def _forms(listing: PublishedList, listed: pd.DataFrame, context: ListContext) -> pd.Series:
    """The forms that the plays of these accounts are given in; the play itself where it has no such form."""
    given = listing.of(ACCOUNT_PLAYS.name, listed.index).drop_duplicates("account_id").set_index("account_id")["form"]
    named = zip(listed["play"], given.reindex(listed.index), strict=True)
    plays_of = context.playbook.plays
    return pd.Series([form if form in plays_of[code].forms else "" for code, form in named], index=listed.index)


def _differing(published: pd.DataFrame, derived: Mapping[str, Any], where: str) -> Differences:
    """``published`` by account_id; ``derived`` are columns in its order."""
    for name, values in derived.items():
        for account, there, again in zip(published.index, published[name].tolist(), list(values), strict=True):
            if not _same(there, again):
                yield Difference(account, f"{where}{name}", _said(there), _said(again))


def _is_missing(value: Any) -> bool:
    return value is None or (np.ndim(value) == 0 and bool(pd.isna(value)))


def _same(one: Any, other: Any) -> bool:
    if _is_missing(one) or _is_missing(other):
        return _is_missing(one) and _is_missing(other)
    return np.array_equal(one, other, equal_nan=np.ndim(one) > 0)


def _said(value: Any) -> str:
    return "null" if _is_missing(value) else str(value)
