"""What was known of an account's people, tickets, CRM events and plays, and what the team itself brought."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.vocabulary import E4, KEY
from data.sources.staging import KNOWN_SECOND
from data.time_cut import days_between
from features.views.base import BaseViews


class PeopleViews(BaseViews):
    """The views of users and of dated facts about the account."""

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
