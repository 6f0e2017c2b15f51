"""What use is, for everybody who reads it: whichever of the two tables of usage a base has."""

from datetime import date

import ibis.expr.types as ir

from data.contract.inputs import TABLES
from data.time_cut import Tables


def use(tables: Tables) -> tuple[str, ir.Table]:
    """What use is, for every reader of it: the name of the usage table and its rows, without a day counted as zero.

    Events win where a source has both tables. A day is use once its events, quantity or active users are above zero.
    """
    if "usage_events" in tables:
        return "usage_events", tables["usage_events"]
    daily = tables["usage_daily"]
    return "usage_daily", daily.filter((daily.events > 0) | (daily.quantity_e4 > 0) | (daily.active_users > 0))


def usage(tables: Tables) -> ir.Table:
    """The rows of ``use`` with their day as ``day``, whichever table they are of."""
    name, rows = use(tables)
    happened = TABLES[name].happened_on
    return rows if happened == "day" else rows.rename(day=happened)


def first_use_day(tables: Tables) -> date | None:
    """The first day with usage; None if there is none."""
    day: date | None = usage(tables).day.min().to_pyarrow().as_py()
    return day
