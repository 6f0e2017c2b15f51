"""The triggers of a published list: those that recomputed rows give, told again, and since when each of them fires."""

import pandas as pd

from data.contract.outputs import TRIGGERS
from serving.published.change_tables import with_since
from serving.published.context import ListContext
from serving.published.read import PublishedList
from serving.reasons.render import Facts
from serving.reasons.triggers import fired
from serving.verify.files_and_sums import Difference, Differences

KEY = list(TRIGGERS.order)


def check_since(listing: PublishedList, previous: PublishedList | None) -> Differences:
    """Since when each trigger fires, and whether it is new, by the list before; each is of a customer of the list."""
    scored = set(listing.scores("account_id")["account_id"])
    for rows in listing.batches(TRIGGERS.name):
        derived = with_since(rows, listing, previous)
        stated = zip(
            *(rows[name] for name in (*KEY, "since", "is_new")), derived["since"], derived["is_new"], strict=True
        )
        for account, code, since, is_new, since_again, is_new_again in stated:
            if account not in scored:
                yield Difference(account, f"trigger {code}", "it fires", "not a customer of the list")
            if since != since_again:
                yield Difference(account, f"trigger {code} (since)", str(since), str(since_again))
            if is_new != is_new_again:
                yield Difference(account, f"trigger {code} (is_new)", str(is_new), str(is_new_again))


def check_triggers(
    listing: PublishedList, rows: pd.DataFrame, details: pd.DataFrame | None, context: ListContext
) -> Differences:
    """Which triggers fire for some accounts of the list, and their sentences, from recomputed feature rows.

    ``rows`` and ``details`` are of the same accounts, in one order.
    """
    if not listing.has(TRIGGERS.name):
        return
    accounts = rows["account_id"].astype("str")
    facts = Facts.of(rows, listing.features(), context.users_are_daily_peaks, details, context.muted)
    derived = fired(accounts, facts, context.playbook, context.settings.currency)
    published = listing.of(TRIGGERS.name, accounts, (*KEY, "motion", "text"))
    both = published.merge(derived, "outer", KEY, suffixes=("", " again"), indicator=True)
    columns = (*KEY, "motion", "text", "motion again", "text again", "_merge")
    for account, code, motion, text, motion_again, text_again, found in zip(
        *(both[name].astype(object).where(both[name].notna(), None) for name in columns), strict=True
    ):
        if found != "both":
            there, again = ("fires", "does not") if found == "left_only" else ("does not fire", "fires")
            yield Difference(account, f"trigger {code}", there, again)
        elif motion != motion_again:
            yield Difference(account, f"trigger {code} (motion)", repr(motion), repr(motion_again))
        elif text != text_again:
            yield Difference(account, f"trigger {code}", repr(text), repr(text_again))
