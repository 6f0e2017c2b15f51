"""Nearness to metered limits, and use of what the next tier gates."""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import NEAR_PERCENT
from features.calendar import HALF_YEAR_DAYS
from features.definition import feature, ratio, share_of_rows

LIMITS = ("usage", "subscriptions", "plan_features.monthly_limit")
GATES = ("usage", "subscriptions", "plans", "plan_features")
REQUESTS = ("tickets.feature", "subscriptions", "plans", "plan_features")
UP, DOWN = Direction.UP, Direction.DOWN
HALF_YEAR_MONTHS = 6


@feature(
    "limited_use",
    needs=LIMITS,
    windows=(28,),
    label="Largest share of a limit used: a monthly one at the pace of {days} days, a level as it is",
    unit="share",
    reason="near_limit",
    direction=UP,
    missing="no metered limit",
    actionable=True,
)
def limit_share_max(t: ir.Table, days: int) -> ir.Value:  # noqa: ARG001  the view holds the quantity of 28 days
    return ratio(t.used_e4, t.allowed_e4).max()


@feature(
    "limited_use",
    needs=LIMITS,
    label="Metered features over 80% of their limit",
    unit="features",
    reason="near_limit",
    direction=UP,
    empty=0,
    actionable=True,
    lookback_days=28,
)
def limits_over_80pct(t: ir.Table) -> ir.Value:
    return t.count(where=t.used_e4 * 100 > t.allowed_e4 * NEAR_PERCENT)


@feature(
    "limited_use",
    needs=LIMITS,
    label="Days until a limit is reached, at the growth of the last 28 days",
    unit="days",
    reason="near_limit",
    direction=DOWN,
    missing="no metered limit, or its use does not grow",
    lookback_days=56,
)
def days_to_limit(t: ir.Table) -> ir.Value:
    return days_until_met(t).min()


def days_until_met(limited_use: ir.Table) -> ir.FloatingValue:
    """Days until a limit is met at the growth of the last month; null where its use does not grow."""
    grown_e4 = (limited_use.gained_e4 > 0).ifelse(limited_use.gained_e4, ibis.null("int64"))
    return ratio(ibis.greatest(limited_use.left_e4, 0) * limited_use.gained_days, grown_e4)


@feature(
    "gated_use",
    needs=GATES,
    windows=(91,),
    label="Features of the next tier used in {days} days",
    unit="features",
    reason="next_tier_wanted",
    direction=UP,
    empty=0,
    actionable=True,
)
def gated_features_used(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.last_age <= days)


@feature(
    "gated_use",
    needs=GATES,
    windows=(91,),
    label="Share of the next tier's gated features used in {days} days",
    unit="share",
    reason="next_tier_wanted",
    direction=UP,
    missing="no higher tier, or it gates nothing",
)
def gated_share_used(t: ir.Table, days: int) -> ir.Value:
    return share_of_rows(t, t.last_age <= days)


@feature(
    "gated_months",
    needs=GATES,
    label="Months, of the last six whole ones, in which a feature of the next tier was used",
    unit="months",
    reason="next_tier_wanted",
    direction=UP,
    empty=0,
    actionable=True,
    lookback_days=HALF_YEAR_DAYS,
)
def months_of_gated_use(t: ir.Table) -> ir.Value:
    return t.count(where=t.months_ago <= HALF_YEAR_MONTHS)


@feature(
    "gated_tickets",
    needs=REQUESTS,
    windows=(182,),
    label="Tickets about features of the next tier in {days} days",
    unit="tickets",
    reason="next_tier_wanted",
    direction=UP,
    empty=0,
    actionable=True,
)
def gated_requests(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.age <= days)
