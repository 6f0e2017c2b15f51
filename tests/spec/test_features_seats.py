"""Seats in use, who was invited, and from where new people come. The snapshot is the 1st of July 2026."""

from datetime import date
from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, rows_of

SEATS = """
    account_id | product  | plan | mrr | seats | valid_from | valid_to
    acme       | core     | team | 400 | 40    | 2025-01-01 | 2026-04-01
    acme       | core     | team | 500 | 50    | 2026-04-01 |
    crowded    | core     | team | 100 | 10    | 2026-05-01 |
    idle       | core     | team | 100 | 10    | 2025-01-01 |
    growing    | core     | team | 100 | 10    | 2025-01-01 | 2025-07-01
    growing    | core     | team | 150 | 15    | 2025-07-01 |
    metered    | api      | payg | 100 |       | 2025-01-01 |
"""


def used(account_id: str, people: int, day: str, known: str = "") -> list[str]:
    """One event of each of so many people on one day; the first ``people`` of always the same names."""
    return [f"{account_id} | {day} | report | user-{number:02d} | {known}" for number in range(people)]


EVENTS = "\n".join(
    [
        "account_id | occurred_at | feature | user_id | known_at",
        *used("acme", people=30, day="2026-06-30"),
        *used("acme", people=46, day="2026-06-03"),
        *used("acme", people=48, day="2026-06-02"),
        *used("acme", people=49, day="2026-03-31"),
        *used("acme", people=99, day="2026-07-01"),
        *used("acme", people=99, day="2026-06-20", known="2026-07-01"),
        *used("growing", people=4, day="2026-06-03"),
        *used("growing", people=5, day="2026-06-02"),
        *used("crowded", people=12, day="2026-06-15"),
        *used("metered", people=5, day="2026-06-15"),
    ]
)
USERS = """
    user_id | account_id | email_domain | team    | created_at | deactivated_at
    ann     | acme       | acme.com     | sales   | 2025-01-10 |
    bob     | acme       | acme.com     | sales   | 2025-01-10 | 2026-06-30
    cid     | acme       | acme.com     | finance | 2026-03-31 | 2026-07-01
    dee     | acme       | acme.com     | finance | 2026-04-01 |
    eva     | acme       | acme.com     | support | 2025-02-01 | 2026-04-01
    fay     | acme       | acme.com     | support | 2026-06-02 |
    gus     | acme       | acme.de      | berlin  | 2026-06-03 |
    hal     | acme       | acme.de      | berlin  | 2026-06-30 |
    ida     | acme       | freelance.io |         | 2026-03-31 |
    jon     | acme       |              |         | 2025-01-10 | 2026-03-31
    ken     | acme       | acme.com     | lab     | 2025-01-10 | 2026-01-10
    zoe     | acme       | acme.com     | legal   | 2026-07-01 |
    user-00 | growing    |              | sales   | 2025-01-10 |
    user-01 | growing    |              | berlin  | 2026-05-10 |
    user-02 | growing    |              | berlin  | 2026-05-11 |
    user-03 | growing    |              | berlin  | 2026-05-11 | 2026-06-20
    user-04 | growing    |              | berlin  | 2026-05-11 |
    leo     | crowded    | one.com      |         | 2025-01-10 |
    max     | crowded    | two.com      |         | 2025-01-10 |
    moe     | metered    |              |         | 2025-01-10 |
    nil     | metered    | other.com    | lab     |            |
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return rows_of(base(subscriptions=SEATS, usage_events=EVENTS, users=USERS)).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


# --- seats in use -----------------------------------------------------------------------------------------------------


def test_46_of_50_seats_are_in_use(row: pd.Series) -> None:
    assert row.seat_utilization_28d == 46 / 50
    assert row.seats_free == 50 - 46


def test_48_of_50_seats_this_quarter_after_49_of_40_in_the_one_before(row: pd.Series) -> None:
    assert row.seat_utilization_change_91d == 48 / 50 - 49 / 40


def test_more_people_than_seats(rows: pd.DataFrame) -> None:
    crowded = rows.loc["crowded"]
    assert crowded.seat_utilization_28d == 12 / 10
    assert crowded.seats_free == -2


def test_no_seats_91_days_ago_means_no_change_to_tell(rows: pd.DataFrame) -> None:
    assert isnan(rows.seat_utilization_change_91d["crowded"])


def test_nobody_on_ten_seats(rows: pd.DataFrame) -> None:
    idle = rows.loc["idle"]
    assert idle.seat_utilization_28d == 0 / 10
    assert idle.seats_free == 10


def test_where_no_seats_are_sold_none_are_in_use_or_free(rows: pd.DataFrame) -> None:
    metered = rows.loc["metered"]
    assert metered.active_users_28d == 5
    assert isnan(metered.seat_utilization_28d)
    assert isnan(metered.seat_utilization_change_91d)
    assert isnan(metered.seats_free)


def test_seats_grew_from_10_to_15_within_a_year(rows: pd.DataFrame) -> None:
    assert rows.seats_growth_365d["growing"] == (15 - 10) / 10  # on the 365th day before the snapshot
    assert rows.seats_growth_365d["idle"] == (10 - 10) / 10
    assert rows.seats_growth_365d["acme"] == (50 - 40) / 40
    assert isnan(rows.seats_growth_365d["crowded"])  # no customer a year ago
    assert isnan(rows.seats_growth_365d["metered"])


def test_seats_that_nobody_paid_for_were_not_bought_and_those_beside_paid_ones_were() -> None:
    lines = """
        account_id | product | plan  | mrr | seats | valid_from | valid_to
        piloted    | core    | pilot | 0   | 50    | 2025-01-01 | 2026-05-01
        piloted    | core    | team  | 100 | 10    | 2026-05-01 |
        guests     | core    | team  | 100 | 10    | 2025-01-01 |
        guests     | core    | guest | 0   | 30    | 2025-01-01 |
    """
    events = [used("piloted", people=8, day="2026-03-01"), used("guests", people=8, day="2026-03-01")]
    events = "\n".join(["account_id | occurred_at | feature | user_id | known_at", *events[0], *events[1]])
    rows = rows_of(base(subscriptions=lines, usage_events=events)).droplevel("snapshot_date")
    assert isnan(rows.seats_growth_365d["piloted"])
    assert isnan(rows.seat_utilization_change_91d["piloted"])  # the pilot at nothing ended within the quarter
    assert rows.seats_growth_365d["guests"] == (40 - 40) / 40
    assert rows.seat_utilization_change_91d["guests"] == 0 / 40 - 8 / 40


# --- month by month ---------------------------------------------------------------------------------------------------

TEN_SEATS = """
    account_id | product | plan | mrr | seats | valid_from | valid_to
    acme       | core    | team | 100 | 10    | 2025-01-01 |
    steady     | core    | team | 50  | 5     | 2025-01-01 | 2026-06-15
    steady     | core    | team | 100 | 10    | 2026-06-15 |
    quiet      | core    | team | 100 | 10    | 2025-01-01 |
    metered    | api     | payg | 100 |       | 2025-01-01 |
"""
MONTHS = "\n".join(
    [
        "account_id | occurred_at | feature | user_id | known_at",
        *used("acme", people=6, day="2026-06-01"),
        *used("acme", people=12, day="2026-06-30"),  # the same six, and six more
        *used("acme", people=10, day="2026-05-31"),
        *used("acme", people=9, day="2026-04-15"),
        *used("acme", people=10, day="2026-04-16", known="2026-07-01"),  # too late for the tenth to be known
        *used("acme", people=10, day="2026-03-01"),
        *used("acme", people=11, day="2025-07-01"),
        *used("acme", people=20, day="2025-06-30"),  # in the thirteenth month
        *used("acme", people=20, day="2026-07-01"),
        *used("steady", people=5, day="2026-06-10"),
        *used("steady", people=5, day="2026-05-10"),
        *used("metered", people=5, day="2026-06-10"),
    ]
)
DAYS = """
    account_id | day        | feature | events | active_users
    acme       | 2026-06-03 | report  | 40     | 10
    acme       | 2026-06-04 | report  | 40     | 7
    acme       | 2026-05-03 | report  | 40     | 10
    acme       | 2025-10-03 | report  | 40     | 14
    steady     | 2026-06-03 | report  | 40     |
"""


@pytest.fixture(scope="module")
def by_month() -> pd.DataFrame:
    return rows_of(base(subscriptions=TEN_SEATS, usage_events=MONTHS)).droplevel("snapshot_date")


def test_use_beyond_80_percent_of_the_seats_is_added_up_over_twelve_months(by_month: pd.DataFrame) -> None:
    june, may, april, march, july = 12 - 8, 10 - 8, 9 - 8, 10 - 8, 11 - 8
    assert by_month.seat_excess_months["acme"] == (june + may + april + march + july) / 10
    assert by_month.seat_excess_months["steady"] == 0  # five people on the ten seats of today
    assert by_month.seat_excess_months["quiet"] == 0


def test_full_seats_in_a_row_up_to_now(by_month: pd.DataFrame) -> None:
    assert by_month.months_full_in_a_row["acme"] == len(["June", "May"])  # 9 of 10 in April
    assert by_month.months_full_in_a_row["steady"] == 0
    assert by_month.months_full_in_a_row["quiet"] == 0


def test_where_no_seats_are_sold_none_were_full(by_month: pd.DataFrame) -> None:
    assert isnan(by_month.seat_excess_months["metered"])
    assert isnan(by_month.months_full_in_a_row["metered"])


def test_a_month_that_is_not_over_is_none() -> None:
    later = rows_of(base(subscriptions=TEN_SEATS, usage_events=MONTHS), [date(2026, 6, 30)]).loc["acme"].iloc[0]
    assert later.months_full_in_a_row == len(["May"])


def test_where_days_are_counted_the_largest_of_a_month_stands_for_it() -> None:
    counted = rows_of(base(subscriptions=TEN_SEATS, usage_daily=DAYS)).droplevel("snapshot_date")
    assert counted.seat_excess_months["acme"] == ((10 - 8) + (10 - 8) + (14 - 8)) / 10
    assert counted.months_full_in_a_row["acme"] == 2
    assert counted.seat_excess_months["quiet"] == 0
    assert isnan(counted.seat_excess_months["steady"])  # used, and nobody counted by how many
    assert isnan(counted.months_full_in_a_row["steady"])


# --- registered users -------------------------------------------------------------------------------------------------


def test_seven_people_are_registered(row: pd.Series) -> None:
    assert row.registered_users == len(["ann", "cid", "dee", "fay", "gus", "hal", "ida"])  # cid leaves today


def test_seven_people_on_fifty_seats(row: pd.Series) -> None:
    assert row.registered_users_per_seat == 7 / 50


def test_users_added(row: pd.Series) -> None:
    assert row.users_created_28d == len(["gus", "hal"])  # fay came the day before the window
    assert row.users_created_91d == len(["dee", "fay", "gus", "hal"])  # ida came the day before it


def test_users_who_left(row: pd.Series) -> None:
    assert row.users_deactivated_91d == len(["bob", "eva"])  # jon left the day before the window


def test_two_of_fifty_seats_changed_hands(row: pd.Series, rows: pd.DataFrame) -> None:
    came, left = ["dee", "fay", "gus", "hal"], ["bob", "eva"]
    assert row.seats_reassigned_share_91d == min(len(came), len(left)) / 50
    assert rows.seats_reassigned_share_91d["idle"] == 0 / 10
    assert isnan(rows.seats_reassigned_share_91d["metered"])


def test_nobody_registered_is_zero_users(rows: pd.DataFrame) -> None:
    idle = rows.loc["idle"]
    assert idle.registered_users == 0
    assert idle.registered_users_per_seat == 0 / 10
    assert idle.teams == 0
    assert isnan(idle.other_domain_share)


def test_a_user_without_a_date_counts_nowhere(rows: pd.DataFrame) -> None:
    metered = rows.loc["metered"]
    assert metered.registered_users == len(["moe"])  # nil may have come after the snapshot
    assert metered.users_created_91d == 0
    assert isnan(metered.registered_users_per_seat)


# --- teams and domains ------------------------------------------------------------------------------------------------


def test_teams_with_people(row: pd.Series) -> None:
    assert row.teams == len(["sales", "finance", "support", "berlin"])  # nobody is left in the lab


def test_a_team_is_new_if_nobody_was_in_it_before(row: pd.Series) -> None:
    assert row.teams_new_91d == len(["berlin"])  # eva began support long ago, cid finance the day before the window


def test_people_of_new_teams_who_use_it(row: pd.Series, rows: pd.DataFrame) -> None:
    growing = rows.loc["growing"]
    assert growing.teams_new_91d == len(["berlin"])
    assert growing.new_team_users_active_28d == len(["user-01", "user-02"])  # 03 has left, and 04 was here on the 2nd
    assert row.new_team_users_active_28d == 0
    assert rows.new_team_users_active_28d["idle"] == 0


def test_people_of_other_domains(row: pd.Series) -> None:
    assert row.other_domain_users_91d == len(["gus", "hal"])  # ida came the day before the window
    assert row.other_domain_share == len(["gus", "hal", "ida"]) / 7


def test_of_two_equal_domains_one_is_the_main_one(rows: pd.DataFrame) -> None:
    assert rows.other_domain_share["crowded"] == 1 / 2


def test_a_user_without_a_domain_is_of_no_other_domain(rows: pd.DataFrame) -> None:
    assert rows.other_domain_share["metered"] == 0 / 1
    assert rows.teams["metered"] == 0
