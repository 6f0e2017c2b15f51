"""The movements ledger: every change of MRR, once, by class (contract, section 3).

Subscription lines become *states* (all open lines of one account and product added up) and states become movements.
Months of invoices are turned into lines of their own first, so both go through the same few steps:

    lines -> edges, late renewals bridged -> one state per boundary day -> state against the state before it -> class

All money is whole ten-thousandths, so sums are exact and the order of rows changes nothing. Only equi-joins, ROWS
windows and integer comparisons are used, which mean the same on DuckDB, PostgreSQL and Spark.
"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from data.ledger.invoices import usage_lines
from data.ledger.rules import ExpansionRules

BASIS_POINTS = 10_000
"""Shares are compared as whole ten-thousandths."""


def lines(tables: dict[str, ir.Table]) -> ir.Table:
    """One row per subscription line: its columns, and its plan's ``tier`` and ``seat_price_e4`` (null: not listed)."""
    subscriptions = tables["subscriptions"]
    if "plans" not in tables:
        return subscriptions.mutate(tier=ibis.null("int64"), seat_price_e4=ibis.null("int64"))
    plans = tables["plans"]
    # One row per plan even if the list names it twice, else its lines would double.
    plans = plans.group_by("product", "plan").aggregate(tier=plans.tier.max(), seat_price_e4=plans.seat_price_e4.max())
    joined = subscriptions.left_join(plans, ["product", "plan"])
    return joined.select(*subscriptions.columns, "tier", "seat_price_e4")


def all_lines(tables: dict[str, ir.Table], today: date | None = None) -> ir.Table:
    """Subscription lines and billed months together, whichever of the two there are."""
    parts = []
    if "subscriptions" in tables:
        parts.append(_prepared(lines(tables), ("account_id",)))
    if "invoices" in tables:
        parts.append(_prepared(usage_lines(tables["invoices"], today=today), ("account_id",)))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _prepared(lines: ir.Table, by: Sequence[str]) -> ir.Table:
    """The columns that states are made of; lines that end before they begin are left out."""
    if "is_usage" not in lines.columns:
        lines = lines.mutate(is_usage=ibis.literal(False), began_on=lines.valid_from)
    real = lines.filter(lines.valid_from.notnull() & (lines.valid_to.isnull() | (lines.valid_to > lines.valid_from)))
    real = real.mutate(plan=real.plan.fill_null(""))
    money = ("mrr_e4", "seats", "tier")
    return real.select(*by, "product", "is_usage", "plan", *money, "valid_from", "valid_to", "began_on")


def edges(lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """One row per day and terms (plan, MRR, seats) that begin (``lines`` > 0) or end (< 0), late renewals bridged.

    Lines that end and begin on one day on the same terms are one line, so a plain renewal leaves no edge. What ends on
    a day on which nothing else of its product begins holds until the next beginning, if that comes within
    ``renewal_gap_days``: the edge moves to that day. A beginning that only replaces what ends that same day (as many
    seats; without seats as much MRR) renews nothing else. Usage-priced months have no gaps to bridge.
    """
    key = (*by, "product", "is_usage")
    terms = ("plan", "tier", "mrr_e4", "seats")
    lines = _prepared(lines, by)
    sides = [
        lines.select(*key, *terms, day=day, lines=ibis.literal(side, "int64"))
        for day, side in ((lines.valid_from, 1), (lines.valid_to, -1))
    ]
    steps = ibis.union(*sides).filter(ibis._.day.notnull())
    steps = steps.group_by(*key, *terms, "day").aggregate(lines=steps.lines.sum()).filter(ibis._.lines != 0)
    days = steps.group_by(*key, "day").aggregate(
        begin=steps.count(where=steps.lines > 0),
        end=steps.count(where=steps.lines < 0),
        gained_e4=(steps.lines * steps.mrr_e4).sum(),
        seats_gained=(steps.lines * steps.seats).sum(),
    )
    is_renewal = (days.begin > 0) & ((days.end == 0) | (days.seats_gained.fill_null(days.gained_e4) != 0))
    days = days.mutate(renewal_on=is_renewal.ifelse(days.day, ibis.null("date")))
    later = ibis.window(group_by=key, order_by=ibis.desc("day"), preceding=(None, 1))
    days = days.mutate(next_on=days.renewal_on.min().over(later))
    is_late = (days.begin == 0) & (days.next_on.delta(days.day, unit="day") <= rules.renewal_gap_days) & ~days.is_usage
    joined = steps.left_join(days.filter(is_late).select(*key, "day", "next_on"), [*key, "day"])
    return joined.select(*key, *terms, "lines", day=joined.next_on.coalesce(joined.day))


def _states(lines: ir.Table, rules: ExpansionRules, by: Sequence[str]) -> ir.Table:
    """One row per boundary day of a product: what is open from that day on, all open lines added up.

    Running sums by plan, and then over the plans: no line is compared with every day.
    """
    key = (*by, "product", "is_usage")
    begun_or_ended = edges(lines, rules, by=by)
    plans = begun_or_ended.group_by(*key, "plan").aggregate(tier=begun_or_ended.tier.max())
    steps = begun_or_ended.group_by(*key, "plan", "day").aggregate(
        lines=begun_or_ended.lines.sum(),
        mrr_e4=(begun_or_ended.lines * begun_or_ended.mrr_e4).sum(),
        seats=(begun_or_ended.lines * begun_or_ended.seats).sum(),
        seated=begun_or_ended.lines.sum(where=begun_or_ended.seats.notnull()),
    )
    sums = ("lines", "mrr_e4", "seats", "seated")
    grid = steps.select(*key, "day").distinct().inner_join(plans, key)
    grid = grid.left_join(steps, [*key, "plan", "day"]).select(*key, "plan", "tier", "day", *sums)
    so_far = ibis.window(group_by=(*key, "plan"), order_by="day", preceding=(None, 0))
    grid = grid.mutate(**{name: grid[name].fill_null(0).sum().over(so_far) for name in sums})
    is_open = grid.lines > 0
    states = grid.group_by(*key, "day").aggregate(
        **{name: grid[name].sum() for name in sums},
        tier=grid.tier.max(where=is_open),
        low_plan=grid.plan.min(where=is_open),
        high_plan=grid.plan.max(where=is_open),
    )
    several = states.low_plan + " + " + states.high_plan
    return states.mutate(
        seats=(states.seated > 0).ifelse(states.seats, ibis.null("int64")),
        plan=(states.low_plan == states.high_plan).ifelse(states.low_plan, several),
    ).drop("low_plan", "high_plan", "seated")


def changes(lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """One row per boundary day of a product, with the state before and after it; ``movement_class`` is null where the
    MRR stays the same. ``lines_before`` and ``lines_after`` count open lines. The ledger is its rows with a class.
    """
    key = (*by, "product", "is_usage")
    states = _states(lines, rules, by)
    before = ibis.window(group_by=key, order_by="day")
    values = ("lines", "mrr_e4", "seats", "tier", "plan")
    moved = states.mutate(**{f"{name}_before": states[name].lag().over(before) for name in values})
    moved = moved.mutate(
        lines_before=moved.lines_before.fill_null(0),
        mrr_e4_before=moved.mrr_e4_before.fill_null(0),
        first_day=moved.day.min().over(ibis.window(group_by=key)),
    )
    began = _prepared(lines, by)
    products = began.group_by(*by, "product").aggregate(product_on=began.began_on.min(), sold_on=began.valid_from.min())
    accounts = products.mutate(account_on=products.product_on.min().over(ibis.window(group_by=by)))
    moved = moved.inner_join(accounts, [*by, "product"])
    moved = moved.rename(
        lines_after="lines",
        mrr_before_e4="mrr_e4_before",
        mrr_after_e4="mrr_e4",
        seats_after="seats",
        tier_after="tier",
        plan_after="plan",
    )
    moved = moved.mutate(delta_mrr_e4=moved.mrr_after_e4 - moved.mrr_before_e4)
    return moved.mutate(movement_class=_movement_class(moved, rules))


def _movement_class(m: ir.Table, rules: ExpansionRules) -> ir.StringValue:
    """The one class of a change of MRR; the order of the cases is the order of precedence."""
    is_first = m.day == m.first_day
    is_early = m.product_on.delta(m.account_on, unit="day") <= rules.new_customer_days
    share = round(rules.min_uplift * BASIS_POINTS)
    is_material = m.delta_mrr_e4.abs() * BASIS_POINTS >= m.mrr_before_e4 * share
    is_rise = (m.delta_mrr_e4 > 0) & is_material
    has_tiers = m.tier_before.notnull() & m.tier_after.notnull()
    per_seat = m.mrr_after_e4 * m.seats_before > m.mrr_before_e4 * m.seats_after
    has_seats = (m.seats_before > 0).fill_null(False) & (m.seats_after > 0).fill_null(False)
    other_plan = (m.plan_before != m.plan_after) & (~has_seats | per_seat)
    is_upsell = has_tiers.ifelse(m.tier_after > m.tier_before, other_plan)
    more_seats = (m.seats_after > m.seats_before) & ~(has_tiers & (m.tier_after < m.tier_before)).fill_null(False)
    return ibis.cases(
        (m.delta_mrr_e4 == 0, ibis.null("string")),
        (m.lines_after == 0, "churn"),
        ((m.lines_before == 0) & ~is_first, "reactivation"),
        ((m.lines_before == 0) & (m.sold_on < m.day), m.is_usage.ifelse("usage", "reactivation")),
        (m.lines_before == 0, is_early.ifelse("new", "cross_sell")),
        (is_rise & m.is_usage, "usage"),
        (is_rise & is_upsell, "upsell"),
        (is_rise & more_seats, "seat"),
        (is_rise | ~is_material, "price"),
        else_="contraction",
    )


def movements(lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """The ledger of some lines: one row per change of the MRR of one product of one account.

    ``by`` is the key of a history: ``account_id``, or ``account_id, snapshot_date`` where the lines were cut at each
    snapshot, so that each has its own.
    """
    moved = changes(lines, rules, by=by)
    return moved.filter(moved.movement_class.notnull()).select(
        *by,
        "product",
        "day",
        "movement_class",
        "delta_mrr_e4",
        "mrr_before_e4",
        "mrr_after_e4",
        "seats_before",
        "seats_after",
        "tier_before",
        "tier_after",
        "plan_before",
        "plan_after",
    )


def ledger(tables: dict[str, ir.Table], rules: ExpansionRules, today: date | None = None) -> ir.Table:
    """The whole ledger: subscriptions and usage-priced products together, every class."""
    return movements(all_lines(tables, today), rules)
