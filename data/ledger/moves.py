"""Products of which one ends some days before or after another begins: an account may have moved from one to the other.

On one day they always count as a move (``movements``). With a gap or an overlap of some days nothing in the lines tells
a move from a churn and a cross-sell, so the settings do: ``moved_within_days``.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from data.ledger.rules import ExpansionRules


def near_moves(lines: ir.Table, days: int, by: Sequence[str]) -> ir.Table:
    """One row per product that ended for good 1 to ``days`` days from the begin of another one of its account.

    ``lines`` are standing lines. ``ended`` on ``last_on``, ``begun`` for the first time on ``first_on``: of several the
    one that is nearest, the earlier of two. ``mrr_before_e4``, ``seats_before`` and ``_after`` are of those two days,
    ``account_on`` is the first day of the account. What ended on a day on which another began is none of them.
    """
    products = _products(lines, by)
    ended = products.filter(products.last_on.notnull()).select(
        *by,
        "last_on",
        "account_on",
        ended="current_product",
        held_since="first_on",
        mrr_before_e4="last_e4",
        seats_before="last_seats",
    )
    begun = products.select(
        *by, "first_on", begun="current_product", mrr_after_e4="first_e4", seats_after="first_seats"
    )
    pairs = ended.inner_join(begun, by)
    pairs = pairs.mutate(gap_days=pairs.first_on.delta(pairs.last_on, unit="day").cast("int64").abs())
    pairs = pairs.filter(pairs.ended != pairs.begun, pairs.first_on > pairs.held_since, pairs.gap_days <= days)
    nearest = ibis.window(group_by=(*by, "ended"), order_by=("gap_days", "first_on", "begun"))
    pairs = pairs.mutate(place=ibis.row_number().over(nearest))
    return pairs.filter(pairs.place == 0, pairs.gap_days > 0).drop("place", "held_since")


def _products(lines: ir.Table, by: Sequence[str]) -> ir.Table:
    """One row per product that was paid for: its first and last day (null: open), and what it came to on each."""
    paid = lines.filter(lines.pays & ~lines.is_discount)
    of_product = ibis.window(group_by=(*by, "current_product"))
    paid = paid.mutate(
        first_on=paid.valid_from.min().over(of_product),
        last_on=paid.valid_to.isnull()
        .any()
        .over(of_product)
        .ifelse(ibis.null("date"), paid.valid_to.max().over(of_product)),
        account_on=paid.valid_from.min().over(ibis.window(group_by=by)),
    )
    is_first, is_last = paid.valid_from == paid.first_on, (paid.valid_to == paid.last_on).fill_null(False)
    return paid.group_by(*by, "current_product", "first_on", "last_on", "account_on").aggregate(
        first_e4=paid.mrr_e4.sum(where=is_first),
        first_seats=paid.seats.sum(where=is_first),
        last_e4=paid.mrr_e4.sum(where=is_last),
        last_seats=paid.seats.sum(where=is_last),
    )


def moved_on(lines: ir.Table, rules: ExpansionRules, by: Sequence[str]) -> ir.Table:
    """Standing lines, where what an account moved from ends on the day on which the other product began.

    So the gap is bridged, and the overlap taken off, as for a renewal that is late or early; a line that began within
    the overlap is none.
    """
    if not rules.moved_within_days:
        return lines
    moves = near_moves(lines, rules.moved_within_days, by).select(*by, "last_on", "first_on", current_product="ended")
    joined = lines.left_join(moves, [*by, "current_product"]).select(*lines.columns, "last_on", "first_on")
    joined = joined.filter(~(joined.valid_from >= joined.first_on).fill_null(False))
    is_moved = (joined.valid_to == joined.last_on) | (joined.valid_to > joined.first_on)
    moved = joined.mutate(valid_to=is_moved.fill_null(False).ifelse(joined.first_on, joined.valid_to))
    return moved.drop("last_on", "first_on")
