"""Products of which one ends some days before or after another begins, where the settings call that a move."""

from datetime import date

import pytest

from data.ledger.revenue import all_lines, reconcile
from data.ledger.rules import ExpansionRules
from tests.data.ledger.test_movements import LINE, rows, stories
from tests.drawn import base

MOVED = ExpansionRules(moved_within_days=10)
APART = ExpansionRules(moved_within_days=0)

STORIES = {
    "a gap of four days": (
        """
        acme crm   pro 200 10 2023-01-01 2024-01-20
        acme suite pro 300 10 2024-01-24 -
        """,
        ["2023-01-01 crm new +200", "2024-01-24 suite upsell +100"],
    ),
    "an overlap of four days": (
        """
        acme crm   pro 200 10 2023-01-01 2024-01-24
        acme suite pro 200 10 2024-01-20 -
        """,
        ["2023-01-01 crm new +200"],  # moved from one to the other for the same money
    ),
    "an overlap in which the old one was extended": (
        """
        acme crm   pro 200 10 2023-01-01 2024-01-18
        acme crm   pro 200 10 2024-01-18 2024-01-24
        acme suite pro 300 10 2024-01-15 -
        """,
        ["2023-01-01 crm new +200", "2024-01-15 suite upsell +100"],
    ),
    "two products for one, each some days apart": (
        """
        acme crm   pro 200 10 2023-01-01 2024-01-18
        acme mail  pro 100 10 2023-01-01 2024-01-26
        acme suite pro 250 10 2024-01-20 -
        """,
        ["2023-01-01 crm new +200", "2023-01-01 mail new +100", "2024-01-20 suite contraction -50"],
    ),
    "the nearest of two": (
        """
        acme crm   pro 200 10 2023-01-01 2024-01-20
        acme suite pro 300 10 2024-01-22 -
        acme mail  pro 100 10 2024-01-29 -
        """,
        ["2023-01-01 crm new +200", "2024-01-22 suite upsell +100", "2024-01-29 mail cross_sell +100"],
    ),
    "a longer gap": (
        """
        acme crm   pro 200 10 2023-01-01 2024-01-20
        acme suite pro 200 10 2024-01-31 -
        """,
        ["2023-01-01 crm new +200", "2024-01-20 crm churn -200", "2024-01-31 suite cross_sell +200"],
    ),
    "a product that was there before": (
        """
        acme suite pro 100 10 2022-06-01 2023-06-01
        acme crm   pro 200 10 2023-01-01 2024-01-20
        acme suite pro 200 10 2024-01-24 -
        """,
        ["2022-06-01 suite new +100", "2023-01-01 crm cross_sell +200", "2023-06-01 suite churn -100",
         "2024-01-20 crm churn -200", "2024-01-24 suite reactivation +200"],
    ),
    "with a discount that ends with its product": (
        """
        acme crm   pro  200 10 2023-01-01 2024-01-20 paid
        acme crm   less -50 -  2023-01-01 2024-01-20 discount
        acme suite pro  150 10 2024-01-24 -          paid
        """,
        ["2023-01-01 crm new +150"],
    ),
}  # fmt: skip


def header(lines: str) -> str:
    return f"{LINE} kind" if "discount" in lines else LINE


def told(lines: str, rules: ExpansionRules) -> list[str]:
    return stories(lines, plans=False, header=header(lines), rules=rules)["acme"]


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    lines, expected = STORIES[name]
    assert told(lines, MOVED) == expected


@pytest.mark.parametrize("rules", [APART, ExpansionRules()])
def test_unless_the_settings_say_so_they_are_a_churn_and_a_cross_sell(rules: ExpansionRules) -> None:
    lines, _ = STORIES["a gap of four days"]
    assert told(lines, rules)[1:] == ["2024-01-20 crm churn -200", "2024-01-24 suite cross_sell +300"]


@pytest.mark.parametrize("name", STORIES)
def test_the_classes_sum_to_the_change_of_mrr(name: str) -> None:
    lines, _ = STORIES[name]
    tables = base(subscriptions=rows(header(lines), lines))
    found = reconcile(all_lines(tables, MOVED), MOVED, [date(2023, 6, 1), date(2024, 1, 21), date(2024, 1, 23),
                                                        date(2024, 3, 1)])  # fmt: skip
    assert list(found.difference_e4) == [0, 0, 0]
