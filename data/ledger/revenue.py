"""The ledger of a whole base, its reconciliation with the lines, and the figures a head of CS asks for.

MRR *on* a day is what was open when the day began: the day's own movements come after it. So the movements of a period
``[start, end)`` lead from the MRR on ``start`` to the MRR on ``end``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from data.contract.vocabulary import E4, MOTIONS, MOVEMENT_CLASSES
from data.ledger.invoices import invoices, usage_bills, usage_lines
from data.ledger.lines import lines, standing
from data.ledger.movements import edges, movements, prepared
from data.ledger.rules import ExpansionRules
from data.time_cut import Tables

MONTHS_PER_YEAR = 12


def all_lines(tables: Tables, rules: ExpansionRules, today: date | None = None) -> ir.Table:
    """Subscription lines and billed months together, whichever of the two there are, ready for ``edges``."""
    parts, by, subscriptions = [], ("account_id",), tables.get("subscriptions")
    if subscriptions is not None:
        parts.append(prepared(standing(lines(tables), rules, by=by, today=today), rules, by))
    if "invoices" in tables:
        parts.append(prepared(usage_lines(usage_bills(invoices(tables), subscriptions, rules), today=today), rules, by))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def ledger(tables: Tables, rules: ExpansionRules, today: date | None = None) -> ir.Table:
    """The whole ledger: subscriptions and usage-priced products together, every class."""
    return movements(all_lines(tables, rules, today), rules)


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


@dataclass(frozen=True)
class RevenueFigures:
    """NRR, GRR and expansion ARR of ``[start, end)``; money in the reporting currency.

    The MRR parts are those of the accounts that paid on ``start``; ``nrr`` and ``grr`` are None if none did.
    ``expansion_arr`` is by motion and of all accounts: 12 x the MRR gained by its movements.
    """

    start: date
    end: date
    accounts: int
    mrr_start: float
    expansion: float
    contraction: float
    churn: float
    nrr: float | None
    grr: float | None
    expansion_arr: dict[str, float]


def revenue_figures(ledger: ir.Table, start: date, end: date) -> RevenueFigures:
    """NRR = (start + expansion - contraction - churn) / start, GRR = (start - contraction - churn) / start.

    Each product of an account (or lineage of products that it moved between) is compared on ``start`` and on ``end``:
    more is expansion (a price rise and a new product too), less is contraction, nothing left is churn. So what swings
    within the period is not counted twice.
    """
    is_before = ledger.day < ibis.literal(start)
    is_inside = ~is_before & (ledger.day < ibis.literal(end))
    sums = (
        ledger.group_by("account_id", "lineage", "movement_class")
        .aggregate(
            before=ledger.delta_mrr_e4.sum(where=is_before).fill_null(0),
            change=ledger.delta_mrr_e4.sum(where=is_inside).fill_null(0),
        )
        .execute()
    )
    products = sums.groupby(["account_id", "lineage"], as_index=False)[["before", "change"]].sum()
    base = products[products.groupby("account_id").before.transform("sum") > 0]
    is_left = base.before + base.change != 0
    mrr_start = int(base.before.sum())
    contraction = -int(base.change[is_left & (base.change < 0)].sum())
    churn = -int(base.change[~is_left].sum())
    expansion = int(base.change.sum()) + contraction + churn
    by_motion = sums.groupby("movement_class").change.sum()
    return RevenueFigures(
        start=start,
        end=end,
        accounts=int(base.account_id.nunique()),
        mrr_start=mrr_start / E4,
        expansion=expansion / E4,
        contraction=contraction / E4,
        churn=churn / E4,
        nrr=(mrr_start + expansion - contraction - churn) / mrr_start if mrr_start else None,
        grr=(mrr_start - contraction - churn) / mrr_start if mrr_start else None,
        expansion_arr={motion: MONTHS_PER_YEAR * int(by_motion.get(motion, 0)) / E4 for motion in MOTIONS},
    )
