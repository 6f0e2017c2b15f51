"""Feeds: how often a table is filled, and whether it had fallen silent before a day.

The silence of a feed is no news about the customers. A feed is late by its own rhythm: one that has rows every day is
missed after three days without, one that is loaded once a month after two months.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from data.contract.inputs import TABLES
from data.time_cut import WITHDRAWN_ON, Tables, days_known

LATE_GAPS = 2
"""A feed is late after so many of its usual gaps without a row."""
USUAL_GAP = 0.99
"""Of the gaps of a year so many are no longer than the usual one: weekends are, the one long holiday is not."""
YEAR_DAYS = 365
FEWEST_DAYS = 10
"""With fewer days there is no telling how often a table is filled."""

MUTED = ("usage_events", "usage_daily", "invoices", "users", "tickets", "crm_events", "account_features")
"""The tables whose features are not known once they are late. Lines of contracts are not among them: they hold until
they end, and who is a customer is read from them; nor are plays, which people take up when they do."""

SAID = {
    "usage_events": "use",
    "usage_daily": "use",
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


@dataclass(frozen=True)
class Feeds:
    """The feeds of some tables: those that say when a row happened, but for what is no feed."""

    tables: Tables

    def silent(self, day: date) -> dict[str, Silence]:
        """By table the feeds that were late on the eve of ``day``, by what was known before it."""
        found = (_silence(name, *days, day) for name, days in self._days.items())
        return {silence.table: silence for silence in found if silence is not None}

    def last_days(self, day: date) -> dict[str, date]:
        """By table the last day before ``day`` on which a row happened, whenever it was known."""
        last = {name: days[days < np.datetime64(day)][-1:] for name, (days, _) in self._days.items()}
        return {name: days[0].astype(object) for name, days in last.items() if len(days)}

    @cached_property
    def _days(self) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        """Of each table the days with rows, and from when something of each was known."""
        days = {}
        for name, table in self.tables.items():
            # No signal reads the silence of `accounts`: weeks without a new customer are no fault. Nor are weeks in
            # which no play was taken up on the pages, which is no feed.
            if TABLES[name].happened_on and name != "accounts" and WITHDRAWN_ON not in table.columns:
                frame = days_known(name, table).order_by("day").to_pyarrow()
                days[name] = tuple(frame[column].to_numpy().astype("datetime64[D]") for column in ("day", "known"))
        return days


def _silence(name: str, days: np.ndarray, known: np.ndarray, before: date) -> Silence | None:
    """The silence of one feed before a day; None if it is not late, or too rarely filled to tell."""
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
    if silent <= LATE_GAPS * usual:
        return None
    return Silence(name, before - timedelta(days=silent + 1), silent, usual)
