"""Feeds: how often a table is filled, and whether it had fallen silent before a day.

The silence of a feed is no news about the customers. A feed is late by its own rhythm: one that has rows every day is
missed after three days without, one that is loaded once a month after two months.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from data.contract.inputs import TABLES
from data.feeds.rhythm import Silence, silence_of
from data.time_cut import Tables, days_known

MUTED = ("usage_events", "usage_daily", "invoices", "users", "tickets", "crm_events", "account_features")
"""The tables whose features are not known once they are late. Lines of contracts are not among them: they hold until
they end, and who is a customer is read from them; nor are plays, which people take up when they do."""

NO_FEEDS = ("accounts", "outcomes", "product_succession")
"""The tables whose silence is no fault: weeks without a new customer, a play that was taken up, or a product that
replaces another."""


@dataclass(frozen=True)
class Feeds:
    """The feeds of some tables: those that say when a row happened, but for what is no feed."""

    tables: Tables

    def silent(self, day: date) -> dict[str, Silence]:
        """By table the feeds that were late on the eve of ``day``, by what was known before it."""
        found = (silence_of(name, *days, day) for name, days in self._days.items())
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
            if TABLES[name].happened_on and name not in NO_FEEDS:
                frame = days_known(name, table).order_by("day").to_pyarrow()
                days[name] = tuple(frame[column].to_numpy().astype("datetime64[D]") for column in ("day", "known"))
        return days
