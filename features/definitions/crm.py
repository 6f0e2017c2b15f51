"""People and dated facts from the CRM."""

import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import E4
from features.definition import ROW, feature, ratio, step

CRM = ("crm_events",)
UP, DOWN = Direction.UP, Direction.DOWN


def _count(t: ir.Table, kind: str, days: int) -> ir.IntegerScalar:
    return t.count(where=(t.kind == kind) & (t.age <= days))


def _latest_age(t: ir.Table, kind: str) -> ir.IntegerScalar:
    return t.age.min(where=t.kind == kind)


def _goes_on(t: ir.Table, begin: str) -> ir.IntegerValue:
    """Whether any that has begun has not ended."""
    return (t.left.max(where=t.begin == begin).fill_null(0) > 0).ifelse(1, 0)


@feature(
    "crm",
    needs=CRM,
    windows=(182,),
    label="Champions promoted in {days} days",
    unit="people",
    reason="champion_promoted",
    direction=UP,
    empty=0,
    actionable=True,
)
def champion_promoted(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "champion_promoted", days)


@feature(
    "crm",
    needs=CRM,
    label="Days since a champion was promoted",
    unit="days",
    reason="champion_promoted",
    direction=DOWN,
    missing="no promotion recorded",
    actionable=True,
)
def days_since_champion_promoted(t: ir.Table) -> ir.Value:
    return _latest_age(t, "champion_promoted")


@feature(
    "crm",
    needs=CRM,
    windows=(182,),
    label="Champions who left in {days} days",
    unit="people",
    reason="champion_left",
    actionable=True,
    direction=DOWN,
    empty=0,
)
def champion_left(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "champion_left", days)


@feature(
    "crm",
    needs=CRM,
    windows=(182,),
    label="Business reviews held in {days} days",
    unit="reviews",
    reason="reviews",
    actionable=True,
    direction=UP,
    empty=0,
)
def qbr_held(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "qbr_held", days)


@feature(
    "crm",
    needs=CRM,
    windows=(182,),
    label="Gaps named in business reviews in {days} days",
    unit="gaps",
    reason="review_gap",
    direction=UP,
    empty=0,
    actionable=True,
)
def qbr_gap(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "qbr_gap", days)


@feature(
    "crm",
    needs=CRM,
    windows=(365,),
    label="Milestones reached in {days} days",
    unit="milestones",
    reason="milestones",
    actionable=True,
    direction=UP,
    empty=0,
)
def milestones(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "milestone_reached", days)


@step("crm", needs=CRM)
def first_milestone_age(t: ir.Table) -> ir.Value:
    return t.age.max(where=t.kind == "milestone_reached")


@feature(
    ROW,
    needs=("crm_events", "subscriptions"),
    label="Days from the first contract to the first milestone",
    unit="days",
    reason="onboarding",
    direction=DOWN,
    missing="no milestone recorded",
)
def days_to_first_value(r: ir.Table) -> ir.Value:
    return r.tenure_days - r.first_milestone_age


@feature(
    "crm",
    needs=CRM,
    windows=(182,),
    label="Budgets opened in {days} days",
    unit="budgets",
    reason="budget",
    direction=UP,
    empty=0,
    actionable=True,
)
def budget_opened(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "budget_opened", days)


@feature(
    "crm",
    needs=CRM,
    windows=(182,),
    label="Signs of competitor research in {days} days",
    unit="events",
    reason="competitor",
    actionable=True,
    direction=DOWN,
    empty=0,
)
def competitor_research(t: ir.Table, days: int) -> ir.Value:
    return _count(t, "competitor_research", days)


@feature(
    "crm", needs=CRM, windows=(91,), label="CRM events in {days} days", unit="events", reason="crm_activity", empty=0
)
def crm_events(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.age <= days)


@feature(
    "crm_states",
    needs=CRM,
    label="An expansion opportunity is open",
    unit="yes or no",
    reason="opportunity_open",
    empty=0,
)
def opportunity_open(t: ir.Table) -> ir.Value:
    return _goes_on(t, "expansion_opportunity_opened")


@feature(
    "crm_states",
    needs=CRM,
    label="An invoice is overdue",
    unit="yes or no",
    reason="overdue",
    actionable=True,
    direction=DOWN,
    empty=0,
)
def invoices_overdue(t: ir.Table) -> ir.Value:
    return _goes_on(t, "invoice_overdue")


@feature(
    "last_nps",
    needs=("crm_events.amount",),
    label="Latest NPS response",
    unit="0-10",
    reason="nps",
    direction=UP,
    missing="no response with a score",
)
def nps_last(t: ir.Table) -> ir.Value:
    return ratio(t.amount_e4.sum(), t.count() * E4)
