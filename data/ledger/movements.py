"""The movements ledger: every change of MRR, once, by class (contract, section 3).

Subscription lines become *states* (all open lines of one account and product added up) and states become movements.
Months of invoices are turned into lines of their own first, so both go through the same few steps:

    lines -> edges, late renewals bridged -> one state per boundary day -> state against the state before it -> class

All money is whole ten-thousandths, so sums are exact and the order of rows changes nothing. Only equi-joins, ROWS
windows and integer comparisons are used, which mean the same on DuckDB, PostgreSQL and Spark.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from data.ledger.rules import ExpansionRules
from data.time_cut import days_between, known_ahead

BASIS_POINTS = 10_000
"""Shares are compared as whole ten-thousandths."""
LINEAGE_STEPS = 3
"""Products that an account moved between so many times in a row are known to be one lineage."""


def prepared(lines: ir.Table, rules: ExpansionRules, by: Sequence[str]) -> ir.Table:
    """The columns that states are made of: ``count`` is 1, and 0 for a discount, which is no line of its own.

    ``lines`` are standing lines, or billed months, which are always paid. ``booked_on``: when the line was signed, as
    far as that is known; a line known longer before it begins than a renewal is late was signed by then.
    """
    if "is_usage" not in lines.columns:
        booked_on = ibis.coalesce(lines.booked_on, known_ahead(lines, "valid_from", rules.renewal_gap_days))
        lines = lines.mutate(is_usage=ibis.literal(False), began_on=lines.valid_from, booked_on=booked_on)
        lines = lines.mutate(product=lines.current_product)
    else:
        lines = lines.mutate(pays=ibis.literal(True), is_discount=ibis.literal(False), booked_on=lines.valid_from)
    lines = lines.mutate(
        plan=lines.is_discount.ifelse("", lines.plan.fill_null("")),
        count=lines.is_discount.ifelse(ibis.literal(0, "int64"), ibis.literal(1, "int64")),
    )
    money = ("mrr_e4", "seats", "tier")
    days = ("valid_from", "valid_to", "began_on", "booked_on")
    return lines.select(*by, "product", "is_usage", "plan", *money, *days, "pays", "count")


def edges(lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """One row per day and terms (plan, MRR, seats) that begin (``lines`` > 0) or end (< 0), renewals bridged.

    ``lines`` are ``prepared``. Those that end and begin on one day on the same terms are one line, so a plain renewal
    leaves no edge. What ends on a day on which nothing else of its product begins was renewed late, if something begins
    within ``renewal_gap_days``, or else early, if it began in the ``early_days`` before that and something is left: the
    edge moves to the day of the renewal. A beginning that only replaces what ends that same day (as many seats; without
    seats as much MRR) renews nothing else. Usage-priced months have no gaps to bridge.
    """
    key = (*by, "product", "is_usage")
    terms = ("plan", "tier", "mrr_e4", "seats", "pays", "count")
    sides = [
        lines.select(*key, *terms, "booked_on", began_on=lines.valid_from, day=day, lines=ibis.literal(side, "int64"))
        for day, side in ((lines.valid_from, 1), (lines.valid_to, -1))
    ]
    steps = ibis.union(*sides).filter(ibis._.day.notnull())
    steps = steps.group_by(*key, *terms, "day").aggregate(
        lines=steps.lines.sum(),
        began_on=steps.began_on.max(where=steps.lines < 0),
        booked_on=steps.booked_on.max(where=steps.lines > 0),
    )
    begins = steps.lines > 0
    steps = steps.filter(steps.lines != 0).mutate(booked_on=begins.ifelse(steps.booked_on, ibis.null("date")))
    is_line = steps["count"] > 0
    days = steps.group_by(*key, "day").aggregate(
        begin=steps.count(where=(steps.lines > 0) & is_line),
        end=steps.count(where=(steps.lines < 0) & is_line),
        lines=(steps.lines * steps["count"]).sum(),
        gained_e4=(steps.lines * steps.mrr_e4).sum(),
        seats_gained=(steps.lines * steps.seats).sum(),
    )
    is_renewal = (days.begin > 0) & ((days.end == 0) | (days.seats_gained.fill_null(days.gained_e4) != 0))
    days = days.mutate(renewal_on=is_renewal.ifelse(days.day, ibis.null("date")))
    later = ibis.window(group_by=key, order_by="day", following=(1, None))
    earlier = ibis.window(group_by=key, order_by="day", preceding=(None, 1))
    so_far = ibis.window(group_by=key, order_by="day", preceding=(None, 0))
    days = days.mutate(
        next_on=days.renewal_on.min().over(later),
        last_on=days.renewal_on.max().over(earlier),
        left=days.lines.sum().over(so_far),
    )
    ends = days.filter((days.begin == 0) & (days.end > 0) & ~days.is_usage)
    is_late = (days_between(ends.next_on, ends.day) <= rules.renewal_gap_days).fill_null(False)
    is_early = (days_between(ends.day, ends.last_on) <= rules.early_days) & (ends.left > 0) & ~is_late
    ends = ends.mutate(
        late_on=is_late.ifelse(ends.next_on, ibis.null("date")),
        early_on=is_early.ifelse(ends.last_on, ibis.null("date")),
    )
    joined = steps.left_join(ends.select(*key, "day", "late_on", "early_on"), [*key, "day"])
    early_on = (joined.began_on < joined.early_on).ifelse(joined.early_on, ibis.null("date"))
    day = ibis.coalesce(joined.late_on, early_on, joined.day)
    return joined.select(*key, *terms, "lines", "booked_on", day=day)


def _states(steps: ir.Table, by: Sequence[str]) -> ir.Table:
    """One row per boundary day of a product: what is open from that day on, all open lines added up.

    ``list_e4`` is the MRR without what discounts take off. ``lines`` is 0 where nothing that is open is paid for.
    Running sums by plan, and then over the plans: no line is compared with every day.
    """
    key = (*by, "product", "is_usage")
    plans = steps.group_by(*key, "plan", "count").aggregate(tier=steps.tier.max())
    count = steps.lines * steps["count"]
    moved = steps.group_by(*key, "plan", "count", "day").aggregate(
        lines=count.sum(),
        mrr_e4=(steps.lines * steps.mrr_e4).sum(),
        list_e4=(count * steps.mrr_e4).sum(),
        seats=(count * steps.seats).sum(),
        seated=count.sum(where=steps.seats.notnull()),
        paying=count.sum(where=steps.pays),
        booked_on=steps.booked_on.max(),
    )
    sums = ("lines", "mrr_e4", "list_e4", "seats", "seated", "paying")
    grid = moved.select(*key, "day").distinct().inner_join(plans, key)
    grid = grid.left_join(moved, [*key, "plan", "count", "day"]).select(
        *key, "plan", "count", "tier", "day", "booked_on", *sums
    )
    of_plan = (*key, "plan", "count")
    so_far = ibis.window(group_by=of_plan, order_by="day", preceding=(None, 0))
    grid = grid.mutate(
        **{name: grid[name].fill_null(0).sum().over(so_far) for name in sums}, moved=grid.lines.fill_null(0)
    )
    grid = grid.mutate(is_open=grid.lines > 0, was_open=grid.lines - grid.moved > 0)
    states = grid.group_by(*key, "day").aggregate(
        **{name: grid[name].sum() for name in sums},
        tier=grid.tier.max(where=grid.is_open),
        plans=grid.count(where=grid.is_open),
        low_plan=grid.plan.min(where=grid.is_open),
        high_plan=grid.plan.max(where=grid.is_open),
        has_other_plans=(grid.is_open != grid.was_open).any(),
        booked_on=grid.booked_on.max(),
    )
    is_paid = states.paying > 0
    several = (states.plans == 2).ifelse(
        states.low_plan + " + " + states.high_plan,
        states.low_plan + " + " + (states.plans - 1).cast("string") + " others",
    )
    return states.mutate(
        lines=is_paid.ifelse(states.lines, 0),
        seats=(is_paid & (states.seated > 0)).ifelse(states.seats, ibis.null("int64")),
        tier=is_paid.ifelse(states.tier, ibis.null("int64")),
        plan=is_paid.ifelse((states.plans == 1).ifelse(states.low_plan, several), ibis.null("string")),
    ).drop("low_plan", "high_plan", "seated", "paying", "plans")


def changes(
    lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str] = ("account_id",), lineage: bool = True
) -> ir.Table:
    """One row per boundary day of a product, with the state before and after it; ``movement_class`` is null where the
    MRR stays the same. ``lines_before`` and ``lines_after`` count open lines. The ledger is its rows with a class.

    ``lines`` are ``prepared``. Where an account ends products and begins others on one day, it moved from the ones to
    the others: that is one row, of the largest that it began. Products that were moved from one to the other have one
    ``lineage``, the first of their names; the rows of a lineage add up to what its products pay. Without it, which
    costs most to compile, a product is a lineage of its own.
    """
    key = (*by, "product", "is_usage")
    states = _states(edges(lines, rules, by=by), by)
    before = ibis.window(group_by=key, order_by="day")
    values = ("lines", "mrr_e4", "list_e4", "seats", "tier", "plan", "day")
    opened = (states.lines > 0).ifelse(states.day, ibis.null("date"))
    moved = states.mutate(
        **{f"{name}_before": states[name].lag().over(before) for name in values},
        first_day=opened.min().over(ibis.window(group_by=key)),
    )
    moved = moved.mutate(lines_before=moved.lines_before.fill_null(0), mrr_e4_before=moved.mrr_e4_before.fill_null(0))
    paid = lines.filter(lines.pays)
    moved = moved.inner_join(first_days(paid, by, sold_on=paid.valid_from.min()), [*by, "product"])
    moved = moved.rename(
        lines_after="lines",
        mrr_before_e4="mrr_e4_before",
        mrr_after_e4="mrr_e4",
        list_before_e4="list_e4_before",
        list_after_e4="list_e4",
        seats_after="seats",
        tier_after="tier",
        plan_after="plan",
    )
    moved = _with_swaps(moved, by)
    moved = _with_lineage(moved, by) if lineage else moved.mutate(lineage=moved["product"])
    moved = _swapped(moved, by)
    moved = moved.mutate(delta_mrr_e4=moved.mrr_after_e4 - moved.mrr_before_e4)
    return moved.mutate(movement_class=_movement_class(moved, rules))


def first_days(begun: ir.Table, by: Sequence[str], **also: ir.Value) -> ir.Table:
    """One row per product of some rows that ``began_on`` a day: ``product_on`` and ``account_on``, the first days of it
    and of its account, and what else the rows of the product come to.
    """
    products = begun.group_by(*by, "product").aggregate(product_on=begun.began_on.min(), **also)
    return products.mutate(account_on=products.product_on.min().over(ibis.window(group_by=by)))


def is_of_new_customer(m: ir.Table, rules: ExpansionRules) -> ir.BooleanValue:
    """The product began so soon after the first one of its account that it is one of a new customer's first."""
    return days_between(m.product_on, m.account_on) <= rules.new_customer_days


def _with_swaps(moved: ir.Table, by: Sequence[str]) -> ir.Table:
    """``is_swap``: the product ended on a day on which another of its account began, or the other way round."""
    day = ibis.window(group_by=(*by, "is_usage", "day"))
    closes = (moved.lines_before > 0) & (moved.lines_after == 0)
    opens = (moved.lines_before == 0) & (moved.lines_after > 0)
    moved = moved.mutate(closes=closes & ~moved.is_usage, opens=opens & ~moved.is_usage)
    is_day = moved.closes.any().over(day) & moved.opens.any().over(day)
    return moved.mutate(is_swap=is_day & (moved.closes | moved.opens))


def _with_lineage(moved: ir.Table, by: Sequence[str]) -> ir.Table:
    """``lineage``: the first name among the products that moved from one to the other, directly or over others."""
    of_product = ibis.window(group_by=(*by, "is_usage", "product"))
    of_swap = ibis.window(group_by=(*by, "is_usage", "day", "is_swap"))
    moved = moved.mutate(lineage=moved["product"])
    for _ in range(LINEAGE_STEPS):
        moved = moved.mutate(lineage=moved.is_swap.ifelse(moved.lineage.min().over(of_swap), moved.lineage))
        moved = moved.mutate(lineage=moved.lineage.min().over(of_product))
    return moved


def _swapped(moved: ir.Table, by: Sequence[str]) -> ir.Table:
    """The rows of one swap as one: what ended before it, what began after it."""
    swap = (*by, "is_usage", "day", "is_swap")
    largest_first = ibis.window(group_by=swap, order_by=[ibis.desc("opens"), ibis.desc("mrr_after_e4"), "product"])
    together = ibis.window(group_by=swap)
    added = tuple(f"{name}_{side}" for side in ("before", "after") for name in ("lines", "seats"))
    added += tuple(f"{name}_{side}_e4" for side in ("before", "after") for name in ("mrr", "list"))
    sums = {name: moved.is_swap.ifelse(moved[name].sum().over(together), moved[name]) for name in added}
    plan_before = moved.plan_before.max(where=moved.closes).over(together)
    moved = moved.mutate(
        **sums,
        place=ibis.row_number().over(largest_first),
        plan_before=moved.is_swap.ifelse(plan_before, moved.plan_before),
        tier_before=moved.is_swap.ifelse(ibis.null("int64"), moved.tier_before),
        has_other_plans=moved.has_other_plans | moved.is_swap,
    )
    return moved.filter(~moved.is_swap | (moved.place == 0)).drop("closes", "opens", "place")


def _movement_class(m: ir.Table, rules: ExpansionRules) -> ir.StringValue:
    """The one class of a change of MRR; the order of the cases is the order of precedence."""
    is_first = m.day == m.first_day
    share = round(rules.min_uplift * BASIS_POINTS)
    is_material = m.delta_mrr_e4.abs() * BASIS_POINTS >= m.mrr_before_e4 * share
    is_rise = (m.delta_mrr_e4 > 0) & is_material
    has_tiers = m.tier_before.notnull() & m.tier_after.notnull()
    per_seat = m.mrr_after_e4 * m.seats_before > m.mrr_before_e4 * m.seats_after
    has_seats = (m.seats_before > 0).fill_null(False) & (m.seats_after > 0).fill_null(False)
    other_plan = m.has_other_plans & (~has_seats | per_seat)
    is_upsell = has_tiers.ifelse(m.tier_after > m.tier_before, other_plan)
    more_seats = (m.seats_after > m.seats_before) & ~(has_tiers & (m.tier_after < m.tier_before)).fill_null(False)
    is_more = is_amount_alone(m, rules) if rules.amount_only else ibis.literal(False)
    # Signed before the step before it began: agreed from the beginning.
    is_ramp = is_rise & (m.booked_on <= m.day_before).fill_null(False) & (is_upsell | more_seats | is_more)
    return ibis.cases(
        (m.delta_mrr_e4 == 0, ibis.null("string")),
        (m.lines_after == 0, "churn"),
        ((m.lines_before == 0) & ~is_first, "reactivation"),
        ((m.lines_before == 0) & (m.sold_on < m.day), m.is_usage.ifelse("usage", "reactivation")),
        (m.lines_before == 0, is_of_new_customer(m, rules).ifelse("new", "cross_sell")),
        (is_rise & m.is_usage, "usage"),
        (is_ramp, "ramp"),
        (is_rise & is_upsell, "upsell"),
        (is_rise & more_seats, "seat"),
        (is_rise & is_more, "upsell"),
        (is_rise | ~is_material, "price"),
        else_="contraction",
    )


def is_amount_alone(m: ir.Table, rules: ExpansionRules) -> ir.BooleanValue:
    """A rise that only its amount could tell from a price rise: an expansion where the settings say so.

    That a discount ends is a change of price, whatever the settings say.
    """
    nothing_else = m.seats_before.isnull() & m.seats_after.isnull() & m.tier_before.isnull() & m.tier_after.isnull()
    return nothing_else & is_larger(m, rules)


def is_larger(m: ir.Table, rules: ExpansionRules) -> ir.BooleanValue:
    """Is the MRR without discounts larger by as much as a rise of it alone must be to count as an expansion?"""
    least = round((1 + rules.amount_only_uplift) * BASIS_POINTS)
    return m.list_after_e4 * BASIS_POINTS >= m.list_before_e4 * least


def movements(
    lines: ir.Table, rules: ExpansionRules, *, by: Sequence[str] = ("account_id",), lineage: bool = True
) -> ir.Table:
    """The ledger of some ``prepared`` lines: one row per change of the MRR of one product of one account.

    ``by`` is the key of a history: ``account_id``, or ``account_id, snapshot_date`` where the lines were cut at each
    snapshot, so that each has its own.
    """
    moved = changes(lines, rules, by=by, lineage=lineage)
    return moved.filter(moved.movement_class.notnull()).select(
        *by,
        "product",
        "lineage",
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
