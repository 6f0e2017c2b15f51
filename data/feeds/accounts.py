"""Accounts whose whole use stopped from one day to the next, against their own rhythm.

It may be an integration that broke, or a customer who has left: by the use alone nobody can tell. So it is said, and
nothing is muted.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from data.contract.inputs import TABLES
from data.feeds.parts import by_day
from data.feeds.sudden import (
    FEWEST_ROWS,
    GOES_ON,
    LONGEST_DAYS,
    MONTH_DAYS,
    SHORTEST_DAYS,
    WEEK_DAYS,
    WINDOW_DAYS,
    days_stopped,
)
from data.feeds.use import use
from data.time_cut import Tables, before_day

FEWEST_USERS = 3
"""One person or two may be on holiday."""
EVERYBODY_GOES_ON = 0.5
"""Of the usual use of the others so much comes meanwhile: else it is a holiday on which whole companies close."""


def stopped_dead(tables: Tables, day: date) -> dict[str, date]:
    """By account the last day of its use, where all of it stopped at once before ``day``, by what was known before it.

    Its last week was like the four before it, and at least half of the users of these took part in it, three or more;
    where users are not known the rows alone tell. Everybody else goes on meanwhile.
    """
    name, rows = use(tables)
    rows = before_day(name, rows, day).rename(on=TABLES[name].happened_on)
    rows = rows.filter(rows.on >= day - timedelta(days=WINDOW_DAYS))
    user = rows.user_id if "user_id" in rows.columns else ibis.null("string")
    used = rows.select("account_id", "on", user=user)
    frame = _of_candidates(used, day)
    accounts, counts = by_day(frame, "account_id", day)
    everybody = used.group_by(day="on").aggregate(rows=used.count()).to_pyarrow().to_pandas().assign(account_id="all")
    all_rows = by_day(everybody, "account_id", day)[1].sum(axis=0)
    quiet = days_stopped(counts, all_rows, 0, EVERYBODY_GOES_ON)
    stopped = np.flatnonzero(quiet).tolist()
    last_days = {accounts[place]: day - timedelta(days=int(quiet[place]) + 1) for place in stopped}
    return {account: last for account, last in last_days.items() if _all_took_part(frame, account, last)}


def _of_candidates(used: ir.Table, day: date) -> pd.DataFrame:
    """The use of accounts that have had none for a while: account_id, day, user and rows."""
    last = used.group_by("account_id").aggregate(last=used.on.max(), rows=used.count())
    early, late = (day - timedelta(days=days + 1) for days in (LONGEST_DAYS, SHORTEST_DAYS))
    quiet = last.filter((last["last"] >= early) & (last["last"] <= late) & (last["rows"] >= FEWEST_ROWS))
    theirs = used.semi_join(quiet, "account_id")
    counted = theirs.group_by("account_id", "user", day="on").aggregate(rows=theirs.count())
    frame: pd.DataFrame = counted.to_pyarrow().to_pandas()
    return frame


def _all_took_part(frame: pd.DataFrame, account: str, last: date) -> bool:
    """Were the users of its last week enough, and at least half of those of the month?"""
    month, week = (
        set(frame.loc[(frame["account_id"] == account) & (frame["day"] > last - timedelta(days=days)), "user"].dropna())
        for days in (MONTH_DAYS, WEEK_DAYS)
    )
    return not month or len(week) >= max(FEWEST_USERS, GOES_ON * len(month))
