"""Support: load, bugs, what is still open, and how satisfied the answers left people."""

import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import E4
from features.definition import ROW, feature, ratio, step

TICKETS = ("tickets",)
CLOSED = ("tickets.closed_at",)
KINDS = ("tickets.kind",)
RATINGS = (*CLOSED, "tickets.csat")
UP, DOWN = Direction.UP, Direction.DOWN


def _mean_rating(t: ir.Table, window: ir.BooleanColumn) -> ir.FloatingValue:
    return ratio(t.csat_e4.sum(where=window), t.csat_e4.count(where=window) * E4)


@feature(
    "tickets",
    needs=TICKETS,
    windows=(28, 91),
    label="Tickets opened in {days} days",
    unit="tickets",
    reason="support_load",
    empty=0,
)
def tickets(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.age <= days)


@feature("tickets", needs=CLOSED, label="Tickets open", unit="tickets", reason="support_load", direction=DOWN, empty=0)
def tickets_open(t: ir.Table) -> ir.Value:
    return t.count(where=t.closed_on.isnull())


@feature(
    "tickets",
    needs=KINDS,
    windows=(91,),
    label="Bugs reported in {days} days",
    unit="tickets",
    reason="bugs",
    actionable=True,
    direction=DOWN,
    empty=0,
)
def bug_tickets(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=(t.kind == "bug") & (t.age <= days))


@feature(
    ROW,
    needs=KINDS,
    windows=(91,),
    label="Share of bugs among the tickets of {days} days",
    unit="share",
    reason="bugs",
    direction=DOWN,
    missing="no ticket in the window",
)
def bug_ticket_share(r: ir.Table, days: int) -> ir.Value:
    return ratio(r[f"bug_tickets_{days}d"], r[f"tickets_{days}d"])


@feature(
    "tickets",
    needs=("tickets.severity",),
    windows=(91,),
    label="Tickets of high or critical severity in {days} days",
    unit="tickets",
    reason="severe_tickets",
    direction=DOWN,
    empty=0,
    actionable=True,
)
def severe_tickets(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.severity.isin(("high", "critical")) & (t.age <= days))


@feature(
    "tickets",
    needs=(*CLOSED, "tickets.severity"),
    label="Critical tickets open",
    unit="tickets",
    reason="critical_open",
    actionable=True,
    direction=DOWN,
    empty=0,
)
def critical_tickets_open(t: ir.Table) -> ir.Value:
    return t.count(where=(t.severity == "critical") & t.closed_on.isnull())


@feature(
    "tickets",
    needs=KINDS,
    windows=(182,),
    label="Feature requests in {days} days",
    unit="tickets",
    reason="feature_requests",
    actionable=True,
    direction=UP,
    empty=0,
)
def feature_requests(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=(t.kind == "feature_request") & (t.age <= days))


@feature(
    "tickets",
    needs=RATINGS,
    windows=(182,),
    label="Mean rating of tickets opened in {days} days",
    unit="rating, 1-5",
    reason="satisfaction",
    direction=UP,
    missing="no rated ticket",
)
def csat(t: ir.Table, days: int) -> ir.Value:
    return _mean_rating(t, t.age <= days)


@step("tickets", needs=RATINGS)
def csat_before_182d(t: ir.Table) -> ir.Value:
    return _mean_rating(t, (t.age > 182) & (t.age <= 364))


@feature(
    ROW,
    needs=RATINGS,
    label="Change of the mean rating, 182 days against the 182 before",
    unit="rating points",
    reason="satisfaction",
    direction=UP,
    missing="no rated ticket in one of them",
    lookback_days=364,
)
def csat_change_182d(r: ir.Table) -> ir.Value:
    return r.csat_182d - r.csat_before_182d


@feature(
    "last_rating",
    needs=RATINGS,
    label="Latest ticket rating",
    unit="rating, 1-5",
    reason="satisfaction",
    direction=UP,
    missing="no rated ticket",
)
def csat_last(t: ir.Table) -> ir.Value:
    return ratio(t.csat_e4.sum(), t.csat_e4.count() * E4)
