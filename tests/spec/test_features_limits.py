"""Nearness to metered limits, and use of what the next tier gates. The snapshot is the 1st of July 2026."""

from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, rows_of

PLANS = """
    product | plan       | tier
    core    | team       | 1
    core    | business   | 2
    core    | enterprise | 3
"""
INCLUDED = """
    product | plan       | feature   | monthly_limit
    core    | team       | report    |
    core    | team       | api_calls | 3000
    core    | team       | storage   | 100
    core    | team       | emails    | 30
    core    | business   | report    |
    core    | business   | api_calls | 10000
    core    | business   | storage   | 1000
    core    | business   | emails    |
    core    | business   | sso       |
    core    | business   | audit     |
    core    | enterprise | report    |
    core    | enterprise | sso       |
    core    | enterprise | audit     |
    core    | enterprise | sandbox   |
"""
CUSTOMERS = """
    account_id | product | plan       | mrr | valid_from | valid_to
    acme       | core    | team       | 100 | 2025-01-01 | 2026-07-01
    acme       | core    | business   | 300 | 2026-07-01 |
    twice      | core    | team       | 100 | 2025-01-01 |
    twice      | core    | team       | 100 | 2025-01-01 |
    quiet      | core    | team       | 100 | 2025-01-01 |
    full       | core    | team       | 100 | 2025-01-01 |
    top        | core    | enterprise | 900 | 2025-01-01 |
    unlisted   | core    | legacy     | 100 | 2025-01-01 |
"""
USAGE = """
    account_id | day        | feature   | events | quantity | known_at
    acme       | 2026-06-30 | api_calls | 10     | 1100     |
    acme       | 2026-06-03 | api_calls | 10     | 1000     |
    acme       | 2026-06-02 | api_calls | 10     | 900      |
    acme       | 2026-05-06 | api_calls | 10     | 500      |
    acme       | 2026-05-05 | api_calls | 10     | 7000     |
    acme       | 2026-07-01 | api_calls | 10     | 9000     |
    acme       | 2026-06-15 | api_calls | 10     | 9000     | 2026-07-01
    acme       | 2026-06-20 | storage   | 1      | 80       |
    acme       | 2026-05-20 | storage   | 1      | 80       |
    acme       | 2026-06-20 | emails    | 1      | 22.4     |
    acme       | 2026-05-20 | emails    | 1      | 22.4     |
    acme       | 2026-03-31 | report    | 5      |          |
    acme       | 2026-04-01 | sso       | 1      |          |
    acme       | 2026-03-31 | audit     | 1      |          |
    acme       | 2026-06-30 | sandbox   | 1      |          |
    twice      | 2026-06-30 | api_calls | 10     | 2100     |
    full       | 2026-06-30 | storage   | 1      | 200      |
    full       | 2026-05-30 | storage   | 1      | 150      |
    top        | 2026-06-30 | sandbox   | 1      |          |
    unlisted   | 2026-06-30 | report    | 1      |          |
"""
TICKETS = """
    ticket_id | account_id | opened_at  | feature | known_at
    1         | acme       | 2026-06-30 | audit   |
    2         | acme       | 2025-12-31 | sso     |
    3         | acme       | 2025-12-30 | sso     |
    4         | acme       | 2026-06-30 | report  |
    5         | acme       | 2026-06-30 | sandbox |
    6         | acme       | 2026-07-01 | audit   |
    7         | acme       | 2026-06-01 | audit   | 2026-07-01
    8         | top        | 2026-06-01 | sandbox |
    9         | acme       | 2026-06-30 |         |
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    tables = base(subscriptions=CUSTOMERS, plans=PLANS, plan_features=INCLUDED, usage_daily=USAGE, tickets=TICKETS)
    return rows_of(tables).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


# --- limits -----------------------------------------------------------------------------------------------------------


def test_storage_is_nearest_to_its_limit_80_of_100_in_28_days_of_a_month_of_30(row: pd.Series) -> None:
    assert row.limit_share_max_28d == (80 * 30) / (100 * 28)


def test_storage_is_over_80_percent_api_calls_are_not_and_emails_are_exactly_there(row: pd.Series) -> None:
    api_calls = (2100 * 30) / (3000 * 28)
    emails = (22.4 * 30) / (30 * 28)
    assert api_calls == 0.75
    assert emails == 0.8
    assert row.limits_over_80pct == len(["storage"])


def test_at_700_more_calls_every_28_days_the_700_that_are_left_last_28_days(row: pd.Series) -> None:
    allowed_in_28_days = 3000 * 28 / 30
    left = allowed_in_28_days - 2100
    gained_in_28_days = 2100 - (900 + 500)
    assert row.days_to_limit == 28 * left / gained_in_28_days


def test_beyond_a_limit_no_days_are_left(rows: pd.DataFrame) -> None:
    full = rows.loc["full"]
    assert full.limit_share_max_28d == (200 * 30) / (100 * 28)
    assert full.days_to_limit == 0


def test_the_limits_of_two_contracts_are_added_up(rows: pd.DataFrame) -> None:
    assert rows.limit_share_max_28d["twice"] == (2100 * 30) / (2 * 3000 * 28)


def test_no_use_is_no_share_of_a_limit(rows: pd.DataFrame) -> None:
    quiet = rows.loc["quiet"]
    assert quiet.limit_share_max_28d == 0
    assert quiet.limits_over_80pct == 0
    assert isnan(quiet.days_to_limit)


def test_a_plan_without_limits_has_none_to_reach(rows: pd.DataFrame) -> None:
    top = rows.loc["top"]
    assert isnan(top.limit_share_max_28d)
    assert top.limits_over_80pct == 0
    assert isnan(top.days_to_limit)


# --- adoption of what was bought --------------------------------------------------------------------------------------


def test_three_of_the_four_features_of_the_plan_are_in_use(row: pd.Series) -> None:
    in_use = ["api_calls", "storage", "emails"]  # report was last used the day before the 91 days
    assert row.features_included_share_91d == len(in_use) / 4


def test_no_use_is_no_adoption_and_an_unlisted_plan_has_none_to_tell(rows: pd.DataFrame) -> None:
    assert rows.features_included_share_91d["quiet"] == 0 / 4
    assert isnan(rows.features_included_share_91d["unlisted"])


# --- the next tier ----------------------------------------------------------------------------------------------------


def test_of_what_business_gates_sso_is_used_and_audit_no_longer(row: pd.Series) -> None:
    assert row.gated_features_used_91d == len(["sso"])
    assert row.gated_share_used_91d == len(["sso"]) / len(["sso", "audit"])


def test_tickets_about_what_business_gates_since_the_31st_of_december(row: pd.Series) -> None:
    assert row.gated_requests_182d == len(["1", "2"])


def test_at_the_top_nothing_is_gated(rows: pd.DataFrame) -> None:
    top = rows.loc["top"]
    assert top.gated_features_used_91d == 0
    assert top.gated_requests_182d == 0
    assert isnan(top.gated_share_used_91d)


def test_nothing_gated_in_use_is_a_share_of_zero(rows: pd.DataFrame) -> None:
    assert rows.gated_share_used_91d["quiet"] == 0 / 2
