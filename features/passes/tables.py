"""What the compiled loops count, as the tables that the views are."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.contract.vocabulary import KEY
from data.time_cut import known_at
from features.calendar import MONTH_DAYS, QUARTER_DAYS, YEAR_MONTHS, months_before
from features.passes.kernels import (
    NONE,
    Ints,
    Months,
    Windows,
    features_of_months,
    use_of_days,
    use_of_features,
    use_of_users,
    users_of_months,
)
from features.passes.use import UNKNOWN, CodedUse
from features.views.usage import BREADTH_DAYS, SHARED_DAYS, SHARED_HOURS, USER_DAYS

ROWS_AT_ONCE = 1_000_000
KNOWN = "known"
"""The day of knowing, in the tables that are not cut yet."""
FIRST_MONTH = 1970 * 12
WINDOWS = Windows(MONTH_DAYS, QUARTER_DAYS, USER_DAYS, BREADTH_DAYS, SHARED_HOURS)

Loop = Callable[[int, int], Ints]


def pass_tables(use: CodedUse, dates: list[date], of_some_plans: Collection[str]) -> Iterator[tuple[str, pa.Table]]:
    """The views of use that the pass makes, by their names; those not cut yet have ``KNOWN`` for the day of knowing.

    ``of_some_plans``: the product features that are counted by month.
    """
    making = _Making(use, dates)
    yield "usage_days", making.usage_days()
    yield "features_used", making.features_used()
    yield from making.of_users()
    yield "users_by_month", making.users_by_month()
    yield "features_by_month", making.features_by_month(of_some_plans)


@dataclass(frozen=True)
class _Making:
    """Makes tables of what the loops counted."""

    use: CodedUse
    dates: list[date]

    @property
    def days(self) -> Ints:
        """The snapshots, in days since 1970."""
        return np.array(self.dates, "datetime64[D]").astype(np.int64)

    def usage_days(self) -> pa.Table:
        counted = self._in_pieces(lambda first, last: use_of_days(self.use.rows, first, last, self.days))
        account, day, place, is_first, events, quantity, active = counted
        return pa.table(
            {
                "account_id": self._named("account_id", account),
                "day": _day(day),
                KNOWN: self._known_since(place),
                "events": events,
                "quantity_e4": quantity,
                "active_users": _known(active, NONE),
                "days": is_first,
            }
        )

    def features_used(self) -> pa.Table:
        count = len(self.use.names["feature"])
        counted = self._in_pieces(
            lambda first, last: use_of_features(self.use.rows, first, last, self.days, WINDOWS, count)
        )
        account, snapshot, feature, first_day, last_day, events, quantity, quantity_before = counted
        return pa.table(
            {
                **self._keys(account, snapshot),
                "feature": self._named("feature", feature),
                "first_day": _day(first_day),
                "last_day": _day(last_day),
                "events_28d": events,
                "quantity_28d_e4": quantity,
                "quantity_before_28d_e4": quantity_before,
                "last_age": self.days[snapshot] - last_day,
                "first_age": self.days[snapshot] - first_day,
            }
        )

    def of_users(self) -> Iterator[tuple[str, pa.Table]]:
        """``active_users``, ``user_events`` and ``shared_users``."""
        count = len(self.use.names["user_id"])
        counted = self._in_pieces(
            lambda first, last: use_of_users(self.use.rows, first, last, self.days, WINDOWS, count)
        )
        account, snapshot, user, last_day, days, was_28d, was_91d, events, last_hour, long_days = counted
        keys = {**self._keys(account, snapshot), "user_id": self._named("user_id", user)}
        of_half_year = {
            "last_day": _day(last_day),
            "days_28d": days,
            "was_active_28d": was_28d,
            "was_active_91d": was_91d,
            "last_age": self.days[snapshot] - last_day,
        }
        yield "active_users", pa.table(keys | of_half_year)
        of_month = pa.table(keys | {"events": events, "last_hour": _known(last_hour, UNKNOWN), "days": long_days})
        yield "user_events", of_month.filter(days > 0).drop_columns("days")
        yield "shared_users", of_month.filter(long_days >= SHARED_DAYS).drop_columns(["events", "last_hour"])

    def users_by_month(self) -> pa.Table:
        months, count = self._months, len(self.use.names["user_id"])
        account, month, place, users = self._in_pieces(
            lambda first, last: users_of_months(self.use.rows, first, last, months, len(self.dates), count)
        )
        named = {"account_id": self._named("account_id", account), "slot": self._slots[month]}
        return pa.table({**named, KNOWN: self._known_since(place), "users": users})

    def features_by_month(self, of_some_plans: Collection[str]) -> pa.Table:
        months, names = self._months, self.use.names["feature"]
        wanted = pc.is_in(names, value_set=pa.array(of_some_plans, names.type)).to_numpy(zero_copy_only=False)
        account, feature, month, place = self._in_pieces(
            lambda first, last: features_of_months(self.use.rows, first, last, months, wanted)
        )
        named = {name: self._named(name, codes) for name, codes in (("account_id", account), ("feature", feature))}
        return pa.table({**named, "slot": self._slots[month], KNOWN: self._known_since(place)})

    @cached_property
    def _slots(self) -> Ints:
        """The numbers of the whole months that some snapshot looks back to."""
        return np.array(sorted({slot for _, slot, _ in months_before(self.dates, YEAR_MONTHS)}), np.int64)

    @cached_property
    def _months(self) -> Months:
        day = self.use.rows.day
        first_day = int(day.min())
        days = np.arange(first_day, int(day.max()) + 1).astype("datetime64[D]")
        of_day = days.astype("datetime64[M]").astype(np.int64) + FIRST_MONTH
        place = np.searchsorted(self._slots, of_day)
        is_one = self._slots[np.minimum(place, len(self._slots) - 1)] == of_day
        return Months(len(self._slots), first_day, np.where(is_one, place, -1))

    def _known_since(self, place: Ints) -> pa.Array:
        """A day of knowing for what counts first at the snapshot at a place."""
        return _day(known_at(place, self.dates))

    def _in_pieces(self, loop: Loop) -> Ints:
        """What a loop counts of all accounts: of some after the other, so that its rows grow in small steps."""
        begins = self.use.rows.begins
        first = [0, *np.searchsorted(begins, np.arange(ROWS_AT_ONCE, begins[-1], ROWS_AT_ONCE)), self.use.accounts]
        return np.concatenate([loop(*piece) for piece in pairwise(first)], axis=1)

    def _keys(self, account: Ints, snapshot: Ints) -> dict[str, pa.Array]:
        of_account, of_date = KEY
        return {of_account: self._named(of_account, account), of_date: _day(self.days[snapshot])}

    def _named(self, column: str, codes: Ints) -> pa.Array:
        return pa.DictionaryArray.from_arrays(codes.astype(np.int32), self.use.names[column])


def _day(days: np.ndarray) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32()).view(pa.date32())


def _known(numbers: Ints, unknown: int) -> pa.Array:
    return pa.array(numbers, mask=numbers == unknown)
