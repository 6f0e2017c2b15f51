"""Metered features whose quantities look like levels, though the plans say they are added up."""

from collections.abc import Iterator
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from data.checks.report import Finding, Severity, many
from data.contract.inputs import TABLES
from data.contract.vocabulary import LEVELS
from data.sources.known import USAGE
from data.time_cut import Tables, days_between

DAYS = 28
FEWEST_DAYS = 14
FEWEST_REPORTS = 4
"""An account whose reports of the last 28 days are fewer, or lie within fewer days, shows no level."""
KEPT_PERCENT = 80
"""A level keeps most of what it was the day before; what is used up begins each day anew."""
TIMES_OF_LIMIT = 2
"""Added up, a level comes to many times its limit; use that is limited by the month does not."""


def unmeasured_levels(tables: Tables, today: date) -> Iterator[Finding]:
    """Features with a monthly limit and no ``measure`` that half of their accounts report as a level.

    An account does, whose quantity of a day is never less than 80% of that of the day before, over at least 14 of the
    last 28 days and by the week at least, and comes to more than twice its limit when it is added up.
    """
    usage = next((name for name in USAGE if name in tables), None)
    if usage is None or not {"plan_features", "subscriptions"} <= tables.keys():
        return
    happened = TABLES[usage].happened_on
    assert happened is not None
    rows = tables[usage].rename(day=happened) if happened != "day" else tables[usage]
    last = rows.filter(rows.day <= today).day.max().to_pyarrow().as_py()
    limits = _limits(tables, today)
    if last is None or not limits.count().to_pyarrow().as_py():
        return
    rows = rows.filter((rows.day > last - timedelta(days=DAYS)) & (rows.day <= last)).semi_join(limits, "feature")
    days = rows.group_by("account_id", "feature", "day").aggregate(quantity_e4=rows.quantity_e4.sum())
    before = ibis.window(group_by=["account_id", "feature"], order_by="day")
    days = days.mutate(before_e4=days.quantity_e4.lag().over(before))
    fell = (days.quantity_e4 * 100 < days.before_e4 * KEPT_PERCENT).fill_null(False).ifelse(1, 0)
    reported = days.group_by("account_id", "feature").aggregate(
        reports=days.count(),
        days=days_between(days.day.max(), days.day.min()) + 1,
        fell=fell.max(),
        quantity_e4=days.quantity_e4.sum(),
    )
    is_enough = (reported.reports >= FEWEST_REPORTS) & (reported.days >= FEWEST_DAYS)
    reported = reported.filter(is_enough).inner_join(limits, ["account_id", "feature"])
    is_level = (reported.fell == 0) & (reported.quantity_e4 > reported.limit_e4 * TIMES_OF_LIMIT)
    features = reported.group_by("feature").aggregate(
        accounts=reported.count(), levels=is_level.ifelse(1, 0).sum().cast("int64")
    )
    found = features.filter(features.levels * 2 >= features.accounts).order_by("feature").to_pandas()
    for feature, accounts, levels in found.to_numpy():
        message = (
            f"plan_features: {feature} looks like a level that is reported by the day or week: at {levels} of "
            f"{many(int(accounts), 'account')} its quantities hardly ever fall and "
            f"add up to more than {TIMES_OF_LIMIT} times the monthly limit."
        )
        todo = (
            f"Write `{LEVELS[0]}` into plan_features.measure if it is a level, or `sum` if it is used up by the month."
        )
        yield Finding(Severity.WARNING, "plan_features", f"level:{feature}", message, todo, int(accounts))


def _limits(tables: Tables, today: date) -> ir.Table:
    """The monthly limit of each account's features without a measure, over its lines of today."""
    lines, rights = tables["subscriptions"], tables["plan_features"]
    held = lines.filter((lines.valid_from <= today) & (lines.valid_to.isnull() | (lines.valid_to > today)))
    unsaid = rights.filter(rights.measure.isnull() & (rights.monthly_limit_e4 > 0))
    limited = held.inner_join(unsaid, ["product", "plan"])
    return limited.group_by("account_id", "feature").aggregate(limit_e4=limited.monthly_limit_e4.sum())
