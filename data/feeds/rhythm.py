"""When a feed is late: by its own rhythm, which the days tell on which it had rows."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

LATE_GAPS = 2
"""A feed is late after so many of its usual gaps without a row."""
USUAL_GAP = 0.99
"""Of the gaps of a year so many are no longer than the usual one: weekends are, the one long holiday is not."""
YEAR_DAYS = 365
FEWEST_DAYS = 10
"""With fewer days there is no telling how often a table is filled."""
HOLIDAY_MOVES_DAYS = 7
"""A holiday begins or ends so many days earlier or later than a year before, at most."""

USE = "use"
SAID = {
    "usage_events": USE,
    "usage_daily": USE,
    "subscriptions": "contracts",
    "invoices": "billing",
    "users": "users",
    "tickets": "support tickets",
    "crm_events": "the CRM",
    "account_features": "the team's own features",
}
"""What people call that which a table tells; a table without a word by its name."""


@dataclass(frozen=True)
class Silence:
    """A feed that was late on some day: its last day, the days since without a row, and its usual gap, in days."""

    table: str
    last_day: date
    days: int
    usual_gap: int

    @property
    def subject(self) -> str:
        """What is not known, in words."""
        return SAID.get(self.table, self.table)

    def is_longer_than(self, days: int) -> bool:
        """Has it lasted longer than ``days``, and than twice what makes a feed late?"""
        return self.days > max(days, 2 * LATE_GAPS * self.usual_gap)


def silence_of(name: str, days: np.ndarray, known: np.ndarray, before: date) -> Silence | None:
    """The silence of one feed before a day; None if it is not late, on holiday, or too rarely filled to tell."""
    end = np.datetime64(before)
    seen = days[(days < end) & (known < end)]
    if not len(seen):
        return None
    last = seen[-1]
    year = seen[seen > last - YEAR_DAYS]
    if len(year) < FEWEST_DAYS:
        return None
    usual = max(1, round(float(np.quantile(np.diff(year).astype(int), USUAL_GAP))))
    silent = int((end - last).astype(int)) - 1
    if silent <= LATE_GAPS * usual or silent <= _holiday_days(seen, last):
        return None
    return Silence(name, before - timedelta(days=silent + 1), silent, usual)


def _holiday_days(seen: np.ndarray, last: np.datetime64) -> int:
    """The longest time without a row that began a year before ``last``, or a few days from it: each year has it."""
    near = np.abs((seen[:-1] - (last - YEAR_DAYS)).astype(int)) <= HOLIDAY_MOVES_DAYS
    return int(np.diff(seen)[near].astype(int).max(initial=1)) - 1
