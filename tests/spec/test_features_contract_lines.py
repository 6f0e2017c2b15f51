"""Which contract lines count, and from when: versions, discounts, ends that were booked late, ramps, renamed products.

The snapshot is the 1st of July 2026.
"""

from datetime import date

import pandas as pd
import pytest

from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.sources.known import as_of
from data.time_cut import Tables
from features.cohort import cohort
from features.labels import labels
from tests.drawn import SNAPSHOT, base, row_of, rows_of

E4 = 10_000
RULES = ExpansionRules()


def moves(tables: Tables, rules: ExpansionRules = RULES) -> list[str]:
    """The ledger as people read it: day, product, class and change of MRR."""
    rows = ledger(as_of(tables, SNAPSHOT), rules, SNAPSHOT).to_pandas().sort_values(["day", "product"])
    return [
        f"{pd.Timestamp(row.day).date()} {row['product']} {row.movement_class} {row.delta_mrr_e4 / E4:+.0f}"
        for _, row in rows.iterrows()
    ]


# --- contracts --------------------------------------------------------------------------------------------------------


def test_a_later_line_of_a_contract_replaces_the_one_before_and_leaves_other_contracts_alone() -> None:
    lines = """
        account_id | product | plan | mrr | seats | valid_from | valid_to | contract_id
        acme       | core    | team | 100 | 10    | 2025-01-01 |          | c1
        acme       | core    | team | 200 | 20    | 2025-01-01 |          | c2
        acme       | core    | team | 150 | 15    | 2026-03-01 |          | c1
    """
    row = row_of(subscriptions=lines)
    assert (row.mrr, row.seats, row.lines_open) == (150 + 200, 15 + 20, 2)
    assert moves(base(subscriptions=lines)) == ["2025-01-01 core new +300", "2026-03-01 core seat +50"]


def test_a_contract_that_goes_on_for_free_is_paid_for_no_more_and_a_trial_beside_it_ends_nothing() -> None:
    lines = """
        account_id | product | plan | mrr | seats | valid_from | valid_to   | contract_id | kind
        acme       | core    | team | 100 | 10    | 2025-01-01 |            | c1          |
        acme       | mail    | one  | 50  | 10    | 2025-01-01 |            | c2          |
        acme       | core    | free | 0   | 10    | 2026-03-01 |            | c1          | free
        acme       | mail    | plus | 0   | 10    | 2026-04-01 | 2026-05-01 | c2          | trial
    """
    row = row_of(subscriptions=lines)
    assert (row.mrr, row.seats, row.lines_open) == (50, 10, 1)
    assert moves(base(subscriptions=lines)) == [
        "2025-01-01 core new +100",
        "2025-01-01 mail new +50",
        "2026-03-01 core churn -100",
    ]


def test_a_line_that_was_voided_as_it_began_makes_nobody_a_customer_for_years() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from | valid_to   | ends_known_at
        acme       | core    | team | 100 | 2019-01-01 | 2019-01-01 |
        acme       | core    | team | 100 | 2026-06-01 |            |
        bolt       | core    | team | 100 | 2025-07-01 | 2025-07-01 | 2025-09-01
        bolt       | core    | team | 100 | 2026-06-01 |            |
    """
    tenure_days = rows_of(base(subscriptions=lines)).tenure_days.droplevel("snapshot_date")
    assert tenure_days.to_dict() == {"acme": 30, "bolt": 365}  # bolt's was believed in for two months


def test_lines_of_two_contracts_that_overlap_are_added_up() -> None:
    row = row_of(
        subscriptions="""
        account_id | product | plan | mrr | seats | valid_from | valid_to | contract_id
        acme       | core    | team | 100 | 10    | 2025-07-20 |          | c1
        acme       | core    | team | 100 | 10    | 2026-06-25 |          | c2
    """
    )
    assert (row.mrr, row.seats, row.expansions) == (200, 20, 1)


@pytest.mark.parametrize(
    ("line", "renews_on", "seats"),
    [
        ("a year after the first day it is due", "", 10),
        ("it is due on its renewal day", "2026-07-10", 10),
        ("its renewal day is far", "2026-12-01", 20),
    ],
)
def test_a_renewal_signed_weeks_early_takes_the_place_of_the_line_that_is_due(
    line: str, renews_on: str, seats: int
) -> None:
    row = row_of(
        subscriptions=f"""
        account_id | product | plan | mrr | seats | valid_from | valid_to   | renews_on
        acme       | core    | team | 500 | 10    | 2025-07-10 | 2026-07-10 | {renews_on}
        acme       | core    | team | 500 | 10    | 2026-06-20 | 2027-07-10 | 2027-07-10
    """
    )
    assert (row.seats, row.mrr) == (seats, 50 * seats), line
    assert row.expansions == int(seats == 20)


# --- kinds ------------------------------------------------------------------------------------------------------------


def test_a_discount_is_taken_off_and_is_no_line_of_its_own() -> None:
    lines = """
        account_id | product | plan         | mrr | seats | valid_from | valid_to   | kind
        acme       | core    | team         | 500 | 10    | 2025-01-01 |            | paid
        acme       | core    | 10% for long | -50 | 10    | 2025-01-01 | 2026-03-01 | discount
        acme       | core    | 5% for long  | -25 |       | 2026-03-01 |            | discount
    """
    row = row_of(subscriptions=lines)
    assert (row.mrr, row.seats, row.lines_open) == (500 - 25, 10, 1)
    assert moves(base(subscriptions=lines)) == ["2025-01-01 core new +450", "2026-03-01 core price +25"]


def test_trials_pilots_and_the_company_itself_are_no_customers() -> None:
    """Their kind says so; an MRR of 0 alone says nothing (contract, section 1: every account with an open line)."""
    lines = base(
        subscriptions="""
        account_id | product | plan | mrr | valid_from | kind
        payer      | core    | team | 100 | 2026-01-01 | paid
        gift       | core    | team | 0   | 2026-01-01 | paid
        trial      | core    | team | 100 | 2026-01-01 | trial
        pilot      | core    | team | 100 | 2026-01-01 | pilot
        ourselves  | core    | team | 100 | 2026-01-01 | internal
        unsaid     | core    | team | 0   | 2026-01-01 |
    """
    )
    assert set(cohort(lines, [SNAPSHOT]).to_pandas().account_id) == {"payer", "gift", "unsaid"}


# --- what was known ---------------------------------------------------------------------------------------------------


def test_an_end_that_became_known_late_takes_nobody_out_of_the_base_before() -> None:
    tables = base(
        subscriptions="""
        account_id | product | plan | mrr | seats | valid_from | valid_to   | known_at   | ends_known_at
        acme       | core    | team | 500 | 10    | 2025-01-01 | 2026-06-01 |            | 2026-06-18
        acme       | core    | team | 800 | 16    | 2026-06-01 |            | 2026-06-18 |
    """
    )
    days = [date(2026, 6, 10), date(2026, 6, 18), date(2026, 6, 19)]
    rows = rows_of(tables, days).loc["acme"]
    assert list(rows.mrr) == [500, 500, 800]
    assert list(rows.seats) == [10, 10, 16]


def test_notice_is_known_from_its_day_and_the_end_that_it_leads_to_is_not() -> None:
    tables = base(
        subscriptions="""
        account_id | product | plan | mrr | valid_from | valid_to   | notice_at
        acme       | core    | team | 500 | 2025-01-01 | 2026-07-20 | 2026-06-21
    """
    )
    rows = rows_of(tables, [date(2026, 6, 21), SNAPSHOT], absent=frozenset()).loc["acme"]
    assert list(rows.lines_under_notice) == [0, 1]
    assert rows.days_since_notice.iloc[1] == 10
    assert list(rows.mrr) == [500, 500]


# --- steps agreed at signing ------------------------------------------------------------------------------------------


def test_a_step_agreed_at_signing_is_a_ramp_and_nothing_to_foretell() -> None:
    tables = base(
        subscriptions="""
        account_id | product | plan | mrr | seats | valid_from | valid_to   | booked_at
        acme       | core    | team | 500 | 50    | 2025-01-01 | 2026-08-01 | 2024-12-20
        acme       | core    | team | 900 | 90    | 2026-08-01 |            | 2024-12-20
        later      | core    | team | 500 | 50    | 2025-01-01 | 2026-08-01 | 2024-12-20
        later      | core    | team | 900 | 90    | 2026-08-01 |            | 2026-06-20
        fresh      | core    | team | 500 | 50    | 2025-01-01 | 2026-08-01 | 2024-12-20
        fresh      | core    | team | 900 | 90    | 2026-08-01 |            | 2026-07-20
    """
    )
    by_account = ledger(tables, RULES, date(2027, 1, 1)).to_pandas().query("day > '2026-01-01'")
    assert dict(zip(by_account.account_id, by_account.movement_class, strict=True)) == {
        "acme": "ramp",
        "later": "seat",
        "fresh": "seat",
    }
    found = labels(tables, cohort(tables, [SNAPSHOT]), RULES).to_pandas().set_index("account_id")
    assert dict(found.expanded) == {"acme": 0, "later": 0, "fresh": 1}  # what was signed in June is no news in July


# --- names ------------------------------------------------------------------------------------------------------------


RENAMED = """
        product | successor | from_day
        mail    | inbox     | 2026-04-01
        inbox   | post      | 2026-08-01
    """


def test_a_product_that_became_another_neither_churns_nor_is_bought_anew() -> None:
    lines = """
        account_id | product | plan | mrr | seats | valid_from | valid_to
        acme       | mail    | one  | 100 | 10    | 2025-01-01 | 2026-03-20
        acme       | inbox   | one  | 150 | 15    | 2026-04-10 |
    """
    assert moves(base(subscriptions=lines, product_succession=RENAMED)) == [
        "2025-01-01 inbox new +100",
        "2026-04-10 inbox seat +50",
    ]
    assert moves(base(subscriptions=lines)) == [
        "2025-01-01 mail new +100",
        "2026-03-20 mail churn -100",
        "2026-04-10 inbox cross_sell +150",
    ]


def test_who_has_the_old_product_is_not_offered_the_new_one_and_nobody_the_old() -> None:
    row = row_of(
        subscriptions="""
        account_id | product | plan | mrr | valid_from
        acme       | mail    | one  | 100 | 2025-01-01
    """,
        plans="""
        product | plan | tier
        mail    | one  | 1
        inbox   | one  | 1
        chat    | one  | 1
    """,
        product_succession=RENAMED,
    )
    assert (row.products, row.products_not_owned) == (1, 1)


def test_where_only_amounts_are_known_the_settings_say_whether_a_rise_is_an_upsell() -> None:
    tables = base(
        subscriptions="""
        account_id | product | plan | mrr | valid_from | valid_to
        acme       | core    | core | 100 | 2025-01-01 | 2025-09-01
        acme       | core    | core | 105 | 2025-09-01 | 2026-03-01
        acme       | core    | core | 140 | 2026-03-01 |
    """
    )
    assert moves(tables)[1:] == ["2025-09-01 core price +5", "2026-03-01 core price +35"]
    assert moves(tables, ExpansionRules(amount_only=True))[1:] == [
        "2025-09-01 core price +5",
        "2026-03-01 core upsell +35",
    ]


def test_where_only_amounts_are_known_the_end_of_a_discount_is_no_upsell() -> None:
    tables = base(
        subscriptions="""
        account_id | product | plan         | mrr | valid_from | valid_to   | kind
        acme       | core    | core         | 100 | 2025-01-01 |            |
        acme       | core    | three months | -50 | 2025-01-01 | 2025-04-01 | discount
        bolt       | mail    | mail         | 100 | 2025-01-01 | 2025-04-01 |
        bolt       | mail    | mail         | 140 | 2025-04-01 |            |
        bolt       | mail    | three months | -50 | 2025-01-01 | 2025-04-01 | discount
    """
    )
    assert moves(tables, ExpansionRules(amount_only=True)) == [
        "2025-01-01 core new +50",
        "2025-01-01 mail new +50",
        "2025-04-01 core price +50",
        "2025-04-01 mail upsell +90",  # the discount ended on the day on which 40 more was bought
    ]
