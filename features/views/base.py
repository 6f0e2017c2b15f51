"""What every view is made of: the tables of a base, the customers of its snapshots, and the calendar before them."""

from collections.abc import Sequence
from datetime import date

import ibis.expr.types as ir

from data.ledger.rules import ExpansionRules
from data.time_cut import Tables, cut
from features.calendar import calendar

BILLING_DAYS = 456
"""Lookback of billing: 91 days against the same 91 days a year before. The longest that the calendar knows."""


class BaseViews:
    """Views over one base, or one shard of it, at the snapshots of a cohort; each a table, made when asked for."""

    def __init__(
        self,
        tables: Tables,
        cohort: ir.Table,
        snapshot_dates: Sequence[date],
        rules: ExpansionRules,
        held: Tables | None = None,
    ) -> None:
        """``held``: views that the engine holds already, by name."""
        self.tables = tables
        self.cohort = cohort
        self.rules = rules
        self.snapshot_dates = snapshot_dates
        self.calendar = calendar(snapshot_dates, BILLING_DAYS)
        vars(self).update(held or {})

    def _cut(self, name: str) -> ir.Table:
        return cut(self.tables[name], name, self.cohort)
