"""How much, how regularly, how broadly and by how many the product is used."""

import ibis
import ibis.expr.types as ir

from data.contract.feature_card import Direction
from data.contract.vocabulary import E4
from features.calendar import HALF_YEAR_DAYS, MONTH_DAYS, QUARTER_DAYS
from features.definition import ROW, feature, growth, ratio, share_of_rows, step
from features.definitions.trend import TILES, slope_by_age

USAGE = ("usage",)
USED_BY = ("usage.users",)
USER_IDS = ("usage.user_ids",)
EVENTS = ("usage_events.user_id",)
DAYS = ("usage_daily.active_users",)
UP, DOWN = Direction.UP, Direction.DOWN
BASELINE_DAYS = 182
POWER_USER_DAYS = 12
"""A power user is active on at least 12 of 28 days: three days a week."""
EXPORT = "export"
"""A product feature with this word in its name takes data elsewhere: a way around what is missing."""


def users_in(r: ir.Table, window: str) -> ir.IntegerColumn:
    """Distinct users where ids are known; else the largest day of the window, missing where users are not counted.

    Without any use nobody was active, whether users are counted or not.
    """
    distinct = f"distinct_users_{window}"
    if distinct in r.columns:
        return where_users_are_told(r, r[distinct])
    return r.days_since_active.isnull().ifelse(0, r[f"peak_users_{window}"])


def where_users_are_told(r: ir.Table, value: ir.IntegerColumn) -> ir.IntegerColumn:
    """What is told by user ids; missing where there was use within half a year and none of it says whose it is."""
    was_used = (r.days_since_active <= HALF_YEAR_DAYS).fill_null(False)
    return (was_used & r.told_users.isnull()).ifelse(ibis.null("int64"), value)


# --- how much ---------------------------------------------------------------------------------------------------------


@feature(
    "daily", needs=USAGE, windows=(28, 91), label="Events in {days} days", unit="events", reason="usage_level", empty=0
)
def events(t: ir.Table, days: int) -> ir.Value:
    return t.events.sum(where=t.age <= days).fill_null(0)


@step("daily", needs=USAGE, empty=0)
def events_before_28d(t: ir.Table) -> ir.Value:
    return t.events.sum(where=(t.age > MONTH_DAYS) & (t.age <= 2 * MONTH_DAYS)).fill_null(0)


@step("daily", needs=USAGE, empty=0)
def events_before_91d(t: ir.Table) -> ir.Value:
    return t.events.sum(where=(t.age > QUARTER_DAYS) & (t.age <= 2 * QUARTER_DAYS)).fill_null(0)


@step("daily", needs=USAGE, empty=0)
def events_two_before_28d(t: ir.Table) -> ir.Value:
    return t.events.sum(where=(t.age > 2 * MONTH_DAYS) & (t.age <= 3 * MONTH_DAYS)).fill_null(0)


@step("daily", needs=USAGE, empty=0)
def events_quarter(t: ir.Table) -> ir.Value:
    return t.events.sum(where=(t.age > MONTH_DAYS) & (t.age <= MONTH_DAYS + QUARTER_DAYS)).fill_null(0)


@step("daily", needs=USAGE, empty=0)
def events_quarter_before(t: ir.Table) -> ir.Value:
    return t.events.sum(where=t.age > MONTH_DAYS + QUARTER_DAYS).fill_null(0)


@step("year_ago", needs=USAGE, empty=0)
def events_year_ago_28d(t: ir.Table) -> ir.Value:
    return t.events.sum()


@step("daily", needs=USAGE, empty=0)
def events_baseline(t: ir.Table) -> ir.Value:
    return t.events.sum(where=(t.age > MONTH_DAYS) & (t.age <= MONTH_DAYS + BASELINE_DAYS)).fill_null(0)


@feature(
    ROW,
    needs=USAGE,
    label="Growth of events: 28 days against the 28 before",
    unit="share",
    reason="usage_trend",
    direction=UP,
    missing="no use in the 28 days before",
    lookback_days=56,
)
def events_growth_28d(r: ir.Table) -> ir.Value:
    return growth(r.events_28d, r.events_before_28d)


@feature(
    ROW,
    needs=USAGE,
    label="Growth of events: 91 days against the 91 before",
    unit="share",
    reason="usage_trend",
    direction=UP,
    missing="no use in the 91 days before",
    lookback_days=182,
)
def events_growth_91d(r: ir.Table) -> ir.Value:
    return growth(r.events_91d, r.events_before_91d)


@feature(
    ROW,
    needs=USAGE,
    label="Events in 28 days against the account's own pace of the half year before",
    unit="share",
    reason="usage_spike",
    direction=UP,
    missing="no use in the half year before",
    lookback_days=210,
)
def events_against_baseline(r: ir.Table) -> ir.Value:
    return growth(r.events_28d * BASELINE_DAYS, r.events_baseline * MONTH_DAYS)


@feature(
    ROW,
    needs=USAGE,
    label="Events in 28 days against the pace of a quarter that was slower than the one before it",
    unit="share",
    reason="slow_quarter_spike",
    direction=UP,
    missing="no use in the 91 days before; 0: they were not slow",
    actionable=True,
    lookback_days=210,
)
def spike_after_slow_quarter(r: ir.Table) -> ir.Value:
    is_slow = r.events_quarter < r.events_quarter_before
    gained = r.events_28d * QUARTER_DAYS - r.events_quarter * MONTH_DAYS
    return ratio(is_slow.ifelse(gained, 0), r.events_quarter * MONTH_DAYS)


@feature(
    ROW,
    needs=USAGE,
    label="Events in 28 days against the same days a year ago",
    unit="share",
    reason="usage_season",
    direction=UP,
    missing="no use a year ago",
    lookback_days=393,
)
def events_against_last_year_28d(r: ir.Table) -> ir.Value:
    return growth(r.events_28d, r.events_year_ago_28d)


@feature(
    "daily",
    needs=USAGE,
    windows=(QUARTER_DAYS,),
    label="Slope of weekly events over 13 weeks, against their mean",
    unit="share per week",
    reason="usage_slope",
    direction=UP,
    missing="no use in the 13 weeks",
)
def events_weekly_slope(t: ir.Table, days: int) -> ir.Value:
    return slope_by_age(t.events, t.age, days // TILES)


@feature(
    ROW,
    needs=USAGE,
    label="Growth of events in 28 days, less the growth of the 28 days before",
    unit="share",
    reason="usage_acceleration",
    direction=UP,
    missing="no use in one of the two months before",
    lookback_days=84,
)
def events_acceleration_28d(r: ir.Table) -> ir.Value:
    now, before, two_before = r.events_28d, r.events_before_28d, r.events_two_before_28d
    return growth(now, before) - growth(before, two_before)


@feature(
    "daily",
    needs=USAGE,
    windows=(28,),
    label="Metered quantity in {days} days",
    unit="units",
    reason="usage_level",
    empty=0,
)
def quantity(t: ir.Table, days: int) -> ir.Value:
    return ratio(t.quantity_e4.sum(where=t.age <= days).fill_null(0), E4)


# --- how regularly ----------------------------------------------------------------------------------------------------


@feature(
    "active_days",
    needs=USAGE,
    windows=(28, 91),
    label="Days with use of the last {days}",
    unit="days",
    reason="usage_regularity",
    direction=UP,
    empty=0,
)
def active_days(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.age <= days)


@feature(
    "daily",
    needs=USAGE,
    label="Days since the last use",
    unit="days",
    reason="usage_recency",
    direction=DOWN,
    missing="not used within 210 days",
)
def days_since_active(t: ir.Table) -> ir.Value:
    return t.age.min()


@feature(
    "first_use",
    needs=USAGE,
    label="Days since the first use",
    unit="days",
    reason="onboarding",
    missing="never used",
)
def days_since_first_use(t: ir.Table) -> ir.Value:
    return t.age.max()


@feature(
    ROW,
    needs=("usage", "contracts"),
    label="Days from the first contract to the first use",
    unit="days",
    reason="onboarding",
    direction=DOWN,
    missing="never used, or no contract known",
)
def days_to_first_use(r: ir.Table) -> ir.Value:
    return r.tenure_days - r.days_since_first_use


# --- how broadly and deeply -------------------------------------------------------------------------------------------


@feature(
    "features_used",
    needs=USAGE,
    windows=(28, 91),
    label="Product features used in {days} days",
    unit="features",
    reason="feature_breadth",
    direction=UP,
    empty=0,
    actionable=True,
)
def features_used(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.last_age <= days)


@feature(
    "features_used",
    needs=USAGE,
    windows=(91,),
    label="Product features first used within {days} days",
    unit="features",
    reason="feature_breadth",
    direction=UP,
    empty=0,
)
def features_new(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.first_age <= days)


@feature(
    "features_used",
    needs=USAGE,
    windows=(28,),
    label="Events in {days} days of features with `export` in their name",
    unit="events",
    reason="workarounds",
    direction=UP,
    empty=0,
    actionable=True,
)
def export_events(t: ir.Table, days: int) -> ir.Value:
    return t[f"events_{days}d"].sum(where=t.feature.lower().contains(EXPORT)).fill_null(0)


@feature(
    ROW,
    needs=USAGE,
    windows=(28,),
    label="Share of events of features with `export` in their name, in {days} days",
    unit="share",
    reason="workarounds",
    direction=UP,
    missing="no use in the window",
    actionable=True,
)
def export_share(r: ir.Table, days: int) -> ir.Value:
    return ratio(r[f"export_events_{days}d"], r[f"events_{days}d"])


@feature(
    "included_use",
    needs=("usage", "subscriptions", "plan_features"),
    windows=(91,),
    label="Share of the plan's features used in {days} days",
    unit="share",
    reason="adoption",
    direction=UP,
    missing="the plan's features are not listed",
    actionable=True,
)
def features_included_share(t: ir.Table, days: int) -> ir.Value:
    return share_of_rows(t, t.last_age <= days)


@feature(
    ROW,
    needs=USED_BY,
    label="Events for each active user in 28 days",
    unit="events",
    reason="usage_depth",
    direction=UP,
    missing="no active user",
    lookback_days=28,
)
def events_per_user_28d(r: ir.Table) -> ir.Value:
    return ratio(r.events_28d, users_in(r, "28d"))


# --- by how many ------------------------------------------------------------------------------------------------------


@step("active_users", needs=USER_IDS)
def told_users(t: ir.Table) -> ir.Value:
    return t.count()


@step("active_users", needs=USER_IDS, windows=(7, 28, 91), empty=0)
def distinct_users(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t.last_age <= days)


@step("active_users", needs=USER_IDS, windows=(28, 91), empty=0)
def distinct_users_before(t: ir.Table, days: int) -> ir.Value:
    return t[f"was_active_{days}d"].sum()


@step("daily", needs=DAYS, windows=(7, 28, 91))
def peak_users(t: ir.Table, days: int) -> ir.Value:
    return _peak(t, t.age <= days)


@step("daily", needs=DAYS, windows=(28, 91))
def peak_users_before(t: ir.Table, days: int) -> ir.Value:
    return _peak(t, (t.age > days) & (t.age <= 2 * days))


def _peak(t: ir.Table, window: ir.BooleanColumn) -> ir.IntegerValue:
    """The largest day of a window, 0 if there is none; missing if nobody counted the users of its days."""
    return (t.count(where=window) == 0).ifelse(0, t.active_users.max(where=window))


@step("active_users", needs=USER_IDS, empty=0)
def user_days_28d(t: ir.Table) -> ir.Value:
    return t.days_28d.sum()


@feature(
    ROW,
    needs=USED_BY,
    windows=(7, 28, 91),
    label="Users active in {days} days",
    unit="users",
    reason="user_growth",
    direction=UP,
    empty=0,
    missing="nobody active (with daily counts only: the largest day stands for the window)",
)
def active_users(r: ir.Table, days: int) -> ir.Value:
    return users_in(r, f"{days}d")


@feature(
    ROW,
    needs=USED_BY,
    windows=(28, 91),
    label="Growth of active users: {days} days against the {days} before",
    unit="share",
    reason="user_growth",
    actionable=True,
    direction=UP,
    missing="nobody active in the days before",
)
def active_users_growth(r: ir.Table, days: int) -> ir.Value:
    return growth(users_in(r, f"{days}d"), users_in(r, f"before_{days}d"))


@step("active_users", needs=USER_IDS, windows=(28,), empty=0)
def distinct_power_users(t: ir.Table, days: int) -> ir.Value:
    return t.count(where=t[f"days_{days}d"] >= POWER_USER_DAYS)


@feature(
    ROW,
    needs=USER_IDS,
    windows=(28,),
    label="Users active on 12 or more of the last {days} days",
    unit="users",
    reason="power_users",
    actionable=True,
    direction=UP,
    empty=0,
)
def power_users(r: ir.Table, days: int) -> ir.Value:
    return where_users_are_told(r, r[f"distinct_power_users_{days}d"])


@feature(
    ROW,
    needs=USER_IDS,
    windows=(28,),
    label="Power users as a share of active users in {days} days",
    unit="share",
    reason="power_users",
    direction=UP,
    missing="nobody active",
)
def power_user_share(r: ir.Table, days: int) -> ir.Value:
    return ratio(r[f"distinct_power_users_{days}d"], users_in(r, f"{days}d"))


@feature(
    ROW,
    needs=USER_IDS,
    windows=(28,),
    label="Stickiness: users active on an average day, as a share of those active in {days} days",
    unit="share",
    reason="stickiness",
    direction=UP,
    missing="nobody active",
    actionable=True,
)
def stickiness(r: ir.Table, days: int) -> ir.Value:
    return ratio(r[f"user_days_{days}d"], users_in(r, f"{days}d") * days)


@step("user_events", needs=EVENTS, empty=0)
def timed_users_28d(t: ir.Table) -> ir.Value:
    return t.count(where=t.last_hour.notnull())


@step("shared_users", needs=EVENTS, empty=0)
def shared_users_28d(t: ir.Table) -> ir.Value:
    return t.count()


@feature(
    ROW,
    needs=EVENTS,
    windows=(28,),
    label="User ids used 16 or more hours apart on at least 2 of {days} days",
    unit="users",
    reason="shared_logins",
    direction=UP,
    missing="no use with a user and a time of day (midnight sharp is a date, not a time)",
    actionable=True,
)
def shared_logins(r: ir.Table, days: int) -> ir.Value:
    return (r[f"timed_users_{days}d"] > 0).ifelse(r[f"shared_users_{days}d"], ibis.null("int64"))


@feature(
    "user_events",
    needs=USER_IDS,
    windows=(28,),
    label="Share of events by the busiest user in {days} days",
    unit="share",
    reason="concentration",
    direction=DOWN,
)
def top_user_share(t: ir.Table, days: int) -> ir.Value:  # noqa: ARG001  the view is cut to the window
    return ratio(t.events.max(), t.events.sum())
