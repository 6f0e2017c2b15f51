"""Snapshot dates, and the days before them.

A window of ``d`` days before a snapshot is ``[snapshot_date - d, snapshot_date)``. ``age`` counts days back from the
snapshot: yesterday is 1, so the window is ``1 <= age <= d``. Every table is joined to its snapshots by equality, and
every window is a comparison of ``age``.
"""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd

QUARTER_DAYS = 91
"""Thirteen weeks: a quarter in which every weekday occurs equally often."""

MONTH_DAYS = 28
"""Four weeks: a month in which every weekday occurs equally often."""

HALF_YEAR_DAYS, YEAR_DAYS = 182, 365
"""What "within half a year" and "within a year" mean."""

YEAR_MONTHS = 12
"""The whole calendar months of a year."""

BILLING_MONTH_DAYS = 30
"""The month of a monthly limit."""


def month_starts(first: date, last: date) -> list[date]:
    """The first days of months in ``[first, last]``."""
    return [d.date() for d in pd.date_range(first, last, freq="MS")]


def calendar(snapshot_dates: Iterable[date], lookback_days: int) -> ir.Table:
    """One row per snapshot_date and day of its lookback: ``snapshot_date, day, age`` with 1 <= age <= lookback_days.

    A date that is given twice counts once, here and in ``snapshots``.
    """
    rows = [
        (snapshot_date, snapshot_date - timedelta(days=age), age)
        for snapshot_date in dict.fromkeys(snapshot_dates)
        for age in range(1, lookback_days + 1)
    ]
    schema = ibis.schema({"snapshot_date": "date", "day": "date", "age": "int64"})
    return ibis.memtable(rows, schema=schema)


def slots(snapshot_dates: Iterable[date], edges: Iterable[int]) -> tuple[ir.Table, ir.Table]:
    """Runs of days that no window tells apart, where every window begins and ends at one of ``edges`` days of age.

    What is added up by slot before it meets the snapshots gives the same windows with far fewer rows than days. First
    table: one row per day, ``day, slot, slot_on`` (its first day) and ``seen_on``: the first snapshot after it. Second:
    one row per snapshot_date and slot of its lookback (the largest edge), ``snapshot_date, slot, age`` of its last day.
    """
    dates = sorted(set(snapshot_dates))
    ages = sorted({0, *edges})
    begins = sorted({snapshot_date - timedelta(days=age) for snapshot_date in dates for age in ages})
    ends = dict(pairwise(begins))
    days, seen = [], []
    for slot, (begin, end) in enumerate(ends.items()):
        following = [snapshot_date for snapshot_date in dates if snapshot_date >= end]
        days += [(begin + timedelta(days=n), slot, begin, following[0]) for n in range((end - begin).days)]
        ages_of_last = [(d, (d - end).days + 1) for d in following]
        seen += [(d, slot, age) for d, age in ages_of_last if age <= ages[-1]]
    of_days = ibis.schema({"day": "date", "slot": "int64", "slot_on": "date", "seen_on": "date"})
    of_dates = ibis.schema({"snapshot_date": "date", "slot": "int64", "age": "int64"})
    return ibis.memtable(days, schema=of_days), ibis.memtable(seen, schema=of_dates)


def whole_months(snapshot_dates: Iterable[date], months: int) -> tuple[ir.Table, ir.Table]:
    """Calendar months as slots: what is added up by month is so for all snapshots at once.

    First table: one row per day, ``day, slot``. Second: one row per snapshot_date and whole month before it,
    ``snapshot_date, slot, months_ago`` (1: the last one).
    """
    seen = months_before(snapshot_dates, months)
    days = [
        (date(slot // 12, slot % 12 + 1, day), slot)
        for slot in sorted({slot for _, slot, _ in seen})
        for day in range(1, monthrange(slot // 12, slot % 12 + 1)[1] + 1)
    ]
    of_days = ibis.schema({"day": "date", "slot": "int64"})
    of_dates = ibis.schema({"snapshot_date": "date", "slot": "int64", "months_ago": "int64"})
    return ibis.memtable(days, schema=of_days), ibis.memtable(seen, schema=of_dates)


def months_before(snapshot_dates: Iterable[date], months: int) -> list[tuple[date, int, int]]:
    """Each snapshot_date with the number of each whole month before it, and how many months ago that is."""
    dates = sorted(set(snapshot_dates))
    return [(d, d.year * 12 + d.month - 1 - ago, ago) for d in dates for ago in range(1, months + 1)]


def snapshots(snapshot_dates: Iterable[date]) -> ir.Table:
    """One row per snapshot date."""
    return ibis.memtable([(d,) for d in dict.fromkeys(snapshot_dates)], schema=ibis.schema({"snapshot_date": "date"}))
