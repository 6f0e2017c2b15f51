"""The label: did the account expand within ``[snapshot_date, snapshot_date + horizon_days)``? (contract, section 3)

The whole ledger is made once and joined to the cohort. A movement counts if what it added is still there when the
window ends: each product's changes within the window are added up, so what contracted is taken off what expanded.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import E4, KEY, LINE_MOTIONS, MOTIONS
from data.ledger.invoices import serves_from, service, usage_bills, whole_months
from data.ledger.movements import BASIS_POINTS, changes, first_days, is_of_new_customer
from data.ledger.revenue import all_lines
from data.ledger.rules import ExpansionRules
from data.sources.engine import Engine
from data.time_cut import Tables, days_between
from features.cohort import cohort as cohort_on

MONTHS_PER_YEAR = 12
DAYS_PER_YEAR = 365
FLAGS = tuple(f"expanded_{motion}" for motion in MOTIONS)


@contextmanager
def held_for_labels(
    engine: Engine, tables: Tables, snapshot_dates: Iterable[date], rules: ExpansionRules
) -> Iterator[Tables]:
    """The ``cohort`` of these snapshots and the ``lines`` of the base, held by the engine while the context lasts.

    Each is dear to compile and read more than once; as one query labels are too deep for some engines.
    """
    made = {"cohort": cohort_on(tables, snapshot_dates, rules), "lines": all_lines(tables, rules)}
    with engine.cached(made) as held:
        yield held


def labels(tables: Tables, cohort: ir.Table, rules: ExpansionRules, lines: ir.Table | None = None) -> ir.Table:
    """One row per ``account_id, snapshot_date`` of the cohort.

    ``expanded`` and ``expanded_<motion>`` are 0 or 1 (int8); ``expansion_arr_e4`` is the net expansion a year in
    ten-thousandths of the currency, 0 without one. The caller cuts ``tables`` as of today, and passes only snapshots
    whose window has passed by then. ``lines`` are ``all_lines`` of the tables, where they are held.
    """
    cohort = cohort.select(*KEY)
    both = product_labels(tables, cohort, rules, lines)
    sums = both.group_by(*KEY).aggregate(
        **{flag: both[flag].max() for flag in FLAGS}, expansion_arr_e4=both.expansion_arr_e4.sum()
    )
    joined = cohort.left_join(sums, KEY).select(*KEY, *FLAGS, "expansion_arr_e4")
    joined = joined.mutate(**{flag: joined[flag].fill_null(0).cast("int8") for flag in FLAGS})
    return joined.select(
        *KEY,
        *FLAGS,
        expanded=ibis.greatest(*(joined[flag] for flag in FLAGS)),
        expansion_arr_e4=joined.expansion_arr_e4.fill_null(0),
    )


def product_labels(tables: Tables, cohort: ir.Table, rules: ExpansionRules, lines: ir.Table | None = None) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and ``product`` that moved in the window, or was billed around it.

    The same flags (int64) and ``expansion_arr_e4`` as ``labels``, of the one product. One that is both subscribed to
    and billed has a row of each.
    """
    cohort = cohort.select(*KEY)
    lines, parts = all_lines(tables, rules) if lines is None else lines, []
    if "subscriptions" in tables:
        parts.append(_subscribed(lines, cohort, rules))
    if "invoices" in tables:
        parts.append(_billed(tables, lines, cohort, rules))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _flag(condition: ir.BooleanValue) -> ir.IntegerValue:
    """1 or 0: PostgreSQL has no cast from a truth value to a bigint."""
    return condition.ifelse(ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _flags(**shown: ir.BooleanValue) -> dict[str, ir.IntegerValue]:
    """Every flag: 1 or 0 as these conditions say, and 0 for the motions that such rows cannot show."""
    return {flag: _flag(shown[flag]) if flag in shown else ibis.literal(0, "int64") for flag in FLAGS}


def _subscribed(lines: ir.Table, cohort: ir.Table, rules: ExpansionRules) -> ir.Table:
    """One row per account, snapshot and product with a change in the window: the motions of subscription lines."""
    moves = changes(lines, rules)
    moves = moves.filter(~moves.is_usage)
    moves = moves.inner_join(cohort, "account_id")
    # What was signed before the snapshot is not to be foretold.
    is_signed = moves.movement_class.isin(LINE_MOTIONS) & (moves.booked_on < moves.snapshot_date)
    moves = moves.mutate(movement_class=is_signed.fill_null(False).ifelse("ramp", moves.movement_class))
    offset_days = days_between(moves.day, moves.snapshot_date)
    return _kept(moves.filter((offset_days >= 0) & (offset_days < rules.horizon_days)))


def _kept(moves: ir.Table) -> ir.Table:
    """Which expansions of one product are still there at the end of the window, and the MRR that is left of them.

    Changes telescope, so their sum is end minus start. A price rise neither counts as expansion nor makes up for a
    contraction; a product that comes back makes up for its own churn only.
    """

    def mrr_e4(*classes: str) -> ir.IntegerValue:
        return moves.delta_mrr_e4.sum(where=moves.movement_class.isin(classes)).fill_null(0)

    def happened(motion: str) -> ir.BooleanValue:
        return (moves.movement_class == motion).fill_null(False).any()

    opens, closes = moves.lines_before == 0, moves.lines_after == 0
    stays = ~opens & ~closes
    more_seats = moves.seats_after.fill_null(0) - moves.seats_before.fill_null(0)
    more_tiers = moves.tier_after.fill_null(0) - moves.tier_before.fill_null(0)
    unknown_tier = (~closes & moves.tier_after.isnull()) | (~opens & moves.tier_before.isnull())
    net = moves.group_by(*KEY, "lineage").aggregate(
        product=ibis.coalesce(moves["product"].max(where=moves.movement_class == "cross_sell"), moves["product"].max()),
        expanded_e4=mrr_e4(*LINE_MOTIONS),
        lost_e4=mrr_e4("contraction", "churn"),
        churned_e4=-mrr_e4("churn"),
        returned_e4=mrr_e4("new", "reactivation"),
        last_day=moves.day.max(),
        closed_on=moves.day.max(where=closes),
        # Against the start of the window and, for a product that began in it, against what it began with.
        seats=ibis.least(more_seats.sum(), more_seats.sum(where=stays).fill_null(0)),
        tiers=ibis.least(more_tiers.sum(), more_tiers.sum(where=stays).fill_null(0)),
        no_tiers=unknown_tier.any(),
        **{motion: happened(motion) for motion in LINE_MOTIONS},
    )
    kept_e4 = net.expanded_e4 + net.lost_e4 + ibis.least(net.returned_e4, net.churned_e4)
    is_open = net.closed_on.isnull() | (net.closed_on < net.last_day)
    holds = is_open & (kept_e4 > 0)
    net = net.mutate(
        kept_e4=kept_e4,
        **_flags(
            expanded_seat=holds & net.seat & (net.seats > 0),
            expanded_upsell=holds & net.upsell & (net.no_tiers | (net.tiers > 0)),
            expanded_cross_sell=holds & net.cross_sell,
        ),
    )
    is_expansion = (net.expanded_seat + net.expanded_upsell + net.expanded_cross_sell) > 0
    arr_e4 = is_expansion.ifelse(net.kept_e4 * MONTHS_PER_YEAR, 0)
    return net.select(*KEY, "product", *FLAGS, expansion_arr_e4=arr_e4.cast("int64"))


def _billed(tables: Tables, lines: ir.Table, cohort: ir.Table, rules: ExpansionRules) -> ir.Table:
    """One row per account, snapshot and usage-priced product billed around the snapshot.

    The motion ``usage`` compares what is billed for the window with what was for the equally long one before it; a
    service that began within that one is compared by its rate. A product whose service begins in the window is a
    ``cross_sell``, unless it was billed before the snapshot or the account itself is new: by the days that the ledger
    counts from, whenever the bills came. A year's worth is the difference x 365 / horizon.
    """
    days = rules.horizon_days
    bills = usage_bills(tables, rules)
    seen = service(bills).inner_join(cohort, "account_id")
    seen = seen.mutate(
        begins=days_between(seen.valid_from, seen.snapshot_date),
        ends=days_between(seen.valid_to, seen.snapshot_date).fill_null(days),
        is_spread=seen.rate_e4.notnull(),
    )
    seen = seen.filter((seen.begins < days) & seen.is_spread.ifelse(seen.ends > -days, seen.begins >= -days))

    def billed_e4(begin: int, end: int) -> tuple[ir.IntegerValue, ir.IntegerValue]:
        """What falls into ``[snapshot_date + begin, snapshot_date + end)``: rates times days, and amounts of a day."""
        inside_days = ibis.greatest(ibis.least(seen.ends, end) - ibis.greatest(seen.begins, begin), 0)
        by_day = seen.amount_e4.sum(where=(seen.begins >= begin) & (seen.begins < end))
        return (seen.rate_e4 * inside_days).sum().fill_null(0), by_day.fill_null(0)

    (rates_before, amounts_before), (rates_after, amounts_after) = billed_e4(-days, 0), billed_e4(0, days)
    sums = seen.group_by(*KEY, "product").aggregate(
        rates_before=rates_before,
        amounts_before=amounts_before,
        rates_after=rates_after,
        amounts_after=amounts_after,
        first_begins=seen.begins.min(where=seen.is_spread),
    )
    sums = sums.inner_join(_beginnings(bills, lines), ["account_id", "product"])
    sums = sums.filter((sums.first_begins.notnull()) | (sums.amounts_before != 0) | (sums.amounts_after != 0))
    # Of a service that is younger than the window only its rate can be compared.
    is_young = (sums.first_begins > -days) & (sums.first_begins < 0) & (sums.amounts_before == 0)
    young_days = is_young.fill_null(False).ifelse(-sums.first_begins, days)
    rates_before = ((sums.rates_before * days).cast("float64") / young_days.cast("float64")).floor().cast("int64")
    sums = sums.mutate(
        before_e4=whole_months(rates_before, days) + sums.amounts_before,
        after_e4=whole_months(sums.rates_after, days) + sums.amounts_after,
    )
    gain_e4 = sums.after_e4 - sums.before_e4
    is_usage = (
        (sums.before_e4 > 0)
        & (sums.after_e4 * BASIS_POINTS >= sums.before_e4 * round(rules.usage_uplift * BASIS_POINTS))
        & (gain_e4 >= round(rules.usage_floor * E4))
    )
    is_cross_sell = (
        (sums.product_on >= sums.snapshot_date)
        & (sums.sold_on >= sums.snapshot_date)
        & ~is_of_new_customer(sums, rules)
        & (sums.after_e4 > 0)
    )
    # Rounded down, which every engine does alike.
    arr_e4 = ((gain_e4 * DAYS_PER_YEAR).cast("float64") / ibis.literal(days).cast("float64")).floor().cast("int64")
    return sums.select(
        *KEY,
        "product",
        **_flags(expanded_cross_sell=is_cross_sell, expanded_usage=is_usage),
        expansion_arr_e4=(is_usage | is_cross_sell).ifelse(arr_e4, 0).cast("int64"),
    )


def _beginnings(bills: ir.Table, lines: ir.Table) -> ir.Table:
    """One row per account and product: its ``first_days``, and ``sold_on``, when it was first billed or signed."""
    charged, paid = bills.filter(bills.amount_e4 > 0), lines.filter(lines.pays & ~lines.is_usage)
    begun = ibis.union(
        charged.select("account_id", "product", began_on=serves_from(charged), sold_on=charged.billed_on),
        paid.select("account_id", "product", "began_on", sold_on=paid.booked_on),
    )
    return first_days(begun, ("account_id",), sold_on=begun.sold_on.min())
