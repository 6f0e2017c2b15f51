"""Seats: how many of those bought are used, who was invited, and from where new people come."""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import NEAR_PERCENT
from features.definition import ROW, feature, growth, ratio, step
from features.definitions.usage import users_in, where_users_are_told

SEATS = ("usage.users", "subscriptions.seats")
SEATS_BY_ID = ("usage.user_ids", "subscriptions.seats")
SEATS_BY_DAY = ("usage_daily.active_users", "subscriptions.seats")
USERS = ("users.created_at",)
USERS_AND_SEATS = (*USERS, "subscriptions.seats")
TEAMS = (*USERS, "users.team")
DOMAINS = (*USERS, "users.email_domain")
UP, DOWN = Direction.UP, Direction.DOWN


@step("lines_91d_ago", needs=("subscriptions.seats",))
def seats_91d_ago(t: ir.Table) -> ir.Value:
    return t.seats.sum()


@step("lines_365d_ago", needs=("subscriptions.seats",))
def seats_365d_ago(t: ir.Table) -> ir.Value:
    return t.seats.sum()


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


# --- month by month, against the seats of today -----------------------------------------------------------------------


def _excess(t: ir.Table) -> ir.IntegerValue:
    """Use beyond ``NEAR_PERCENT`` of the seats, in hundredths of a seat, added up over the months."""
    beyond = ibis.greatest(t.users * 100 - t.seats * NEAR_PERCENT, 0)
    return beyond.sum(where=t.users.notnull())  # the greatest of null and 0 is 0


def _full_in_a_row(t: ir.Table) -> ir.IntegerValue:
    """The months up to now with full seats, without a gap: each is as many months ago as there are such up to it."""
    return t.count(where=t.full == t.months_ago)


@step("user_months", needs=SEATS_BY_ID, empty=0)
def distinct_excess(t: ir.Table) -> ir.Value:
    return _excess(t)


@step("user_months", needs=SEATS_BY_ID, empty=0)
def distinct_full_in_a_row(t: ir.Table) -> ir.Value:
    return _full_in_a_row(t)


@step("peak_months", needs=SEATS_BY_DAY)
def peak_excess(t: ir.Table) -> ir.Value:
    return _excess(t)


@step("peak_months", needs=SEATS_BY_DAY)
def peak_full_in_a_row(t: ir.Table) -> ir.Value:
    return t.users.max().isnull().ifelse(ibis.null("int64"), _full_in_a_row(t))


@step("peak_months", needs=SEATS_BY_DAY, empty=0)
def peak_months_used(t: ir.Table) -> ir.Value:
    return t.count()


def _by_month(r: ir.Table, name: str) -> ir.IntegerColumn:
    """By distinct users where ids are known, else by the largest day of each month; missing where it is not counted."""
    distinct = f"distinct_{name}"
    if distinct in r.columns:
        return where_users_are_told(r, r[distinct])
    return (r.peak_months_used == 0).ifelse(0, r[f"peak_{name}"])


@feature(
    ROW,
    needs=SEATS,
    label="Use beyond 80% of today's seats, added up over 12 whole months, in months of all seats",
    unit="months",
    reason="seat_pressure",
    direction=UP,
    missing="not sold by seat",
    actionable=True,
    lookback_days=365,
)
def seat_excess_months(r: ir.Table) -> ir.Value:
    return ratio(_by_month(r, "excess"), r.seats * 100)


@feature(
    ROW,
    needs=SEATS,
    label="Whole months in a row, up to now, with 95% or more of today's seats in use (at most 12)",
    unit="months",
    reason="seat_pressure",
    direction=UP,
    missing="not sold by seat",
    actionable=True,
    lookback_days=365,
)
def months_full_in_a_row(r: ir.Table) -> ir.Value:
    return (r.seats > 0).ifelse(_by_month(r, "full_in_a_row"), ibis.null("int64"))


# --- who was invited, and from where ----------------------------------------------------------------------------------


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


@step("new_team_users", needs=(*TEAMS, "usage.user_ids"), windows=(28,), empty=0)
def distinct_new_team_users(t: ir.Table, days: int) -> ir.Value:
    return t.user_id.nunique(where=t.last_age <= days)


@feature(
    ROW,
    needs=(*TEAMS, "usage.user_ids"),
    windows=(28,),
    label="Users of teams that began within 91 days, active in {days} days",
    unit="users",
    reason="new_teams",
    direction=UP,
    empty=0,
    actionable=True,
)
def new_team_users_active(r: ir.Table, days: int) -> ir.Value:
    return where_users_are_told(r, r[f"distinct_new_team_users_{days}d"])


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
