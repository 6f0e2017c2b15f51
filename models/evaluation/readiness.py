"""Is there enough to learn from? If not, say how much there is and how much it takes."""

from datetime import timedelta

import pandas as pd

from data.errors import NotEnoughHistoryError
from models.settings import StudySettings


def count_expansions(history: pd.DataFrame, label: str, horizon_days: int) -> int:
    """Distinct past expansions: positive label windows of an account that do not overlap.

    Monthly snapshots see one expansion three times with a horizon of 90 days; windows that are a horizon apart cannot
    hold the same one. This is the number of independent events, and the lower bound of what happened.
    """
    positive = history.loc[history[label] == 1, ["account_id", "snapshot_date"]].sort_values("snapshot_date")
    horizon = timedelta(days=horizon_days)
    count = 0
    closed_on: dict[str, pd.Timestamp] = {}
    for account, day in zip(positive["account_id"], positive["snapshot_date"], strict=True):
        if account not in closed_on or day >= closed_on[account]:
            count += 1
            closed_on[account] = day + horizon
    return count


def require_enough(history: pd.DataFrame, settings: StudySettings) -> int:
    """The number of distinct past expansions. Raises NotEnoughHistoryError if there is too little to learn from."""
    accounts = history.account_id.nunique()
    dates = history.snapshot_date.nunique()
    expansions = count_expansions(history, "expanded", settings.horizon_days)
    there = f"{expansions} distinct expansions of {history.loc[history.expanded == 1, 'account_id'].nunique()} accounts"
    found = (
        f"{there}, among {accounts} accounts on {dates} snapshot dates ({int(history.expanded.sum())} positive rows)"
    )
    asked = "train a model of expansions"
    if accounts < settings.min_accounts:
        todo = f"it takes {settings.min_accounts} accounts; until then, know each by heart"
        raise NotEnoughHistoryError(asked, found, todo)
    if not expansions:
        todo = "see with `headroom check` whether plans, seats and MRR are given as they were at each time, not today"
        raise NotEnoughHistoryError(asked, found, f"it takes {settings.min_expansions} expansions; {todo}")
    if expansions < settings.min_expansions:
        todo = (
            f"it takes {settings.min_expansions}, {settings.min_expansions - expansions} more: "
            "load older history, or come back later"
        )
        raise NotEnoughHistoryError(asked, found, todo)
    return expansions
