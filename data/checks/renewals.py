"""Lines that another one seems to have renewed so long before they ended that both counted for weeks."""

from collections.abc import Iterator
from datetime import date

import ibis
import ibis.expr.types as ir

from data.checks.report import ROWS_KEPT, Finding, Severity, many, money
from data.ledger.lines import lines, standing
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables, days_between

LONGEST_DAYS = 120
"""Nobody renews longer before the end of a term; what overlaps for longer are two contracts."""
MANY_SHARE = 10
"""From a tenth of the lines that were added to others on, they are no exceptions."""


def renewed_early(tables: Tables, rules: ExpansionRules, today: date) -> Iterator[Finding]:
    """Lines that end weeks after one as large or larger began, and that nothing renews when they end.

    Until then both count, so that the beginning is labelled as more seats and the end is a contraction. An error where
    these are many of the lines that began beside others, unless the settings say what they are.
    """
    if rules.renewed_early_days is not None or not _overlap(tables["subscriptions"]):
        return
    held = standing(lines(tables), rules, by=("account_id",), today=today)
    beside = _beside_others(held, today)
    overlaps = _not_renewed(beside, held, rules)
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
    severity = Severity.ERROR if _begun(overlaps) * MANY_SHARE >= _begun(beside) else Severity.WARNING
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
    has_seats = beside.seats.notnull() & beside.new_seats.notnull()
    as_large = has_seats.ifelse(beside.new_seats >= beside.seats, beside.new_mrr_e4 >= beside.mrr_e4)
    near = beside.filter(as_large, beside.overlap_days.between(rules.renewal_gap_days + 1, LONGEST_DAYS))
    begun = held.select("account_id", "current_product", again_on="valid_from").distinct()
    renewed = near.inner_join(begun, ["account_id", "current_product"])
    late_days = days_between(renewed.again_on, renewed.ends_on)
    renewed = renewed.filter(late_days.between(-rules.renewal_gap_days, rules.renewal_gap_days))
    return near.anti_join(renewed, ["account_id", "current_product", "ends_on"])
