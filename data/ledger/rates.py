"""What services at monthly rates come to in a window of days."""

import ibis
import ibis.expr.types as ir

MONTH_16THS, DAYS_16THS = 487, 16
"""A mean month has 487 / 16 = 30.4375 days."""


def whole_months(rate_days_e4: ir.IntegerValue, days: int) -> ir.IntegerValue:
    """What a window of so many ``days`` is billed at monthly rates: its whole months, whatever days they have.

    ``rate_days_e4`` is the sum of each rate times its days in the window. Rounded down, which every engine does alike.
    """
    months = max(1, round(days * DAYS_16THS / MONTH_16THS))
    return ((rate_days_e4 * months).cast("float64") / ibis.literal(days).cast("float64")).floor().cast("int64")


def billed_within(services: ir.Table, days: int, after: int = 0) -> ir.IntegerValue:
    """What was billed for the last ``days`` days (``after``: for so many days before the last ``after``), in 1 / E4.

    A service counts by its days within the window at its monthly rate, other bills by their own day.
    """
    return whole_months(_rate_days(services, days, after), days) + _by_day(services, days, after)


def billed_before(services: ir.Table, days: int, after: int) -> ir.IntegerValue:
    """As ``billed_within``, to compare with: a service that is younger than the window counts as if it filled it."""
    oldest = services.age.max(where=services.rate_e4.notnull())
    held_days = ibis.least(oldest - after, days)
    rate_days = _rate_days(services, days, after)
    filled = ((rate_days * days).cast("float64") / held_days.cast("float64")).floor().cast("int64")
    is_young = ((held_days > 0) & (held_days < days)).fill_null(False)
    return whole_months(is_young.ifelse(filled, rate_days), days) + _by_day(services, days, after)


def _rate_days(t: ir.Table, days: int, after: int) -> ir.IntegerValue:
    inside_days = ibis.least(t.age, after + days) - ibis.greatest(t.end_age, after)
    return (t.rate_e4 * ibis.greatest(inside_days, 0)).sum().fill_null(0)


def _by_day(t: ir.Table, days: int, after: int) -> ir.IntegerValue:
    return t.amount_e4.sum(where=(t.age > after) & (t.age <= after + days)).fill_null(0)
