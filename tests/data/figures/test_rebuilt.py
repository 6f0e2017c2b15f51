"""Until when a month may change, and why it did."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from data.currency import in_reporting_currency
from data.figures.rebuilt import (
    LATE,
    READ_ANEW,
    REWRITTEN,
    account_rows,
    rebuilt,
    rewritten_accounts,
    settled_before,
)
from data.ledger.rules import ExpansionRules
from data.sources.known import as_of
from tests.data.figures.drawing import drawn_figures, only
from tests.drawn import base, known

MOVED = """
    account_id | product | plan | mrr | seats | valid_from | valid_to
    acme       | crm     | pro  | 200 | 10    | 2025-01-01 | 2026-04-20
    acme       | suite   | pro  | 300 | 10    | 2026-06-10 |
    best       | crm     | pro  | 100 | 10    | 2025-01-01 |
"""


def test_a_month_is_not_settled_while_what_ended_in_it_may_have_been_moved() -> None:
    rules, then = ExpansionRules(moved_within_days=60), date(2026, 6, 1)
    ended = "\n".join(line for line in MOVED.splitlines() if "suite" not in line)
    before = drawn_figures(then, rules, subscriptions=ended)
    after = drawn_figures(date(2026, 7, 1), rules, subscriptions=MOVED)
    april = only(before["bridge"], month="2026-04-01")
    assert (april["churn"], april["settled"]) == (-200, False)  # though it is over for more than 30 days
    changed = rebuilt(before["account_movements"], after["account_movements"], then, set(), rules)
    assert [(row.movement, row.after_e4, row.why) for row in changed.itertuples()] == [
        ("churn", 0, "the month was not settled")
    ]


def test_without_moves_a_month_is_settled_when_it_cannot_be_renewed_late_any_more() -> None:
    assert str(settled_before(date(2026, 7, 31), ExpansionRules())) == "2026-07-01"
    assert str(settled_before(date(2026, 7, 31), ExpansionRules(moved_within_days=10))) == "2026-07-01"


def test_another_rate_is_no_other_reading_of_bills_alone() -> None:
    rows = pd.DataFrame({"account_id": ["a"], "month": pd.to_datetime(["2026-01-01"]), "movement": ["new"]})
    before, after = rows.assign(mrr_e4=150_0000), rows.assign(mrr_e4=125_0000)
    (row,) = rebuilt(before, after, date(2026, 6, 1), set(), ExpansionRules()).why
    assert "a rate" in row


LINES = """
    account_id | product | plan | mrr | seats | valid_from | valid_to   | known_at
    acme       | core    | pro  | 100 | 10    | 2025-01-01 |            |
    best       | core    | pro  | 200 | 20    | 2025-01-01 | 2026-06-10 |
    cold       | core    | pro  | 300 | 30    | 2025-01-01 |            |
"""


def told_on(day: date, lines: str, **tables: str) -> pd.DataFrame:
    """``account_rows`` of the 1st of June 2026, as a source has them on a later day."""
    there = known(in_reporting_currency(base(subscriptions=lines, **tables), day), day)
    return account_rows(replace(there, tables=as_of(there.tables, day)), date(2026, 6, 1))


def rewritten(then: str, now: str) -> set[str]:
    return rewritten_accounts(told_on(date(2026, 6, 1), then), told_on(date(2026, 7, 1), now))


def test_an_end_and_a_row_that_came_later_are_not_rewritten() -> None:
    assert rewritten(LINES, f"{LINES}    dune | core | pro | 50 | 5 | 2026-03-01 | | 2026-06-05\n") == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("| 300 | 30 ", "| 310 | 30 "),  # another amount
        ("cold       | core    | pro  | 300 | 30    | 2025-01-01 |            |\n", "\n"),  # taken away
        ("| 30    | 2025-01-01 | ", "| 30 | 2025-01-01 | 2026-04-01"),  # ended, as if on its day
        ("\n    cold", "\n    cold | core | pro | 9 | 1 | 2025-02-01 | |\n    cold"),  # added, as if known in time
    ],
)  # fmt: skip
def test_a_row_that_says_otherwise_without_a_word_of_when_is_rewritten(before: str, after: str) -> None:
    assert before in LINES
    assert rewritten(LINES, LINES.replace(before, after)) == {"cold"}


def test_a_rate_rewrites_no_row() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from | currency
        acme       | core    | pro  | 100 | 2025-01-01 | EUR
        best       | core    | pro  | 100 | 2025-01-01 |
    """
    then, now = (
        told_on(date(2026, 6, 1), lines, fx_rates=f"currency | month | rate\nEUR | 2026-01-01 | {rate}")
        for rate in (1.1, 1.2)
    )
    assert rewritten_accounts(then, now) == set()


def test_other_columns_say_nothing_and_a_table_that_came_does() -> None:
    """From June to July the amounts became converted ones, whose hashes are of the other columns."""
    rated = LINES.replace("| known_at", "| currency").replace("| 2025-01-01 |            |", "| 2025-01-01 | | EUR")
    then = told_on(date(2026, 6, 1), rated)
    now = told_on(date(2026, 7, 1), rated, fx_rates="currency | month | rate\nEUR | 2026-01-01 | 1.1")
    assert rewritten_accounts(then, now) == set()
    assert rewritten_accounts(then.iloc[:0], then) == {"acme", "best", "cold"}


def test_other_hashes_of_another_engine_say_nothing() -> None:
    then = told_on(date(2026, 6, 1), LINES)
    other = then.assign(engine="duckdb 0.1", rows_hash=then["rows_hash"] + 1)
    assert rewritten_accounts(other, then) == set()
    assert rewritten_accounts(then.assign(rows_hash=then["rows_hash"] + 1), then) == {"acme", "best", "cold"}


def test_why_names_the_first_cause_that_is_known() -> None:
    rows = pd.DataFrame({"account_id": list("abc"), "month": pd.to_datetime(["2026-01-01"] * 3), "movement": "new"})
    changed = rebuilt(
        rows.assign(mrr_e4=1), rows.assign(mrr_e4=2), date(2026, 6, 1), {"a"}, ExpansionRules(), {"a", "b"}
    )
    assert list(changed.why) == [LATE, REWRITTEN, READ_ANEW]
