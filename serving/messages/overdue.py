"""What is overdue: on an owner's short list, the day to act by has passed, and nothing was done since it came there."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pandas as pd

from serving.outcomes.states import AccountState, is_untouched
from serving.published.read import PublishedList
from serving.ranking.short_list import due_on

StatesOf = Callable[[Sequence[str], date], Mapping[str, AccountState]]
"""Where some accounts stood at the end of a day."""
_READ = ("account_id", "snapshot_date", "act_by", "listed_since")


def overdue(listing: PublishedList, states_of: StatesOf, today: date) -> dict[str, date]:
    """The accounts of a list that are overdue, each with the day by which to act."""
    scores = listing.scores(*_READ)
    due = due_on(scores)
    late = scores.assign(due=due)[due < pd.Timestamp(today)]
    states = states_of(late["account_id"].tolist(), today)
    rows = zip(late["account_id"], late["listed_since"], late["due"], strict=True)
    return {
        account: day.date() for account, since, day in rows if is_untouched(states.get(account, AccountState()), since)
    }
