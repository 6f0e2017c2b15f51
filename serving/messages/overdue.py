"""What is overdue: on an owner's short list, the day to act by has passed, and nothing was done since it came there.

What is back from later is not: it is a task of its own.
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from serving.outcomes.states import AccountState, is_left_undone
from serving.published.read import PublishedList
from serving.ranking.short_list import OF_DUE, due_on

_READ = ("account_id", *OF_DUE)


def overdue(listing: PublishedList, states: Mapping[str, AccountState], today: date) -> dict[str, date]:
    """The accounts of a list that are overdue, each with the day by which to act.

    ``states``: where those stand of which something was recorded.
    """
    scores = listing.scores(*_READ)
    due = due_on(scores)
    late = scores.assign(due=due)[due < pd.Timestamp(today)]
    rows = zip(late["account_id"], late["listed_since"], late["due"], strict=True)
    return {
        account: day.date()
        for account, since, day in rows
        if is_left_undone(states.get(account, AccountState()), since)
    }
