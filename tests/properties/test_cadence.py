"""Bills of customers whose true rate is known: whatever the day and the rhythm of the bills, the rate is what counts.

Each shape is a way of writing bills: how often, in advance or in arrears, with the time that a bill is for or without.
The truth is added up by day, in plain Python. What no bill tells cannot be known, and is not asked for here:

- in arrears without periods, a bill looks like one in advance, so every change seems to come one period late;
- without periods a change counts from the day of the first bill that shows it, however late that was written;
- without periods, a service has no cadence before its third bill (yearly: second; two a month: fourth; weekly: sixth),
  and of days of bills alone a customer is in the base for 90: one billed yearly leaves it until the second bill;
- from the day on which a bill is missing until the next one comes, the customer might as well have left.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import ibis
import numpy as np
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.contract.vocabulary import KEY
from data.ledger.rules import ExpansionRules
from data.sources.staging import stage
from data.time_cut import Tables
from features.build.build import feature_rows
from features.cohort import cohort
from features.labels import labels
from tests.drawn import NOT_BY_USER

# ibis 12.0 asks DuckDB for a schema in a way that DuckDB 2 will drop; goes with the next ibis.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")]

RULES = ExpansionRules()
FIRST, LAST = date(2022, 1, 1), date(2025, 12, 31)
DAYS = (LAST - FIRST).days + 1
MONTHS = [(2023, 5), (2024, 2), (2024, 6), (2024, 8)]
"""A year before the last bills: what is billed yearly in arrears is known by then."""
LABELLED = [date(y, m, d + 1) for y, m in MONTHS for d in range(monthrange(y, m)[1])]
SEEN = [date(y, m, d) for y, m in MONTHS for d in (1, 14, 28)]
ACCOUNTS = 31 * 6
"""For each shape, on every day of the month as many."""
PER_1000 = 1
"""So many labels in 1,000 may be wrong."""
COURSES = ("flat", "jump", "drift")
EXTRAS = ("none", "late", "missing", "credit")
CADENCES = {
    "monthly": 1,
    "every two months": 2,
    "quarterly": 3,
    "half-yearly": 6,
    "yearly": 12,
    "30 days": 30,
    "28 days": 28,
    "14 days": 14,
    "weekly": 7,
    "twice a month": 1,
    "four a month": 1,
}
"""In months, or in days."""
BY_DAYS = {"30 days", "28 days", "14 days", "weekly"}
WORTH = {name: CADENCES[name] * 16 / 487 for name in BY_DAYS} | {"30 days": 1.0}
"""How many months one bill is for, where that is not the cadence: a mean month has 487 / 16 days."""
ON_THE_DAY = {"28 days", "14 days", "four a month"}
"""Told from other cadences by the very day: none of these is written late."""
LATER_BILLS = {"twice a month": (14,), "four a month": (7, 14, 21)}
"""Further bills of the month, by the days after the first: an overage, and the weeks of a month."""
SHAPES = [
    f"{cadence}, {terms}"
    for cadence in CADENCES
    for terms in ("in advance", "in advance with periods", "in arrears with periods")
    if cadence not in ON_THE_DAY or "periods" not in terms
]
FEWEST_BILLS = {"yearly": 2, "twice a month": 4, "28 days": 5, "14 days": 5, "weekly": 6, "four a month": 11}
MOST_DAYS = 29
"""The day of the month after the last one on which the last of several bills may come."""
Bill = tuple[int, float, int | None, int | None]
"""The day that it was written on, its amount, and the first day of its period and the first after it."""


@dataclass(frozen=True)
class Customer:
    """A customer with its bills, and its true monthly rate by day; days are counted from ``FIRST``."""

    name: str
    shape: str
    course: str
    extra: str
    begins: int
    ends: int
    rate: np.ndarray
    bills: list[Bill]
    unknown: tuple[int, int]
    """From the day on which a bill is missing to the day after the next one."""


def drawn(rng: np.random.Generator, shape: str, number: int) -> Customer:
    """One customer of a shape: half of them from the beginning, one in six leaves."""
    course, extra = COURSES[number % 3], EXTRAS[number % 4]
    begins = int(rng.integers(0, DAYS - 200)) if rng.random() < 0.5 else 0
    leaves = begins + int(rng.integers(200, DAYS)) if rng.random() < 1 / 6 else DAYS
    month_rate = float(rng.choice([50, 150, 1000, 5000.05]))
    cadence = shape.split(",")[0]
    if extra == "late" and cadence in ON_THE_DAY:
        extra = "none"
    later = LATER_BILLS.get(cadence, ())
    anchor = number % (MOST_DAYS - max(later, default=0) if later else 31) + 1
    together = int(rng.integers(2**32)) if cadence == "four a month" else None
    draws = rng if together is None else np.random.default_rng(together)
    bills, rate, unknown = _series(draws, (shape, course, extra), (begins, leaves, anchor), month_rate)
    for days_on in later:
        draws = rng if together is None else np.random.default_rng(together)
        other = "none" if extra == "missing" else extra
        times = (begins, leaves, anchor + days_on)
        share = float(rng.choice([0.2, 0.4, 1.5])) if cadence == "twice a month" else 1.0
        more, more_rate, _ = _series(draws, (shape, course, other), times, month_rate * share)
        if "periods" not in shape:  # the bills of one month begin together
            since, first = (np.flatnonzero(some)[0] for some in (more_rate, rate))
            more_rate[first:since] = more_rate[since]
        bills, rate = bills + more, rate + more_rate
    days = np.flatnonzero(rate)
    if extra == "credit" and len(bills):
        credited = bills[int(rng.integers(0, len(bills)))]
        bills.append((credited[0] + 9, -round(credited[1] * float(rng.choice([0.1, 0.5, 1])), 2), None, None))
    return Customer(f"{shape} {number}", shape, course, extra, int(days[0]), int(days[-1]) + 1, rate, bills, unknown)


def _edges(shape: str, begins: int, leaves: int, anchor: int) -> list[int]:
    """The first days of the periods, and the day after the last one."""
    cadence = shape.split(",")[0]
    every = CADENCES[cadence]
    first = FIRST + timedelta(days=begins)
    found: list[int] = []
    for number in range(DAYS):
        if cadence in BY_DAYS:
            day = begins + anchor - 1 + number * every
        else:
            month = first.year * 12 + first.month + number * every  # the first anchor in the month after
            year, month = month // 12, month % 12 + 1
            day = (date(year, month, min(anchor, monthrange(year, month)[1])) - FIRST).days
        found.append(day)
        if day >= min(leaves, DAYS):
            break
    return found


def _series(
    rng: np.random.Generator, kind: tuple[str, str, str], times: tuple[int, int, int], month_rate: float
) -> tuple[list[Bill], np.ndarray, tuple[int, int]]:
    """One bill for each period, the true rate by day, and when nobody can know it."""
    shape, course, extra = kind
    edges = _edges(shape, *times)
    cadence = shape.split(",")[0]
    months = WORTH.get(cadence, CADENCES[cadence])
    has_periods, in_arrears = "with periods" in shape, "in arrears" in shape
    count = len(edges) - 1
    jumps_at = int(rng.integers(1, count)) if course == "jump" and count > 1 else DAYS
    interior = [n for n in range(2, count - 1) if n not in (jumps_at - 1, jumps_at)]
    missing_at = int(rng.choice(interior)) if extra == "missing" and count >= 4 and interior else None
    rates = [month_rate * (1.6 if n >= jumps_at else 1) for n in range(count)]
    if course == "drift":
        rates = [rate * float(rng.uniform(0.97, 1.03)) for rate in rates]
    late = [int(rng.integers(0, 5)) if extra == "late" else 0 for _ in range(count)]
    written = [edges[n + in_arrears] + late[n] for n in range(count)]
    # Without a period the bill's day is all that there is to know: from it on, its amount is the rate.
    begins = edges if has_periods else [*written, max(edges[-1], written[-1] + 1)]
    rate = np.zeros(DAYS)
    for n in range(count):
        rate[begins[n] : begins[n + 1]] = round(rates[n] * months, 2) / months
    period = [(edges[n], edges[n + 1]) if has_periods else (None, None) for n in range(count)]
    bills = [(written[n], round(rates[n] * months, 2), *period[n]) for n in range(count) if n != missing_at]
    unknown = (0, 0) if missing_at is None else (written[missing_at], written[missing_at + 1] + 1)
    return bills, rate, unknown


@cache
def customers() -> list[Customer]:
    rng = np.random.default_rng(20261128)
    return [drawn(rng, shape, number) for shape in SHAPES for number in range(ACCOUNTS)]


@cache
def tables() -> Tables:
    con = ibis.duckdb.connect()
    rows = [(c.name, *bill) for c in customers() for bill in c.bills if bill[0] < DAYS]
    frame = pd.DataFrame(rows, columns=["account_id", "billed_at", "amount", "period_start", "period_end"])
    for name in ("billed_at", "period_start", "period_end"):
        frame[name] = pd.Timestamp(FIRST) + pd.to_timedelta(frame[name], unit="D")
    names = [c.name for c in customers()]
    accounts = pd.DataFrame({"account_id": names, "name": names, "created_at": pd.Timestamp(FIRST)})
    raw = {"invoices": frame.assign(product="api"), "accounts": accounts}
    made = {name: stage(TABLES[name], con.create_table(f"raw_{name}", rows)) for name, rows in raw.items()}
    return {name: con.create_table(name, table) for name, table in made.items()}


def number(day: date) -> int:
    return (day - FIRST).days


def truth(customer: Customer, snapshot: date) -> bool:
    """Is the rate of the 90 days after at least 1.25 times that of the 90 before, and 100 more in three months?"""
    day = number(snapshot)
    before, after = customer.rate[max(day - 90, 0) : day], customer.rate[day : day + 90]
    held_days = min(day - customer.begins, 90)
    if held_days <= 0:
        return False
    was, is_now = before.sum() / 30 * 90 / held_days, after.sum() / 30
    return bool(was > 0 and is_now >= 1.25 * was - 1e-6 and is_now - was >= 100 - 1e-6)


@cache
def labelled() -> pd.DataFrame:
    """One row per customer and snapshot: the true label and the one that was given."""
    made = [(c.name, day) for c in customers() for day in LABELLED]
    schema = ibis.schema({"account_id": "string", "snapshot_date": "date"})
    keys = (
        tables()["invoices"].get_backend().create_table("cohort", pd.DataFrame(made, columns=list(KEY)), schema=schema)
    )
    found = labels(tables(), keys, RULES).to_pandas()
    given = {(row.account_id, pd.Timestamp(row.snapshot_date).date()): row.expanded_usage for row in found.itertuples()}
    rows = [
        (c.name, c.shape, c.course, c.extra, day, truth(c, day), bool(given[c.name, day]))
        for c in customers()
        for day in LABELLED
    ]
    return pd.DataFrame(rows, columns=["account", "shape", "course", "extra", "day", "is_true", "is_given"])


@pytest.mark.parametrize("shape", SHAPES)
def test_labels_tell_what_became_of_the_rate(shape: str) -> None:
    rows = labelled()[labelled()["shape"] == shape]
    wrong = rows[rows["is_true"] != rows["is_given"]]
    assert rows["is_true"].sum() > 100
    assert len(wrong) * 1000 <= PER_1000 * len(rows), wrong.groupby(["course", "extra"]).size()


@cache
def seen() -> pd.DataFrame:
    rows = feature_rows(tables(), SEEN, RULES, absent=NOT_BY_USER).to_pandas()
    rows["snapshot_date"] = pd.to_datetime(rows["snapshot_date"]).dt.date
    return rows.set_index(list(KEY))


def unchanged(shape: str) -> Iterator[tuple[Customer, pd.Series, int]]:
    """The rows of customers whose rate is known, and since how many days it is what it is."""
    for customer in customers():
        if customer.shape != shape or customer.course != "flat":
            continue
        for snapshot in SEEN:
            day, (first, last) = number(snapshot), customer.unknown
            if not customer.begins < day <= customer.ends or first < day <= last:
                continue
            fewest = 1 if "periods" in shape else FEWEST_BILLS.get(shape.split(",")[0], 3)
            if sum(bill[0] < day for bill in customer.bills if bill[1] > 0) < fewest:
                continue
            if (customer.name, snapshot) in seen().index:
                changes = np.flatnonzero(np.diff(customer.rate[:day], prepend=0))
                yield customer, seen().loc[(customer.name, snapshot)], day - int(changes[-1])


def faults(shape: str) -> list[tuple[str, str, date, float]]:
    """The values that say that something changed where nothing did."""
    found = []
    for customer, row, age in unchanged(shape):
        flat = {"billed_growth_91d": 183, "billed_slope_364d": 365, "billed_volatility_364d": 365}
        for name, since in flat.items():
            is_young = age <= since and (
                pd.isna(row[name]) or since == 365 or customer.shape.split(",")[0] in LATER_BILLS
            )
            if row[name] != 0 and not is_young:
                found.append((customer.name, customer.extra, row.name[1], name, row[name]))
        if shape.startswith("monthly") and age > 91 and abs(row["billed_91d"] - 3 * customer.bills[0][1]) > 1e-6:
            found.append((customer.name, customer.extra, row.name[1], "billed_91d", row["billed_91d"]))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_where_nothing_changed_nothing_grows(shape: str) -> None:
    assert sum(1 for _ in unchanged(shape)) > 100
    assert faults(shape) == []


# --- the base ---------------------------------------------------------------------------------------------------------


@cache
def members() -> set[tuple[str, date]]:
    rows = cohort(tables(), SEEN, RULES).to_pandas()
    return {(row.account_id, pd.Timestamp(row.snapshot_date).date()) for row in rows.itertuples()}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_base_holds_who_is_served_and_lets_go_who_left(shape: str) -> None:
    fewest = 1 if "periods" in shape else FEWEST_BILLS.get(shape.split(",")[0], 3)
    cadence = shape.split(",")[0]
    every = CADENCES[cadence]
    # A customer billed in arrears has left when the next bill does not come; any other when the time paid for is over.
    next_days = 0 if "in advance" in shape else every if cadence in BY_DAYS else 31 * every
    kept, left = [], []
    for customer in customers():
        for snapshot in SEEN:
            day, (first, last) = number(snapshot), customer.unknown
            known = sum(bill[0] < day for bill in customer.bills if bill[1] > 0)
            is_member = (customer.name, snapshot) in members()
            if customer.shape != shape or first < day <= last:
                continue
            if known >= fewest and customer.begins < day <= customer.ends:
                kept.append(is_member)
            if day > customer.ends + next_days + 95:
                left.append(is_member)
    assert len(kept) > 500
    assert all(kept)
    assert len(left) > 5
    assert not any(left)
