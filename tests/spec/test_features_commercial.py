"""What an account has bought, when it last changed, and what is left to buy. The snapshot is the 1st of July 2026."""

from datetime import date
from math import isnan

import pandas as pd
import pytest

from tests.drawn import SNAPSHOT, base, row_of, rows_of

ACCOUNTS = """
    account_id | name | created_at | employees
    acme       | Acme | 2024-07-01 | 200
"""
PLANS = """
    product  | plan       | tier | seat_price
    core     | team       | 1    | 12
    core     | business   | 2    | 20
    core     | enterprise | 3    | 30
    insights | basic      | 1    |
    insights | plus       | 2    |
    api      | metered    | 1    |
"""
HISTORY = """
    account_id | product  | plan     | mrr | seats | valid_from | valid_to   | renews_on  | known_at
    acme       | core     | team     | 200 | 20    | 2024-07-01 | 2025-02-01 |            |
    acme       | core     | team     | 300 | 30    | 2025-02-01 | 2025-09-01 |            |
    acme       | core     | team     | 330 | 30    | 2025-09-01 | 2026-03-01 |            |
    acme       | core     | business | 540 | 30    | 2026-03-01 |            | 2026-12-01 |
    acme       | insights | basic    | 100 |       | 2025-12-01 | 2026-05-01 |            |
    acme       | insights | basic    | 80  |       | 2026-05-01 |            | 2026-08-01 |
    calm       | core     | team     | 120 | 10    | 2024-01-01 |            | 2026-07-01 |
    fresh      | legacy   | gold     | 500 |       | 2026-06-30 |            | 2026-06-30 |
    leaver     | core     | team     | 100 | 10    | 2025-01-01 | 2026-07-01 |            |
    leaver     | insights | basic    | 50  |       | 2025-01-01 | 2026-06-30 |            |
    tomorrow   | core     | team     | 100 | 10    | 2025-01-01 | 2026-07-01 |            |
    tomorrow   | core     | business | 200 | 10    | 2026-07-01 |            |            |
    hearsay    | core     | team     | 100 | 10    | 2025-01-01 |            |            |
    hearsay    | core     | team     | 40  | 4     | 2026-06-01 |            |            | 2026-06-30
    hearsay    | insights | basic    | 50  |       | 2026-06-01 |            |            | 2026-07-01
    yearling   | core     | team     | 100 | 10    | 2024-01-01 | 2025-06-30 |            |
    yearling   | core     | team     | 150 | 15    | 2025-06-30 | 2025-07-01 |            |
    yearling   | core     | team     | 200 | 20    | 2025-07-01 |            |            |
    shrunk     | core     | team     | 300 | 30    | 2024-01-01 | 2025-06-30 |            |
    shrunk     | core     | team     | 200 | 20    | 2025-06-30 | 2025-07-01 |            |
    shrunk     | core     | team     | 100 | 10    | 2025-07-01 |            |            |
    rounded    | core     | team     | 100 | 10    | 2025-01-01 | 2026-03-01 |            |
    rounded    | core     | team     | 101 | 10    | 2026-03-01 | 2026-06-01 |            |
    rounded    | core     | team     | 102 | 10    | 2026-06-01 |            |            |
    doubled    | core     | team     | 100 | 10    | 2025-01-01 | 2026-05-01 |            |
    doubled    | core     | team     | 200 | 20    | 2026-05-01 |            |            |
    doubled    | api      | metered  | 50  |       | 2025-01-01 | 2026-05-01 |            |
    doubled    | api      | metered  | 40  |       | 2026-05-01 | 2026-06-01 |            |
    doubled    | api      | metered  | 30  |       | 2026-06-01 |            |            |
    doubled    | insights | basic    | 25  |       | 2026-05-01 |            |            |
    returned   | core     | team     | 100 | 10    | 2024-01-01 | 2025-01-01 |            |
    returned   | insights | basic    | 50  |       | 2026-05-01 |            |            |
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rows = rows_of(base(accounts=ACCOUNTS, plans=PLANS, subscriptions=HISTORY))
    return rows.droplevel("snapshot_date")


@pytest.fixture
def row(rows: pd.DataFrame) -> pd.Series:
    return rows.loc["acme"]


# --- what it has ------------------------------------------------------------------------------------------------------


def test_the_first_contract_began_two_years_ago(row: pd.Series) -> None:
    assert row.tenure_days == 365 + 365


def test_a_customer_since_yesterday_has_a_tenure_of_one_day(rows: pd.DataFrame) -> None:
    assert rows.tenure_days["fresh"] == 1


def test_mrr_is_that_of_the_open_lines(row: pd.Series) -> None:
    assert row.mrr == 540 + 80


def test_two_contracts_for_one_product_are_added_up(rows: pd.DataFrame) -> None:
    hearsay = rows.loc["hearsay"]
    assert hearsay.mrr == 100 + 40
    assert hearsay.seats == 10 + 4
    assert hearsay.products == 1


def test_seats_are_those_of_the_open_lines_that_are_sold_by_seat(row: pd.Series) -> None:
    assert row.seats == 30


def test_an_account_that_buys_no_seats_has_none_rather_than_zero(rows: pd.DataFrame) -> None:
    fresh = rows.loc["fresh"]
    assert isnan(fresh.seats)
    assert isnan(fresh.mrr_per_seat)


def test_mrr_per_seat(row: pd.Series) -> None:
    assert row.mrr_per_seat == 620 / 30


def test_thirty_seats_for_540_where_the_list_says_20_each(row: pd.Series) -> None:
    assert row.list_price_discount == (30 * 20 - 540) / (30 * 20)


def test_without_a_list_price_there_is_no_discount_to_speak_of(rows: pd.DataFrame) -> None:
    assert isnan(rows.list_price_discount["fresh"])


def test_it_owns_core_and_insights_and_not_the_api(row: pd.Series) -> None:
    assert row.products == 2
    assert row.products_not_owned == 1


def test_a_product_that_is_not_on_the_price_list_still_leaves_three_to_buy(rows: pd.DataFrame) -> None:
    assert rows.products["fresh"] == 1
    assert rows.products_not_owned["fresh"] == 3


def test_the_newest_open_line_began_on_the_1st_of_may(row: pd.Series) -> None:
    assert row.line_age_days == 31 + 30


def test_two_lines_are_open(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.lines_open == len(["core", "insights"])
    assert rows.lines_open["hearsay"] == 2


def test_the_contract_that_renews_next_began_on_the_1st_of_may_and_renews_on_the_1st_of_august(row: pd.Series) -> None:
    assert row.contract_term_days == 31 + 30 + 31


def test_a_contract_that_renews_today_ran_for_two_and_a_half_years(rows: pd.DataFrame) -> None:
    assert rows.contract_term_days["calm"] == 366 + 365 + 181
    assert isnan(rows.contract_term_days["fresh"])


def test_the_next_renewal_is_that_of_insights_on_the_1st_of_august(row: pd.Series) -> None:
    assert row.days_to_renewal == 31


def test_a_renewal_on_the_snapshot_day_is_still_to_come(rows: pd.DataFrame) -> None:
    assert rows.days_to_renewal["calm"] == 0


def test_a_renewal_date_that_has_passed_is_not_in_sight(rows: pd.DataFrame) -> None:
    assert isnan(rows.days_to_renewal["fresh"])


# --- how it got there -------------------------------------------------------------------------------------------------


def test_the_last_expansion_was_the_upsell_of_the_1st_of_march(row: pd.Series) -> None:
    assert row.days_since_expansion == 31 + 30 + 31 + 30
    assert row.days_since_upsell == 122


def test_seats_were_last_added_on_the_1st_of_february_of_last_year(row: pd.Series) -> None:
    assert row.days_since_seat_expansion == 28 + 31 + 30 + 31 + 30 + 365


def test_insights_was_a_cross_sell_on_the_1st_of_december(row: pd.Series) -> None:
    assert row.days_since_cross_sell == 31 + 31 + 28 + 31 + 30 + 31 + 30


def test_the_last_expansion_was_an_upsell(row: pd.Series) -> None:
    assert row.last_expansion_was_upsell == 1
    assert row.last_expansion_was_seat == 0
    assert row.last_expansion_was_cross_sell == 0


def test_on_one_day_it_may_have_been_two_kinds_and_never_is_missing(rows: pd.DataFrame) -> None:
    doubled, calm = rows.loc["doubled"], rows.loc["calm"]
    assert (doubled.last_expansion_was_seat, doubled.last_expansion_was_cross_sell) == (1, 1)
    assert doubled.last_expansion_was_upsell == 0
    assert isnan(calm.last_expansion_was_seat)


def test_three_expansions_two_of_them_within_a_year(row: pd.Series) -> None:
    assert row.expansions == 3
    assert row.expansions_365d == 2


def test_the_upsell_of_core_took_the_account_from_430_to_640(row: pd.Series) -> None:
    core, insights = 330, 100
    assert row.last_expansion_share == (540 - core) / (core + insights)


def test_two_expansions_of_one_day_are_one_and_what_shrinks_that_day_was_there_before(rows: pd.DataFrame) -> None:
    before = 100 + 50  # core and the api; the api shrank on the day, and again since
    assert rows.last_expansion_share["doubled"] == ((200 - 100) + 25) / before


def test_a_product_sold_to_who_had_nothing_left_has_no_mrr_to_compare_it_with(rows: pd.DataFrame) -> None:
    assert rows.expansions["returned"] == 1
    assert isnan(rows.last_expansion_share["returned"])


def test_insights_shrank_on_the_1st_of_may(row: pd.Series) -> None:
    assert row.contractions_365d == 1
    assert row.days_since_contraction == 31 + 30


def test_the_same_seats_for_more_money_were_a_price_rise_on_the_1st_of_september(row: pd.Series) -> None:
    assert row.days_since_price_rise == 30 + 31 + 30 + 31 + 31 + 28 + 31 + 30 + 31 + 30


def test_less_than_one_percent_more_is_rounding_and_no_price_rise(rows: pd.DataFrame) -> None:
    assert rows.days_since_price_rise["rounded"] == 31 + 30 + 31 + 30  # 101 is 1% more than 100, and 102 is not of 101


def test_mrr_was_300_a_year_ago_and_is_620_now(row: pd.Series) -> None:
    assert row.mrr_growth_365d == (620 - 300) / 300


def test_mrr_fell_by_20_within_91_days(row: pd.Series, rows: pd.DataFrame) -> None:
    assert row.mrr_growth_91d == (620 - 640) / 640  # insights, on the 1st of May
    assert rows.mrr_growth_91d["calm"] == 0
    assert isnan(rows.mrr_growth_91d["fresh"])


def test_nothing_changed_for_years(rows: pd.DataFrame) -> None:
    calm = rows.loc["calm"]
    assert calm.mrr_growth_365d == 0
    assert calm.expansions == 0
    assert isnan(calm.days_since_expansion)
    assert isnan(calm.last_expansion_share)
    assert isnan(calm.days_since_contraction)


def test_who_was_no_customer_a_year_ago_has_no_growth_of_mrr(rows: pd.DataFrame) -> None:
    assert isnan(rows.mrr_growth_365d["fresh"])


def test_the_365th_day_counts_and_the_day_before_it_does_not(rows: pd.DataFrame) -> None:
    yearling, shrunk = rows.loc["yearling"], rows.loc["shrunk"]
    assert yearling.expansions == 2
    assert yearling.expansions_365d == 1
    assert yearling.mrr_growth_365d == (200 - 150) / 150
    assert shrunk.contractions_365d == 1
    assert shrunk.days_since_contraction == 365


# --- edges of time ----------------------------------------------------------------------------------------------------


def test_an_end_on_the_snapshot_day_is_not_known_yet_and_one_on_the_day_before_is(rows: pd.DataFrame) -> None:
    leaver = rows.loc["leaver"]
    assert leaver.mrr == 100
    assert leaver.products == 1
    assert leaver.days_since_contraction == 1


def test_an_upsell_on_the_snapshot_day_has_not_happened(rows: pd.DataFrame) -> None:
    tomorrow = rows.loc["tomorrow"]
    assert tomorrow.mrr == 100
    assert tomorrow.tier == 1
    assert isnan(tomorrow.days_since_upsell)


def test_a_line_counts_once_the_source_has_learnt_of_it(rows: pd.DataFrame) -> None:
    hearsay = rows.loc["hearsay"]
    assert hearsay.days_since_seat_expansion == 30  # began on the 1st of June, known on the 30th
    assert hearsay.products == 1  # insights began on the 1st of June too, and was not known before the 1st of July
    assert isnan(hearsay.days_since_cross_sell)


# --- room to grow -----------------------------------------------------------------------------------------------------


def test_business_is_the_second_tier(row: pd.Series) -> None:
    assert row.tier == 2


def test_above_it_are_enterprise_and_the_plus_plan_of_insights(row: pd.Series) -> None:
    assert row.tiers_above == 2


def test_a_plan_that_is_not_on_the_list_has_no_tier(rows: pd.DataFrame) -> None:
    assert isnan(rows.tier["fresh"])
    assert rows.tiers_above["fresh"] == 0


def test_thirty_seats_for_two_hundred_people(row: pd.Series) -> None:
    assert row.employees == 200
    assert row.seats_per_employee == 30 / 200


def test_employees_that_nobody_wrote_down_are_missing(rows: pd.DataFrame) -> None:
    assert isnan(rows.employees["calm"])
    assert isnan(rows.seats_per_employee["calm"])


def test_july_is_outside_the_budget_window(row: pd.Series) -> None:
    assert row.month_of_year == 7
    assert row.budget_window == 0


def test_the_budget_window_runs_from_october_to_march() -> None:
    line = """
        account_id | product | plan | mrr | valid_from
        acme       | core    | team | 100 | 2024-01-01
    """
    days = [date(2025, 9, 30), date(2025, 10, 1), date(2026, 3, 31), date(2026, 4, 1), SNAPSHOT]
    seasons = rows_of(base(subscriptions=line), days)
    assert list(seasons.budget_window) == [0, 1, 1, 0, 0]
    assert list(seasons.month_of_year) == [9, 10, 3, 4, 7]


def test_without_a_price_list_an_upsell_is_another_plan_at_more_per_seat() -> None:
    row = row_of(
        subscriptions="""
        account_id | product | plan     | mrr | seats | valid_from | valid_to
        acme       | core    | team     | 100 | 10    | 2025-01-01 | 2026-06-01
        acme       | core    | business | 200 | 10    | 2026-06-01 |
    """
    )
    assert row.days_since_upsell == 30
    assert "tier" not in row
    assert "products_not_owned" not in row
