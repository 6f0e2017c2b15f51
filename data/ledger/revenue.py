"""The ledger of a whole base, and its reconciliation with the lines.

MRR *on* a day is what was open when the day began: the day's own movements come after it. So the movements of a period
``[start, end)`` lead from the MRR on ``start`` to the MRR on ``end``.
"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.contract.vocabulary import MOVEMENT_CLASSES
from data.ledger.invoices import usage_bills, usage_lines
from data.ledger.lines import lines, standing
from data.ledger.movements import edges, movements, prepared
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables


def all_lines(tables: Tables, rules: ExpansionRules, today: date | None = None) -> ir.Table:
    """Subscription lines and billed months together, whichever of the two there are, ready for ``edges``."""
    parts, by = [], ("account_id",)
    if "subscriptions" in tables:
        parts.append(prepared(standing(lines(tables), rules, by=by, today=today), rules, by))
    if "invoices" in tables:
        parts.append(prepared(usage_lines(usage_bills(tables, rules), today=today), rules, by))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def ledger(tables: Tables, rules: ExpansionRules, today: date | None = None, *, lineage: bool = True) -> ir.Table:
    """The whole ledger: subscriptions and usage-priced products together, every class."""
    return movements(all_lines(tables, rules, today), rules, lineage=lineage)


def mrr_on(lines: ir.Table, rules: ExpansionRules, dates: Sequence[date]) -> ir.Table:
    """One row per ``account_id, product, date`` with a line by then: ``mrr_e4``, added up straight from ``all_lines``.

    Knows nothing of states and movements, so that the ledger can be checked against it. Late renewals are bridged.
    """
    steps = edges(lines, rules)
    days = ibis.memtable([(day,) for day in dates], schema=ibis.schema({"date": "date"}))
    each = steps.cross_join(days)
    by_then = each.filter(each.day < each.date)
    return by_then.group_by("account_id", "product", "date").aggregate(mrr_e4=(by_then.lines * by_then.mrr_e4).sum())


def reconcile(lines: ir.Table, rules: ExpansionRules, dates: Sequence[date]) -> pd.DataFrame:
    """Do the classes of ``all_lines`` sum to the change of MRR? One row per period between consecutive ``dates``.

    ``start``, ``end``, ``mrr_start_e4``, one column per class, ``mrr_end_e4`` and ``difference_e4``, in whole
    ten-thousandths of the reporting currency per month: the ledger reconciles if every difference is 0.
    """
    dates = sorted(dates)
    periods = pd.DataFrame({"start": dates[:-1], "end": dates[1:]})
    open_mrr = mrr_on(lines, rules, dates)
    totals = open_mrr.group_by("date").aggregate(mrr_e4=open_mrr.mrr_e4.sum()).execute()
    on = {pd.Timestamp(day).date(): int(mrr) for day, mrr in zip(totals.date, totals.mrr_e4, strict=True)}
    moves = movements(lines, rules)
    spans = ibis.memtable(periods, schema=ibis.schema({"start": "date", "end": "date"}))
    inside = moves.cross_join(spans)
    inside = inside.filter((inside.day >= inside.start) & (inside.day < inside.end))
    sums = {
        name: inside.delta_mrr_e4.sum(where=inside.movement_class == name).fill_null(0) for name in MOVEMENT_CLASSES
    }
    by_class = inside.group_by("start").aggregate(**sums).execute()
    by_class["start"] = [pd.Timestamp(day).date() for day in by_class.start]
    table = periods.merge(by_class, on="start", how="left")
    classes = list(MOVEMENT_CLASSES)
    table[classes] = table[classes].fillna(0).astype("int64")
    table.insert(2, "mrr_start_e4", [on.get(day, 0) for day in table.start])
    table["mrr_end_e4"] = [on.get(day, 0) for day in table.end]
    table["difference_e4"] = table.mrr_start_e4 + table[classes].sum(axis=1) - table.mrr_end_e4
    return table
