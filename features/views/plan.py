"""What an account's plans include, what the next tier would, and how much of either it uses."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY
from features.views.contracts import ContractViews
from features.views.people import PeopleViews


class PlanViews(ContractViews, PeopleViews):
    """The views that set use and tickets against the lines that are open."""

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
