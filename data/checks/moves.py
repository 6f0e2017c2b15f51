"""What took the place of what: products on one day or some days apart, and lines that were renewed weeks ahead.

What an account had before and what it has instead are then taken for an end and an expansion.
"""

from collections.abc import Iterator
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.checks.report import ROWS_KEPT, Finding, Severity, are_many, many, money
from data.ledger.lines import is_as_large, lines, standing
from data.ledger.moves import near_moves
from data.ledger.rules import ExpansionRules
from data.sources.engine import Engine
from data.time_cut import Tables, before_day, days_between

ALIKE_SHARE = 10
"""An MRR of a product within a tenth of the other's is alike."""
MANY_SHARE = 10
"""From a tenth of all cross-sells, or of all lines beside others, on, those that are labelled so are no exceptions."""
LONGEST_DAYS = 120
"""Nobody renews longer before the end of a term; what overlaps for longer are two contracts."""


def moved(changes: ir.Table) -> Iterator[Finding]:
    """Accounts that ended one product on the day on which another began; ``changes`` are those of the ledger."""
    swaps = changes.filter((changes.lines_before > 0) & (changes.lines_after > 0) & changes.is_swap)
    sums = _sums(swaps)
    if sums.accounts:
        message = (
            f"subscriptions: {many(int(sums.accounts), 'account')} ended a product on the day on which another began "
            f"(MRR {money(sums.before)} before, {money(sums.after)} after): that is a move from one to the other, "
            "and neither churn nor cross-sell."
        )
        todo = "Nothing, if so. A product that was renamed for everybody belongs into product_succession."
        rows = (
            swaps.select("account_id", "product", "day", "mrr_before_e4", "mrr_after_e4").limit(ROWS_KEPT).to_pandas()
        )
        yield Finding(Severity.NOTE, "subscriptions", "moved", message, todo, int(sums.accounts), rows)


def _sums(moves: ir.Table) -> pd.Series:
    """So many ``accounts`` moved, and the MRR ``before`` and ``after``."""
    before, after = moves.mrr_before_e4.sum(), moves.mrr_after_e4.sum()
    return moves.aggregate(accounts=moves.account_id.nunique(), before=before, after=after).to_pandas().iloc[0]


def moved_nearly(tables: Tables, rules: ExpansionRules, today: date) -> Iterator[Finding]:
    """Products that ended some days from the begin of another with as many seats, or about the same MRR.

    Labelled as a churn and a cross-sell, and an error where these are many of the cross-sells: unless the settings say
    what such products are.
    """
    if rules.moved_within_days is not None:
        return
    # An end that is agreed for a later day is none yet: the line may be renewed.
    known = tables | {"subscriptions": before_day("subscriptions", tables["subscriptions"], today)}
    held = standing(lines(known), rules, by=("account_id",), today=today)
    near = near_moves(held, rules.renewal_gap_days, ("account_id",))
    is_late = days_between(near.first_on, near.account_on) > rules.new_customer_days
    has_seats = (near.seats_before > 0).fill_null(False) & (near.seats_after > 0).fill_null(False)
    is_near = (near.mrr_after_e4 - near.mrr_before_e4).abs() * ALIKE_SHARE <= near.mrr_before_e4
    near = near.filter(is_late & (has_seats & (near.seats_before == near.seats_after) | is_near))
    sums = _sums(near)
    if not sums.accounts:
        return
    count, sold = int(sums.accounts), _sold_across(held, rules)
    message = (
        f"subscriptions: {many(count, 'account')} ended a product some days before or after another one began with as "
        f"many seats or about the same MRR ({money(sums.before)} before, {money(sums.after)} after): counted as churn "
        f"and as a cross-sell, of which there are {sold:,} in all."
    )
    todo = (
        f"Set [expansion] moved_within_days = {rules.renewal_gap_days} if accounts moved from one to the other, 0 if "
        "not. A product that was renamed for everybody belongs into product_succession."
    )
    severity = Severity.ERROR if are_many(count, sold, MANY_SHARE) else Severity.WARNING
    columns = ["account_id", "ended", "last_on", "begun", "first_on"]
    rows = near.order_by(columns).select(*columns, "mrr_before_e4", "mrr_after_e4").limit(ROWS_KEPT).to_pandas()
    yield Finding(severity, "subscriptions", "moved_nearly", message, todo, count, rows)


def _sold_across(held: ir.Table, rules: ExpansionRules) -> int:
    """The products that accounts bought after they had been new."""
    paid = held.filter(held.pays)
    products = paid.group_by("account_id", "current_product").aggregate(first_on=paid.valid_from.min())
    account_on = products.first_on.min().over(ibis.window(group_by="account_id"))
    late = products.filter(days_between(products.first_on, account_on) > rules.new_customer_days)
    return int(late.count().to_pandas())


# --- lines of one product ---------------------------------------------------------------------------------------------


def renewed_early(engine: Engine, tables: Tables, rules: ExpansionRules, today: date) -> Iterator[Finding]:
    """Lines that end weeks after one as large or larger began, and that nothing renews when they end.

    Until then both count, so that the beginning is labelled as more seats and the end is a contraction. An error where
    these are many of the lines that began beside others, unless the settings say what they are.
    """
    if rules.renewed_early_days is not None or not _overlap(tables["subscriptions"]):
        return
    held = standing(lines(tables), rules, by=("account_id",), today=today)
    beside = _beside_others(held, today)
    with engine.cached({"overlaps": _not_renewed(beside, held, rules)}) as of_engine:
        yield from _told_early(of_engine["overlaps"], beside, rules)


def _told_early(overlaps: ir.Table, beside: ir.Table, rules: ExpansionRules) -> Iterator[Finding]:
    """The finding about these lines, of those ``beside`` others, if there are any."""
    sums = overlaps.aggregate(
        accounts=overlaps.account_id.nunique(), mrr_e4=overlaps.mrr_e4.sum(), days=overlaps.overlap_days.max()
    )
    found = sums.to_pandas().iloc[0]
    if not found.accounts:
        return
    message = (
        f"subscriptions: {many(int(found.accounts), 'account')} began a line {rules.renewal_gap_days + 1} to "
        f"{int(found.days)} days before another of the product ended that is no larger and was not renewed then (an "
        f"MRR of {money(found.mrr_e4)}): until that day both count, as an expansion and then a contraction."
    )
    todo = (
        f"Set [expansion] renewed_early_days = {int(found.days)} if the one renewed the other, "
        f"{rules.renewal_gap_days} if they were two contracts; or give both lines one contract_id."
    )
    severity = Severity.ERROR if are_many(_begun(overlaps), _begun(beside), MANY_SHARE) else Severity.WARNING
    columns = ["account_id", "current_product", "valid_from", "began_on", "ends_on"]
    rows = overlaps.order_by(columns).select(*columns, "mrr_e4", "new_mrr_e4").limit(ROWS_KEPT).to_pandas()
    rows = rows.rename(columns={"current_product": "product"})
    yield Finding(severity, "subscriptions", "renewed_early", message, todo, int(found.accounts), rows)


def _overlap(rows: ir.Table) -> bool:
    """Whether a line of some account and product begins before another one ends. Asked first, for it is cheap."""
    order = ibis.window(group_by=("account_id", "product"), order_by="valid_from", preceding=(None, 1))
    ends_on = ibis.coalesce(rows.valid_to, rows.renews_on)
    rows = rows.select("valid_from", last_on=ends_on.max().over(order))
    return bool((rows.last_on > rows.valid_from).any().fill_null(False).to_pandas())


def _begun(pairs: ir.Table) -> int:
    """How many lines began beside others."""
    return int(pairs.select("account_id", "current_product", "began_on").distinct().count().to_pandas())


def _beside_others(held: ir.Table, today: date) -> ir.Table:
    """One row per line and line of its product that began while it was open and goes on for longer.

    ``ends_on`` is the day on which it ended, or on which it is due if that day has not come. ``new_mrr_e4`` and
    ``new_seats`` are of the other one, which ``began_on`` that day; ``overlap_days`` are the days of both.
    """
    paid = held.filter(held.pays & ~held.is_discount)
    is_due = (paid.renews_on > ibis.literal(today)).fill_null(False)
    due_on = is_due.ifelse(paid.renews_on, ibis.null("date"))
    key = ("account_id", "current_product")
    old = paid.select(*key, "valid_from", "mrr_e4", "seats", ends_on=ibis.coalesce(paid.valid_to, due_on))
    new = paid.select(*key, began_on="valid_from", new_ends_on="valid_to", new_mrr_e4="mrr_e4", new_seats="seats")
    pairs = old.inner_join(new, key).select(*old.columns, "began_on", "new_ends_on", "new_mrr_e4", "new_seats")
    is_beside = (pairs.began_on > pairs.valid_from) & (pairs.began_on < pairs.ends_on).fill_null(True)
    pairs = pairs.filter(is_beside, pairs.new_ends_on.isnull() | (pairs.new_ends_on > pairs.ends_on).fill_null(False))
    return pairs.mutate(overlap_days=days_between(pairs.ends_on, pairs.began_on))


def _not_renewed(beside: ir.Table, held: ir.Table, rules: ExpansionRules) -> ir.Table:
    """Those with an overlap of some weeks by a line as large or larger, whose end nothing else renewed."""
    near = beside.filter(is_as_large(beside), beside.overlap_days.between(rules.renewal_gap_days + 1, LONGEST_DAYS))
    begun = held.select("account_id", "current_product", again_on="valid_from").distinct()
    renewed = near.inner_join(begun, ["account_id", "current_product"])
    late_days = days_between(renewed.again_on, renewed.ends_on)
    renewed = renewed.filter(late_days.between(-rules.renewal_gap_days, rules.renewal_gap_days))
    return near.anti_join(renewed, ["account_id", "current_product", "ends_on"])
