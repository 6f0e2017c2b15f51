"""What an account could be sold next: the products it has or had, those on offer, and the cross-sells that came."""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY
from data.ledger.movements import ExpansionRules
from data.sources.staging import Tables
from data.time_cut import cut, cut_facts, facts
from features.calendar import QUARTER_DAYS, snapshots
from features.labels import product_labels
from features.views.account import use

OFFERED_DAYS = 365
"""A product is on offer if somebody began with it, or was billed for it, within the year before the snapshot."""


def cross_sells(tables: Tables, cohort: ir.Table, rules: ExpansionRules) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and ``product`` with a cross-sell in the label window."""
    sold = product_labels(tables, cohort, rules)
    return sold.filter(sold.expanded_cross_sell == 1).select(*KEY, "product").distinct()


def products_had(tables: Tables, cohort: ir.Table) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and ``product`` that the account has or ever had, as known then.

    A cross-sell is a product that the account never had: none of these can be one.
    """
    parts = []
    if "subscriptions" in tables:
        parts.append(cut(tables["subscriptions"], "subscriptions", cohort).select(*KEY, "product"))
    if "invoices" in tables:
        bills = cut(tables["invoices"], "invoices", cohort)
        parts.append(bills.filter(bills.amount_e4 > 0).select(*KEY, "product"))
    had = parts[0] if len(parts) == 1 else ibis.union(*parts)
    return had.filter(had["product"].notnull()).distinct()


def features_used(tables: Tables, cohort: ir.Table) -> ir.Table:
    """One row per ``account_id, snapshot_date`` and product ``feature`` used in the quarter before, as known then."""
    name, rows = use(tables)
    used = cut(rows, name, cohort)
    recent = used.filter((used.age <= QUARTER_DAYS) & used.feature.notnull())
    return recent.select(*KEY, "feature").distinct()


def products_on_offer(tables: Tables, snapshot_dates: Sequence[date]) -> ir.Table:
    """One row per ``snapshot_date`` and ``product`` that somebody bought within the year before, as known then."""
    parts = []
    if "subscriptions" in tables:
        parts.append(facts(tables["subscriptions"], "product", "valid_from"))
    if "invoices" in tables:
        bills = tables["invoices"]
        parts.append(facts(bills.filter(bills.amount_e4 > 0), "product", "billed_on"))
    begun = (parts[0] if len(parts) == 1 else ibis.union(*parts)).distinct()
    seen = cut_facts(begun, snapshots(snapshot_dates))
    recent = seen.filter((seen.age <= OFFERED_DAYS) & seen["product"].notnull())
    return recent.select("snapshot_date", "product").distinct()
