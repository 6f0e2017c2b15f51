"""What use is, and what was known of an account's use: days, users, product features."""

from datetime import timedelta
from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY, LEVELS
from data.feeds.use import usage, use
from data.time_cut import (
    by_knowing,
    counted,
    counting_since,
    cut_days,
    cut_facts,
    cut_slots,
    days_between,
    facts,
    first_facts,
    with_lateness,
)
from features.calendar import MONTH_DAYS, QUARTER_DAYS, slots
from features.views.base import BaseViews

DAILY_DAYS = 210
"""Lookback of the daily view: 28 days against the 182 before."""
USER_DAYS = 182
"""Lookback of the view by user: 91 days against the 91 before."""
BREADTH_DAYS = 365
"""Lookback of the view by product feature: what is new is new within a year."""
BREADTH_EDGES = (MONTH_DAYS, 2 * MONTH_DAYS, BREADTH_DAYS)
YEAR_AGO_DAYS = 365 + MONTH_DAYS
"""Lookback of use a year ago: the same 28 days."""
MONTHS_DAYS = 366 + 30
"""Lookback of the views by month: twelve whole months, and the days since. The longest that usage is read for."""
SHARED_HOURS, SHARED_DAYS = 16, 2
"""One person does not use a product 16 hours apart on one day, and then once more: a user id that does is shared."""


HELD = ("usage_days", "first_days", "user_days", "user_slots", "feature_slots")
"""What the usage of a shard is counted into. Not cut yet, and so never read by a feature. ``build`` has the engine hold
them, for they are read several times and are far smaller than the usage itself; or else the views that
``features.passes`` makes of its rows."""


class UsageViews(BaseViews):
    """The views of use."""

    def _usage(self, *edges: int) -> tuple[ir.Table, ir.Table]:
        """The usage that some snapshot looks back to, and the dates of its slots; windows begin and end at ``edges``.

        One row per event, or per day and feature already counted; ``with_lateness``.
        """
        days, dates = slots(self.snapshot_dates, edges)
        return with_lateness(self._looked_back_to(usage(self.tables), max(edges)).inner_join(days, "day")), dates

    def _looked_back_to(self, rows: ir.Table, lookback_days: int) -> ir.Table:
        first = min(self.snapshot_dates) - timedelta(days=lookback_days)
        return rows.filter((rows.day >= first) & (rows.day < max(self.snapshot_dates)))

    def rows_to_count(self) -> ir.Table:
        """The usage that some snapshot looks back to, and knows, of accounts that have an id: for a pass over its rows.

        Who, what, ``day``, ``since`` (``counting_since``), ``hour`` and ``quantity``; ``events`` and ``active`` users
        where days are counted.
        """
        rows = counting_since(self._looked_back_to(usage(self.tables), MONTHS_DAYS))
        rows = rows.filter(rows.account_id.notnull() & (rows.since < max(self.snapshot_dates)))
        is_counted = "events" in rows.columns
        counted = {"events": rows.events.fill_null(0), "active": rows.active_users} if is_counted else {}
        hour = ibis.null("int8") if is_counted else rows.hour.cast("int8")
        quantity = rows.quantity_e4.fill_null(0)
        return rows.select("account_id", "user_id", "feature", "day", "since", hour=hour, quantity=quantity, **counted)

    def _user_usage(self, *edges: int) -> tuple[ir.Table, ir.Table]:
        rows, dates = self._usage(*edges)
        if "hour" not in rows.columns:  # days that are counted by user have no hours
            rows = rows.mutate(hour=ibis.null("int64"))
        return rows.filter(rows.user_id.notnull()), dates

    def _events(self, rows: ir.Table, where: ir.BooleanValue | None = None) -> ir.IntegerValue:
        """How many events some rows of usage are."""
        return rows.events.sum(where=where).fill_null(0) if "events" in rows.columns else rows.count(where=where)

    @cached_property
    def usage_days(self) -> ir.Table:
        """One row per account and day, and one more for each knowing that came late, as ``counted``: not cut yet."""
        rows, _ = self._usage(MONTHS_DAYS)
        if "active_users" not in rows.columns:
            rows = rows.mutate(active_users=ibis.null("int64"))

        def sums(rows: ir.Table, where: ir.BooleanValue | None) -> dict[str, ir.Value]:
            return {
                "events": self._events(rows, where),
                "quantity_e4": rows.quantity_e4.sum(where=where).fill_null(0),
                "active_users": rows.active_users.max(where=where),
            }

        return counted(rows, ("account_id", "day"), sums)

    @cached_property
    def daily(self) -> ir.Table:
        """One row per day with usage, and one more for each knowing of it that came late.

        ``age, events, quantity_e4``, and ``active_users`` where only days are counted: no place to count days.
        """
        return cut_days(self.usage_days, self.calendar, DAILY_DAYS)

    @cached_property
    def active_days(self) -> ir.Table:
        """One row per day with usage in the last 91 days: ``age``. A day is known once some of its use is."""
        return cut_days(self.usage_days.filter(self.usage_days.days == 1), self.calendar, QUARTER_DAYS)

    @cached_property
    def year_ago(self) -> ir.Table:
        """One row per day with usage and knowing of it in the 28 days that ended a year ago: ``events``."""
        dates = self.calendar.filter(self.calendar.age > YEAR_AGO_DAYS - MONTH_DAYS)
        return cut_days(self.usage_days, dates, YEAR_AGO_DAYS)

    @cached_property
    def first_use(self) -> ir.Table:
        """One row: ``age`` of the first use known at the snapshot, however long ago."""
        return cut_facts(self.first_days, self.cohort)

    @cached_property
    def first_days(self) -> ir.Table:
        """One row per day that some snapshot may take for the account's first use: not cut yet."""
        return first_facts(facts(usage(self.tables), "account_id", "day"))

    @cached_property
    def user_days(self) -> ir.Table:
        """One row per user and day, and one more for each knowing that came late, as ``counted``: not cut yet.

        ``first_hour`` and ``last_hour`` of the use that the row knows.
        """
        rows, _ = self._user_usage(MONTHS_DAYS)

        def sums(rows: ir.Table, where: ir.BooleanValue | None) -> dict[str, ir.Value]:
            return {"first_hour": rows.hour.min(where=where), "last_hour": rows.hour.max(where=where)}

        return counted(rows, ("account_id", "user_id", "day"), sums)

    @cached_property
    def user_slots(self) -> ir.Table:
        """One row per user, slot within or before the last 28 days, and day of knowing: not cut yet."""
        rows, _ = self._user_usage(MONTH_DAYS)
        return by_knowing(rows, "account_id", "user_id", "slot").aggregate(
            events=self._events(rows), last_hour=rows.hour.max()
        )

    @cached_property
    def feature_slots(self) -> ir.Table:
        """One row per product feature, slot and day of knowing: not cut yet."""
        rows, _ = self._usage(*BREADTH_EDGES)
        return by_knowing(rows, "account_id", "feature", "slot").aggregate(
            first_day=rows.day.min(),
            last_day=rows.day.max(),
            events=self._events(rows),
            quantity_e4=rows.quantity_e4.sum(),
        )

    @cached_property
    def level_days(self) -> ir.Table:
        """One row per feature whose use is a level, day and day of knowing: the highest ``level_e4``; not cut yet.

        Where days are counted by user, one for each user.
        """
        plans = self.tables["plan_features"]
        levels = plans.filter(plans.measure.isin(LEVELS)).select("feature").distinct()
        rows = usage(self.tables)
        is_by_user = use(self.tables)[0] == "usage_daily"
        rows = rows.mutate(of_user=rows.user_id if is_by_user else ibis.null("string"))
        rows = self._looked_back_to(rows, QUARTER_DAYS).semi_join(levels, "feature")
        return by_knowing(rows, "account_id", "feature", "of_user", "day").aggregate(level_e4=rows.quantity_e4.max())

    @cached_property
    def levels(self) -> ir.Table:
        """One row per feature whose use is a level, reported within 91 days.

        ``last_e4`` the latest level and ``last_before_e4`` that of 28 days before or more, ``last_days`` apart;
        ``max_e4`` the highest of the last 28 days and ``max_before_e4`` of the 28 before.
        """
        month = MONTH_DAYS
        seen = cut_days(self.level_days, self.calendar, QUARTER_DAYS)
        highest = seen.group_by(*KEY, "feature", "of_user", "age").aggregate(level_e4=seen.level_e4.max())
        days = highest.group_by(*KEY, "feature", "age").aggregate(level_e4=highest.level_e4.sum().cast("int64"))
        of_feature = ibis.window(group_by=[*KEY, "feature"])
        older_age = (days.age > month).ifelse(days.age, ibis.null("int64"))
        days = days.mutate(last_age=days.age.min().over(of_feature), before_age=older_age.min().over(of_feature))
        is_before = (days.age > month) & (days.age <= 2 * month)
        return days.group_by(*KEY, "feature").aggregate(
            last_e4=days.level_e4.max(where=days.age == days.last_age),
            last_before_e4=days.level_e4.max(where=days.age == days.before_age),
            last_days=(days.before_age - days.last_age).max(),
            max_e4=days.level_e4.max(where=days.age <= month),
            max_before_e4=days.level_e4.max(where=is_before),
        )

    @cached_property
    def shared_users(self) -> ir.Table:
        """One row per user id with use 16 or more hours apart on at least two of the last 28 days.

        Days that are long, or became so late, are picked first, since they are few; what was known of their hours at
        the snapshot decides.
        """
        days = self.user_days
        long = days.filter((days.last_hour - days.first_hour >= SHARED_HOURS) | (days.days == 0))
        seen = cut_days(days.semi_join(long, ["account_id", "user_id", "day"]), self.calendar, MONTH_DAYS)
        known = seen.group_by(*KEY, "user_id", "age").aggregate(
            first_hour=seen.first_hour.min(), last_hour=seen.last_hour.max()
        )
        known = known.filter(known.last_hour - known.first_hour >= SHARED_HOURS)
        users = known.group_by(*KEY, "user_id").aggregate(days=known.count())
        return users.filter(users.days >= SHARED_DAYS)

    @cached_property
    def active_users(self) -> ir.Table:
        """One row per user active in the last 182 days.

        ``last_age`` days since the last use, ``days_28d`` days with use of the last 28, and whether the user was active
        in the 28 days (91 days) before the last 28 (91).
        """
        month, quarter = MONTH_DAYS, QUARTER_DAYS
        days, dates = slots(self.snapshot_dates, (month, 2 * month, quarter, USER_DAYS))
        used = self.user_days.inner_join(days, "day")
        sums = by_knowing(used, "account_id", "user_id", "slot").aggregate(
            last_day=used.day.max(), days=used.days.sum()
        )
        seen = cut_slots(sums, dates)
        users = seen.group_by(*KEY, "user_id").aggregate(
            last_day=seen.last_day.max(),
            days_28d=seen.days.sum(where=seen.age <= month).fill_null(0),
            was_active_28d=((seen.age > month) & (seen.age <= 2 * month)).ifelse(1, 0).max(),
            was_active_91d=(seen.age > quarter).ifelse(1, 0).max(),
        )
        return users.mutate(last_age=days_between(users.snapshot_date, users.last_day))

    @cached_property
    def user_events(self) -> ir.Table:
        """One row per user active in the last 28 days: ``events``, ``last_hour`` (null: no time of day is known)."""
        _, dates = slots(self.snapshot_dates, (MONTH_DAYS,))
        seen = cut_slots(self.user_slots, dates)
        return seen.group_by(*KEY, "user_id").aggregate(events=seen.events.sum(), last_hour=seen.last_hour.max())

    @cached_property
    def features_used(self) -> ir.Table:
        """One row per product feature used within a year.

        ``last_age`` and ``first_age`` in days; ``events_28d``; ``quantity_28d_e4`` and ``quantity_before_28d_e4``, the
        metered quantity of the last 28 days and of the 28 before.
        """
        month = MONTH_DAYS
        _, dates = slots(self.snapshot_dates, BREADTH_EDGES)
        seen = cut_slots(self.feature_slots, dates)
        is_before = (seen.age > month) & (seen.age <= 2 * month)
        used = seen.group_by(*KEY, "feature").aggregate(
            first_day=seen.first_day.min(),
            last_day=seen.last_day.max(),
            events_28d=seen.events.sum(where=seen.age <= month).fill_null(0),
            quantity_28d_e4=seen.quantity_e4.sum(where=seen.age <= month).fill_null(0),
            quantity_before_28d_e4=seen.quantity_e4.sum(where=is_before).fill_null(0),
        )
        return used.mutate(
            last_age=days_between(used.snapshot_date, used.last_day),
            first_age=days_between(used.snapshot_date, used.first_day),
        )
