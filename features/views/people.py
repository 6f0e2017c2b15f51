"""What was known of an account's people, tickets, CRM events and plays, and what the team itself brought."""

from functools import cached_property

import ibis
import ibis.expr.types as ir

from data.contract.inputs import TABLES
from data.contract.vocabulary import CRM_STATES, E4, KEY
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
    def crm_states(self) -> ir.Table:
        """One row per account, kind of beginning (``begin``) and what tells one of its kind from another.

        ``left``: how many have begun and not ended. An end on the day of a beginning ends it, and an end without a
        beginning ends nothing that begins later. An end that names its object ends that one alone.
        """
        return ibis.union(*(self._begun(*state) for state in CRM_STATES.items()))

    def _begun(self, begin: str, ended_by: tuple[str, str]) -> ir.Table:
        end, told_by = ended_by
        events = self.crm.filter(self.crm.kind.isin([begin, end]))
        events = self._not_ended_by_name(events, begin)
        told = events[TABLES["crm_events"].column(told_by).staged_name]
        # One event that does not say which: then ends are counted against beginnings, whichever they are of.
        of_account = ibis.window(group_by=KEY)
        unsaid = told.isnull().ifelse(1, 0).max().over(of_account)
        events = events.mutate(which=(unsaid == 0).ifelse(told.cast("string").fill_null(""), ""))
        days = events.group_by(*KEY, "which", "age").aggregate(
            more=(events.kind == begin).ifelse(1, -1).sum().cast("int64")
        )
        # What has begun since some day and not ended since: the most of it, over all days, is what is left.
        since = ibis.window(group_by=[*KEY, "which"], order_by="age", preceding=None, following=0)
        days = days.mutate(left=days.more.sum().over(since).cast("int64"))
        states = days.group_by(*KEY, "which").aggregate(left=ibis.greatest(days.left.max(), 0))
        return states.mutate(begin=ibis.literal(begin)).select(*KEY, "begin", "which", "left")

    def _not_ended_by_name(self, events: ir.Table, begin: str) -> ir.Table:
        """The events without those whose objects have ended, or did not begin; of an object its latest beginning."""
        is_begin = events.kind == begin
        of_object = ibis.window(group_by=[*KEY, "object_id"])
        end_age = is_begin.ifelse(ibis.null("int64"), events.age)
        dated = events.mutate(ended_age=end_age.min().over(of_object))
        first = ibis.window(
            group_by=[*KEY, "object_id", "kind"],
            order_by=[dated.age.asc(), dated["product"].asc(), dated.amount_e4.asc()],
        )
        dated = dated.mutate(place=ibis.row_number().over(first))
        goes_on = (
            (dated.kind == begin) & (dated.place == 0) & (dated.ended_age.isnull() | (dated.age < dated.ended_age))
        )
        return dated.filter(dated.object_id.isnull() | goes_on)

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
