"""How much, how regularly, how broadly and by how many the product is used. The snapshot is the 1st of July 2026."""

from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, rows_of

CUSTOMERS = """
    account_id | product | plan | mrr | valid_from
    acme       | core    | team | 100 | 2024-01-01
    robot      | core    | team | 100 | 2024-01-01
    silent     | core    | team | 100 | 2024-01-01
    dormant    | core    | team | 100 | 2024-01-01
    rumour     | core    | team | 100 | 2024-01-01
"""
HEADER = "account_id | occurred_at | feature | user_id | quantity | known_at"
EVENTS = "\n".join(
    [
        HEADER,
        *(f"acme | 2026-06-{day} | report | ann | |" for day in range(19, 31)),  # 12 days
        *(f"acme | 2026-06-{day} | report | bob | |" for day in range(20, 31)),  # 11 days
        """
    acme    | 2026-06-30T23:59:59 | report    | bob | 2.5 |
    acme    | 2026-06-10          | report    | gus |     | 2026-06-30
    acme    | 2026-06-03          | export    | eva |     |
    acme    | 2026-06-02          | alerts    | fay |     |
    acme    | 2026-05-06          | report    | bob |     |
    acme    | 2026-05-05          | report    | hal |     |
    acme    | 2026-04-01          | audit     | ida |     |
    acme    | 2026-03-31          | workflows | ida |     |
    acme    | 2025-12-31          | report    | jon |     |
    acme    | 2025-12-30          | report    | ken |     |
    acme    | 2025-12-03          | report    | ken |     |
    acme    | 2025-12-02          | report    | ken |     |
    acme    | 2024-07-01          | audit     | ken |     |
    acme    | 2026-07-01          | sso       | zoe |     |
    acme    | 2026-06-15          | sso       | zoe |     | 2026-07-01
    robot   | 2026-06-24          | sync      |     | 10  |
    robot   | 2026-06-23          | sync      |     | 10  |
    robot   | 2026-06-23          | sync      |     | 10  |
    dormant | 2025-07-01          | report    | leo |     |
    rumour  | 2026-06-01          | report    | max |     | 2026-07-02
    """,
    ]
)
WEEK = """
    account_id | occurred_at | feature | user_id
    acme       | 2026-06-30  | report  | ann
    acme       | 2026-06-24  | report  | bob
    acme       | 2026-06-23  | report  | cid
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of(base(subscriptions=CUSTOMERS, usage_events=EVENTS)).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


ANN, BOB, EVA, GUS = 12, 12, 1, 1
"""Events since the 3rd of June, the first of the 28 days. Bob has two on the 30th."""


# --- how much ---------------------------------------------------------------------------------------------------------


def test_events_of_28_days_since_the_3rd_of_june(row: pd.Series) -> None:
    assert row.events_28d == ANN + BOB + EVA + GUS


def test_events_of_91_days_since_the_1st_of_april(row: pd.Series) -> None:
    assert row.events_91d == 26 + len(["2 June", "6 May", "5 May", "1 April"])


def test_growth_against_the_28_days_before(row: pd.Series) -> None:
    before = len(["2 June", "6 May"])
    assert row.events_growth_28d == (26 - before) / before


def test_growth_against_the_91_days_before(row: pd.Series) -> None:
    before = len(["31 March", "31 December"])
    assert row.events_growth_91d == (30 - before) / before


def test_against_the_pace_of_the_half_year_before(row: pd.Series) -> None:
    baseline = len(["2 June", "6 May", "5 May", "1 April", "31 March", "31 December", "30 December", "3 December"])
    assert row.events_against_baseline == (26 * 182 - baseline * 28) / (baseline * 28)


def test_a_quantity_that_was_not_written_down_is_one(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.quantity_28d == 25 * 1 + 2.5
    assert rows.quantity_28d["robot"] == 10 + 10 + 10


# --- how regularly ----------------------------------------------------------------------------------------------------


def test_days_with_use(row: pd.Series) -> None:
    assert row.active_days_28d == 12 + len(["10 June", "3 June"])
    assert row.active_days_91d == 14 + len(["2 June", "6 May", "5 May", "1 April"])


def test_used_yesterday(row: pd.Series) -> None:
    assert row.days_since_active == 1


def test_first_used_two_years_ago(row: pd.Series) -> None:
    assert row.days_since_first_use == 365 + 365


# --- how broadly and deeply -------------------------------------------------------------------------------------------


def test_features_used(row: pd.Series) -> None:
    assert row.features_used_28d == len(["report", "export"])
    assert row.features_used_91d == len(["report", "export", "alerts", "audit"])


def test_a_feature_is_new_if_it_was_not_used_before_the_91_days_or_not_for_a_year(row: pd.Series) -> None:
    assert row.features_new_91d == len(["export", "alerts", "audit"])  # audit was last used two years ago


def test_one_of_26_events_is_an_export(row: pd.Series) -> None:
    assert row.export_events_28d == len(["3 June"])
    assert row.export_share_28d == 1 / 26


def test_events_for_each_of_four_active_users(row: pd.Series) -> None:
    assert row.events_per_user_28d == 26 / 4


# --- by how many ------------------------------------------------------------------------------------------------------


def test_active_users(row: pd.Series) -> None:
    assert row.active_users_7d == len(["ann", "bob"])
    assert row.active_users_28d == len(["ann", "bob", "eva", "gus"])
    assert row.active_users_91d == len(["ann", "bob", "eva", "gus", "fay", "hal", "ida"])


def test_growth_of_active_users(row: pd.Series) -> None:
    before_28d = len(["bob", "fay"])
    before_91d = len(["ida", "jon"])
    assert row.active_users_growth_28d == (4 - before_28d) / before_28d
    assert row.active_users_growth_91d == (7 - before_91d) / before_91d


def test_ann_came_on_12_days_and_is_a_power_user_bob_came_on_11_and_is_not(row: pd.Series) -> None:
    assert row.power_users_28d == len(["ann"])
    assert row.power_user_share_28d == 1 / 4


def test_on_an_average_day_a_good_fifth_of_the_four_users_is_active(row: pd.Series) -> None:
    days = {"ann": 12, "bob": 11, "eva": 1, "gus": 1}
    assert row.stickiness_28d == sum(days.values()) / (28 * len(days))


def test_the_busiest_user_makes_12_of_26_events(row: pd.Series) -> None:
    assert row.top_user_share_28d == 12 / 26


def test_the_7th_day_counts_and_the_8th_does_not() -> None:
    rows = rows_of(base(subscriptions=CUSTOMERS, usage_events=WEEK)).droplevel("snapshot_date")
    assert rows.active_users_7d["acme"] == len(["ann", "bob"])


# --- zero and missing -------------------------------------------------------------------------------------------------


def test_whose_events_without_a_user_are_is_not_known(rows: pd.DataFrame) -> None:
    robot = rows.loc["robot"]
    assert robot.events_28d == 3
    assert robot.active_days_28d == 2
    assert isnan(robot.active_users_28d)
    assert isnan(robot.power_users_28d)
    assert isnan(robot.events_per_user_28d)
    assert isnan(robot.power_user_share_28d)
    assert isnan(robot.stickiness_28d)
    assert isnan(robot.top_user_share_28d)


@pytest.mark.parametrize(("days_ago", "active"), [(29, 0), (182, 0), (183, None)])
def test_beside_events_with_a_user_they_are_nobodys(days_ago: int, active: int | None) -> None:
    """Where some use of the last half year says whose it is, the other is that of machines."""
    day = pd.Timestamp("2026-07-01") - pd.Timedelta(days=days_ago)
    events = f"{HEADER}\nacme | {day:%Y-%m-%d} | report | ann | |\nacme | 2026-06-24 | sync | | |"
    rows = rows_of(base(subscriptions=CUSTOMERS, usage_events=events)).droplevel("snapshot_date")
    assert rows.events_28d["acme"] == 1
    assert isnan(rows.active_users_28d["acme"]) if active is None else rows.active_users_28d["acme"] == active


@pytest.mark.parametrize("account_id", ["silent", "rumour"])
def test_no_use_is_zero_events_and_no_first_day(rows: pd.DataFrame, account_id: str) -> None:
    row = rows.loc[account_id]
    assert row.events_28d == 0
    assert row.active_days_91d == 0
    assert row.features_used_91d == 0
    assert row.active_users_91d == 0
    assert isnan(row.days_since_active)
    assert isnan(row.days_since_first_use)
    assert isnan(row.events_growth_28d)
    assert isnan(row.active_users_growth_91d)


def test_use_a_year_ago_is_remembered_as_the_first_use_alone(rows: pd.DataFrame) -> None:
    dormant = rows.loc["dormant"]
    assert dormant.days_since_first_use == 365
    assert dormant.events_91d == 0
    assert isnan(dormant.days_since_active)  # it looks back 210 days
    assert isnan(dormant.events_against_baseline)


# --- where usage comes already counted --------------------------------------------------------------------------------

DAILY = """
    account_id | day        | feature | events | active_users | quantity | known_at
    acme       | 2026-06-30 | report  | 40     | 8            | 40.5     |
    acme       | 2026-06-30 | export  | 5      | 3            |          |
    acme       | 2026-06-24 | report  | 30     | 9            |          |
    acme       | 2026-06-23 | report  | 30     | 12           |          | 2026-06-30
    acme       | 2026-06-22 | report  | 30     | 99           |          | 2026-07-01
    acme       | 2026-06-02 | report  | 10     | 4            |          |
    acme       | 2026-04-01 | report  | 10     | 2            |          |
    acme       | 2026-03-31 | report  | 20     | 5            |          |
    robot      | 2026-06-30 | sync    | 100    |              |          |
    dormant    | 2026-06-29 | report  | 7      | 2            |          |
    dormant    | 2026-06-30 | report  | 0      | 0            |          |
    dormant    | 2026-06-30 | export  | 0      | 0            | 0        |
    silent     | 2026-06-30 | report  | 0      |              |          |
    silent     | 2026-06-30 | storage | 0      |              | 250      |
"""


@pytest.fixture(scope="module")
def counted() -> pd.DataFrame:
    return rows_of(base(subscriptions=CUSTOMERS, usage_daily=DAILY)).droplevel("snapshot_date")


def test_counted_events_and_quantities_are_added_up(counted: pd.DataFrame) -> None:
    acme = counted.loc["acme"]
    assert acme.events_28d == 40 + 5 + 30 + 30
    assert acme.quantity_28d == 40.5 + 5 + 30 + 30
    assert acme.active_days_28d == 3
    assert acme.features_used_28d == 2


def test_the_largest_day_stands_for_the_users_of_a_window(counted: pd.DataFrame) -> None:
    acme = counted.loc["acme"]
    assert acme.active_users_7d == 9
    assert acme.active_users_28d == 12
    assert acme.active_users_growth_28d == (12 - 4) / 4
    assert acme.active_users_growth_91d == (12 - 5) / 5
    assert acme.events_per_user_28d == 105 / 12


def test_users_that_nobody_counted_are_missing(counted: pd.DataFrame) -> None:
    assert counted.events_28d["robot"] == 100
    assert isnan(counted.active_users_28d["robot"])


def test_who_is_a_power_user_cannot_be_told_from_counts(counted: pd.DataFrame) -> None:
    needs_users = {
        "power_users_28d",
        "power_user_share_28d",
        "top_user_share_28d",
        "stickiness_28d",
        "shared_logins_28d",
    }
    assert needs_users.isdisjoint(counted.columns)


def test_days_that_are_counted_by_user_tell_who_was_active() -> None:
    rows = rows_of(
        base(
            subscriptions="""
                account_id | product | plan | mrr | seats | valid_from
                acme       | core    | team | 100 | 10    | 2024-01-01
            """,
            usage_daily="""
                account_id | day        | feature | events | user_id | known_at
                acme       | 2026-06-30 | report  | 6      | ann     |
                acme       | 2026-06-30 | export  | 2      | ann     |
                acme       | 2026-06-29 | report  | 1      | bob     |
                acme       | 2026-06-28 | report  | 1      |         |
                acme       | 2026-06-27 | report  | 9      | cid     | 2026-07-01
                acme       | 2026-04-15 | report  | 3      | dan     |
            """,
        ),
        absent=frozenset(),
    )
    acme = rows.loc["acme"].iloc[0]
    assert acme.active_users_28d == len(["ann", "bob"])
    assert acme.active_users_91d == len(["ann", "bob", "dan"])
    assert acme.seat_utilization_28d == 2 / 10
    assert acme.stickiness_28d == 2 / (2 * 28)
    assert acme.top_user_share_28d == (6 + 2) / (6 + 2 + 1)
    assert acme.events_28d == 6 + 2 + 1 + 1
    assert "shared_logins_28d" not in rows  # a day has no hours


def test_a_counted_zero_is_no_use(counted: pd.DataFrame) -> None:
    dormant = counted.loc["dormant"]
    assert dormant.days_since_active == 2
    assert dormant.active_days_28d == 1
    assert dormant.features_used_28d == 1
    assert dormant.days_since_first_use == 2


def test_a_quantity_without_events_is_use(counted: pd.DataFrame) -> None:
    silent = counted.loc["silent"]
    assert silent.quantity_28d == 250
    assert silent.active_days_28d == 1
    assert silent.features_used_28d == 1
