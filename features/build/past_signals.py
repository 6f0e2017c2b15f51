"""What features of accounts were over the last year: past month starts, by the functions that make every row."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import pandas as pd

from data.contract.feature_card import OWN_TABLE
from data.feeds.use import first_use_day
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase
from features.build.build import some_features
from features.calendar import QUARTER_DAYS, month_starts
from features.catalogue import available
from features.definition import OF_FINISHED_ROWS, WHOLE_BASE
from features.muted import muted_features

ACCOUNTS_AT_A_TIME = 2_000
"""The rows of so many accounts are held to look back a year: of a busy base a few hundred MB."""
MONTHS, LEAP_YEAR_DAYS = 12, 366
"""So many month starts lie before a day, in so many days at most."""


@dataclass(frozen=True)
class BaseSignals:
    """What features of a base were on past days, as known on each of them."""

    base: KnownBase
    rules: ExpansionRules

    @cached_property
    def names(self) -> frozenset[str]:
        """Those that an account has of itself, that are numbers, and that are known on the day of the base."""
        features = available(self.base.tables, self.base.absent)
        own = [f.card for f in features if f.view not in (*OF_FINISHED_ROWS, *WHOLE_BASE) and f.card is not None]
        given = self.base.tables[OWN_TABLE].schema() if OWN_TABLE in self.base.tables else {}
        numbers = {card.name for card in own if not card.is_own or given[card.name].is_numeric()}
        return frozenset(numbers - muted_features(self.base, self.base.snapshot_date))

    @cached_property
    def days(self) -> list[date]:
        """The month starts of the year before the day of the base, and that day.

        The first one has a quarter of usage behind it, as in training.
        """
        day, used = self.base.snapshot_date, first_use_day(self.base.tables)
        a_year = month_starts(day - timedelta(days=LEAP_YEAR_DAYS), day - timedelta(days=1))[-MONTHS:]
        return [*(month for month in a_year if used and used + timedelta(days=QUARTER_DAYS) <= month), day]

    def of(self, accounts: Sequence[str], names: Collection[str]) -> Iterator[pd.DataFrame]:
        """Some accounts at a time: account_id, snapshot_date (one of ``days``) and a column for each of ``names``.

        One row per customer among them and day.
        """
        for start in range(0, len(accounts), ACCOUNTS_AT_A_TIME):
            some = accounts[start : start + ACCOUNTS_AT_A_TIME]
            yield some_features(self.base, some, names, self.days, self.rules).to_pandas()
