"""Invoices as lines: what a usage-priced product was billed in a month is its MRR from then on.

With it the movements ledger needs no second way: a billed month is a line like any other.
"""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

EMPTY_MONTHS = 3
"""A usage-priced product churned after so many full months without a bill: the base's 90 days (contract, section 1)."""


def usage_lines(invoices: ir.Table, *, today: date | None = None, by: Sequence[str] = ("account_id",)) -> ir.Table:
    """Invoices as lines: one row per product and calendar month that was billed.

    The amount of a full month is the MRR from the first day after it, until the next billed month takes its place or
    three full months have passed without a bill. A month without a positive amount (nothing, or credits) is empty. The
    month that is not over is left out: nothing begins on or after ``today`` (the row's ``snapshot_date`` where ``by``
    has one; else the day after the last bill).
    """
    if "snapshot_date" in by:
        bills = invoices.mutate(last_day=invoices.snapshot_date - ibis.interval(days=1))
    elif today is not None:
        bills = invoices.mutate(last_day=ibis.literal(today) - ibis.interval(days=1))
    else:
        bills = invoices.mutate(last_day=invoices.billed_on.max().over(ibis.window()))
    bills = bills.mutate(month=bills.billed_on.year() * 12 + bills.billed_on.month() - 1)
    months = bills.group_by(*by, "product", "last_day", "month").aggregate(
        mrr_e4=bills.amount_e4.sum(), began_on=bills.billed_on.min()
    )
    months = months.filter(months.mrr_e4 > 0)
    months = months.mutate(valid_from=_first_of(months.month + 1))
    months = months.filter(months.valid_from <= months.last_day)
    following = months.month.lead().over(ibis.window(group_by=(*by, "product"), order_by="month"))
    silent = months.month + EMPTY_MONTHS
    months = months.mutate(valid_to=_first_of(ibis.least(following.fill_null(silent), silent) + 1))
    months = months.mutate(valid_to=(months.valid_to <= months.last_day).ifelse(months.valid_to, ibis.null("date")))
    return months.select(
        *by,
        "product",
        "valid_from",
        "valid_to",
        "mrr_e4",
        "began_on",
        plan=ibis.literal("usage"),
        seats=ibis.null("int64"),
        tier=ibis.null("int64"),
        is_usage=ibis.literal(True),
    )


def _first_of(month: ir.IntegerValue) -> ir.DateValue:
    """The first day of a month counted from year 0: calendar arithmetic that every engine does alike."""
    return ibis.date(month // 12, month % 12 + 1, ibis.literal(1))
