"""What makes a ledger wrong though every row is right: moves, early renewals, and bills that nobody explains.

Each case is an account of its own in one base; those that are told are the accounts of the finding's rows.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.checks.check import Finding, Severity, check
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect

TODAY = date(2026, 7, 1)
LINES = "account_id,product,plan,mrr,valid_from,valid_to,seats\n"
BILLS = "account_id,product,billed_at,amount,kind,period_start,period_end\n"


def found(folder: Path, rules: ExpansionRules | None = None, **tables: str) -> dict[str, Finding]:
    """The findings about a base, by their rules."""
    ids = {line.split(",")[0] for text in tables.values() for line in text.splitlines()[1:]}
    written = {
        "accounts": "account_id,name,created_at\n" + "".join(f"{i},{i},2023-01-01\n" for i in sorted(ids)),
        "usage_daily": "account_id,day,feature,events\n" + f"{min(ids)},2026-06-30,login,3\n",
    } | tables
    for name, text in written.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    with connect(f"csv://{folder}") as source:
        return {finding.rule: finding for finding in check(source, TODAY, rules or ExpansionRules()).findings}


def of_three(rows: str) -> str:
    """The rows of the account `a` as those of three accounts."""
    return "".join(f"{name}{line[1:]}\n" for name in ("a", "a2", "a3") for line in rows.splitlines())


# --- products that one moves between ----------------------------------------------------------------------------------

GAP = "a,crm,pro,500,2024-01-05,2025-02-01,10\na,suite,pro,900,2025-02-09,,10\n"
MOVES = {
    "a gap of eight days": (GAP, True),
    "an overlap": (GAP.replace("2025-02-09", "2025-01-10"), True),
    "no seats and about the same money": (GAP.replace(",10\n", ",\n").replace("900", "510"), True),
    "other seats for another price": (GAP.replace("2025-02-09,,10", "2025-02-09,,60"), False),
    "no seats and another price": (GAP.replace(",10\n", ",\n"), False),
    "longer than a renewal may be late": (GAP.replace("2025-02-09", "2025-03-09"), False),
    "on one day": (GAP.replace("2025-02-09", "2025-02-01"), False),
    "due soon after another one was bought": (
        "a,crm,pro,500,2025-07-20,2026-07-20,10\na,suite,pro,900,2026-06-25,,10\n", False,
    ),
    "a pause": (GAP + "a,crm,pro,500,2025-06-01,,10\n", False),
    "no new product": (GAP + "a,suite,pro,100,2024-01-05,2024-03-01,10\n", False),
    "what a new customer tries": (GAP.replace("2024-01-05", "2025-01-20"), False),
}  # fmt: skip


def of_accounts(cases: dict[str, tuple[str, bool]]) -> tuple[str, set[str]]:
    """The rows of all cases, each of an account that is called like it, and the accounts that are to be told."""
    text = "".join("".join(f"{name}{line[1:]}\n" for line in rows.splitlines()) for name, (rows, _) in cases.items())
    return text, {name for name, (_, is_told) in cases.items() if is_told}


def test_what_looks_like_a_move_over_some_days(tmp_path: Path) -> None:
    rows, told = of_accounts(MOVES)
    finding = found(tmp_path, subscriptions=LINES + rows)["moved_nearly"]
    assert {*finding.rows["account_id"]} == told
    assert (finding.severity, finding.count) == (Severity.ERROR, len(told))


def test_it_is_an_error_until_the_settings_say_what_it_is(tmp_path: Path) -> None:
    lines = LINES + of_three(GAP)
    finding = found(tmp_path, subscriptions=lines)["moved_nearly"]
    assert finding.severity == Severity.ERROR
    assert "(1,500 before, 2,700 after): counted as churn and as a cross-sell, of which there are 3 in all" in (
        finding.message
    )
    assert "moved_within_days = 30" in finding.todo
    for days in (0, 30):
        rules = ExpansionRules(moved_within_days=days)
        assert "moved_nearly" not in found(tmp_path, rules, subscriptions=lines)


@pytest.mark.parametrize(
    ("moves", "others", "severity"),
    [(of_three(GAP), 27, Severity.ERROR), (of_three(GAP), 28, Severity.WARNING), (GAP, 0, Severity.WARNING)],
    ids=["a tenth", "less", "one of a small base"],
)
def test_a_few_among_many_cross_sells_are_a_warning(
    tmp_path: Path, moves: str, others: int, severity: Severity
) -> None:
    sold = "".join(f"c,add-on {number},pro,50,2025-0{number % 9 + 1}-15,,\n" for number in range(others))
    lines = LINES + moves + "c,crm,pro,500,2024-01-05,,10\n" + sold
    assert found(tmp_path, subscriptions=lines)["moved_nearly"].severity == severity


# --- lines that another one took the place of -------------------------------------------------------------------------

EARLY = "a,crm,pro,500,2024-07-01,2025-07-01,10\na,crm,pro,500,2025-05-20,2026-05-20,10\n"
RENEWED = {
    "six weeks before it ended": (EARLY, True),
    "with five seats more": (EARLY.replace("2026-05-20,10", "2026-05-20,15"), True),
    "no seats and as much money": (EARLY.replace(",10\n", ",\n"), True),
    "with fewer seats": (EARLY.replace("2026-05-20,10", "2026-05-20,5"), False),
    "half a year before it ended": (EARLY.replace("2025-05-20,", "2024-12-20,"), False),
    "three weeks before it ended": (EARLY.replace("2025-05-20,", "2025-06-10,"), False),
    "another product": (EARLY.replace("a,crm,pro,500,2025", "a,chat,pro,500,2025"), False),
    "each of two contracts renewed": (EARLY + "a,crm,pro,500,2025-07-01,,10\n", False),
    "what ends before the first one does": (EARLY.replace("2026-05-20,", "2025-06-20,"), False),
    "open and not due": (EARLY.replace("2025-07-01,", ",").replace("2026-05-20,", ","), False),
}  # fmt: skip


def test_what_looks_like_a_renewal_weeks_before_the_end(tmp_path: Path) -> None:
    rows, told = of_accounts(RENEWED)
    finding = found(tmp_path, subscriptions=LINES + rows)["renewed_early"]
    assert {*finding.rows["account_id"]} == told
    assert (finding.severity, finding.count) == (Severity.ERROR, len(told))


def test_a_renewal_weeks_ahead_is_an_error_until_the_settings_say_what_it_is(tmp_path: Path) -> None:
    lines = LINES + of_three(EARLY)
    finding = found(tmp_path, subscriptions=lines)["renewed_early"]
    assert finding.severity == Severity.ERROR
    assert "3 accounts began a line 31 to 42 days before" in finding.message  # 20 May to 1 July
    assert "(an MRR of 1,500)" in finding.message
    assert "renewed_early_days = 42 if the one renewed the other, 30 if" in finding.todo
    for days in (30, 42):
        assert "renewed_early" not in found(tmp_path, ExpansionRules(renewed_early_days=days), subscriptions=lines)


def test_a_line_that_is_due_in_six_weeks_and_has_a_younger_one_beside_it(tmp_path: Path) -> None:
    """Today is the 1st of July 2026: the one is due on the 3rd of August, and the other began on the 22nd of June."""
    lines = LINES.replace("\n", ",renews_on\n") + (
        "a,crm,pro,500,2025-08-03,,10,2026-08-03\na,crm,pro,500,2026-06-22,,10,2027-06-22\n"
        "b,crm,pro,500,2025-05-03,,10,2026-05-03\nb,crm,pro,500,2026-06-22,,10,2027-06-22\n"
    )
    assert [*found(tmp_path, subscriptions=lines)["renewed_early"].rows["account_id"]] == ["a"]


def test_a_few_early_renewals_among_many_second_contracts_are_a_warning(tmp_path: Path) -> None:
    second = "".join(f"c{n},crm,pro,500,2024-01-05,,10\nc{n},crm,pro,50,2025-01-05,,1\n" for n in range(10))
    finding = found(tmp_path, subscriptions=LINES + EARLY + second)["renewed_early"]
    assert (finding.severity, finding.count) == (Severity.WARNING, 1)


# --- bills ------------------------------------------------------------------------------------------------------------

MONTHS = [f"{day:%Y-%m-%d}" for day in pd.date_range("2025-02-01", periods=14, freq="MS") + pd.Timedelta(days=9)]


def bills(product: str, amounts: Sequence[float], days: Sequence[str] = MONTHS, kind: str = "") -> str:
    """The bills of the account `a`, without a period."""
    return "".join(f"a,{product},{day},{amount},{kind},,\n" for day, amount in zip(days, amounts, strict=False))


EACH, WHOLE = [500] * 7 + [800] * 7, [550] * 7 + [850] * 7
SUBSCRIBED = "a,crm,pro,500,2025-01-10,2025-09-10,10\na,crm,pro,800,2025-09-10,,16\na,chat,one,50,2025-01-10,,\n"
AS_SUBSCRIBED = {
    "one of its products": (bills("P1", EACH), True),
    "all of them": (bills("P2", WHOLE), True),
    "by the quarter": (bills("P3", [1500, 1500, 2400], MONTHS[::4]), True),
    "by the year": (bills("P4", [6600], ["2025-02-01"]), True),
    "rounded once": (bills("P5", [6600.05], ["2025-02-01"]), True),
    "with two others": (bills("P6", [*EACH[:12], 37.5, 911]), True),
    "use beside it": (bills("P7", [500 + n * 13 for n in range(1, 14)]), False),
    "equal by chance at first": (bills("P8", [500, 500, *range(601, 612)]), False),
    "one of three": (bills("P9", EACH), False),
    "two of three": (bills("P9", range(200, 214)), False),
    "three of three": (bills("P9", range(300, 314)), False),
    "with a tax on it": (bills("P13", [round(amount * 1.0825, 2) for amount in EACH]), True),
    "with a tax on all of them": (bills("P13", [round(amount * 1.0825, 2) for amount in WHOLE]), True),
    "a fixed fee beside it": (bills("P14", [590] * 14), False),
    "less than the price": (bills("P15", [amount * 0.9 for amount in EACH]), False),
    "twice the price": (bills("P16", [amount * 2 for amount in EACH]), False),
    "said to be use": (bills("P10", EACH, kind="usage"), False),
    "said to be payments": (bills("P11", EACH, kind="subscription"), False),
    "half of them": (bills("P12", EACH), True),
    "the other half": (bills("P12", range(200, 214)), True),
}


def test_bills_under_another_name_at_the_price_of_the_subscription(tmp_path: Path) -> None:
    billed, told = of_accounts(AS_SUBSCRIBED)
    lines, _ = of_accounts(dict.fromkeys(AS_SUBSCRIBED, (SUBSCRIBED, False)))
    tables = {"subscriptions": LINES + lines, "invoices": BILLS + billed}
    finding = found(tmp_path, **tables)["billed_by_another_name"]
    assert {*finding.rows["account_id"]} == told
    assert (finding.severity, finding.count) == (Severity.ERROR, len(told))
    assert "invoices.kind" in finding.todo
    assert "billed_by_another_name" not in found(tmp_path, ExpansionRules(billed_and_subscribed="on_top"), **tables)
    # That bills of a product are its payments says nothing of bills that bear another name: they count beside it.
    payments = ExpansionRules(billed_and_subscribed="payments")
    assert found(tmp_path, payments, **tables)["billed_by_another_name"].count == len(told)


YEAR_LATER = ["2026-02-10", "2026-03-10", "2026-04-10"]
AFTER_A_YEAR = [*MONTHS[:5], "2026-06-10"]
PERIODS = "a,api,2025-06-10,1000,,2025-06-10,2026-06-10\n"
PAID_AHEAD = {
    "the year has just begun": (bills("api", [100, 100, 100, 100, 1000]), True),
    "the next year came": (bills("api", [100, 100, 100, 100, 1200, 1200], AFTER_A_YEAR), True),
    "tenfold and by the month": (bills("api", [100, 100, 100, 100, 1000, 1000]), False),
    "one large month": (bills("api", [100, 100, 100, 100, 300]), False),
    "by the year from the start": (bills("api", [1000, 1000], AFTER_A_YEAR[-2:]), False),
    "it says its period": (bills("api", [100] * 4) + PERIODS, False),
    "by the month after a year": (bills("api", [1200, 120, 120, 120], ["2025-02-10", *YEAR_LATER]), True),
    "by the month after a quarter": (bills("api", [360, 120, 120, 120], ["2025-11-10", *YEAR_LATER]), False),
    "less after a year": (bills("api", [600, 120, 120, 120], ["2025-02-10", *YEAR_LATER]), False),
    "the data goes on": (bills("api", [70] * 14), False),
}
TAKEN_BACK = {
    "a week later": (bills("api", [100] * 14) + bills("api", [-100], ["2025-06-18"]), True),
    "a part of it": (bills("api", [100] * 14) + bills("api", [-30], ["2025-06-18"]), False),
    "on its day": (bills("api", [100] * 14) + bills("api", [-100], ["2025-06-10"]), False),
    "and billed anew on that day": (
        bills("api", [119] * 4 + [219] + [119] * 9) + bills("api", [-219, 119], ["2025-06-20"] * 2),
        True,
    ),
    "what was too much of it": (
        bills("api", [119] * 4 + [219] + [119] * 9) + bills("api", [-100], ["2025-06-20"]),
        True,
    ),
    "more than was too much of it": (
        bills("api", [119] * 4 + [219] + [119] * 9) + bills("api", [-119.5], ["2025-06-20"]),
        False,
    ),
    "another product": (bills("api", [100] * 14) + bills("sms", [-100], ["2025-06-18"]), False),
    "without a rhythm": (
        bills(
            "api", [100, 200, 300, 400, -400], ["2025-02-01", "2025-02-04", "2025-05-30", "2025-06-02", "2025-06-09"]
        ),
        False,
    ),
}


def periods(product: str, days: int) -> str:
    """Twelve monthly bills of the account `a`; each period ends so many days before the next one begins."""
    begins = pd.date_range("2025-01-01", periods=13, freq="MS")
    ends = [f"{day - pd.Timedelta(days=days):%Y-%m-%d}" for day in begins[1:]]
    return "".join(
        f"a,{product},{day:%Y-%m-%d},100,,{day:%Y-%m-%d},{end}\n" for day, end in zip(begins[:-1], ends, strict=True)
    )


def test_ends_of_periods_that_are_their_last_days(tmp_path: Path) -> None:
    lasts = {"api": 1, "sms": 0, "mail": 3}
    finding = found(tmp_path, invoices=BILLS + "".join(periods(*of) for of in lasts.items()))["last_days"]
    assert {*finding.rows["product"]} == {"api"}
    assert (finding.severity, finding.count) == (Severity.ERROR, 12)
    assert "the first day after the service" in finding.todo


def test_last_days_that_make_no_rate_wrong_are_a_warning(tmp_path: Path) -> None:
    """364 days are a year all the same."""
    years = "".join(f"a,api,{year}-07-01,1200,,{year}-07-01,{year + 1}-06-30\n" for year in (2023, 2024, 2025))
    assert found(tmp_path, invoices=BILLS + years)["last_days"].severity == Severity.WARNING


def test_a_year_between_months_is_one_bill(tmp_path: Path) -> None:
    days = [f"2024-{month:02}-10" for month in range(1, 6)] + ["2025-05-10", "2025-06-10", "2025-07-10"]
    between = bills("api", [100, 110, 100, 100, 1200, 120, 120, 120], days)
    finding = found(tmp_path, invoices=BILLS + between)["paid_ahead"]
    assert "1,200 in all" in finding.message
    assert len(finding.rows) == 1


@pytest.mark.parametrize(("rule", "cases"), [("paid_ahead", PAID_AHEAD), ("taken_back", TAKEN_BACK)])
def test_bills_that_say_no_period(tmp_path: Path, rule: str, cases: dict[str, tuple[str, bool]]) -> None:
    billed, told = of_accounts(cases)
    finding = found(tmp_path, invoices=BILLS + billed)[rule]
    assert {*finding.rows["account_id"]} == told
    assert (finding.severity, finding.count) == (Severity.WARNING, len(told))
    assert "period_start and period_end" in finding.todo


# --- what no column says ----------------------------------------------------------------------------------------------

STEPPED = "".join(
    f"s{n},crm,pro,500,2025-01-05,2026-0{n}-01,10\ns{n},crm,pro,800,2026-0{n}-01,,16\n" for n in range(1, 5)
)
RAISED = STEPPED.replace(",16\n", ",10\n") + "s5,crm,pro,300,2025-01-05,,10\n"


def known_on(day: str, lines: str = STEPPED) -> str:
    """The lines as if all of them had been known on one day."""
    return LINES.replace("\n", ",known_at\n") + lines.replace("\n", f",{day}\n")


def test_steps_that_were_known_before_the_line_that_they_changed(tmp_path: Path) -> None:
    """As where known_at is the day on which the account was created."""
    finding = found(tmp_path, subscriptions=known_on("2025-01-05"))["known_before"]
    assert (finding.severity, finding.count) == (Severity.ERROR, 4)
    assert "4 of 4 expansions (an MRR of 1,200) were known by known_at before" in finding.message
    others = "".join(f"o{line[1:]}\n" for line in STEPPED.replace(",16\n", ",30\n").splitlines())
    known = (
        known_on("2025-01-05")
        + others.replace("\n", ",\n")
        + "o9,crm,pro,5,2025-01-05,2026-01-01,1,\no9,crm,pro,9,2026-01-01,,2,\n"
    )
    assert "known_before" not in found(tmp_path, subscriptions=known)  # 4 of 9: there are such deals


def test_steps_that_were_known_when_they_were_signed_are_a_warning(tmp_path: Path) -> None:
    """No day of the account's: two weeks before the first line; or on its day, where renewals are known on theirs."""
    signed = known_on("2024-12-20")
    renewed = "".join(
        f"r,crm,pro,500,{day},{end},10,{day}\n"
        for day, end in [("2023-01-05", "2024-01-05"), ("2024-01-05", "2025-01-05"), ("2025-01-05", "")]
    )
    for lines in (signed, known_on("2025-01-05") + renewed):
        finding = found(tmp_path, subscriptions=lines)["known_before"]
        assert (finding.severity, finding.count) == (Severity.WARNING, 4)


def test_a_line_without_a_product_is_told_as_such(tmp_path: Path) -> None:
    nameless = "".join(f"n{n},,pro,50,202{year}-01-05,,10\n" for n in range(5) for year in (4, 5))
    assert found(tmp_path, subscriptions=LINES + RAISED + nameless)["null:product"].count == 10


def test_steps_that_are_said_to_be_signed_are_none_of_these(tmp_path: Path) -> None:
    signed = LINES.replace("\n", ",booked_at\n") + STEPPED.replace("\n", ",2025-01-05\n")
    assert "known_before" not in found(tmp_path, subscriptions=signed)


def test_rises_where_seats_are_one_number_in_every_line(tmp_path: Path) -> None:
    finding = found(tmp_path, subscriptions=LINES + RAISED)["amount_only"]
    assert "4 rises of the last year (an MRR of 1,200) count as price rises" in finding.message
    assert "Leave out the seats and tiers of crm then" in finding.todo
    settled = found(tmp_path, ExpansionRules(amount_only=True), subscriptions=LINES + RAISED)["amount_only"]
    assert settled.todo.startswith("Leave out the seats and tiers of crm, which are the same in every line")
    told = RAISED.replace("300,2025-01-05,,10", "300,2025-01-05,,11")
    assert "amount_only" not in found(tmp_path, subscriptions=LINES + told)  # seats are counted: a price rise


def test_rises_where_all_plans_have_one_tier(tmp_path: Path) -> None:
    lines, plans = LINES + RAISED.replace(",10\n", ",\n"), "product,plan,tier\ncrm,pro,1\n"
    assert found(tmp_path, subscriptions=lines, plans=plans)["amount_only"].count == 4


TAXES = {"VAT": True, "Sales tax (8.25%)": True, "MwSt. 19 %": True, "Tax Filing": False, "crm": False}


def test_a_tax_is_no_product(tmp_path: Path) -> None:
    bills = "".join(f"{n},{name},2026-03-01,19,,,\n" for n, name in enumerate(TAXES))
    finding = found(tmp_path, invoices=BILLS + bills)["tax"]
    assert {*finding.rows["product"]} == {name for name, is_tax in TAXES.items() if is_tax}
    assert (finding.severity, finding.count) == (Severity.ERROR, 3)


def test_a_tax_that_counts_nowhere_or_is_sold_is_none(tmp_path: Path) -> None:
    """A payment of a subscription, an amount of 0, a line that costs nothing, and what the price list names."""
    tables = {
        "invoices": BILLS + "a,VAT,2026-03-01,19,subscription,,\nb,GST,2026-03-01,0,,,\nc,Tax,2026-03-01,90,,,\n",
        "subscriptions": LINES + "b,IVA,one,0,2025-01-05,,\nc,Tax,pro,500,2025-01-05,,10\n",
    }
    assert "tax" not in found(tmp_path, plans="product,plan,tier\nTax,pro,1\n", **tables)
    (tmp_path / "plans.csv").unlink()
    findings = found(tmp_path, **tables)
    assert findings["tax"].count == 1  # of each of the two tables, that of c


def test_who_pays_for_companies_below_it(tmp_path: Path) -> None:
    """P is above c1 and c2 and pays for both; q is billed for what nobody below it has."""
    accounts = "account_id,name,created_at,parent_id\n" + "".join(
        f"{name},{name},2023-01-01,{above}\n" for name, above in [("p", ""), ("c1", "p"), ("c2", "p"), ("q", "")]
    )
    lines = LINES + "c1,crm,pro,1000,2025-01-05,,10\nc2,crm,pro,500,2025-01-05,,5\n"
    bills = BILLS + "p,crm,2026-03-01,1500,,,\nq,crm,2026-03-01,1500,,,\n"
    tables = {"accounts": accounts, "subscriptions": lines, "invoices": bills}
    finding = found(tmp_path, **tables)["billed_for_others"]
    assert (finding.severity, finding.count, {*finding.rows["account_id"]}) == (Severity.WARNING, 1, {"p"})
    assert "1,500 in all" in finding.message
    many = {
        "accounts": accounts + "p2,p2,2023-01-01,\np3,p3,2023-01-01,\nc4,c4,2023-01-01,p2\nc5,c5,2023-01-01,p3\n",
        "subscriptions": lines + "c4,crm,pro,500,2025-01-05,,5\nc5,crm,pro,500,2025-01-05,,5\n",
        "invoices": bills + "p2,crm,2026-03-01,500,,,\np3,crm,2026-03-01,500,,,\n",
    }
    finding = found(tmp_path, **many)["billed_for_others"]
    assert (finding.severity, finding.count) == (Severity.ERROR, 3)
    apart = {
        "before and after the lines below": "p,crm,2025-01-04,1500,,,\np,crm,2026-05-01,1500,,,\n",
        "a credit, and nothing": "p,crm,2026-03-01,-1500,,,\np,crm,2026-03-01,0,,,\n",
    }
    ended = tables | {"subscriptions": lines.replace(",,", ",2026-05-01,"), "invoices": BILLS + "".join(apart.values())}
    assert "billed_for_others" not in found(tmp_path, **ended)
    assert "billed_for_others" in found(tmp_path, ExpansionRules(billed_and_subscribed="payments"), **tables)
    assert "billed_for_others" not in found(tmp_path, ExpansionRules(billed_and_subscribed="on_top"), **tables)
