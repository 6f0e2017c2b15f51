"""Nearness to metered limits, and use of what the next tier gates."""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from features.calendar import MONTH_DAYS
from features.definition import feature, ratio, share_of_rows

LIMITS = ("usage", "subscriptions", "plan_features.monthly_limit")
GATES = ("usage", "subscriptions", "plans", "plan_features")
REQUESTS = ("tickets.feature", "subscriptions", "plans", "plan_features")
UP, DOWN = Direction.UP, Direction.DOWN
NEAR_PERCENT = 80
BILLING_MONTH_DAYS = 30


def _monthly_share(t: ir.Table) -> ir.FloatingColumn:
    """Use of the last 28 days at a monthly rate, as a share of the monthly limit."""
    return ratio(t.quantity_28d_e4.fill_null(0) * BILLING_MONTH_DAYS, t.limit_e4 * MONTH_DAYS)


@feature(
    "included_use",
    needs=LIMITS,
    windows=(28,),
    label="Largest share of a monthly limit used, at the pace of {days} days",
    unit="share",
    reason="near_limit",
    direction=UP,
    missing="no metered limit",
    actionable=True,
)
def limit_share_max(t: ir.Table, days: int) -> ir.Value:  # noqa: ARG001  the view holds the quantity of 28 days
    return _monthly_share(t).max()


@feature(
    "included_use",
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
    used, limit = t.quantity_28d_e4.fill_null(0) * BILLING_MONTH_DAYS, t.limit_e4 * MONTH_DAYS
    return t.count(where=used * 100 > limit * NEAR_PERCENT)


@feature(
    "included_use",
    needs=LIMITS,
    label="Days until a limit is reached, at the growth of the last 28 days",
    unit="days",
    reason="near_limit",
    direction=DOWN,
    missing="no metered limit, or its use does not grow",
    lookback_days=56,
)
def days_to_limit(t: ir.Table) -> ir.Value:
    allowed_28d_e4 = t.limit_e4 * MONTH_DAYS // BILLING_MONTH_DAYS
    gained_e4 = t.quantity_28d_e4 - t.quantity_before_28d_e4
    left_e4 = ibis.greatest(allowed_28d_e4 - t.quantity_28d_e4, 0)
    # `greatest` passes over nulls: without this an unlimited feature would be at its limit.
    is_growing = (gained_e4 > 0) & t.limit_e4.notnull()
    growing = is_growing.ifelse(gained_e4, ibis.null("int64"))
    return ratio(left_e4 * MONTH_DAYS, growing).min()


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
