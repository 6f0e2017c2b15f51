"""The triggers of a published list: those that recomputed rows give, told again, and since when each of them fires."""

import pandas as pd

from data.contract.outputs import TRIGGERS
from serving.published.context import ListContext
from serving.published.read import PublishedList
from serving.published.trigger_table import with_since
from serving.reasons.render import Facts
from serving.reasons.triggers import fired
from serving.verify.files_and_sums import Difference, Differences

KEY = ["account_id", "trigger_code"]


def check_since(listing: PublishedList, previous: PublishedList | None) -> Differences:
    """Since when each trigger fires, and whether it is new, by the list before; each is of a customer of the list."""
    scored = set(listing.scores("account_id")["account_id"])
    for rows in listing.batches(TRIGGERS.name):
        derived = with_since(rows, listing, previous)
        for name in ("since", "is_new"):
            for place in (rows[name] != derived[name]).to_numpy().nonzero()[0]:
                there, again = str(rows[name].iloc[place]), str(derived[name].iloc[place])
                yield Difference(rows["account_id"].iloc[place], _where(rows, place, name), there, again)
        for place in (~rows["account_id"].isin(scored)).to_numpy().nonzero()[0]:
            yield Difference(rows["account_id"].iloc[place], _where(rows, place), "a trigger", "not a customer")


def check_triggers(
    listing: PublishedList, rows: pd.DataFrame, details: pd.DataFrame | None, context: ListContext
) -> Differences:
    """Which triggers fire for some accounts of the list, and their sentences, from recomputed feature rows.

    ``rows`` and ``details`` are of the same accounts, in one order.
    """
    if not listing.has(TRIGGERS.name):
        return
    accounts = rows["account_id"].astype("str")
    facts = Facts.of(rows, listing.features(), context.users_are_daily_peaks, details)
    derived = fired(accounts, facts, context.playbook, context.settings.currency)
    published = listing.of(TRIGGERS.name, accounts, (*KEY, "motion", "text"))
    both = published.merge(derived, "outer", KEY, suffixes=("", " again"), indicator=True)
    for place, found in enumerate(both["_merge"]):
        row = both.iloc[place]
        if found != "both":
            there, again = ("fires", "does not") if found == "left_only" else ("does not fire", "fires")
            yield Difference(row["account_id"], _where(both, place), there, again)
            continue
        for name in ("motion", "text"):
            there, again = ("" if pd.isna(row[of]) else row[of] for of in (name, f"{name} again"))
            if there != again:
                yield Difference(row["account_id"], _where(both, place, name), repr(there), repr(again))


def _where(rows: pd.DataFrame, place: int, column: str = "") -> str:
    return f"trigger {rows['trigger_code'].iloc[place]}{f' ({column})' if column else ''}"
