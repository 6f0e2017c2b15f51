"""The views: what was known about each account before each snapshot.

Every view has the key ``account_id, snapshot_date`` and holds only what had happened **and** was known before the
snapshot. An end (of a line, a ticket, a user) on or after the snapshot is not known yet and is null. A feature reads a
view and never a table, and a view reads the tables through ``data.time_cut``.
"""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import FULL_PERCENT, KEY, LEVELS
from data.feeds.use import usage
from data.time_cut import by_knowing, cut_slots, first_known
from features.calendar import BILLING_MONTH_DAYS, MONTH_DAYS, QUARTER_DAYS, YEAR_MONTHS, whole_months
from features.views.contracts import ContractViews
from features.views.people import PeopleViews
from features.views.usage import MONTHS_DAYS, UsageViews


class Views(ContractViews, UsageViews, PeopleViews):
    """All views of an account; here those that set its use against its seats, its plans and its people."""

    @cached_property
    def rights(self) -> ir.Table:
        """One row per open line, discounts apart, and feature of its plan, with what ``plan_features`` says of it."""
        lines = self.open_lines.filter(~self.open_lines.is_discount)
        lines = lines.select(*KEY, "product", "plan", "current_product")
        return lines.inner_join(self.tables["plan_features"], ["product", "plan"])

    @cached_property
    def included(self) -> ir.Table:
        """One row per feature that an open line's plan includes.

        ``limit_e4``: the monthly limit, added up over lines; null where one of them has no limit. ``measure``: what
        meets it; where two plans differ, a level.
        """
        rights = self.rights
        sums = rights.group_by(*KEY, "feature").aggregate(
            total_e4=rights.monthly_limit_e4.sum(),
            unlimited=rights.monthly_limit_e4.isnull().ifelse(1, 0).max(),
            measure=rights.measure.isin(LEVELS).fill_null(False).ifelse(rights.measure, "sum").min(),  # in their order
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
    def limited_use(self) -> ir.Table:
        """One row per included feature with a limit: how near to it its use is.

        ``used_e4`` and ``allowed_e4`` are what meets the limit and the limit, 28 times each: a use that is added up is
        taken at the rate of a month of 30 days, a level (``is_level``) as it is. ``left_e4`` until the limit;
        ``gained_e4`` in ``gained_days``.
        """
        use = self.included_use.filter(self.included_use.limit_e4.notnull())
        use = use.left_join(self.levels, [*KEY, "feature"]).select(
            *use.columns, "last_e4", "last_before_e4", "last_days", "max_e4", "max_before_e4"
        )
        is_last, is_level = use.measure == "last", use.measure.isin(LEVELS)
        quantity_e4 = use.quantity_28d_e4
        level_e4 = is_last.ifelse(use.last_e4, use.max_e4)
        gained_e4 = is_last.ifelse(use.last_e4 - use.last_before_e4, use.max_e4 - use.max_before_e4)
        allowed_28d_e4 = use.limit_e4 * MONTH_DAYS // BILLING_MONTH_DAYS
        return use.select(
            *KEY,
            "feature",
            "limit_e4",
            is_level=is_level,
            used_e4=is_level.ifelse(level_e4 * MONTH_DAYS, quantity_e4 * BILLING_MONTH_DAYS).fill_null(0),
            allowed_e4=use.limit_e4 * MONTH_DAYS,
            left_e4=is_level.ifelse(use.limit_e4 - level_e4, allowed_28d_e4 - quantity_e4),
            gained_e4=is_level.ifelse(gained_e4, quantity_e4 - use.quantity_before_28d_e4),
            gained_days=is_last.ifelse(use.last_days, MONTH_DAYS),
        )

    @cached_property
    def gated_rights(self) -> ir.Table:
        """One row per plan of the next tier of an owned product and feature of it that the account's plans do not have.

        ``steps``: tiers up.
        """
        higher = self.higher_tiers
        nearest = higher.group_by(*KEY, "product").aggregate(tier=higher.higher.min(), own_tier=higher.tier.max())
        next_plans = nearest.inner_join(self.tables["plans"].select("product", "plan", "tier"), ["product", "tier"])
        granted = self.tables["plan_features"].select("product", "plan", "feature")
        features = next_plans.mutate(steps=next_plans.tier - next_plans.own_tier).inner_join(
            granted, ["product", "plan"]
        )
        named = features.select(*KEY, "product", "plan", "feature", "steps")
        return named.anti_join(self.included, [*KEY, "feature"])

    @cached_property
    def gated(self) -> ir.Table:
        """One row per feature that the next tier of an owned product includes and the account's plans do not."""
        return self.gated_rights.select(*KEY, "feature").distinct()

    @cached_property
    def gated_use(self) -> ir.Table:
        """One row per gated feature: ``last_age`` of its use (null: not used within a year)."""
        used = self.features_used.select(*KEY, "feature", "last_age")
        return self.gated.left_join(used, [*KEY, "feature"]).select(*KEY, "feature", "last_age")

    @cached_property
    def gated_months(self) -> ir.Table:
        """One row per whole month of a year in which a gated feature was used: ``months_ago`` (1: the last one)."""
        _, dates = self._months
        seen = cut_slots(self.features_by_month, dates).semi_join(self.gated, [*KEY, "feature"])
        return seen.select(*KEY, "months_ago").distinct()

    @cached_property
    def features_by_month(self) -> ir.Table:
        """One row per product feature that is not in all plans and month, known since any of its use was.

        Not cut yet. What every plan of its product includes is gated from nobody: most of the usage.
        """
        days, _ = self._months
        used = self._looked_back_to(usage(self.tables), MONTHS_DAYS).semi_join(self._of_some_plans, "feature")
        return first_known(used.inner_join(days, "day"), "account_id", "feature", "slot")

    def features_of_some_plans(self) -> list[str]:
        """The names of the features that one plan includes and another does not; none where no plans are there."""
        if not {"plans", "plan_features"} <= self.tables.keys():
            return []
        names: list[str] = self._of_some_plans.to_pyarrow()["feature"].to_pylist()
        return names

    @property
    def _of_some_plans(self) -> ir.Table:
        """The features that one plan on the price list includes and another of its product does not."""
        plans = self.tables["plans"].select("product", "plan").distinct()
        granted = self.tables["plan_features"].select("product", "plan", "feature").distinct()
        granted = granted.semi_join(plans, ["product", "plan"])
        includes = granted.group_by("product", "feature").aggregate(including=granted.count())
        both = includes.inner_join(plans.group_by("product").aggregate(plans=plans.count()), "product")
        return both.filter(both.including < both.plans).select("feature")

    @cached_property
    def gated_tickets(self) -> ir.Table:
        """One row per ticket about a gated feature."""
        return self.tickets.semi_join(self.gated, [*KEY, "feature"])

    @cached_property
    def new_team_users(self) -> ir.Table:
        """One row per active user of a team that began within 91 days: ``last_age`` of its use (null: none)."""
        new = self.teams.filter(self.teams.first_age <= QUARTER_DAYS).select(*KEY, "team")
        users = self.users.filter(self.users.deactivated_on.isnull()).select(*KEY, "team", "user_id")
        used = self.active_users.select(*KEY, "user_id", "last_age")
        return users.inner_join(new, [*KEY, "team"]).inner_join(used, [*KEY, "user_id"])

    @cached_property
    def _months(self) -> tuple[ir.Table, ir.Table]:
        return whole_months(self.snapshot_dates, YEAR_MONTHS)

    @cached_property
    def user_months(self) -> ir.Table:
        """One row per whole month of a year with users known by id, where seats are bought now: ``_beside_seats``."""
        _, dates = self._months
        seen = cut_slots(self.users_by_month, dates)
        return self._beside_seats(seen.group_by(*KEY, "months_ago").aggregate(users=seen.users.sum().cast("int64")))

    @cached_property
    def users_by_month(self) -> ir.Table:
        """One row per month with users known by id and day of knowing: ``users``; not cut yet.

        A user is of a month since any use of it was known, so that users add up whatever came late.
        """
        days, _ = self._months
        users = first_known(self.user_days.inner_join(days, "day"), "account_id", "user_id", "slot")
        return by_knowing(users, "account_id", "slot").aggregate(users=users.count())

    @cached_property
    def peak_months(self) -> ir.Table:
        """The same of the largest day of each month, where days are counted and not users."""
        days, dates = self._months
        used = self.usage_days.inner_join(days, "day")
        peaks = by_knowing(used, "account_id", "slot").aggregate(users=used.active_users.max())
        seen = cut_slots(peaks, dates)
        return self._beside_seats(seen.group_by(*KEY, "months_ago").aggregate(users=seen.users.max()))

    def _beside_seats(self, months: ir.Table) -> ir.Table:
        """``months_ago`` (1: the last), ``users``, ``seats``, and ``full``: in so many months up to it they were."""
        lines = self.open_lines
        seats = lines.group_by(*KEY).aggregate(seats=lines.seats.sum().cast("int64"))
        rows = months.inner_join(seats, KEY).select(*months.columns, "seats")
        is_full = (rows.users * 100 >= rows.seats * FULL_PERCENT).fill_null(False)
        later = ibis.window(group_by=KEY, order_by="months_ago", preceding=None, following=0)
        return rows.mutate(full=is_full.ifelse(1, 0).sum().over(later).cast("int64"))
