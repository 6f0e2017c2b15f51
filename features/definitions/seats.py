"""Seats: how many of those bought are used, who was invited, and from where new people come."""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from features.calendar import QUARTER_DAYS
from features.definition import ROW, feature, growth, ratio, step
from features.definitions.usage import users_in

SEATS = ("usage.users", "subscriptions.seats")
USERS = ("users.created_at",)
USERS_AND_SEATS = (*USERS, "subscriptions.seats")
TEAMS = (*USERS, "users.team")
DOMAINS = (*USERS, "users.email_domain")
UP, DOWN = Direction.UP, Direction.DOWN


@step("lines", needs=("subscriptions.seats",))
def seats_91d_ago(t: ir.Table) -> ir.Value:
    return t.seats.sum(where=(t.age > QUARTER_DAYS) & (t.end_age.isnull() | (t.end_age <= QUARTER_DAYS)))


@step("lines", needs=("subscriptions.seats",))
def seats_365d_ago(t: ir.Table) -> ir.Value:
    return t.seats.sum(where=(t.age > 365) & (t.end_age.isnull() | (t.end_age <= 365)))


@feature(
    ROW,
    needs=("subscriptions.seats",),
    label="Growth of seats within 365 days",
    unit="share",
    reason="seat_growth",
    direction=UP,
    missing="no seats a year ago, or none now",
    lookback_days=365,
)
def seats_growth_365d(r: ir.Table) -> ir.Value:
    return growth(r.seats, r.seats_365d_ago)


@feature(
    ROW,
    needs=SEATS,
    windows=(28,),
    label="Share of seats in use in {days} days",
    unit="share",
    reason="seats_in_use",
    direction=UP,
    missing="not sold by seat",
    actionable=True,
)
def seat_utilization(r: ir.Table, days: int) -> ir.Value:
    return ratio(users_in(r, f"{days}d"), r.seats)


@feature(
    ROW,
    needs=SEATS,
    label="Change of the share of seats in use, in 91 days",
    unit="share",
    reason="seats_in_use",
    direction=UP,
    missing="no seats 91 days ago",
    lookback_days=182,
)
def seat_utilization_change_91d(r: ir.Table) -> ir.Value:
    return ratio(users_in(r, "91d"), r.seats) - ratio(users_in(r, "before_91d"), r.seats_91d_ago)


@feature(
    ROW,
    needs=SEATS,
    label="Seats bought and not used in 28 days",
    unit="seats",
    reason="seats_in_use",
    direction=DOWN,
    missing="not sold by seat",
    lookback_days=28,
)
def seats_free(r: ir.Table) -> ir.Value:
    return r.seats - users_in(r, "28d")


@feature("users", needs=USERS, label="Registered users", unit="users", reason="invitations", empty=0)
def registered_users(t: ir.Table) -> ir.Value:
    return t.count(where=t.deactivated_on.isnull())


@feature(
    ROW,
    needs=USERS_AND_SEATS,
    label="Registered users for each seat bought",
    unit="share",
    reason="invitations",
    direction=UP,
    missing="not sold by seat",
    actionable=True,
)
def registered_users_per_seat(r: ir.Table) -> ir.Value:
    return ratio(r.registered_users, r.seats)


@feature(
    "users",
    needs=USERS,
    windows=(28, 91),
    label="Users added in {days} days",
    unit="users",
    reason="new_users",
    actionable=True,
    direction=UP,
    empty=0,
)
def users_created(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.age <= days)


@feature("teams", needs=TEAMS, label="Teams with users", unit="teams", reason="new_teams", direction=UP, empty=0)
def teams(t: ir.Table) -> ir.Value:
    return t.count()


@feature(
    "teams",
    needs=TEAMS,
    windows=(91,),
    label="Teams whose first user came within {days} days",
    unit="teams",
    reason="new_teams",
    direction=UP,
    empty=0,
    actionable=True,
)
def teams_new(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.first_age <= days)


@feature(
    "new_team_users",
    needs=(*TEAMS, "usage.user_ids"),
    windows=(28,),
    label="Users of teams that began within 91 days, active in {days} days",
    unit="users",
    reason="new_teams",
    direction=UP,
    empty=0,
    actionable=True,
)
def new_team_users_active(t: ir.Table, days: int) -> ir.Value:
    return t.user_id.nunique(where=t.last_age <= days)


@feature(
    "other_domains",
    needs=DOMAINS,
    windows=(91,),
    label="Users of other e-mail domains added in {days} days",
    unit="users",
    reason="other_domains",
    direction=UP,
    empty=0,
    actionable=True,
)
def other_domain_users(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.age <= days)


@step("other_domains", needs=DOMAINS, empty=0)
def other_domain_users_all(t: ir.Table) -> ir.Value:
    return t.count()


@feature(
    ROW,
    needs=DOMAINS,
    label="Share of users outside the account's main e-mail domain",
    unit="share",
    reason="other_domains",
    direction=UP,
    missing="no registered users",
)
def other_domain_share(r: ir.Table) -> ir.Value:
    return ratio(r.other_domain_users_all, r.registered_users)


@feature(
    "users",
    needs=(*USERS, "users.deactivated_at"),
    windows=(91,),
    label="Users deactivated in {days} days",
    unit="users",
    reason="seats_reassigned",
    empty=0,
)
def users_deactivated(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.deactivated_age <= days)


@feature(
    ROW,
    needs=(*USERS_AND_SEATS, "users.deactivated_at"),
    windows=(91,),
    label="Share of seats that changed hands in {days} days: one user added for one deactivated",
    unit="share",
    reason="seats_reassigned",
    direction=UP,
    missing="not sold by seat",
    actionable=True,
)
def seats_reassigned_share(r: ir.Table, days: int) -> ir.Value:
    return ratio(ibis.least(r[f"users_created_{days}d"], r[f"users_deactivated_{days}d"]), r.seats)
