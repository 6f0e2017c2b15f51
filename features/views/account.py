"""The views: what was known about each account before each snapshot.

Every view has the key ``account_id, snapshot_date`` and holds only what had happened **and** was known before the
snapshot. An end (of a line, a ticket, a user) on or after the snapshot is not known yet and is null. A feature reads a
view and never a table, and a view reads the tables through ``data.time_cut``.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.inputs import TABLES
from data.contract.vocabulary import E4, KEY, MOTIONS
from data.ledger.movements import BASIS_POINTS, lines, movements
from data.ledger.rules import ExpansionRules
from data.sources.staging import KNOWN_SECOND
from data.time_cut import (
    Tables,
    by_knowing,
    counted,
    cut,
    cut_days,
    cut_facts,
    cut_slots,
    days_between,
    facts,
    first_facts,
    with_lateness,
)
from features.calendar import MONTH_DAYS, QUARTER_DAYS, calendar, slots
from features.cohort import BILLED_DAYS

DAILY_DAYS = 210
"""Lookback of the daily view: 28 days against the 182 before."""
USER_DAYS = 182
"""Lookback of the view by user: 91 days against the 91 before."""
BREADTH_DAYS = 365
"""Lookback of the view by product feature: what is new is new within a year."""
BREADTH_EDGES = (MONTH_DAYS, 2 * MONTH_DAYS, BREADTH_DAYS)
BILLING_DAYS = 456
"""Lookback of billing: 91 days against the same 91 days a year before."""
YEAR_AGO_DAYS = 365 + MONTH_DAYS
"""Lookback of use a year ago: the same 28 days. The longest that usage is read for."""
SHARED_HOURS, SHARED_DAYS = 16, 2
"""One person does not use a product 16 hours apart on one day, and then once more: a user id that does is shared."""


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


HELD = ("usage_days", "first_days", "user_days", "user_slots", "feature_slots")
"""What the usage of a shard is counted into. Not cut yet, and so never read by a feature. ``build`` has the engine hold
them, for they are read several times and are far smaller than the usage itself."""


class Views:
    """The views over one base, or one shard of it, at the snapshots of a cohort; each a table, made when asked for."""

    def __init__(
        self,
        tables: Tables,
        cohort: ir.Table,
        snapshot_dates: Sequence[date],
        rules: ExpansionRules,
        held: Tables | None = None,
    ) -> None:
        """``held``: those of ``HELD`` that the engine holds already."""
        self.tables = tables
        self.cohort = cohort
        self.rules = rules
        self.snapshot_dates = snapshot_dates
        self.calendar = calendar(snapshot_dates, BILLING_DAYS)
        vars(self).update(held or {})

    def _cut(self, name: str) -> ir.Table:
        return cut(self.tables[name], name, self.cohort)

    # --- contracts -------------------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> ir.Table:
        """One row per subscription line known at the snapshot, with its plan's tier and list price.

        ``end_age``: days since it ended; null while it is open.
        """
        seen = cut(lines(self.tables), "subscriptions", self.cohort)
        return seen.mutate(end_age=days_between(seen.snapshot_date, seen.valid_to))

    @cached_property
    def open_lines(self) -> ir.Table:
        """One row per line that is open on the snapshot."""
        return self.lines.filter(self.lines.valid_to.isnull())

    @cached_property
    def beginnings(self) -> ir.Table:
        """Rows whose largest ``age`` is that of the account's first contract line or invoice."""
        clocks = {"subscriptions": "valid_from", "invoices": "billed_on"}
        dated = [facts(self.tables[name], "account_id", day) for name, day in clocks.items() if name in self.tables]
        return cut_facts(first_facts(dated[0] if len(dated) == 1 else ibis.union(*dated)), self.cohort)

    @cached_property
    def movements(self) -> ir.Table:
        """One row per movement known at the snapshot; each snapshot has its own history.

        ``is_rounding``: the MRR changed by less than ``min_uplift``.
        """
        moves = movements(self.lines, self.rules, by=KEY)
        least_e4 = moves.mrr_before_e4 * round(self.rules.min_uplift * BASIS_POINTS)
        return moves.mutate(
            age=days_between(moves.snapshot_date, moves.day),
            is_rounding=moves.delta_mrr_e4.abs() * BASIS_POINTS < least_e4,
        )

    @cached_property
    def last_expansion(self) -> ir.Table:
        """One row per movement until the account's latest day with an expansion, which is ``latest`` days ago."""
        moves = self.movements
        expanded = moves.movement_class.isin(MOTIONS).ifelse(moves.age, ibis.null("int64"))
        moves = moves.mutate(latest=expanded.min().over(ibis.window(group_by=KEY)))
        return moves.filter(moves.age >= moves.latest)

    @cached_property
    def renewals(self) -> ir.Table:
        """One row per open line with a renewal to come: ``days_ahead``."""
        dated = self.open_lines.filter(self.open_lines.renews_on >= self.open_lines.snapshot_date)
        return dated.mutate(days_ahead=days_between(dated.renews_on, dated.snapshot_date))

    @cached_property
    def next_renewal(self) -> ir.Table:
        """One row per open line that renews on the next renewal day: ``term_days`` from its beginning to that day."""
        lines = self.renewals
        lines = lines.mutate(nearest=lines.days_ahead.min().over(ibis.window(group_by=KEY)))
        next_lines = lines.filter(lines.days_ahead == lines.nearest)
        return next_lines.mutate(term_days=next_lines.age + next_lines.days_ahead)

    @cached_property
    def owned_tiers(self) -> ir.Table:
        """One row per product with an open line: its highest ``tier``."""
        return self.open_lines.group_by(*KEY, "product").aggregate(tier=self.open_lines.tier.max())

    @cached_property
    def higher_tiers(self) -> ir.Table:
        """One row per tier of an owned product above the account's own."""
        tiers = self.tables["plans"].select("product", higher="tier").distinct()
        joined = self.owned_tiers.inner_join(tiers, "product")
        return joined.filter(joined.higher > joined.tier)

    @cached_property
    def owned_products(self) -> ir.Table:
        """One row per owned product: it has an open line, or was billed in the last 90 days, credits taken off."""
        parts = []
        if "subscriptions" in self.tables:
            parts.append(self.open_lines.select(*KEY, "product"))
        if "invoices" in self.tables:
            recent = self.billing.filter(self.billing.age <= BILLED_DAYS)
            totals = recent.group_by(*KEY, "product").aggregate(amount_e4=recent.amount_e4.sum())
            parts.append(totals.filter(totals.amount_e4 > 0).select(*KEY, "product"))
        return (parts[0] if len(parts) == 1 else ibis.union(*parts)).distinct()

    @cached_property
    def unowned_products(self) -> ir.Table:
        """One row per product on the price list that the account does not own."""
        on_list = self.tables["plans"].select("product").distinct()
        return self.cohort.select(*KEY).cross_join(on_list).anti_join(self.owned_products, [*KEY, "product"])

    @cached_property
    def accounts(self) -> ir.Table:
        """One row per account that has a row in ``accounts``."""
        return self.cohort.select(*KEY).inner_join(self.tables["accounts"], "account_id")

    @cached_property
    def billing(self) -> ir.Table:
        """One row per invoice of the last 456 days."""
        bills = self.tables["invoices"].rename(day="billed_on")
        return cut_days(bills, self.calendar, BILLING_DAYS).inner_join(self.cohort.select(*KEY), KEY)

    @cached_property
    def billed_products(self) -> ir.Table:
        """One row per product billed in the last 365 days: ``amount_365d_e4``, ``amount_91d_e4``."""
        bills = self.billing
        return bills.group_by(*KEY, "product").aggregate(
            amount_365d_e4=bills.amount_e4.sum(where=bills.age <= 365).fill_null(0),
            amount_91d_e4=bills.amount_e4.sum(where=bills.age <= QUARTER_DAYS).fill_null(0),
        )

    # --- usage -----------------------------------------------------------------------------------------------------

    def _usage(self, *edges: int) -> tuple[ir.Table, ir.Table]:
        """The usage that some snapshot looks back to, and the dates of its slots; windows begin and end at ``edges``.

        One row per event, or per day and feature already counted; ``with_lateness``.
        """
        days, dates = slots(self.snapshot_dates, edges)
        rows = usage(self.tables)
        rows = rows.filter(
            (rows.day >= min(self.snapshot_dates) - timedelta(days=max(edges))) & (rows.day < max(self.snapshot_dates))
        )
        return with_lateness(rows.inner_join(days, "day")), dates

    def _user_usage(self, *edges: int) -> tuple[ir.Table, ir.Table]:
        rows, dates = self._usage(*edges)
        if "usage_events" not in self.tables:
            rows = rows.mutate(user_id=ibis.null("string"), hour=ibis.null("int64"))
        return rows.filter(rows.user_id.notnull()), dates

    def _events(self, rows: ir.Table, where: ir.BooleanValue | None = None) -> ir.IntegerValue:
        """How many events some rows of usage are."""
        return rows.events.sum(where=where).fill_null(0) if "events" in rows.columns else rows.count(where=where)

    @cached_property
    def usage_days(self) -> ir.Table:
        """One row per account and day, and one more for each knowing that came late, as ``counted``: not cut yet."""
        rows, _ = self._usage(YEAR_AGO_DAYS)
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
        rows, _ = self._user_usage(USER_DAYS)

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

    # --- what the plan includes ------------------------------------------------------------------------------------

    @cached_property
    def included(self) -> ir.Table:
        """One row per feature that an open line's plan includes.

        ``limit_e4``: the monthly limit, added up over lines; null where one of them has no limit.
        """
        rights = self.open_lines.select(*KEY, "product", "plan").inner_join(
            self.tables["plan_features"], ["product", "plan"]
        )
        sums = rights.group_by(*KEY, "feature").aggregate(
            total_e4=rights.monthly_limit_e4.sum(), unlimited=rights.monthly_limit_e4.isnull().ifelse(1, 0).max()
        )
        return sums.mutate(limit_e4=(sums.unlimited == 0).ifelse(sums.total_e4, ibis.null("int64"))).drop(
            "total_e4", "unlimited"
        )

    @cached_property
    def included_use(self) -> ir.Table:
        """One row per included feature: ``limit_e4`` and, where it was used within a year, its use (else null)."""
        return self.included.left_join(self.features_used, [*KEY, "feature"]).drop(
            "account_id_right", "snapshot_date_right", "feature_right"
        )

    @cached_property
    def gated(self) -> ir.Table:
        """One row per feature that the next tier of an owned product includes and the account's plans do not."""
        higher = self.higher_tiers
        nearest = higher.group_by(*KEY, "product").aggregate(tier=higher.higher.min())
        next_plans = nearest.inner_join(self.tables["plans"].select("product", "plan", "tier"), ["product", "tier"])
        granted = self.tables["plan_features"].select("product", "plan", "feature")
        features = next_plans.inner_join(granted, ["product", "plan"])
        return features.select(*KEY, "feature").distinct().anti_join(self.included, [*KEY, "feature"])

    @cached_property
    def gated_use(self) -> ir.Table:
        """One row per gated feature: ``last_age`` of its use (null: not used within a year)."""
        used = self.features_used.select(*KEY, "feature", "last_age")
        return self.gated.left_join(used, [*KEY, "feature"]).select(*KEY, "feature", "last_age")

    @cached_property
    def gated_tickets(self) -> ir.Table:
        """One row per ticket about a gated feature."""
        return self.tickets.semi_join(self.gated, [*KEY, "feature"])

    # --- people, support, plays ------------------------------------------------------------------------------------

    @cached_property
    def users(self) -> ir.Table:
        """One row per user registered by the snapshot; ``deactivated_age`` in days, null while active."""
        users = self._cut("users")
        return users.mutate(deactivated_age=days_between(users.snapshot_date, users.deactivated_on))

    @cached_property
    def teams(self) -> ir.Table:
        """One row per team of active users: ``first_age``, days since its first user, who may have left."""
        users = self.users.filter(self.users.team.notnull())
        teams = users.group_by(*KEY, "team").aggregate(
            first_age=users.age.max(), users=users.count(where=users.deactivated_on.isnull())
        )
        return teams.filter(teams.users > 0)

    @cached_property
    def new_team_users(self) -> ir.Table:
        """One row per active user of a team that began within 91 days: ``last_age`` of its use (null: none)."""
        new = self.teams.filter(self.teams.first_age <= QUARTER_DAYS).select(*KEY, "team")
        users = self.users.filter(self.users.deactivated_on.isnull()).select(*KEY, "team", "user_id")
        used = self.active_users.select(*KEY, "user_id", "last_age")
        return users.inner_join(new, [*KEY, "team"]).inner_join(used, [*KEY, "user_id"])

    @cached_property
    def other_domains(self) -> ir.Table:
        """One row per active user outside the account's main e-mail domain (that of most of its users)."""
        users = self.users.filter(self.users.deactivated_on.isnull() & self.users.email_domain.notnull())
        domains = users.group_by(*KEY, "email_domain").aggregate(users=users.count())
        largest = ibis.window(group_by=KEY, order_by=[domains.users.desc(), domains.email_domain.asc()])
        ranked = domains.mutate(position=ibis.row_number().over(largest))
        return users.anti_join(ranked.filter(ranked.position == 0), [*KEY, "email_domain"])

    @cached_property
    def tickets(self) -> ir.Table:
        """One row per ticket opened before the snapshot; open tickets have no ``closed_on`` and no ``csat_e4`` yet.

        The rating is in ten-thousandths: a sum of whole numbers is the same in any order of the rows.
        """
        tickets = self._cut("tickets")
        rated = tickets.closed_on.notnull().ifelse(tickets.csat, ibis.null("float64"))
        return tickets.mutate(csat_e4=(rated * float(E4) + 0.5).floor().cast("int64")).drop("csat")

    @cached_property
    def last_rating(self) -> ir.Table:
        """One row per rated ticket of the account's latest rated day."""
        rated = self.tickets.filter(self.tickets.csat_e4.notnull())
        rated = rated.mutate(latest=rated.closed_on.max().over(ibis.window(group_by=KEY)))
        return rated.filter(rated.closed_on == rated.latest)

    @cached_property
    def crm(self) -> ir.Table:
        """One row per CRM event."""
        return self._cut("crm_events")

    @cached_property
    def last_nps(self) -> ir.Table:
        """One row per NPS response of the latest day with one."""
        scores = self.crm.filter((self.crm.kind == "nps_response") & self.crm.amount_e4.notnull())
        scores = scores.mutate(latest=scores.age.min().over(ibis.window(group_by=KEY)))
        return scores.filter(scores.age == scores.latest)

    @cached_property
    def outcomes(self) -> ir.Table:
        """One row per play begun before the snapshot; ``status`` is ``open`` until its closing day has passed."""
        plays = self._cut("outcomes")
        is_closed = plays.closed_on.notnull()
        return plays.mutate(
            status=is_closed.ifelse(plays.status, ibis.literal("open")),
            closed_age=days_between(plays.snapshot_date, plays.closed_on),
        )

    @cached_property
    def own_values(self) -> ir.Table:
        """The account's latest row of the team's own features; two of the same second count as one."""
        own = self._cut("account_features")
        own = own.mutate(latest=own[KNOWN_SECOND].max().over(ibis.window(group_by=KEY)))
        return own.filter(own[KNOWN_SECOND] == own.latest)
