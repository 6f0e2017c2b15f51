"""Plans that are one under two names: no upsell, though no tiers say so."""

from pathlib import Path

import pytest

from data.checks.check import Severity
from tests.data.checks.test_moves_and_bills import LINES, found


def went_over(before: str, after: str, days: list[str], mrr: int = 120) -> str:
    """An account for each of the days, on which it goes from one plan to the other, at another MRR."""
    return "".join(
        f"{before[:3]}{n},crm,{before},100,2024-01-01,{day},10\n{before[:3]}{n},crm,{after},{mrr},{day},,10\n"
        for n, day in enumerate(days)
    )


ONE_DAY, DAYS = ["2025-07-01"] * 5, [f"2025-0{month}-15" for month in range(1, 6)]
KEPT = "kept,crm,team,100,2024-01-01,,10\n"
STAYED = "".join(
    f"stays{n},crm,team,100,2024-01-01,2025-07-01,10\nstays{n},crm,team,100,2025-07-01,,10\n" for n in range(6)
)


@pytest.mark.parametrize(
    ("words", "lines", "rule"),
    [
        ("another term", went_over("Pro (annual)", "Pro - monthly", DAYS), "plan_terms"),
        ("another currency", went_over("pro USD 1 year", "pro EUR 12 months", DAYS[:1]), "plan_terms"),
        ("all on one day", went_over("team", "crew", ONE_DAY[:2]), "plan_renamed"),
        ("nearly all, and one kept the old name", went_over("team", "crew", ONE_DAY) + KEPT, "plan_renamed"),
        ("all renew on one day, and most kept the plan", went_over("team", "crew", ONE_DAY) + STAYED, None),
        ("too few, and one kept the old name", went_over("team", "crew", ONE_DAY[:4]) + KEPT, None),
        ("on many days", went_over("team", "crew", DAYS), None),
        ("one account", went_over("team", "crew", ONE_DAY[:1]), None),
        ("another size", went_over("pro 10", "pro 20", DAYS), None),
        ("another size in millions", went_over("Events 1M", "Events 10M", DAYS), None),
        ("with a module of that name", went_over("Core", "Core Billing", DAYS), None),
        ("another term in short", went_over("PRO-12M billed", "PRO 1m", DAYS), "plan_terms"),
        ("another price", went_over("$100/mo", "$115/mo", DAYS), "plan_terms"),
        ("of one name at another price", went_over("Pro (EUR 1.200 per year)", "Pro (EUR 1.440)", DAYS), "plan_terms"),
        ("at another price in parentheses", went_over("Pro ($99)", "Pro ($119)", DAYS), "plan_terms"),
        ("another size at another price", went_over("5 seats €100", "8 seats €120", DAYS), None),
        ("at the same price", went_over("Pro (annual)", "Pro - monthly", DAYS, mrr=100), None),
    ],
)
def test_plans_that_are_one(tmp_path: Path, words: str, lines: str, rule: str | None) -> None:
    findings = found(tmp_path, subscriptions=LINES + lines)
    assert [name for name in findings if name.startswith("plan_")] == ([rule] if rule else []), words
    if rule:
        assert (findings[rule].severity, findings[rule].count) == (Severity.ERROR, lines.count("120"))
        assert "one tier" in findings[rule].todo


SIZES = [
    ("Emails 10000/month", "Emails 50000/month"),
    ("Up to $10k MRR", "Up to $50k MRR"),
    ("Up to $10000", "Up to $50000"),
    ("$0 - $100", "$0 - $500"),
    ("$100 credits", "$500 credits"),
    ("$1M GMV", "$10M GMV"),
    ("CAD 2D", "CAD 3D"),
    ("Team 5 $99", "Team 10 $99"),
]


def test_a_number_that_says_how_much_is_sold_is_no_price(tmp_path: Path) -> None:
    lines = "".join(
        f"size{n},crm,{before},100,2024-01-01,2025-07-01,\nsize{n},crm,{after},120,2025-07-01,,\n"
        for n, (before, after) in enumerate(SIZES)
    )
    assert "plan_terms" not in found(tmp_path, subscriptions=LINES + lines)


def test_tiers_say_which_plan_is_the_higher_one(tmp_path: Path) -> None:
    lines = LINES + went_over("pro annual", "pro monthly", DAYS)
    plans = "product,plan,tier\ncrm,pro annual,2\ncrm,pro monthly,2\n"
    assert "plan_terms" in found(tmp_path, subscriptions=lines)
    assert "plan_terms" not in found(tmp_path, subscriptions=lines, plans=plans)


PRICED = "product,plan,tier\ncrm,Team 2025,1\ncrm,Team 2026,2\n"
KEEPS = "".join(f"keeps{n},crm,Team 2025,100,2024-01-01,,10\n" for n in range(2))


@pytest.mark.parametrize(
    ("words", "lines", "is_told"),
    [
        ("all on one day", went_over("Team 2025", "Team 2026", ONE_DAY), True),
        ("nearly all, and one kept it", went_over("Team 2025", "Team 2026", ONE_DAY) + KEEPS[: len(KEEPS) // 2], True),
        ("most, and two kept it", went_over("Team 2025", "Team 2026", ONE_DAY) + KEEPS, False),
        ("on many days", went_over("Team 2025", "Team 2026", DAYS), False),
        ("few", went_over("Team 2025", "Team 2026", ONE_DAY[:4]), False),
        ("to a plan whose name says the price", went_over("$100/mo", "$120/mo", ONE_DAY), True),
    ],
)
def test_a_dearer_plan_that_nearly_all_customers_went_over_to_may_be_a_new_price(
    tmp_path: Path, words: str, lines: str, is_told: bool
) -> None:
    """Tiers that follow from prices call every new price a higher plan."""
    plans = PRICED + "crm,$100/mo,3\ncrm,$120/mo,4\n"
    findings = found(tmp_path, subscriptions=LINES + lines, plans=plans)
    assert [name for name in findings if name.startswith("plan_")] == (["plan_tiers"] if is_told else []), words
    if is_told:
        finding = findings["plan_tiers"]
        assert (finding.severity, finding.count, len(finding.rows)) == (Severity.WARNING, 5, 5)
        assert "one tier" in finding.todo
