"""Compiled loops over the use of an account: one row for each snapshot, user, product feature or day.

The use is sorted by account and day, so each loop walks through the days of an account, or of one of its users, once.
A row counts at a snapshot from ``seen`` on, its place among the dates (``data.time_cut.first_counting``).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data.compiled.kernel import kernel

Ints = npt.NDArray[np.int64]
NONE = np.iinfo(np.int64).min
"""Stands for a value that is not known."""
LEAST_ROWS = 1 << 12


class SortedUse(NamedTuple):
    """The use of some accounts, one item per row, sorted by account and day.

    ``begins``: where each account begins, and the end. ``user`` and ``hour`` are -1 where nobody knows them. ``events``
    and ``active`` are empty where each row is an event. Whole numbers, each column as wide as it needs.
    """

    begins: np.ndarray
    user: np.ndarray
    feature: np.ndarray
    day: np.ndarray
    seen: np.ndarray
    hour: np.ndarray
    quantity: np.ndarray
    events: np.ndarray
    active: np.ndarray


class Windows(NamedTuple):
    """How many days are looked back to, and how many hours apart the use of a shared id is.

    Handed over, for numba compiles again only when this file changes.
    """

    month: int
    quarter: int
    of_users: int
    of_features: int
    shared_hours: int


class Months(NamedTuple):
    """The months that are counted: how many, and for each day from ``first_day`` on which of them it is in, or -1."""

    length: int
    first_day: int
    of_day: Ints


@kernel
def order_by(order: Ints, codes: Ints, count: int) -> Ints:
    """An order of rows sorted by their codes (below ``count``), equal ones as they were."""
    ends = np.zeros(count + 1, np.int64)
    for row in range(len(codes)):
        ends[codes[row] + 1] += 1
    places = np.cumsum(ends)
    ordered = np.empty_like(order)
    for row in order:
        ordered[places[codes[row]]] = row
        places[codes[row]] += 1
    return ordered


@kernel
def grouped(codes: Ints, begin: int, end: int, number: Ints) -> tuple[Ints, Ints, Ints]:
    """The rows of one account by their codes, kept in order within a code: rows, ends of the groups, codes.

    Rows without a code (-1) are left out. ``number`` is -1 for every code, before and after.
    """
    of_group = np.empty(end - begin, np.int64)
    groups = 0
    for row in range(begin, end):
        code = codes[row]
        if code >= 0 and number[code] < 0:
            number[code] = groups
            of_group[groups] = code
            groups += 1
    of_group = of_group[:groups].copy()
    ends = np.zeros(groups + 1, np.int64)
    for row in range(begin, end):
        if codes[row] >= 0:
            ends[number[codes[row]] + 1] += 1
    places = np.cumsum(ends)
    rows = np.empty(places[-1], np.int64)
    for row in range(begin, end):
        if codes[row] >= 0:
            group = number[codes[row]]
            rows[places[group]] = row
            places[group] += 1
    for code in of_group:
        number[code] = -1
    return rows, places[:groups], of_group


@kernel
def with_room(out: Ints, rows: int) -> Ints:
    """The columns of a growing table, with room for so many rows."""
    if rows <= out.shape[1]:
        return out
    larger = np.empty((out.shape[0], max(rows, 2 * out.shape[1])), np.int64)
    larger[:, : out.shape[1]] = out
    return larger


@kernel
def events_of(use: SortedUse, row: int) -> int:
    """How many events a row is."""
    return use.events[row] if len(use.events) else 1


@kernel
def first_since(use: SortedUse, rows: Ints, place: int, end: int, day: int) -> int:
    """The first place among some rows, from one on, of a row of this day or later; ``end`` if there is none."""
    while place < end and use.day[rows[place]] < day:
        place += 1
    return place


@kernel
def use_of_users(use: SortedUse, first: int, last: int, dates: Ints, windows: Windows, users: int) -> Ints:
    """One column per user of the accounts ``first`` to ``last`` and snapshot with use of the last 182 days.

    Account, snapshot and user; day of the last use; of the last 28 days: days with use, events, last hour, days on
    which its hours are far apart; use of the 28 days before them, and of the 91 days before the last 91 (1 or 0).
    """
    out, count = np.empty((10, LEAST_ROWS), np.int64), 0
    number = np.full(users, -1, np.int64)
    for account in range(first, last):
        rows, ends, of_group = grouped(use.user, use.begins[account], use.begins[account + 1], number)
        out = with_room(out, count + len(ends) * len(dates))
        begin = 0
        for group in range(len(ends)):
            oldest, newest = begin, begin
            for snapshot in range(len(dates)):
                date = dates[snapshot]
                oldest = first_since(use, rows, oldest, ends[group], date - windows.of_users)
                newest = first_since(use, rows, newest, ends[group], date)
                if user_at(use, rows[oldest:newest], snapshot, date, windows, out[3:, count]):
                    out[0, count], out[1, count], out[2, count] = account, snapshot, of_group[group]
                    count += 1
            begin = ends[group]
    return out[:, :count]


@kernel
def user_at(use: SortedUse, rows: Ints, snapshot: int, date: int, windows: Windows, out: Ints) -> bool:
    """What one snapshot knows of a user, whose rows of the last 182 days these are. False: nothing is known."""
    last_day = day_of_hours = NONE
    days = events = long_days = was_active_28d = was_active_91d = 0
    last_hour, earliest, latest = -1, -1, -1
    for row in rows:
        if use.seen[row] > snapshot:
            continue
        last_day = use.day[row]
        age = date - last_day
        if age > windows.quarter:
            was_active_91d = 1
        if windows.month < age <= 2 * windows.month:
            was_active_28d = 1
        if age > windows.month:
            continue
        if last_day != day_of_hours:
            long_days += latest - earliest >= windows.shared_hours
            day_of_hours, earliest, latest = last_day, -1, -1
            days += 1
        events += events_of(use, row)
        hour = use.hour[row]
        if hour >= 0:
            earliest = hour if earliest < 0 else min(earliest, hour)
            latest, last_hour = max(latest, hour), max(last_hour, hour)
    long_days += latest - earliest >= windows.shared_hours
    out[0], out[1], out[2], out[3] = last_day, days, was_active_28d, was_active_91d
    out[4], out[5], out[6] = events, last_hour, long_days
    return last_day != NONE


@kernel
def use_of_features(use: SortedUse, first: int, last: int, dates: Ints, windows: Windows, features: int) -> Ints:
    """One column per product feature of the accounts ``first`` to ``last`` and snapshot with use of the last 365 days.

    Account, snapshot and feature; days of the first and the last use; events and quantity of the last 28 days, and the
    quantity of the 28 days before them.
    """
    out, count = np.empty((8, LEAST_ROWS), np.int64), 0
    number = np.full(features, -1, np.int64)
    for account in range(first, last):
        rows, ends, of_group = grouped(use.feature, use.begins[account], use.begins[account + 1], number)
        out = with_room(out, count + len(ends) * len(dates))
        begin = 0
        for group in range(len(ends)):
            oldest, newest = begin, begin
            for snapshot in range(len(dates)):
                date = dates[snapshot]
                oldest = first_since(use, rows, oldest, ends[group], date - windows.of_features)
                newest = first_since(use, rows, newest, ends[group], date)
                if feature_at(use, rows[oldest:newest], snapshot, date, windows, out[3:, count]):
                    out[0, count], out[1, count], out[2, count] = account, snapshot, of_group[group]
                    count += 1
            begin = ends[group]
    return out[:, :count]


@kernel
def feature_at(use: SortedUse, rows: Ints, snapshot: int, date: int, windows: Windows, out: Ints) -> bool:
    """What one snapshot knows of a product feature, whose rows of the last 365 days these are. False: nothing."""
    first_day = last_day = NONE
    events = quantity = quantity_before = 0
    for row in rows:
        if use.seen[row] > snapshot:
            continue
        last_day = use.day[row]
        if first_day == NONE:
            first_day = last_day
        age = date - last_day
        if age <= windows.month:
            events += events_of(use, row)
            quantity += use.quantity[row]
        elif age <= 2 * windows.month:
            quantity_before += use.quantity[row]
    out[0], out[1], out[2], out[3], out[4] = first_day, last_day, events, quantity, quantity_before
    return last_day != NONE


@kernel
def users_of_months(use: SortedUse, first: int, last: int, months: Months, snapshots: int, users: int) -> Ints:
    """One column per month of the accounts ``first`` to ``last`` and first snapshot at which users of it are known.

    Account, month and snapshot; so many users whose first known use of the month is known since that one.
    """
    out, count = np.empty((4, LEAST_ROWS), np.int64), 0
    number, since = np.full(users, -1, np.int64), np.zeros((months.length, snapshots), np.int64)
    for account in range(first, last):
        rows, ends, _ = grouped(use.user, use.begins[account], use.begins[account + 1], number)
        since[:] = 0
        place = 0
        for end in ends:
            while place < end:
                month, seen, place = month_at(use, rows, place, end, months)
                if month >= 0:
                    since[month, seen] += 1
        out = with_room(out, count + since.size)
        for month in range(months.length):
            for seen in range(snapshots):
                if since[month, seen]:
                    out[0, count], out[1, count] = account, month
                    out[2, count], out[3, count] = seen, since[month, seen]
                    count += 1
    return out[:, :count]


@kernel
def features_of_months(use: SortedUse, first: int, last: int, months: Months, wanted: npt.NDArray[np.bool_]) -> Ints:
    """One column per month with use of a ``wanted`` product feature by the accounts ``first`` to ``last``.

    Account, feature and month; the first snapshot at which any of its use is known.
    """
    out, count = np.empty((4, LEAST_ROWS), np.int64), 0
    number = np.full(len(wanted), -1, np.int64)
    for account in range(first, last):
        rows, ends, of_group = grouped(use.feature, use.begins[account], use.begins[account + 1], number)
        out = with_room(out, count + len(ends) * months.length)
        place = 0
        for group in range(len(ends)):
            while place < ends[group]:
                month, seen, place = month_at(use, rows, place, ends[group], months)
                if month >= 0 and wanted[of_group[group]]:
                    out[0, count], out[1, count] = account, of_group[group]
                    out[2, count], out[3, count] = month, seen
                    count += 1
    return out[:, :count]


@kernel
def month_at(use: SortedUse, rows: Ints, place: int, end: int, months: Months) -> tuple[int, int, int]:
    """The month of the row at a place, the first snapshot that knows any row of it, and where the next one begins.

    Looked at are the rows from the place up to ``end``, in the order of their days.
    """
    month = months.of_day[use.day[rows[place]] - months.first_day]
    seen = int(use.seen[rows[place]])
    while place < end and months.of_day[use.day[rows[place]] - months.first_day] == month:
        seen = min(seen, int(use.seen[rows[place]]))
        place += 1
    return month, seen, place


@kernel
def use_of_days(use: SortedUse, first: int, last: int, dates: Ints) -> Ints:
    """One column per day with use of the accounts ``first`` to ``last``, and one more for each knowing that came late.

    Account and day; the first snapshot that knows it, -1 for what every one after the day does; 1 for the first column
    of a day and 0 for the others; events, quantity, and the most active users (``NONE``: not counted).
    """
    out, count = np.empty((7, LEAST_ROWS), np.int64), 0
    rows_at, sums_at = np.zeros(len(dates), np.int64), np.zeros((len(dates), 3), np.int64)
    for account in range(first, last):
        begin, following = use.begins[account], 0
        while begin < use.begins[account + 1]:
            day = use.day[begin]
            while dates[following] <= day:
                following += 1
            rows_at[following:] = 0
            end = sum_day(use, begin, use.begins[account + 1], rows_at, sums_at)
            out = with_room(out, count + len(dates) + 1)
            count = put_day(out, count, account, day, following, rows_at, sums_at)
            begin = end
    return out[:, :count]


@kernel
def sum_day(use: SortedUse, begin: int, end: int, rows_at: Ints, sums_at: Ints) -> int:
    """Add up the rows of the day at ``begin``, by the first snapshot that knows them; where the next day begins."""
    day = use.day[begin]
    for row in range(begin, end):
        if use.day[row] != day:
            return row
        seen = use.seen[row]
        if rows_at[seen] == 0:
            sums_at[seen, 0], sums_at[seen, 1], sums_at[seen, 2] = 0, 0, NONE
        rows_at[seen] += 1
        sums_at[seen, 0] += events_of(use, row)
        sums_at[seen, 1] += use.quantity[row]
        if len(use.active):
            sums_at[seen, 2] = max(sums_at[seen, 2], use.active[row])
    return end


@kernel
def put_day(out: Ints, count: int, account: int, day: int, following: int, rows_at: Ints, sums_at: Ints) -> int:
    """Write the columns of a day: what was known in time, from when anything is known of it, and what came late."""
    known_from = -1
    if rows_at[following] == 0:
        sums_at[following, 0], sums_at[following, 1], sums_at[following, 2] = 0, 0, NONE
        known_from = following
        while rows_at[known_from] == 0:
            known_from += 1
    for seen in range(following, len(rows_at)):
        is_first = seen == following
        if is_first or rows_at[seen]:
            out[0, count], out[1, count] = account, day
            out[2, count], out[3, count] = known_from if is_first else seen, is_first
            out[4, count], out[5, count], out[6, count] = sums_at[seen, 0], sums_at[seen, 1], sums_at[seen, 2]
            count += 1
    return count
