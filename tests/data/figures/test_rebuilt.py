"""Until when a month may change, and why it did."""

from datetime import date

import pandas as pd

from data.figures.rebuilt import rebuilt, settled_before
from data.ledger.rules import ExpansionRules
from tests.data.figures.drawing import drawn_figures, only

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
