"""Nearness to metered limits, and use of what the next tier gates. The snapshot is the 1st of July 2026."""

from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, row_of, rows_of

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
    tries      | core    | team       | 100 | 2025-01-01 |
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
    tries      | 2026-07-01 | sso       | 1      |          |
    tries      | 2026-06-30 | sso       | 1      |          | 2026-06-30
    tries      | 2026-06-01 | audit     | 1      |          |
    tries      | 2026-05-31 | sso       | 1      |          | 2026-07-01
    tries      | 2026-05-20 | report    | 1      |          |
    tries      | 2026-04-15 | sso       | 1      |          |
    tries      | 2026-01-01 | sso       | 1      |          |
    tries      | 2025-12-31 | sso       | 1      |          |
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


# --- limits of what is stored -----------------------------------------------------------------------------------------

STORED = """
    product | plan | feature  | monthly_limit | measure
    core    | team | contacts | 1000          | last
    core    | team | projects | 40            | max
    core    | team | emails   | 3000          | sum
"""
STORING = """
    account_id | product | plan | mrr | valid_from
    grows      | core    | team | 100 | 2025-01-01
    sparse     | core    | team | 100 | 2025-01-01
    falls      | core    | team | 100 | 2025-01-01
    emptied    | core    | team | 100 | 2025-01-01
    full       | core    | team | 100 | 2025-01-01
    late       | core    | team | 100 | 2025-01-01
    old        | core    | team | 100 | 2025-01-01
    peak       | core    | team | 100 | 2025-01-01
    shared     | core    | team | 100 | 2025-01-01
    twice      | core    | team | 100 | 2025-01-01
    twice      | core    | team | 100 | 2025-01-01
    mails      | core    | team | 100 | 2025-01-01
"""
LEVELS = """
    account_id | day        | feature  | events | quantity | user_id | known_at
    grows      | 2026-06-02 | contacts | 1      | 863      |         |
    grows      | 2026-06-15 | contacts | 1      | 950      |         |
    grows      | 2026-06-30 | contacts | 1      | 891      |         |
    sparse     | 2026-05-20 | contacts | 1      | 700      |         |
    sparse     | 2026-06-20 | contacts | 1      | 731      |         |
    falls      | 2026-06-02 | contacts | 1      | 600      |         |
    falls      | 2026-06-30 | contacts | 1      | 500      |         |
    emptied    | 2026-06-02 | contacts | 1      | 600      |         |
    emptied    | 2026-06-30 | contacts | 1      | 0        |         |
    full       | 2026-06-02 | contacts | 1      | 990      |         |
    full       | 2026-06-30 | contacts | 1      | 1100     |         |
    late       | 2026-06-29 | contacts | 1      | 400      |         |
    late       | 2026-06-30 | contacts | 1      | 900      |         | 2026-07-01
    old        | 2026-03-31 | contacts | 1      | 900      |         |
    peak       | 2026-06-02 | projects | 1      | 36       |         |
    peak       | 2026-06-03 | projects | 1      | 38       |         |
    peak       | 2026-06-30 | projects | 1      | 10       |         |
    shared     | 2026-06-30 | contacts | 1      | 300      | ann     |
    shared     | 2026-06-30 | contacts | 1      | 200      | bob     |
    twice      | 2026-06-30 | contacts | 1      | 500      |         |
    mails      | 2026-06-02 | emails   | 1      | 700      |         |
    mails      | 2026-06-15 | emails   | 1      | 1400     |         |
    mails      | 2026-06-30 | emails   | 1      | 700      |         |
"""


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return rows_of(base(subscriptions=STORING, plan_features=STORED, usage_daily=LEVELS)).droplevel("snapshot_date")


def test_a_level_is_its_latest_and_not_the_sum_of_its_days(stored: pd.DataFrame) -> None:
    grows = stored.loc["grows"]
    assert grows.limit_share_max_28d == 891 / 1000
    assert grows.limits_over_80pct == 1
    assert grows.days_to_limit == (1000 - 891) * 28 / (891 - 863)


def test_it_grows_by_what_lies_between_two_reports_however_far_apart(stored: pd.DataFrame) -> None:
    assert stored.days_to_limit["sparse"] == (1000 - 731) * 31 / 31


def test_a_level_that_falls_reaches_no_limit_and_an_empty_one_is_a_level(stored: pd.DataFrame) -> None:
    assert stored.limit_share_max_28d["falls"] == 500 / 1000
    assert isnan(stored.days_to_limit["falls"])
    assert stored.limit_share_max_28d["emptied"] == 0


def test_beyond_the_limit_of_a_level_no_days_are_left(stored: pd.DataFrame) -> None:
    assert stored.limit_share_max_28d["full"] == 1100 / 1000
    assert stored.days_to_limit["full"] == 0


def test_a_level_counts_once_it_is_known_and_for_91_days(stored: pd.DataFrame) -> None:
    assert stored.limit_share_max_28d["late"] == 400 / 1000
    assert stored.limit_share_max_28d["old"] == 0


def test_the_highest_of_28_days(stored: pd.DataFrame) -> None:
    assert stored.limit_share_max_28d["peak"] == 38 / 40
    assert stored.days_to_limit["peak"] == (40 - 38) * 28 / (38 - 36)


def test_levels_counted_by_user_are_added_up_and_so_are_the_limits_of_two_contracts(stored: pd.DataFrame) -> None:
    assert stored.limit_share_max_28d["shared"] == (300 + 200) / 1000
    assert stored.limit_share_max_28d["twice"] == 500 / (2 * 1000)


def test_what_is_used_up_by_the_month_is_still_added_up(stored: pd.DataFrame) -> None:
    assert stored.limit_share_max_28d["mails"] == ((1400 + 700) * 30) / (3000 * 28)


def test_of_several_reports_of_a_day_the_highest_is_its_level() -> None:
    row = row_of(
        subscriptions=STORING.replace("grows", "acme"),
        plan_features=STORED,
        usage_events="""
            account_id | occurred_at         | feature  | quantity
            acme       | 2026-06-30 08:00:00 | contacts | 810
            acme       | 2026-06-30 20:00:00 | contacts | 820
        """,
    )
    assert row.limit_share_max_28d == 820 / 1000


def test_where_two_plans_measure_a_feature_differently_it_is_a_level() -> None:
    row = row_of(
        subscriptions="""
            account_id | product | plan | mrr | valid_from
            acme       | core    | team | 100 | 2025-01-01
            acme       | crm     | team | 100 | 2025-01-01
        """,
        plan_features="""
            product | plan | feature  | monthly_limit | measure
            core    | team | contacts | 1000          | sum
            crm     | team | contacts | 1000          | max
        """,
        usage_daily="""
            account_id | day        | feature  | events | quantity
            acme       | 2026-06-29 | contacts | 1      | 500
            acme       | 2026-06-30 | contacts | 1      | 400
        """,
    )
    assert row.limit_share_max_28d == 500 / 2000


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


def test_months_in_which_something_of_the_next_tier_was_used_once_that_was_known(rows: pd.DataFrame) -> None:
    assert rows.months_of_gated_use["acme"] == len(["April", "March"])  # sso, and audit; sandbox is two tiers up
    assert rows.months_of_gated_use["tries"] == len(["June", "April", "January"])
    assert rows.months_of_gated_use["top"] == 0
    assert rows.months_of_gated_use["quiet"] == 0


def test_tickets_about_what_business_gates_since_the_31st_of_december(row: pd.Series) -> None:
    assert row.gated_requests_182d == len(["1", "2"])


def test_at_the_top_nothing_is_gated(rows: pd.DataFrame) -> None:
    top = rows.loc["top"]
    assert top.gated_features_used_91d == 0
    assert top.gated_requests_182d == 0
    assert isnan(top.gated_share_used_91d)


def test_nothing_gated_in_use_is_a_share_of_zero(rows: pd.DataFrame) -> None:
    assert rows.gated_share_used_91d["quiet"] == 0 / 2
