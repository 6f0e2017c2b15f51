"""What usage-priced products were billed: how much, how steadily, and for what."""

import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import E4, OVERAGE
from data.ledger.invoices import billed_before, billed_within
from features.calendar import MONTH_DAYS, QUARTER_DAYS
from features.definition import ROW, feature, growth, ratio, step
from features.definitions.trend import TILES, slope_of, volatility

BILLS = ("invoices",)
TILE_DAYS = MONTH_DAYS
BILLED_TILES = tuple(TILE_DAYS * (i + 1) for i in range(TILES))
"""Billing in 13 tiles of 28 days, by their last day: 364 days, and every tile has four of each weekday."""


@step("billed_services", needs=BILLS, empty=0)
def billed_91d_e4(t: ir.Table) -> ir.Value:
    return billed_within(t, QUARTER_DAYS)


@step("billed_services", needs=BILLS, empty=0)
def billed_before_91d_e4(t: ir.Table) -> ir.Value:
    return billed_before(t, QUARTER_DAYS, after=QUARTER_DAYS)


@step("billed_services", needs=BILLS, empty=0)
def billed_year_ago_91d_e4(t: ir.Table) -> ir.Value:
    return billed_before(t, QUARTER_DAYS, after=365)


@step("billing", needs=BILLS, empty=0)
def credited_365d_e4(t: ir.Table) -> ir.Value:
    return -t.amount_e4.sum(where=(t.age <= 365) & (t.amount_e4 < 0))


@step("billing", needs=BILLS, empty=0)
def charged_365d_e4(t: ir.Table) -> ir.Value:
    return t.amount_e4.sum(where=(t.age <= 365) & (t.amount_e4 > 0))


@step("billed_services", needs=BILLS, windows=BILLED_TILES, empty=0)
def billed_tile_e4(t: ir.Table, days: int) -> ir.Value:
    return billed_within(t, TILE_DAYS, after=days - TILE_DAYS)


def _tiles(r: ir.Table) -> list[ir.IntegerValue]:
    """The amounts of the tiles, the latest first."""
    return [r[f"billed_tile_e4_{days}d"] for days in BILLED_TILES]


@feature(
    "billed_services",
    needs=BILLS,
    windows=(28, 91, 365),
    label="Billed in {days} days",
    unit="currency",
    reason="billing_level",
    empty=0,
    missing="nothing billed",
)
def billed(t: ir.Table, days: int) -> ir.Value:
    return ratio(billed_within(t, days), E4)


@feature(
    "billing",
    needs=BILLS,
    windows=(91,),
    label="Days with an invoice in {days} days",
    unit="days",
    reason="billing_level",
    empty=0,
)
def billed_days(t: ir.Table, days: int) -> ir.Value:
    return t.age.nunique(where=t.age <= days)


@feature(
    ROW,
    needs=BILLS,
    label="Growth of billing: 91 days against the 91 before",
    unit="share",
    reason="billing_trend",
    missing="nothing billed before",
    lookback_days=182,
)
def billed_growth_91d(r: ir.Table) -> ir.Value:
    return growth(r.billed_91d_e4, r.billed_before_91d_e4)


@feature(
    ROW,
    needs=BILLS,
    label="Billing in 91 days against the same days a year ago",
    unit="share",
    reason="billing_trend",
    missing="nothing billed a year ago",
    lookback_days=456,
)
def billed_against_last_year(r: ir.Table) -> ir.Value:
    return growth(r.billed_91d_e4, r.billed_year_ago_91d_e4)


@feature(
    "billing",
    needs=BILLS,
    label="Days since the last invoice",
    unit="days",
    reason="billing_recency",
    missing="not billed within 456 days",
    direction=Direction.DOWN,
)
def days_since_billed(t: ir.Table) -> ir.Value:
    return t.age.min(where=t.amount_e4 > 0)


@feature(
    ROW,
    needs=BILLS,
    label="Credits as a share of what was billed in 365 days",
    unit="share",
    reason="credits",
    missing="nothing billed",
    direction=Direction.DOWN,
    lookback_days=365,
)
def credit_share_365d(r: ir.Table) -> ir.Value:
    return ratio(r.credited_365d_e4, r.charged_365d_e4)


@feature(
    "billing",
    needs=("invoices.kind",),
    windows=(91,),
    label="Overage as a share of what was billed in {days} days",
    unit="share",
    reason="billing_overage",
    missing="nothing billed",
    actionable=True,
)
def overage_share(t: ir.Table, days: int) -> ir.Value:
    is_charged = (t.age <= days) & (t.amount_e4 > 0)
    return ratio(
        t.amount_e4.sum(where=is_charged & (t.kind == OVERAGE)).fill_null(0), t.amount_e4.sum(where=is_charged)
    )


@feature(
    ROW,
    needs=BILLS,
    label="Slope of billing over 13 times 28 days, against its mean",
    unit="share per 28 days",
    reason="billing_slope",
    missing="nothing billed",
    direction=Direction.UP,
    lookback_days=TILES * TILE_DAYS,
)
def billed_slope_364d(r: ir.Table) -> ir.Value:
    return slope_of(_tiles(r))


@feature(
    ROW,
    needs=BILLS,
    label="Volatility of billing over 13 times 28 days: its mean deviation, against its mean",
    unit="share",
    reason="billing_volatility",
    missing="nothing billed",
    lookback_days=TILES * TILE_DAYS,
)
def billed_volatility_364d(r: ir.Table) -> ir.Value:
    return volatility(_tiles(r))


@feature(
    "billed_products",
    needs=BILLS,
    windows=(91,),
    label="Products billed in {days} days",
    unit="products",
    reason="billing_mix",
    empty=0,
)
def products_billed(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t[f"amount_{days}d_e4"] > 0)


@feature(
    "billed_products",
    needs=BILLS,
    windows=(365,),
    label="Share of the largest product in what was billed in {days} days",
    unit="share",
    reason="billing_mix",
    missing="nothing billed",
)
def top_product_share(t: ir.Table, days: int) -> ir.Value:
    amount = t[f"amount_{days}d_e4"]
    is_billed = amount > 0
    return ratio(amount.max(where=is_billed), amount.sum(where=is_billed))
