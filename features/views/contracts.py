"""What was known of an account's contracts: lines, movements, renewals, products, and what it was billed."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import KEY, MOTIONS
from data.ledger.invoices import billed_now, billed_within, service, usage_bills
from data.ledger.lines import ever_paid_for, lines, standing
from data.ledger.movements import BASIS_POINTS, movements, prepared
from data.ledger.succession import is_sold_on, with_successors
from data.time_cut import cut, cut_facts, days_between, facts, first_facts
from features.calendar import QUARTER_DAYS, YEAR_DAYS
from features.views.base import BILLING_DAYS, BaseViews


class ContractViews(BaseViews):
    """The views of lines and invoices."""

    @cached_property
    def lines(self) -> ir.Table:
        """One row per subscription line that counts at the snapshot, with its plan's tier and list price.

        ``end_age``: days since it ended, or since another took its place; null while it is open.
        """
        seen = standing(cut(lines(self.tables), "subscriptions", self.cohort), self.rules, by=KEY)
        return seen.mutate(end_age=days_between(seen.snapshot_date, seen.valid_to))

    @cached_property
    def open_lines(self) -> ir.Table:
        """One row per line that is open on the snapshot, of products that are paid for; discounts are lines too."""
        return self._open_ago(0)

    @cached_property
    def lines_91d_ago(self) -> ir.Table:
        """The same of the lines that were open 91 days ago, as far as is known at the snapshot."""
        return self._open_ago(QUARTER_DAYS)

    @cached_property
    def lines_365d_ago(self) -> ir.Table:
        """The same of a year ago."""
        return self._open_ago(YEAR_DAYS)

    def _open_ago(self, days: int) -> ir.Table:
        lines = self.lines
        is_open = lines.filter((lines.age > days) & (lines.end_age.isnull() | (lines.end_age <= days)))
        pays = is_open.pays.any().over(ibis.window(group_by=(*KEY, "current_product")))
        return is_open.mutate(is_of_paid=pays).filter(ibis._.is_of_paid).drop("is_of_paid")

    @cached_property
    def beginnings(self) -> ir.Table:
        """Rows whose largest ``age`` is that of the account's first contract line or invoice."""
        dated = []
        if "subscriptions" in self.tables:
            paid = self.tables["subscriptions"]
            dated.append(facts(paid.filter(ever_paid_for(paid)), "account_id", "valid_from"))
        if "invoices" in self.tables:
            dated.append(facts(self.tables["invoices"], "account_id", "billed_on"))
        return cut_facts(first_facts(dated[0] if len(dated) == 1 else ibis.union(*dated)), self.cohort)

    @cached_property
    def movements(self) -> ir.Table:
        """One row per movement known at the snapshot; each snapshot has its own history.

        ``is_rounding``: the MRR changed by less than ``min_uplift``.
        """
        moves = movements(prepared(self.lines, self.rules, KEY), self.rules, by=KEY, lineage=False)
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
        lines = self.open_lines
        dated = lines.filter((lines.renews_on >= lines.snapshot_date) & ~lines.is_discount)
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
        """One row per owned product, under the name that it has now: it has an open line, or is billed for use."""
        parts = []
        if "subscriptions" in self.tables:
            parts.append(self.open_lines.select(*KEY, product="current_product"))
        if "invoices" in self.tables:
            parts.append(billed_now(self._usage_bills, self.services, KEY))
        return (parts[0] if len(parts) == 1 else ibis.union(*parts)).distinct()

    @cached_property
    def unowned_products(self) -> ir.Table:
        """One row per product on the price list that the account does not own, and that became no other one."""
        on_list = with_successors(self.tables["plans"].select("product").distinct(), self.tables)
        offered = self.cohort.select(*KEY).cross_join(on_list)
        offered = offered.filter(is_sold_on(offered))
        return offered.select(*KEY, "product").anti_join(self.owned_products, [*KEY, "product"])

    @cached_property
    def accounts(self) -> ir.Table:
        """One row per account that has a row in ``accounts``."""
        return self.cohort.select(*KEY).inner_join(self.tables["accounts"], "account_id")

    @cached_property
    def _usage_bills(self) -> ir.Table:
        """One row per bill for use known at the snapshot: the whole history, for its cadence."""
        return usage_bills(self.tables, self.rules, self.cohort)

    @cached_property
    def services(self) -> ir.Table:
        """One row per service that was billed, as known at the snapshot, or per day of other bills."""
        return service(self._usage_bills, by=KEY)

    @cached_property
    def billing(self) -> ir.Table:
        """One row per bill for use of the last 456 days."""
        return self._usage_bills.filter(self._usage_bills.age <= BILLING_DAYS)

    @cached_property
    def billed_services(self) -> ir.Table:
        """One row per service that was billed for the last 456 days or part of them, and per day of other bills.

        ``rate_e4`` a month from ``age`` days ago to ``end_age`` days ago (0: it goes on); or else ``amount_e4``.
        """
        rows = self.services.mutate(
            age=days_between(self.services.snapshot_date, self.services.valid_from),
            end_age=days_between(self.services.snapshot_date, self.services.valid_to).fill_null(0),
        )
        return rows.filter(rows.rate_e4.notnull().ifelse(rows.end_age, rows.age) <= BILLING_DAYS)

    @cached_property
    def billed_products(self) -> ir.Table:
        """One row per product billed in the last 365 days: ``amount_365d_e4``, ``amount_91d_e4``."""
        rows = self.billed_services
        return rows.group_by(*KEY, "product").aggregate(
            amount_365d_e4=billed_within(rows, 365), amount_91d_e4=billed_within(rows, QUARTER_DAYS)
        )
