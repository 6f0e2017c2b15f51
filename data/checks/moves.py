"""Products that accounts seem to have moved between: on one day, or some days before or after each other."""

from collections.abc import Iterator
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.checks.report import ROWS_KEPT, Finding, Severity, many, money
from data.ledger.lines import lines, standing
from data.ledger.moves import near_moves
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables, before_day, days_between

ALIKE_SHARE = 10
"""An MRR of a product within a tenth of the other's is alike."""
MANY_SHARE = 10
"""From a tenth of all cross-sells on, moves that are labelled as such are no exceptions."""


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
    severity = Severity.ERROR if count * MANY_SHARE >= sold else Severity.WARNING
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
