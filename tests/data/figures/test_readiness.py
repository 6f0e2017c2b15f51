"""Whether a company is ready for an expansion motion: what is counted, and what the counts mean."""

from dataclasses import replace
from datetime import date

import pytest

from data.currency import in_reporting_currency
from data.figures.accounts.moves import account_moves
from data.figures.readiness.coverage import seen_in
from data.figures.readiness.state import CompanyState, state_of
from data.figures.readiness.verdict import CRITERIA, Readiness, readiness
from data.figures.settings import FiguresSettings, ReadinessSettings
from data.ledger.rules import ExpansionRules
from tests.drawn import SNAPSHOT, base, known

HEALTHY = CompanyState(
    day=date(2026, 7, 1),
    customers=400,
    tenured_customers=300,
    median_tenure_months=20,
    history_months=30,
    in_use=0.95,
    yearly_churn=0.05,
    nrr=1.04,
    grr=0.93,
    expansions={"seat": 90, "upsell": 40, "cross_sell": 20, "usage": 0},
    reactive_share=0.08,
    payback_months=None,
    expansion_cac=None,
    customers_a_year_ago=300,
    signals=5,
)


def asked(**changed: object) -> Readiness:
    """The verdict on the healthy company, but for what is given."""
    return readiness(replace(HEALTHY, **changed), ReadinessSettings(), min_expansions=50)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "verdict", "because"),
    [
        ({}, "build", "NRR of the year while health is good: 104.0% (at most 110.0%)"),
        ({"yearly_churn": 0.12}, "wait", "accounts lost in a year: 12.0% (at most 8.0%): fix the leak first"),
        ({"customers": 25, "tenured_customers": 20}, "wait", "paying accounts: 25 (at least 30): win customers first"),
        ({"history_months": 4.0, "median_tenure_months": 3.9}, "not enough data", "history of lines and use: 4.0"),
        ({"in_use": 0.0, "history_months": 0.0}, "not enough data", "history of lines and use: 0.0 months"),
        ({"in_use": 0.1}, "not enough data", "paying accounts with known use: 10.0% (at least 50.0%)"),
        ({"median_tenure_months": 3.0}, "wait", "median tenure: 3.0 months (at least 4.0 months)"),
        ({"expansions": {"seat": 30}}, "not enough data", "past expansions: 30 (at least 50)"),
        ({"tenured_customers": 49}, "wait", "paying accounts of long standing: 49 (at least 50)"),
        ({"signals": 2}, "wait", "signals that went with past expansions: 2 (at least 3)"),
        ({"yearly_churn": None}, "not enough data", "accounts lost in a year: not known (at most 8.0%): it cannot be"),
        ({"yearly_churn": 0.1, "customers_a_year_ago": 29}, "not enough data", "accounts lost in a year: not known"),
        ({"yearly_churn": 0.1, "customers_a_year_ago": 30}, "wait", "accounts lost in a year: 10.0%"),
        ({"signals": None, "signals_asked": True}, "not enough data", "signals that went with past expansions: not"),
        ({"nrr": 1.2, "reactive_share": 0.01}, "wait", "none of the reasons to build holds"),
        ({"grr": 0.7, "reactive_share": 0.01}, "wait", "none of the reasons to build holds"),  # its health is not good
        ({"nrr": 1.2, "reactive_share": 0.01, "payback_months": 20.0}, "build", "payback of new customers: 20.0"),
    ],
)  # fmt: skip
def test_the_first_criterion_that_is_not_met_decides(changed: dict[str, object], verdict: str, because: str) -> None:
    ready = asked(**changed)
    assert (ready.verdict, ready.because.startswith(because)) == (verdict, True), ready.because


def test_signals_that_nobody_counted_are_a_condition() -> None:
    ready = asked(signals=None)
    assert (ready.verdict, ready.if_signals) == ("build", True)
    first = next(ready.lines())
    assert first.startswith("ready for an expansion motion: build, if enough signals went with past expansions (")
    assert "`headroom figures` counts them" in first
    assert not asked(signals=None, customers=25).if_signals  # what is known is enough to wait


def test_each_criterion_says_what_would_change_the_verdict() -> None:
    change = {one.criterion.name: one.change for one in asked(customers=25, yearly_churn=0.05).criteria}
    assert change["customers"] == "5 more; win customers first: each of so few is known by heart"
    assert change["yearly_churn"] == "over 8.0%: wait"
    lost = asked(yearly_churn=0.104, signals=None)
    change |= {f"not {one.criterion.name}": one.change for one in lost.criteria}
    assert change["not yearly_churn"].startswith("2.4 percentage points less; fix the leak first")
    assert change["not signals"] == "`headroom figures` counts them"
    assert change["history"] == "under 12.0 months: not enough data"
    table = asked(payback_months=None).table()
    assert list(table["criterion"]) == [criterion.name for criterion in CRITERIA]
    assert table.set_index("criterion")["met"].isna()["payback"]


def drawn_state(settings: FiguresSettings | None = None, **tables: str) -> CompanyState:
    converted = in_reporting_currency(base(**tables), SNAPSHOT)
    there = known(converted)
    moves = account_moves(there, ExpansionRules())
    return state_of(moves, seen_in(there), settings or FiguresSettings())


LINES = """
    account_id | product | plan | mrr | seats | valid_from | valid_to
    acme       | core    | team | 100 | 10    | 2025-01-01 | 2025-10-01
    acme       | core    | team | 150 | 15    | 2025-10-01 |
    best       | core    | team | 100 | 10    | 2025-03-01 | 2026-02-01
    cold       | core    | team | 200 | 20    | 2025-05-01 | 2025-11-01
    cold       | core    | team | 160 | 16    | 2025-11-01 |
    dune       | core    | team | 300 | 30    | 2026-03-01 |
"""
USE = """
    account_id | day        | feature | events
    acme       | 2025-02-01 | report  | 3
    acme       | 2026-06-30 | report  | 3
    cold       | 2026-04-01 | report  | 3
    dune       | 2026-03-31 | report  | 3
"""


def test_a_drawn_company_is_counted() -> None:
    """On the 1st of July 2026; the year begins with the 1st of July 2025: acme, best and cold paid 400 then."""
    state = drawn_state(FiguresSettings(new_customer_cost=6000, expansion_cost=300, gross_margin=0.8),
                        subscriptions=LINES, usage_daily=USE)  # fmt: skip
    assert (state.customers, state.tenured_customers) == (3, 2)  # dune came four months ago
    assert state.median_tenure_months == pytest.approx(426 / (365 / 12))  # of 546, 426 and 122 days
    assert state.history_months == pytest.approx(515 / (365 / 12))  # use begins on the 1st of February 2025
    assert state.in_use == pytest.approx(2 / 3)  # dune's last use is 92 days ago, cold's 91
    assert (state.yearly_churn, state.customers_a_year_ago) == (pytest.approx(1 / 3), 3)  # best, of the three
    assert state.nrr == pytest.approx((150 + 0 + 160) / 400)
    assert state.grr == pytest.approx((100 + 0 + 160) / 400)
    assert state.expansions == {"seat": 1, "upsell": 0, "cross_sell": 0, "usage": 0}
    assert state.reactive_share == pytest.approx(50 / (150 + 160 + 300))
    assert state.payback_months == pytest.approx(6000 / (300 * 0.8))
    assert state.expansion_cac == pytest.approx(300 / (12 * 50))


@pytest.mark.parametrize(("opened", "share"), [("2025-09-01", 0), ("2024-12-01", 50 / 610)])
def test_what_came_after_a_play_is_not_reactive(opened: str, share: float) -> None:
    plays = f"""
        account_id | play      | opened_at | status
        acme       | add_seats | {opened}  | won
    """
    state = drawn_state(subscriptions=LINES, usage_daily=USE, outcomes=plays)
    assert state.reactive_share == pytest.approx(share)


def test_use_that_swings_within_a_quarter_is_no_expansion() -> None:
    seats = ["10", "15", "10", "30"]
    months = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-05-01"]
    ends = [*months[1:], ""]
    lines = "account_id | product | plan | mrr | seats | valid_from | valid_to\n" + "\n".join(
        f"acme | core | team | {seat}0 | {seat} | {begin} | {end}"
        for seat, begin, end in zip(seats, months, ends, strict=True)
    )
    assert drawn_state(subscriptions=lines, usage_daily=USE).expansions["seat"] == 1  # that of May


def test_a_base_without_usage_has_no_history_of_use() -> None:
    state = drawn_state(subscriptions=LINES)
    assert (state.history_months, state.in_use) == (0, 0)
    assert readiness(state, ReadinessSettings(), 50).verdict == "not enough data"


def test_coverage_is_of_the_paying_accounts_and_the_last_year() -> None:
    tickets = """
        ticket_id | account_id | opened_at
        t1        | acme       | 2025-07-01
        t2        | best       | 2026-01-01
        t3        | cold       | 2025-06-30
    """
    users = """
        user_id | account_id
        u1      | acme
        u2      | dune
    """
    seen = seen_in(known(base(subscriptions=LINES, usage_daily=USE, tickets=tickets, users=users)))
    paying = {"acme", "cold", "dune"}
    assert seen.coverage("tickets", paying) == pytest.approx(1 / 3)  # best left, cold's is older than a year
    assert seen.coverage("users", paying) == pytest.approx(2 / 3)  # whenever they came
    assert seen.coverage("crm_events", paying) is None
