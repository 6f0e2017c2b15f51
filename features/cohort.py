"""Who is a customer on a snapshot date: the accounts that get a feature row."""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY
from data.time_cut import Tables, cut
from features.calendar import snapshots

BILLED_DAYS = 90
"""A usage-priced customer has been billed within so many days (contract, section 1)."""


def cohort(tables: Tables, snapshot_dates: Iterable[date]) -> ir.Table:
    """One row per ``account_id, snapshot_date``: accounts with an open line, or billed in the last 90 days.

    A line that ends on ``snapshot_date`` or later is open on it. The cohort is read from the contract tables alone, so
    an account that has lines but no row in ``accounts`` is still a customer; a line or bill of nobody makes none.
    """
    dates = snapshots(snapshot_dates)
    parts = []
    if "subscriptions" in tables:
        lines = cut(tables["subscriptions"], "subscriptions", dates)
        parts.append(lines.filter(lines.valid_to.isnull()).select(*KEY))
    if "invoices" in tables:
        bills = cut(tables["invoices"], "invoices", dates)
        recent = bills.filter(bills.age <= BILLED_DAYS)
        totals = recent.group_by(KEY).aggregate(amount_e4=recent.amount_e4.sum())
        parts.append(totals.filter(totals.amount_e4 > 0).select(*KEY))
    members = parts[0] if len(parts) == 1 else ibis.union(*parts)
    return members.filter(members.account_id.notnull()).distinct()
