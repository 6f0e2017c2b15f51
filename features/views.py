"""The views: what was known about each account before each snapshot. The only place where time is cut.

Every view has the key ``account_id, snapshot_date`` and holds only what had happened **and** was known before the
snapshot. An end (of a line, a ticket, a user) on or after the snapshot is not known yet and is null. A feature reads a
view and never a table, so ``cut`` and ``cut_days`` below are all that stands between a feature and the future.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract import E4, MOTIONS, TABLES
from data.movements import BASIS_POINTS, ExpansionRules, lines, movements
from data.staging import KNOWN_SECOND
from features.calendar import MONTH_DAYS, QUARTER_DAYS, calendar, days_between, slots
from features.cohort import BILLED_DAYS, KEY, Tables

DAILY_DAYS = 210
"""Lookback of the daily view: 28 days against the 182 before."""
USER_DAYS = 182
"""Lookback of the view by user: 91 days against the 91 before."""
BREADTH_DAYS = 365
"""Lookback of the view by product feature: what is new is new within a year."""
BILLING_DAYS = 456
"""Lookback of billing: 91 days against the same 91 days a year before."""
YEAR_AGO_DAYS = 365 + MONTH_DAYS
"""Lookback of use a year ago: the same 28 days. The longest that usage is read for."""
SHARED_HOURS, SHARED_DAYS = 16, 2
"""One person does not use a product 16 hours apart on one day, and then once more: a user id that does is shared."""


def cut(table: ir.Table, name: str, cohort: ir.Table) -> ir.Table:
    """The rows of one contract table as known at each snapshot: its columns, ``snapshot_date`` and ``age``.

    ``age`` is whole days since the row happened. A row of which nobody knows when it happened counts nowhere: it may
    be of the future.
    """
    contract = TABLES[name]
    seen = cohort.select(*KEY).inner_join(table, "account_id")
    happened = contract.happened_on
    if happened is not None:
        seen = seen.filter(seen[happened] < seen.snapshot_date)
        seen = seen.mutate(age=days_between(seen.snapshot_date, seen[happened]))
    if "known_on" in seen.columns:
        seen = seen.filter(seen.known_on < seen.snapshot_date)
    ends = {end: (seen[end] < seen.snapshot_date).ifelse(seen[end], ibis.null("date")) for end in contract.ends_on}
    return seen.mutate(**ends) if ends else seen


def cut_days(table: ir.Table, dates: ir.Table, lookback_days: int) -> ir.Table:
    """The rows with a ``day`` in ``[snapshot_date - lookback_days, snapshot_date)``, as known at each snapshot.

    ``dates`` is the calendar: an equi-join on the day, so that a long history meets a snapshot only in its lookback.
    """
    seen = table.inner_join(dates.filter(dates.age <= lookback_days), "day")
    return seen.filter(seen.known_on < seen.snapshot_date)


def cut_slots(table: ir.Table, dates: ir.Table) -> ir.Table:
    """The rows of the slots before each snapshot, as known at it; ``dates`` is the second table of ``slots``."""
    seen = table.inner_join(dates, "slot")
    return seen.filter(seen.known_on < seen.snapshot_date)


def usage(tables: Tables) -> ir.Table:
    """The usage table with its day as ``day``. Events win where a source has both; a day counted as zero is no use."""
    if "usage_events" in tables:
        return tables["usage_events"].rename(day="occurred_on")
    daily = tables["usage_daily"]
    return daily.filter((daily.events > 0) | (daily.quantity_e4 > 0) | (daily.active_users > 0))


def usage_cells(tables: Tables, snapshot_dates: Sequence[date]) -> ir.Table:
    """Usage within the longest lookback, counted: one row per account, day, feature, user and day of knowing.

    ``events``, ``quantity_e4``, ``first_hour`` and ``last_hour`` of the day (UTC; null where the source gives no time
    of day), and ``active_users`` where only daily counts exist (null otherwise).
    """
    rows = usage(tables)
    rows = rows.filter(
        (rows.day >= min(snapshot_dates) - timedelta(days=YEAR_AGO_DAYS)) & (rows.day < max(snapshot_dates))
    )
    if "usage_events" in tables:
        counted = rows.group_by("account_id", "day", "feature", "user_id", "known_on").aggregate(
            events=rows.count(),
            quantity_e4=rows.quantity_e4.sum(),
            first_hour=rows.hour.min(),
            last_hour=rows.hour.max(),
        )
        return counted.mutate(active_users=ibis.null("int64"))
    unknown = ibis.null("int64")
    daily = rows.mutate(user_id=ibis.null("string"), first_hour=unknown, last_hour=unknown)
    sums = ("events", "quantity_e4", "first_hour", "last_hour", "active_users")
    return daily.select("account_id", "day", "feature", "user_id", "known_on", *sums)


class Views:
    """The views over one base, or one shard of it, at the snapshots of a cohort; each a table, made when asked for."""

    def __init__(self, tables: Tables, cohort: ir.Table, snapshot_dates: Sequence[date], rules: ExpansionRules) -> None:
        self.tables = tables
        self.cohort = cohort
        self.rules = rules
        self.snapshot_dates = snapshot_dates
        self.calendar = calendar(snapshot_dates, BILLING_DAYS)

    def _cut(self, name: str) -> ir.Table:
        return cut(self.tables[name], name, self.cohort)

    def _firsts(self, dated: ir.Table) -> ir.Table:
        """The rows of ``account_id, day, known_on`` that tell the first day known at a snapshot, however long ago."""
        days = dated.group_by("account_id", "known_on").aggregate(day=dated.day.min())
        # Once the very first day is known nothing known later matters: of a long history few days of knowing are left.
        very_first = days.group_by("account_id").aggregate(first=days.day.min())
        at_last = days.inner_join(very_first, ["account_id", ("day", "first")])
        at_last = at_last.group_by("account_id").aggregate(at_last=at_last.known_on.min())
        days = days.inner_join(at_last, "account_id")
        days = days.filter(days.known_on <= days.at_last).drop("at_last")
        before = ibis.window(group_by="account_id", order_by="known_on", preceding=(None, 1))
        firsts = days.mutate(earlier=days.day.min().over(before))
        # Only a row that moves the first day back can change what is known: one or two for each account.
        firsts = firsts.filter(firsts.earlier.isnull() | (firsts.day < firsts.earlier)).drop("earlier")
        seen = self.cohort.select(*KEY).inner_join(firsts, "account_id")
        seen = seen.filter((seen.known_on < seen.snapshot_date) & (seen.day < seen.snapshot_date))
        return seen.mutate(age=days_between(seen.snapshot_date, seen.day))

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
        dated = [
            self.tables[name].select("account_id", day=self.tables[name][clock], known_on="known_on")
            for name, clock in clocks.items()
            if name in self.tables
        ]
        return self._firsts(dated[0] if len(dated) == 1 else ibis.union(*dated))

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

    @cached_property
    def cells(self) -> ir.Table:
        """Usage, counted by account, day, feature and user: not cut yet, and so never read by a feature."""
        return (
            self.tables["usage_cells"]
            if "usage_cells" in self.tables
            else usage_cells(self.tables, self.snapshot_dates)
        )

    @cached_property
    def daily(self) -> ir.Table:
        """One row per day with usage and day on which some of it became known: no place to count days.

        ``age, events, quantity_e4``, and ``active_users`` where only days are counted.
        """
        cells = self.cells
        days = cells.group_by("account_id", "day", "known_on").aggregate(
            events=cells.events.sum(), quantity_e4=cells.quantity_e4.sum(), active_users=cells.active_users.max()
        )
        return cut_days(days, self.calendar, DAILY_DAYS)

    @cached_property
    def active_days(self) -> ir.Table:
        """One row per day with usage in the last 91 days: ``age``. A day is known once some of its use is."""
        days = self.cells.group_by("account_id", "day").aggregate(known_on=self.cells.known_on.min())
        return cut_days(days, self.calendar, QUARTER_DAYS)

    @cached_property
    def year_ago(self) -> ir.Table:
        """One row per cell of usage in the 28 days that ended a year ago: ``events``."""
        dates = self.calendar.filter(self.calendar.age > YEAR_AGO_DAYS - MONTH_DAYS)
        return cut_days(self.cells, dates, YEAR_AGO_DAYS)

    @cached_property
    def first_use(self) -> ir.Table:
        """One row: ``age`` of the first use known at the snapshot, however long ago."""
        return self._firsts(usage(self.tables).select("account_id", "day", "known_on"))

    @cached_property
    def _user_days(self) -> ir.Table:
        """One row per user and day: not cut yet, the hours of it least of all."""
        cells = self.cells
        days = cells.group_by("account_id", "user_id", "day").aggregate(
            known_on=cells.known_on.min(), first_hour=cells.first_hour.min(), last_hour=cells.last_hour.max()
        )
        return days.filter(days.user_id.notnull())

    @cached_property
    def user_days(self) -> ir.Table:
        """One row per user and day with usage: ``user_id, age``. A day is known once one of its events is."""
        return cut_days(self._user_days.drop("first_hour", "last_hour"), self.calendar, USER_DAYS)

    @cached_property
    def shared_users(self) -> ir.Table:
        """One row per user id with use 16 or more hours apart on at least two of the last 28 days.

        The days that are long with all that is known by now are picked first, since they are few; what was known of
        their hours at the snapshot decides.
        """
        days = self._user_days
        long = days.filter(days.last_hour - days.first_hour >= SHARED_HOURS)
        seen = cut_days(self.cells.semi_join(long, ["account_id", "user_id", "day"]), self.calendar, MONTH_DAYS)
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
        days = self.user_days
        month, quarter = MONTH_DAYS, QUARTER_DAYS
        return days.group_by(*KEY, "user_id").aggregate(
            last_age=days.age.min(),
            days_28d=(days.age <= month).ifelse(1, 0).sum(),
            was_active_28d=((days.age > month) & (days.age <= 2 * month)).ifelse(1, 0).max(),
            was_active_91d=(days.age > quarter).ifelse(1, 0).max(),
        )

    @cached_property
    def user_events(self) -> ir.Table:
        """One row per user active in the last 28 days: ``events``, ``last_hour`` (null: no time of day is known)."""
        seen = cut_days(self.cells, self.calendar, MONTH_DAYS)
        seen = seen.filter(seen.user_id.notnull())
        return seen.group_by(*KEY, "user_id").aggregate(events=seen.events.sum(), last_hour=seen.last_hour.max())

    @cached_property
    def features_used(self) -> ir.Table:
        """One row per product feature used within a year.

        ``last_age`` and ``first_age`` in days; ``events_28d``; ``quantity_28d_e4`` and ``quantity_before_28d_e4``, the
        metered quantity of the last 28 days and of the 28 before.
        """
        month = MONTH_DAYS
        days, dates = slots(self.snapshot_dates, (month, 2 * month, BREADTH_DAYS))
        cells = self.cells.inner_join(days, "day")
        # What is known by the next snapshot is known at every later one: the day of knowing keeps nothing apart then.
        in_time = cells.known_on < cells.seen_on
        cells = cells.mutate(known_on=in_time.ifelse(cells.slot_on, cells.known_on))
        sums = cells.group_by("account_id", "feature", "slot", "known_on").aggregate(
            first_day=cells.day.min(),
            last_day=cells.day.max(),
            events=cells.events.sum(),
            quantity_e4=cells.quantity_e4.sum(),
        )
        seen = cut_slots(sums, dates)
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
