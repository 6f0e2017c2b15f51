"""Support: load, bugs, what is still open, and how satisfied people are. The snapshot is the 1st of July 2026."""

from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, rows_of

CUSTOMERS = """
    account_id | product | plan | mrr | valid_from
    acme       | core    | team | 100 | 2024-01-01
    silent     | core    | team | 100 | 2024-01-01
    improving  | core    | team | 100 | 2024-01-01
"""
TICKETS = """
    ticket_id | account_id | opened_at  | closed_at  | kind            | severity | csat | known_at
    1         | acme       | 2026-06-30 |            | bug             | critical |      |
    2         | acme       | 2026-06-03 | 2026-07-01 | bug             | critical | 1    |
    3         | acme       | 2026-06-02 | 2026-06-30 | bug             | critical | 3    |
    4         | acme       | 2026-04-01 | 2026-04-02 | bug             | low      | 5    |
    5         | acme       | 2026-03-31 | 2026-04-02 | bug             | low      |      |
    6         | acme       | 2025-12-31 | 2026-01-02 | feature_request | low      | 5    |
    7         | acme       | 2025-12-30 | 2026-01-02 | feature_request | low      | 1    |
    8         | acme       | 2025-07-02 | 2025-07-03 | question        | low      | 4    |
    9         | acme       | 2025-07-01 | 2025-07-03 | question        | low      | 1    |
    10        | acme       | 2026-06-15 | 2026-06-16 | bug             | critical | 1    | 2026-07-01
    11        | acme       | 2026-07-01 |            | bug             | critical |      |
    12        | improving  | 2026-02-01 | 2026-06-01 | question        | low      | 4.3  |
    13        | improving  | 2026-03-01 | 2026-06-01 | question        | low      | 3.7  |
    14        | improving  | 2026-04-01 | 2026-05-01 | question        | high     | 1    |
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of(base(subscriptions=CUSTOMERS, tickets=TICKETS)).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


def test_tickets_since_the_3rd_of_june_and_since_the_1st_of_april(row: pd.Series) -> None:
    assert row.tickets_28d == len(["1", "2"])
    assert row.tickets_91d == len(["1", "2", "3", "4"])


def test_a_ticket_that_is_closed_today_is_still_open(row: pd.Series) -> None:
    assert row.tickets_open == len(["1", "2"])
    assert row.critical_tickets_open == len(["1", "2"])


def test_bugs_since_the_1st_of_april(row: pd.Series) -> None:
    assert row.bug_tickets_91d == len(["1", "2", "3", "4"])


def test_all_four_tickets_since_the_1st_of_april_are_bugs(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.bug_ticket_share_91d == 4 / 4
    assert rows.bug_ticket_share_91d["improving"] == 0 / 1
    assert isnan(rows.bug_ticket_share_91d["silent"])


def test_high_and_critical_tickets_since_the_1st_of_april_open_or_not(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.severe_tickets_91d == len(["1", "2", "3"])
    assert rows.severe_tickets_91d["improving"] == len(["14"])
    assert rows.severe_tickets_91d["silent"] == 0


def test_feature_requests_since_the_31st_of_december(row: pd.Series) -> None:
    assert row.feature_requests_182d == len(["6"])


def test_the_mean_rating_of_tickets_opened_since_the_31st_of_december(row: pd.Series) -> None:
    assert row.csat_182d == (3 + 5 + 5) / 3  # ticket 2 is rated when it is closed, today


def test_ratings_against_the_182_days_before(row: pd.Series) -> None:
    before = (1 + 4) / 2  # 2 July to 30 December
    assert row.csat_change_182d == (3 + 5 + 5) / 3 - before


def test_the_latest_rating_is_that_of_the_ticket_closed_yesterday(row: pd.Series) -> None:
    assert row.csat_last == 3


def test_two_ratings_of_the_latest_day_are_averaged(rows: pd.DataFrame) -> None:
    assert rows.csat_last["improving"] == (4.3 + 3.7) / 2


def test_no_tickets_are_zero_tickets_and_no_rating(rows: pd.DataFrame) -> None:
    silent = rows.loc["silent"]
    assert silent.tickets_28d == 0
    assert silent.tickets_91d == 0
    assert silent.tickets_open == 0
    assert silent.critical_tickets_open == 0
    assert silent.bug_tickets_91d == 0
    assert isnan(silent.csat_182d)
    assert isnan(silent.csat_change_182d)
    assert isnan(silent.csat_last)
