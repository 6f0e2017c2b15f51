"""What the account has bought, when it last changed, and what is left to buy."""

import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import E4, MOTIONS
from data.time_cut import days_between
from features.calendar import QUARTER_DAYS
from features.definition import ROW, feature, growth, ratio, step

LINES = ("subscriptions",)
SEATS = ("subscriptions.seats",)
PLANS = ("subscriptions", "plans")
PRICES = ("subscriptions.seats", "plans.seat_price")


# --- steps: aggregates that several features share ------------------------------------------------------------------


@step("open_lines", needs=LINES)
def mrr_e4(t: ir.Table) -> ir.Value:
    return t.mrr_e4.sum()


@step("open_lines", needs=PRICES)
def list_price_e4(t: ir.Table) -> ir.Value:
    return (t.seats * t.seat_price_e4).sum()


@step("open_lines", needs=PRICES)
def listed_mrr_e4(t: ir.Table) -> ir.Value:
    return t.mrr_e4.sum(where=(t.seats * t.seat_price_e4).notnull())


@step("movements", needs=LINES)
def last_expansion_age(t: ir.Table) -> ir.Value:
    return t.age.min(where=t.movement_class.isin(MOTIONS))


@step("movements", needs=LINES, empty=0)
def mrr_gained_365d_e4(t: ir.Table) -> ir.Value:
    return t.delta_mrr_e4.sum(where=t.age <= 365)


@step("movements", needs=LINES, empty=0)
def mrr_gained_91d_e4(t: ir.Table) -> ir.Value:
    return t.delta_mrr_e4.sum(where=t.age <= QUARTER_DAYS)


# --- the account -----------------------------------------------------------------------------------------------------


@feature(
    "beginnings",
    needs=("contracts",),
    label="Days since the first contract or invoice",
    unit="days",
    reason="tenure",
    missing="none is known",
)
def tenure_days(t: ir.Table) -> ir.Value:
    return t.age.max()


@feature(ROW, needs=LINES, label="MRR", unit="currency per month", reason="account_size", missing="no open line")
def mrr(r: ir.Table) -> ir.Value:
    return ratio(r.mrr_e4, E4)


@feature("open_lines", needs=SEATS, label="Seats bought", unit="seats", reason="account_size", missing="not by seat")
def seats(t: ir.Table) -> ir.Value:
    return t.seats.sum()


@feature(
    ROW, needs=SEATS, label="MRR per seat", unit="currency per month", reason="price_level", missing="not sold by seat"
)
def mrr_per_seat(r: ir.Table) -> ir.Value:
    return ratio(r.mrr_e4, r.seats * E4)


@feature(
    ROW,
    needs=PRICES,
    label="Discount against list price",
    unit="share",
    reason="price_level",
    missing="no list price or no seats",
)
def list_price_discount(r: ir.Table) -> ir.Value:
    return ratio(r.list_price_e4 - r.listed_mrr_e4, r.list_price_e4)


@feature(
    "owned_products", needs=("contracts",), label="Products owned", unit="products", reason="product_breadth", empty=0
)
def products(t: ir.Table) -> ir.Value:
    return t["product"].nunique()


@feature(
    "unowned_products",
    needs=("contracts", "plans"),
    label="Products on the price list that the account does not own",
    unit="products",
    reason="product_gap",
    direction=Direction.UP,
    actionable=True,
    empty=0,
)
def products_not_owned(t: ir.Table) -> ir.Value:
    return t.count()


@feature(
    "open_lines",
    needs=LINES,
    label="Days since the newest open line began",
    unit="days",
    reason="contract_cycle",
    missing="no open line",
)
def line_age_days(t: ir.Table) -> ir.Value:
    return t.age.min(where=~t.is_discount)


@feature(
    "open_lines",
    needs=LINES,
    label="Contract lines open",
    unit="lines",
    reason="contract_lines",
    empty=0,
)
def lines_open(t: ir.Table) -> ir.Value:
    return t.count(where=~t.is_discount)


@feature(
    "next_renewal",
    needs=("subscriptions.renews_on",),
    label="Term of the contract that renews next",
    unit="days",
    reason="contract_term",
    missing="no renewal date on the open lines",
)
def contract_term_days(t: ir.Table) -> ir.Value:
    return t.term_days.max()


@feature(
    "renewals",
    needs=("subscriptions.renews_on",),
    label="Days to the next renewal",
    unit="days",
    reason="renewal_in_sight",
    missing="no renewal date on the open lines",
    actionable=True,
)
def days_to_renewal(t: ir.Table) -> ir.Value:
    return t.days_ahead.min()


@feature(
    "open_lines",
    needs=("subscriptions.notice_at",),
    label="Open lines under notice",
    unit="lines",
    reason="notice",
    direction=Direction.DOWN,
    empty=0,
)
def lines_under_notice(t: ir.Table) -> ir.Value:
    return t.count(where=t.notice_on.notnull() & ~t.is_discount)


@feature(
    "open_lines",
    needs=("subscriptions.notice_at",),
    label="Days since notice was given",
    unit="days",
    reason="notice",
    missing="no notice was given",
)
def days_since_notice(t: ir.Table) -> ir.Value:
    return days_between(t.snapshot_date, t.notice_on).min(where=~t.is_discount)


# --- past movements ---------------------------------------------------------------------------------------------------


@feature(
    ROW,
    needs=LINES,
    label="Days since the last expansion",
    unit="days",
    reason="expansion_history",
    missing="never expanded",
)
def days_since_expansion(r: ir.Table) -> ir.Value:
    return r.last_expansion_age


@feature(
    "movements",
    needs=SEATS,
    label="Days since seats were last added",
    unit="days",
    reason="expansion_history",
    missing="never added seats",
)
def days_since_seat_expansion(t: ir.Table) -> ir.Value:
    return t.age.min(where=t.movement_class == "seat")


@feature(
    "movements",
    needs=LINES,
    label="Days since the last upsell",
    unit="days",
    reason="expansion_history",
    missing="never moved up a tier",
)
def days_since_upsell(t: ir.Table) -> ir.Value:
    return t.age.min(where=t.movement_class == "upsell")


@feature(
    "movements",
    needs=LINES,
    label="Days since the last cross-sell",
    unit="days",
    reason="expansion_history",
    missing="never bought another product",
)
def days_since_cross_sell(t: ir.Table) -> ir.Value:
    return t.age.min(where=t.movement_class == "cross_sell")


@feature("movements", needs=LINES, label="Expansions so far", unit="expansions", reason="expansion_history", empty=0)
def expansions(t: ir.Table) -> ir.Value:
    return t.count(where=t.movement_class.isin(MOTIONS))


@feature(
    "movements",
    needs=LINES,
    label="Expansions in 365 days",
    unit="expansions",
    reason="expansion_history",
    empty=0,
    lookback_days=365,
)
def expansions_365d(t: ir.Table) -> ir.Value:
    return t.count(where=t.movement_class.isin(MOTIONS) & (t.age <= 365))


@feature(
    "last_expansion",
    needs=LINES,
    label="Size of the last expansion against the MRR before it",
    unit="share",
    reason="expansion_history",
    missing="never expanded",
)
def last_expansion_share(t: ir.Table) -> ir.Value:
    is_last = (t.age == t.latest) & t.movement_class.isin(MOTIONS)
    # All that had changed before that day is the account's MRR until then, whatever moved on the day itself.
    return ratio(t.delta_mrr_e4.sum(where=is_last), t.delta_mrr_e4.sum(where=t.age > t.latest))


def _was(t: ir.Table, motion: str) -> ir.IntegerValue:
    """Whether the motion is among the expansions of the latest day with one."""
    return (t.count(where=(t.age == t.latest) & (t.movement_class == motion)) > 0).ifelse(1, 0)


@feature(
    "last_expansion",
    needs=SEATS,
    label="The last expansion was more seats",
    unit="yes or no",
    reason="expansion_kind",
    missing="never expanded",
)
def last_expansion_was_seat(t: ir.Table) -> ir.Value:
    return _was(t, "seat")


@feature(
    "last_expansion",
    needs=LINES,
    label="The last expansion was an upsell",
    unit="yes or no",
    reason="expansion_kind",
    missing="never expanded",
)
def last_expansion_was_upsell(t: ir.Table) -> ir.Value:
    return _was(t, "upsell")


@feature(
    "last_expansion",
    needs=LINES,
    label="The last expansion was a cross-sell",
    unit="yes or no",
    reason="expansion_kind",
    missing="never expanded",
)
def last_expansion_was_cross_sell(t: ir.Table) -> ir.Value:
    return _was(t, "cross_sell")


@feature(
    "movements",
    needs=LINES,
    label="Contractions in 365 days",
    unit="contractions",
    reason="contraction_history",
    direction=Direction.DOWN,
    empty=0,
    lookback_days=365,
)
def contractions_365d(t: ir.Table) -> ir.Value:
    return t.count(where=t.movement_class.isin(("contraction", "churn")) & (t.age <= 365))


@feature(
    "movements",
    needs=LINES,
    label="Days since the last contraction",
    unit="days",
    reason="contraction_history",
    missing="never contracted",
)
def days_since_contraction(t: ir.Table) -> ir.Value:
    return t.age.min(where=t.movement_class.isin(("contraction", "churn")))


@feature(
    "movements",
    needs=LINES,
    label="Days since the last price rise",
    unit="days",
    reason="price_rise",
    missing="no price rise so far",
)
def days_since_price_rise(t: ir.Table) -> ir.Value:
    return t.age.min(where=(t.movement_class == "price") & (t.delta_mrr_e4 > 0) & ~t.is_rounding)


@feature(
    ROW,
    needs=LINES,
    label="Growth of MRR within 365 days",
    unit="share",
    reason="mrr_growth",
    missing="not a customer a year ago",
    lookback_days=365,
)
def mrr_growth_365d(r: ir.Table) -> ir.Value:
    return growth(r.mrr_e4, r.mrr_e4 - r.mrr_gained_365d_e4)


@feature(
    ROW,
    needs=LINES,
    label="Growth of MRR within 91 days",
    unit="share",
    reason="mrr_growth",
    missing="not a customer 91 days ago",
    lookback_days=91,
)
def mrr_growth_91d(r: ir.Table) -> ir.Value:
    return growth(r.mrr_e4, r.mrr_e4 - r.mrr_gained_91d_e4)


# --- room to grow -----------------------------------------------------------------------------------------------------


@feature("open_lines", needs=PLANS, label="Tier", unit="tier", reason="tier_position", missing="plan not on the list")
def tier(t: ir.Table) -> ir.Value:
    return t.tier.max()


@feature(
    "higher_tiers",
    needs=PLANS,
    label="Tiers above the account's own",
    unit="tiers",
    reason="tier_position",
    direction=Direction.UP,
    empty=0,
)
def tiers_above(t: ir.Table) -> ir.Value:
    return t.count()


@feature(ROW, needs=(), label="Month of the year", unit="month", reason="season", missing="never")
def month_of_year(r: ir.Table) -> ir.Value:
    return r.snapshot_date.month()


@feature(
    ROW,
    needs=(),
    label="In the budget window of October to March",
    unit="yes or no",
    reason="season",
    direction=Direction.UP,
    missing="never",
)
def budget_window(r: ir.Table) -> ir.Value:
    return r.snapshot_date.month().isin((10, 11, 12, 1, 2, 3)).ifelse(1, 0)


@feature(
    "accounts",
    needs=("accounts.employees",),
    label="Employees",
    unit="people",
    reason="room_to_grow",
    missing="not known",
)
def employees(t: ir.Table) -> ir.Value:
    return t.employees.max()


@feature(
    ROW,
    needs=("accounts.employees", "subscriptions.seats"),
    label="Seats as a share of employees",
    unit="share",
    reason="room_to_grow",
    direction=Direction.DOWN,
    missing="employees or seats not known",
    actionable=True,
)
def seats_per_employee(r: ir.Table) -> ir.Value:
    return ratio(r.seats, r.employees)
