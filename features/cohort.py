"""Who is a customer on a snapshot date: the accounts that get a feature row."""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY
from data.ledger.invoices import billed_now, invoices, service, usage_bills
from data.ledger.lines import is_paid_for
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables, cut
from features.calendar import snapshots

DEFAULT_RULES = ExpansionRules()


def cohort(tables: Tables, snapshot_dates: Iterable[date], rules: ExpansionRules = DEFAULT_RULES) -> ir.Table:
    """One row per ``account_id, snapshot_date``: accounts with an open line that is paid for, or billed for use.

    A line that ends on ``snapshot_date`` or later is open on it. The cohort is read from the contract tables alone, so
    an account that has lines but no row in ``accounts`` is still a customer; a line or bill of nobody makes none.
    """
    dates = snapshots(snapshot_dates)
    parts, lines = [], None
    if "subscriptions" in tables:
        lines = cut(tables["subscriptions"], "subscriptions", dates)
        parts.append(lines.filter(lines.valid_to.isnull() & is_paid_for(lines)).select(*KEY))
    if "invoices" in tables:
        bills = usage_bills(cut(invoices(tables), "invoices", dates), lines, rules, KEY)
        parts.append(billed_now(bills, service(bills, by=KEY), KEY).select(*KEY))
    members = parts[0] if len(parts) == 1 else ibis.union(*parts)
    return members.filter(members.account_id.notnull()).distinct()
