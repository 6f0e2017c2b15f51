"""The rates of bills without a period: four weeks are no month, and four weeks of bills are not four a month.

Each case is an account that is billed 100 each time, for every start within three years.
"""

from datetime import date, timedelta

import ibis
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.contract.vocabulary import E4
from data.ledger.invoices import service
from data.sources.staging import stage

A_MONTH = 100 * E4
YEARS = [date(2024, 1, 1) + timedelta(days=n) for n in range(3 * 366)]


def rates(series: list[list[date]]) -> set[int | None]:
    """The monthly rates, in 1 / E4, of accounts that are billed 100 on these days; None: an amount of a day."""
    rows = [(f"a{n}", "api", pd.Timestamp(day), 100.0) for n, days in enumerate(series) for day in days]
    bills = pd.DataFrame(rows, columns=["account_id", "product", "billed_at", "amount"])
    con = ibis.duckdb.connect()
    staged = con.create_table("staged", stage(TABLES["invoices"], con.create_table("bills", bills)))
    return {*service(staged).rate_e4.to_pyarrow().to_pylist()}


def runs(days: list[date], count: int) -> list[list[date]]:
    """Every run of so many of the days, one after another."""
    return [days[first : first + count] for first in range(len(days) - count + 1)]


def every(step: int, first: date, count: int) -> list[date]:
    return [first + timedelta(days=step * n) for n in range(count)]


@pytest.mark.parametrize("nth", [1, 2, 4])
def test_bills_of_a_weekday_of_the_month_are_monthly(nth: int) -> None:
    of_month = [day for day in YEARS if day.weekday() == 0 and (day.day - 1) // 7 + 1 == nth]
    assert rates([run for count in range(3, 10) for run in runs(of_month, count)]) == {A_MONTH}


def test_a_weekday_of_the_month_of_which_one_bill_is_missing_is_monthly() -> None:
    of_month = [day for day in YEARS if day.weekday() == 0 and day.day <= 7]
    assert rates([run[:4] + run[5:] for run in runs(of_month, 8)]) == {A_MONTH}


def test_bills_of_every_four_weeks_are_no_months() -> None:
    whole = [every(28, first, count) for first in YEARS[:31] for count in range(5, 14)]
    lacking = [days[:3] + days[4:] for days in whole if len(days) > 5]
    assert rates(whole) == rates(lacking) == {A_MONTH * 487 // (16 * 28)}


def test_weekly_bills_are_weekly_from_whatever_day_on() -> None:
    firsts = [day for day in YEARS if date(2024, 12, 28) <= day <= date(2025, 3, 7)]
    weekly = [every(7, first, count) for first in firsts for count in range(6, 14)]
    assert rates(weekly) == {A_MONTH * 487 // (16 * 7)}


def test_four_bills_a_month_are_so_from_the_eleventh_on() -> None:
    days = [day for day in YEARS if day.day in (1, 8, 15, 22)]
    assert rates([run for count in (11, 12, 20) for run in runs(days, count)[:48]]) == {A_MONTH}
