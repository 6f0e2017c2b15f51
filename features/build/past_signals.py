"""What features of accounts were over the last year: past month starts, by the functions that make every row."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.contract.vocabulary import KEY
from data.feeds.use import first_use_day
from data.kept.store import ValueStore
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase
from features.build.build import some_features
from features.build.kept import FEATURE_ROWS, RowsInTheMaking, keys_in, of_day, read_back, table_of, value_of
from features.calendar import QUARTER_DAYS, month_starts
from features.catalogue import available
from features.definition import OF_FINISHED_ROWS, WHOLE_BASE
from features.definitions.custom import own_numbers
from features.muted import muted_features

ACCOUNTS_AT_A_TIME = 2_000
"""The rows of so many accounts are held to look back a year: of a busy base a few hundred MB."""
MOST_BESIDE = 2
"""So many past days are made with the day of the base: one is new each month. Where all are unknown, as after an
upgrade, some weeks make up for it; where all are so each week, as the past of the tables changes, little is in vain."""
MONTHS, LEAP_YEAR_DAYS = 12, 366
"""So many month starts lie before a day, in so many days at most."""


@dataclass(frozen=True)
class BaseSignals:
    """What features of a base were on past days, as known on each of them.

    What the ``store`` holds of them is read. Whoever makes the rows of the day of the base makes those ``to_make`` with
    them, and hands all over (``take``). The rest is made of the tables: of the same bits, for more time.
    """

    base: KnownBase
    rules: ExpansionRules
    store: ValueStore | None = None
    _taken: list[bytes] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def to_make(self) -> list[date]:
        """The newest of the past days of which the store holds nothing, and could: ``MOST_BESIDE``."""
        if self.store is None:
            return []
        return [day for day, key in self._keys.items() if not self.store.holds(FEATURE_ROWS, key)][-MOST_BESIDE:]

    def take(self, rows: pa.Table) -> pa.Table:
        """Some accounts' feature rows of the days ``to_make`` and of the day of the base; those of that day again.

        Whoever begins hands over those of all accounts.
        """
        self._making.take(rows)
        today = of_day(rows, self.base.snapshot_date)
        self._taken.append(value_of(today))  # packed, for they wait until the whole list is made
        return today

    def keep(self) -> None:
        """All accounts were handed over: what was made of past days is kept."""
        self._making.keep()

    @cached_property
    def _making(self) -> RowsInTheMaking:
        return RowsInTheMaking(self.store, {day: self._keys[day] for day in self.to_make})

    @cached_property
    def _keys(self) -> dict[date, str]:
        return keys_in(self.store, self.base, self.days[:-1], self.rules)

    @cached_property
    def names(self) -> frozenset[str]:
        """Those that an account has of itself, that are numbers, and that are known on the day of the base."""
        features = available(self.base.tables, self.base.absent)
        own = [f.card for f in features if f.view not in (*OF_FINISHED_ROWS, *WHOLE_BASE) and f.card is not None]
        numbers = own_numbers(self.base.tables) | {card.name for card in own if not card.is_own}
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
        """Some of it at a time: account_id, snapshot_date (one of ``days``) and a column for each of ``names``.

        One row per customer among these accounts and day.
        """
        ids, left = pa.array(accounts, pa.string()), [*self.days]
        for day, rows in self._rows_there():
            left = [other for other in left if other != day]
            asked = rows.select([*KEY, *names]).filter(pc.is_in(rows["account_id"], value_set=ids))
            if asked.num_rows:
                yield asked.to_pandas()
        for start in range(0, len(accounts) if left else 0, ACCOUNTS_AT_A_TIME):
            some = accounts[start : start + ACCOUNTS_AT_A_TIME]
            yield some_features(self.base, some, names, left, self.rules).to_pandas()

    def _rows_there(self) -> Iterator[tuple[date, pa.Table]]:
        """The days whose rows need not be made, and the rows of the whole base, some at a time."""
        yield from ((self.base.snapshot_date, table_of(value)) for value in self._taken)
        yield from read_back(self.store, self._keys)
