"""Who is a customer on a snapshot date: the accounts that get a feature row."""

from collections.abc import Iterable
from datetime import date

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY
from data.ledger.invoices import billed_now, service, usage_bills
from data.ledger.kinds import is_last_version, makes_a_customer
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables, cut
from features.calendar import snapshots

DEFAULT_RULES = ExpansionRules()


def services(tables: Tables, snapshot_dates: Iterable[date], rules: ExpansionRules) -> ir.Table:
    """One row per service that was billed for use, as known at each snapshot, or per day of other bills."""
    return service(usage_bills(tables, rules, snapshots(snapshot_dates)), by=KEY)


def cohort(
    tables: Tables,
    snapshot_dates: Iterable[date],
    rules: ExpansionRules = DEFAULT_RULES,
    billed: ir.Table | None = None,
) -> ir.Table:
    """One row per ``account_id, snapshot_date``: accounts with an open line, or billed for use.

    A line that ends on ``snapshot_date`` or later is open on it; one whose place a later line of its contract has taken
    is not. One whose kind says that nobody pays for it, and a discount, make no customer. The cohort is read from the
    contract tables alone, so an account that has lines but no row in ``accounts`` is still a customer; a line or bill
    of nobody makes none.
    ``billed`` are the ``services`` of these dates, where they are made already.
    """
    dates, parts = snapshots(snapshot_dates), []
    if "subscriptions" in tables:
        lines = cut(tables["subscriptions"], "subscriptions", dates)
        lines = lines.mutate(is_last=is_last_version(lines, KEY))
        parts.append(lines.filter(lines.valid_to.isnull(), makes_a_customer(lines), lines.is_last).select(*KEY))
    if "invoices" in tables:
        bills = usage_bills(tables, rules, dates)
        billed = service(bills, by=KEY) if billed is None else billed
        parts.append(billed_now(bills, billed, KEY).select(*KEY))
    members = parts[0] if len(parts) == 1 else ibis.union(*parts)
    return members.filter(members.account_id.notnull()).distinct()
