"""People and dated facts from the CRM, and what came of earlier plays. The snapshot is the 1st of July 2026."""

from math import isnan

import pandas as pd
import pytest

from tests.drawn import base, drawn, row_of, rows_of

CUSTOMERS = """
    account_id | product | plan | mrr | valid_from
    acme       | core    | team | 100 | 2025-01-01
    silent     | core    | team | 100 | 2025-01-01
    eager      | core    | team | 100 | 2025-01-01
    settled    | core    | team | 100 | 2025-01-01
    early      | core    | team | 100 | 2025-01-01
    reopened   | core    | team | 100 | 2025-01-01
    sameday    | core    | team | 100 | 2025-01-01
    several    | core    | team | 100 | 2025-01-01
"""
CRM = """
    account_id | occurred_at | kind                         | amount | known_at
    acme       | 2026-06-30  | champion_promoted            |        |
    acme       | 2025-12-31  | champion_promoted            |        |
    acme       | 2025-12-30  | champion_promoted            |        |
    acme       | 2026-05-01  | champion_left                |        |
    acme       | 2025-12-30  | champion_left                |        |
    acme       | 2026-03-31  | qbr_held                     |        |
    acme       | 2026-04-01  | qbr_held                     |        |
    acme       | 2026-04-01  | qbr_gap                      |        |
    acme       | 2025-01-31  | milestone_reached            |        |
    acme       | 2025-07-01  | milestone_reached            |        |
    acme       | 2025-06-30  | milestone_reached            |        |
    acme       | 2026-06-01  | budget_opened                |        | 2026-06-30
    acme       | 2026-06-01  | budget_opened                |        | 2026-07-01
    acme       | 2026-07-01  | budget_opened                |        |
    acme       | 2026-02-01  | competitor_research          |        |
    acme       | 2026-02-02  | competitor_research          |        |
    acme       | 2026-01-01  | expansion_opportunity_opened | 5000   |
    acme       | 2026-02-01  | expansion_opportunity_closed | 5000   |
    acme       | 2026-03-01  | expansion_opportunity_opened | 8000   |
    acme       | 2026-07-01  | expansion_opportunity_closed | 8000   |
    acme       | 2026-05-01  | invoice_overdue              |        |
    acme       | 2026-05-20  | invoice_paid                 |        |
    acme       | 2026-06-20  | invoice_overdue              |        |
    acme       | 2026-05-02  | nps_response                 | 3      |
    acme       | 2026-06-02  | nps_response                 | 9      |
    acme       | 2026-06-02  | nps_response                 | 8      |
    acme       | 2026-06-29  | nps_response                 |        |
    settled    | 2026-01-01  | expansion_opportunity_opened |        |
    settled    | 2026-06-30  | expansion_opportunity_closed |        |
    settled    | 2026-06-01  | invoice_overdue              |        |
    settled    | 2026-06-30  | invoice_paid                 |        |
    eager      | 2026-07-01  | champion_promoted            |        |
    early      | 2024-12-22  | milestone_reached            |        |
    reopened   | 2026-01-01  | expansion_opportunity_opened |        |
    reopened   | 2026-02-01  | expansion_opportunity_closed |        |
    reopened   | 2026-02-02  | expansion_opportunity_closed |        |
    reopened   | 2026-06-01  | expansion_opportunity_opened |        |
    sameday    | 2026-06-01  | expansion_opportunity_opened |        |
    sameday    | 2026-06-01  | expansion_opportunity_closed |        |
    several    | 2026-01-01  | expansion_opportunity_opened |        |
    several    | 2026-02-01  | expansion_opportunity_opened |        |
    several    | 2026-03-01  | expansion_opportunity_closed |        |
"""
OUTCOMES = """
    account_id | play   | opened_at  | status  | closed_at
    acme       | seats  | 2026-06-30 | open    |
    acme       | seats  | 2026-05-01 | won     | 2026-07-01
    acme       | tier   | 2026-03-01 | lost    | 2026-04-01
    acme       | tier   | 2026-01-01 | not_now | 2026-01-31
    acme       | cross  | 2026-05-01 | not_now | 2026-05-31
    acme       | budget | 2026-07-01 | open    |
    settled    | tier   | 2026-01-01 | not_now | 2026-06-30
    settled    | cross  | 2026-01-01 | won     | 2026-05-31
    settled    | seats  | 2026-01-01 | won     | 2026-04-30
    eager      | tier   | 2026-01-01 | not_now | 2026-07-01
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    tables = base(subscriptions=CUSTOMERS, crm_events=CRM, outcomes=OUTCOMES)
    return rows_of(tables).droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


# --- people -----------------------------------------------------------------------------------------------------------


def test_two_champions_promoted_since_the_31st_of_december_the_last_one_yesterday(row: pd.Series) -> None:
    assert row.champion_promoted_182d == 2
    assert row.days_since_champion_promoted == 1


def test_one_champion_left_since_the_31st_of_december(row: pd.Series) -> None:
    assert row.champion_left_182d == 1


def test_a_promotion_of_today_has_not_happened(rows: pd.DataFrame) -> None:
    assert rows.champion_promoted_182d["eager"] == 0
    assert isnan(rows.days_since_champion_promoted["eager"])


# --- reviews, milestones, budget --------------------------------------------------------------------------------------


def test_two_business_reviews_of_which_one_named_a_gap(row: pd.Series) -> None:
    assert row.qbr_held_182d == 2
    assert row.qbr_gap_182d == 1


def test_one_milestone_since_the_1st_of_july_of_last_year(row: pd.Series) -> None:
    assert row.milestones_365d == 1


def test_the_first_milestone_came_30_days_after_the_first_contract(row: pd.Series) -> None:
    assert row.days_to_first_value == 30


def test_a_milestone_ten_days_before_the_contract(rows: pd.DataFrame) -> None:
    assert rows.days_to_first_value["early"] == -10


def test_of_three_budgets_one_was_known(row: pd.Series) -> None:
    assert row.budget_opened_182d == 1


def test_two_signs_of_competitor_research(row: pd.Series) -> None:
    assert row.competitor_research_182d == 2


def test_events_of_any_kind_since_the_1st_of_april(row: pd.Series) -> None:
    people = ["champion promoted", "champion left"]
    reviews = ["review", "gap", "budget"]
    money = ["overdue", "paid", "overdue again"]
    nps = ["May", "June", "June", "without a score"]
    assert row.crm_events_91d == len(people + reviews + money + nps)


# --- opportunities, invoices, nps -------------------------------------------------------------------------------------


def test_the_second_opportunity_is_open_until_today_is_over(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.opportunity_open == 1
    assert rows.opportunity_open["settled"] == 0


def test_an_end_ends_what_began_before_it_and_one_of_it(rows: pd.DataFrame) -> None:
    assert rows.opportunity_open["reopened"] == 1  # that it was closed twice before does not matter
    assert rows.opportunity_open["several"] == 1  # of two one was closed


def test_a_close_on_the_day_of_the_opening_closes_it(rows: pd.DataFrame) -> None:
    assert rows.opportunity_open["sameday"] == 0


def test_the_second_invoice_is_overdue(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.invoices_overdue == 1
    assert rows.invoices_overdue["settled"] == 0


STATES = """
    account_id | occurred_at | kind                         | object_id | product  | amount | known_at   | expected
    named      | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 1
    named      | 2026-04-01  | expansion_opportunity_opened | D2        |          |        |            |
    named      | 2026-05-01  | expansion_opportunity_closed | D2        |          |        |            |
    ended      | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 0
    ended      | 2026-04-01  | expansion_opportunity_opened | D2        |          |        |            |
    ended      | 2026-05-01  | expansion_opportunity_closed | D2        |          |        |            |
    ended      | 2026-05-02  | expansion_opportunity_closed | D1        |          |        |            |
    stranger   | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 1
    stranger   | 2026-05-01  | expansion_opportunity_closed | D9        |          |        |            |
    twice      | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 0
    twice      | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            |
    twice      | 2026-05-01  | expansion_opportunity_closed | D1        |          |        |            |
    again      | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 1
    again      | 2026-04-01  | expansion_opportunity_closed | D1        |          |        |            |
    again      | 2026-05-01  | expansion_opportunity_opened | D1        |          |        |            |
    late       | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 1
    late       | 2026-05-01  | expansion_opportunity_closed | D1        |          |        | 2026-07-01 |
    unknown    | 2026-03-01  | expansion_opportunity_opened |           |          |        | 2026-07-01 | 0
    unknown    | 2026-05-01  | expansion_opportunity_closed |           |          |        |            |
    half       | 2026-03-01  | expansion_opportunity_opened | D1        |          |        |            | 0
    half       | 2026-05-01  | expansion_opportunity_closed |           |          |        |            |
    counted    | 2026-03-01  | expansion_opportunity_opened |           |          |        |            | 0
    counted    | 2026-04-01  | expansion_opportunity_opened |           |          |        |            |
    counted    | 2026-05-01  | expansion_opportunity_closed |           |          |        |            |
    counted    | 2026-06-01  | expansion_opportunity_closed |           |          |        |            |
    lone       | 2026-03-01  | expansion_opportunity_closed |           |          |        |            | 1
    lone       | 2026-04-01  | expansion_opportunity_opened |           |          |        |            |
    products   | 2026-03-01  | expansion_opportunity_opened |           | core     |        |            | 1
    products   | 2026-04-01  | expansion_opportunity_closed |           | insights |        |            |
    other      | 2026-03-01  | expansion_opportunity_opened |           | core     | 500    |            | 0
    other      | 2026-04-01  | expansion_opportunity_closed |           | core     | 450    |            |
    unsaid     | 2026-03-01  | expansion_opportunity_opened |           | core     |        |            | 0
    unsaid     | 2026-04-01  | expansion_opportunity_closed |           |          |        |            |
    unpaid     | 2026-03-01  | invoice_overdue              |           |          | 100    |            | 1
    unpaid     | 2026-04-01  | invoice_paid                 |           |          | 50     |            |
    paid       | 2026-03-01  | invoice_overdue              |           |          | 100    |            | 0
    paid       | 2026-04-01  | invoice_paid                 |           |          | 100    |            |
    billed     | 2026-03-01  | invoice_overdue              | I1        |          | 100    |            | 1
    billed     | 2026-04-01  | invoice_paid                 | I2        |          | 100    |            |
"""


def test_each_deal_and_each_invoice_goes_on_until_its_own_end() -> None:
    events = drawn(STATES)
    lines = [f"{account} | core | team | 100 | 2025-01-01" for account in events.account_id.unique()]
    lines = "\n".join(["account_id | product | plan | mrr | valid_from", *lines])
    rows = rows_of(base(subscriptions=lines, crm_events=STATES)).droplevel("snapshot_date")
    expected = events.dropna(subset="expected").set_index("account_id")
    found = {
        account: rows.invoices_overdue[account] if kind.startswith("invoice") else rows.opportunity_open[account]
        for account, kind in expected.kind.items()
    }
    assert found == expected.expected.astype(float).to_dict()


def test_an_account_without_a_deal_has_no_deal_open_though_an_invoice_is_overdue() -> None:
    overdue = row_of(
        subscriptions=CUSTOMERS,
        crm_events="""
            account_id | occurred_at | kind            | object_id
            acme       | 2026-06-01  | invoice_overdue | I1
        """,
    )
    assert (overdue.invoices_overdue, overdue.opportunity_open) == (1, 0)


def test_the_latest_nps_is_the_mean_of_the_latest_day_with_a_score(row: pd.Series) -> None:
    assert row.nps_last == (9 + 8) / 2


# --- plays ------------------------------------------------------------------------------------------------------------


def test_two_plays_are_under_way_since_the_win_of_today_is_not_known(row: pd.Series) -> None:
    assert row.play_open == 2


def test_a_play_that_is_over_is_not_under_way_though_nobody_says_since_when() -> None:
    rows = rows_of(
        base(
            subscriptions=CUSTOMERS,
            outcomes="""
                account_id | play  | opened_at  | status  | closed_at
                acme       | seats | 2026-02-01 | won     |
                settled    | seats | 2026-06-21 | not_now |
                early      | seats | 2026-02-01 | open    |
                eager      | seats | 2026-02-01 | lost    | 2026-07-01
                several    | seats | 2026-02-01 | paused  |
            """,
        )
    ).droplevel("snapshot_date")
    assert rows.play_open["acme"] == 0
    assert rows.play_open["settled"] == 0
    assert rows.days_since_not_now["settled"] == 10
    assert rows.play_open["early"] == 1
    assert rows.play_open["eager"] == 1  # lost today, which is not known yet
    assert rows.play_open["several"] == 1  # nobody knows this word


def test_they_last_said_not_now_on_the_31st_of_may(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.days_since_not_now == 1 + 30
    assert rows.days_since_not_now["settled"] == 1
    assert isnan(rows.days_since_not_now["eager"])
    assert rows.play_open["eager"] == 1


def test_a_play_was_last_won_on_the_31st_of_may(row: pd.Series, rows: pd.DataFrame) -> None:
    assert rows.days_since_won["settled"] == 1 + 30
    assert isnan(row.days_since_won)  # the win of today is not known yet


def test_nothing_recorded_is_zero_and_never(rows: pd.DataFrame) -> None:
    silent = rows.loc["silent"]
    assert silent.champion_left_182d == 0
    assert silent.milestones_365d == 0
    assert silent.crm_events_91d == 0
    assert silent.opportunity_open == 0
    assert silent.invoices_overdue == 0
    assert silent.play_open == 0
    assert isnan(silent.days_since_champion_promoted)
    assert isnan(silent.days_to_first_value)
    assert isnan(silent.nps_last)
    assert isnan(silent.days_since_not_now)
    assert isnan(silent.days_since_won)
