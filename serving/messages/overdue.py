"""What is overdue: the day to act by has passed, and nobody has recorded anything since the account was first listed.

Every list sets a new day to act by. The one that counts is that of the first of the consecutive lists on which the
account stood with the same play: otherwise whoever waits for the next list would never be late.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import pandas as pd

from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import by_account, standing
from serving.published.read import PublishedList

RowsOf = Callable[[Sequence[str]], list[RecordedOutcome]]
"""What was recorded of some accounts, oldest first."""
_READ = ("account_id", "eligible", "listed", "play", "act_by")


def overdue(listing: PublishedList, earlier: Iterable[PublishedList], rows_of: RowsOf, today: date) -> dict[str, date]:
    """The accounts on the short list of an owner that are overdue, each with the day by which to act.

    ``earlier``: the lists before it, the latest first; they are read as far back as an account goes.
    """
    listed = first_listed(listing, earlier)
    late = listed[pd.to_datetime(listed["act_by"]) < pd.Timestamp(today)]
    begun = dict(zip(late.index, late["since"], strict=True))
    done = {
        account
        for account, rows in by_account(rows_of(list(begun)))
        if any(day >= begun[account] for _, day in standing(rows))
    }
    return {account: day for account, day in zip(late.index, late["act_by"], strict=True) if account not in done}


def first_listed(listing: PublishedList, earlier: Iterable[PublishedList]) -> pd.DataFrame:
    """By ranked account: ``since``, the day of the first of the consecutive lists with its play; ``act_by`` of that."""
    listed = _ranked(listing)
    goes_on = listed.index
    for older in earlier:
        before = _ranked(older)
        before = before[before.index.isin(goes_on)]
        goes_on = before.index[before["play"] == listed.loc[before.index, "play"]]
        if goes_on.empty:
            break
        listed.loc[goes_on, ["since", "act_by"]] = before.loc[goes_on, ["since", "act_by"]]
    return listed


def _ranked(listing: PublishedList) -> pd.DataFrame:
    scores = pd.concat(listing.batches("scores", _READ))
    on_list = scores["listed"].fillna(scores["eligible"]).astype(bool)  # lists of old have no short lists
    return scores[on_list].set_index("account_id").assign(since=listing.snapshot_date)
