"""What was known of an account's contracts: lines, movements, renewals, products, and what it was billed."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY, MOTIONS
from data.ledger.movements import BASIS_POINTS, lines, movements
from data.time_cut import cut, cut_days, cut_facts, days_between, facts, first_facts
from features.calendar import QUARTER_DAYS
from features.cohort import BILLED_DAYS
from features.views.base import BILLING_DAYS, BaseViews


class ContractViews(BaseViews):
    """The views of lines and invoices."""

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
