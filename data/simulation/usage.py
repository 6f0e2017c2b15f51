"""From monthly counts to users and single product events.

Users are numbered in the order in which they came; those who leave are the first. The users active in a month are the
newest ones, so old users drift away before they are deactivated.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.simulation.life import BURN_IN_MONTHS, Life
from data.simulation.names import TEAMS
from data.simulation.price_list import (
    ADD_ON_FEATURES,
    CORE_NAMES,
    FEATURE_CODE,
    FEATURE_NAMES,
    GATED_BY_TIER,
    LEADING,
    MESSAGE_FEATURE,
    PLANS,
    limit,
)
from data.simulation.state import ADD_ONS, METERED, Bools, Floats, Ints, chance_of

DAY_MS = 86_400_000
LATE_KNOWN_SHARE = 0.03
LATEST_DAYS = 10
WEEKEND_WEIGHT = 0.25
CHRISTMAS_WEIGHT = 0.35
FIRST_HOUR, LAST_HOUR = 7, 19
"""People work between these hours (UTC)."""
SHARED_LOGINS = 0.005
"""So many user ids are used by several people, early and late on the same few days."""
SHARED_LOGIN_DAYS = 8
METERED_EVENTS = 12
"""Reports of a metered feature in a month, spread evenly."""


@dataclass
class Rolls:
    """Who is registered when: ``low`` and ``high`` (months, accounts) bound the numbers of an account's users."""

    low: Ints
    high: Ints

    @classmethod
    def of(cls, life: Life) -> "Rolls":
        return cls(np.cumsum(life.deactivated, axis=0), np.cumsum(life.created, axis=0))


def mixed(*numbers: Ints) -> Floats:
    """A number in [0, 1) that depends on the given ones alone: a user's lasting trait without a table of users."""
    state = np.zeros(np.broadcast_shapes(*(np.shape(x) for x in numbers)), dtype=np.uint64)
    for number in numbers:
        state = (state ^ np.asarray(number).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
    return (state >> np.uint64(11)).astype(float) / 2.0**53


def users(life: Life, ids: list[str], domains: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """One row per user ever created, in the order of account and number."""
    rolls, count = Rolls.of(life), life.created.shape[1]
    month, account = np.nonzero(life.created)
    repeat = life.created[month, account]
    offset = np.arange(repeat.sum()) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    month, account = np.repeat(month, repeat), np.repeat(account, repeat)
    number = rolls.high[month, account] - life.created[month, account] + offset
    first_day = np.array([np.datetime64(m.first_day, "D") for m in life.months])
    starting = np.where(life.starts | life.returns, life.day, 1)[month, account]
    day = starting + np.floor((29 - starting) * rng.random(len(month))).astype(int)
    founding = life.starts[month, account] & (offset == 0)
    day = np.where(founding, starting, day)
    left_in = np.array(
        [np.searchsorted(rolls.low[:, a], n, side="right") for a, n in zip(account, number, strict=True)]
    )
    left_day = 1 + np.floor(28 * rng.random(len(month))).astype(int)
    is_gone = left_in < len(life.months)
    last = np.minimum(left_in, len(life.months) - 1)
    left_day = np.where(life.churns[last, account], life.day[last, account], left_day)
    teams = 1 + np.minimum(life.seats[life.start_month, np.arange(count)] // 10, 7)
    new_team = (offset >= life.new_domain[month, account]) & (offset < (life.new_domain + life.joining)[month, account])
    later_teams = np.cumsum(life.joining > 0, axis=0)[month, account]
    team = np.where(new_team, teams[account] + later_teams - 1, np.floor(mixed(account, number) * teams[account]))
    is_other = offset < life.new_domain[month, account]
    other = np.where(rng.random(len(month)) < 0.3, "freemail.example", "partner-")
    roles = np.array(["member", "member", "member", "viewer", "admin"])[
        np.floor(rng.random(len(month)) * 5).astype(int)
    ]
    no_team = (rng.random(len(month)) < 0.08) & ~new_team
    frame = pd.DataFrame(
        {
            "user_id": [f"{ids[a]}-u{n + 1:04d}" for a, n in zip(account, number, strict=True)],
            "account_id": np.array(ids, dtype=object)[account],
            "email_domain": [
                (o if not o.endswith("-") else o + domains[a]) if flag else domains[a]
                for a, flag, o in zip(account, is_other, other, strict=True)
            ],
            "team": [None if gone else _team(int(t)) for gone, t in zip(no_team, team, strict=True)],
            "role": roles,
            "created_at": first_day[month] + (day - 1),
            "deactivated_at": np.where(is_gone, first_day[last] + (left_day - 1), np.datetime64("NaT")),
            "order": account * 100_000 + number,
        }
    )
    late = frame.deactivated_at <= frame.created_at
    frame.loc[late, "deactivated_at"] = frame.created_at[late] + timedelta(days=1)
    frame.loc[frame.deactivated_at >= pd.Timestamp(life.end), "deactivated_at"] = pd.NaT
    return frame.sort_values("order").drop(columns="order").reset_index(drop=True)


def _team(number: int) -> str:
    lap, place = divmod(number, len(TEAMS))
    return TEAMS[place] if lap == 0 else f"{TEAMS[place]} {lap + 1}"


def _day_weights(life: Life, number: int) -> Floats:
    """Cumulative weight of the days of a month, 0 first: weekends and the end of December are quiet."""
    first = life.months[number].first_day
    last = life.months[number + 1].first_day if number + 1 < len(life.months) else life.end
    days = [first + timedelta(days=offset) for offset in range((last - first).days)]
    weights = [
        (WEEKEND_WEIGHT if day.weekday() >= 5 else 1.0)
        * (CHRISTMAS_WEIGHT if day.month == 12 and day.day > 22 else 1.0)
        for day in days
    ]
    return np.concatenate([[0.0], np.cumsum(weights)])


def events(life: Life, ids: list[str], rng: np.random.Generator) -> pa.Table:
    """All events of the kept months, ordered by account and time."""
    rolls = Rolls.of(life)
    before = np.vstack([np.zeros_like(rolls.low[:1]), rolls.low[:-1]])
    parts = [_month_events(life, number, rolls, before, rng) for number in range(BURN_IN_MONTHS, len(life.months))]
    account, at_ms, feature, user, quantity = (np.concatenate([part[i] for part in parts]) for i in range(5))
    order = np.lexsort((at_ms, account))
    account, at_ms, feature, user, quantity = (x[order] for x in (account, at_ms, feature, user, quantity))
    is_late = rng.random(len(order)) < LATE_KNOWN_SHARE
    known = at_ms + np.where(is_late, (1 + rng.random(len(order)) * LATEST_DAYS) * DAY_MS, 0).astype(np.int64)
    clock = pa.timestamp("ms")
    created = life.created.sum(axis=0)
    base = np.cumsum(created) - created
    pool = pa.array([f"{ids[a]}-u{n + 1:04d}" for a in range(len(ids)) for n in range(created[a])], pa.string())
    return pa.table(
        {
            "account_id": pa.DictionaryArray.from_arrays(account.astype(np.int32), pa.array(ids, pa.string())),
            "occurred_at": pa.array(at_ms, clock),
            "feature": pa.DictionaryArray.from_arrays(feature.astype(np.int32), pa.array(FEATURE_NAMES, pa.string())),
            "user_id": pa.DictionaryArray.from_arrays(
                pa.array((base[account] + user).astype(np.int32), mask=user < 0), pool
            ),
            "quantity": pa.array(quantity, mask=np.isnan(quantity)),
            "known_at": pa.array(known, clock, mask=~is_late),
        }
    )


def counted_by_day(events: pa.Table) -> pa.Table:
    """The same use as counts: one row per account, day, feature and day on which it became known."""
    by_day = events.append_column("day", pc.floor_temporal(events["occurred_at"], unit="day"))
    on_day = pc.ceil_temporal(events["known_at"], unit="day")
    by_day = by_day.set_column(by_day.column_names.index("known_at"), "known_at", on_day)
    for name in ("account_id", "feature", "user_id"):
        by_day = by_day.set_column(by_day.column_names.index(name), name, by_day[name].cast(pa.string()))
    units = pc.if_else(pc.is_null(by_day["quantity"]), 0.0, by_day["quantity"])
    by_day = by_day.append_column("units", units)
    counts = by_day.group_by(["account_id", "day", "feature", "known_at"]).aggregate(
        [("day", "count"), ("user_id", "count_distinct"), ("units", "sum"), ("quantity", "count")]
    )
    metered = pc.if_else(pc.greater(counts["quantity_count"], 0), counts["units_sum"], pa.scalar(None, pa.float64()))
    counts = counts.append_column("quantity", metered)
    renamed = {"day_count": "events", "user_id_count_distinct": "active_users"}
    counts = counts.rename_columns([renamed.get(name, name) for name in counts.column_names])
    return counts.sort_by([(name, "ascending") for name in ("account_id", "day", "feature", "known_at")])


def _month_events(
    life: Life, number: int, rolls: Rolls, before: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Ints, Floats]:
    """Account, milliseconds, feature code, user number (-1: none) and quantity (NaN: not metered) of every event."""
    low, high = before[number], rolls.high[number]
    active = np.minimum(life.active[number], high - low)
    account, user = _spread(active)
    user = high[account] - active[account] + user
    is_new = user >= high[account] - life.created[number][account]
    power = chance_of(life.power[number])
    is_power = mixed(account + 7919, user) < power[account]
    events = np.where(is_power, 10 + rng.poisson(4.0, len(user)), 2 + rng.poisson(0.5, len(user)))
    owner, _ = _spread(events)
    account, user, is_new = account[owner], user[owner], is_new[owner]
    _, position = _spread(np.bincount(account, minlength=len(active)))
    breadth = life.breadth[number][account]
    chosen = np.where(position < breadth, position, np.floor(breadth * rng.random(len(account)) ** 1.5).astype(int))
    feature = (chosen + np.floor(mixed(account + 104729) * len(CORE_NAMES)).astype(int)) % len(CORE_NAMES)
    extra_account, extra_feature, slot, quantity = _extras(life, number, active, rng)
    extra_user = high[extra_account] - 1 - np.floor(active[extra_account] * rng.random(len(extra_account))).astype(int)
    extra_user = np.where(slot >= 0, -1, extra_user)
    account = np.concatenate([account, extra_account])
    begins = np.where(life.starts[number] | life.returns[number], life.day[number] - 1, 0)[account]
    begins = begins + np.where(
        np.concatenate([is_new, np.zeros(len(extra_account), bool)]), np.floor(rng.random(len(account)) * 4), 0
    )
    weights = _day_weights(life, number)
    length = len(weights) - 1
    ends = np.where(life.churns[number], life.day[number] - 1, length)[account]
    begins = np.minimum(begins, np.maximum(ends - 1, 0)).astype(int)
    share = rng.random(len(account))
    is_slot = np.concatenate([np.zeros(len(is_new), bool), slot >= 0])
    share[is_slot] = (slot[slot >= 0] + share[is_slot]) / METERED_EVENTS
    is_shared = ~is_slot & (mixed(account + 32_452_843, np.concatenate([user, extra_user])) < SHARED_LOGINS)
    share[is_shared] = (np.floor(share[is_shared] * SHARED_LOGIN_DAYS) + 0.5) / SHARED_LOGIN_DAYS
    target = weights[begins] + share * (weights[ends] - weights[begins])
    day = np.minimum(np.searchsorted(weights, target, side="right") - 1, length - 1)
    first_ms = np.datetime64(life.months[number].first_day, "ms").astype(np.int64)
    hour = _hours(rng.random(len(account)), is_shared)
    at_ms = first_ms + day * DAY_MS + (DAY_MS / 24 * hour).astype(np.int64)
    return (
        account,
        at_ms,
        np.concatenate([feature, extra_feature]),
        np.concatenate([user, extra_user]),
        np.concatenate([np.full(len(user), np.nan), quantity]),
    )


def _hours(share: Floats, is_shared: Bools) -> Floats:
    """The hour of each event: working hours, or for shared user ids the first or the last three hours of the day."""
    at_night = np.where(share < 0.5, 6 * share, 18 + 6 * share)
    return np.where(is_shared, at_night, FIRST_HOUR + (LAST_HOUR - FIRST_HOUR) * share)


def _spread(counts: Ints) -> tuple[Ints, Ints]:
    """Each index as often as it counts, and the place within its own."""
    index = np.repeat(np.arange(len(counts)), counts)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)


def _extras(life: Life, number: int, active: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Floats]:
    """Events beyond the core features: account, feature code, slot of a metered report (else -1), quantity."""
    here = active > 0
    parts: list[tuple[Ints, Ints, Ints, Floats]] = []

    def add(counts: Ints, feature: Ints | int, slots: bool = False, units: Floats | None = None) -> None:
        account, place = _spread(np.where(here, counts, 0))
        code = np.broadcast_to(feature, counts.shape)[account]
        amount = (
            np.full(len(account), np.nan) if units is None else units[account] * (0.9 + 0.2 * rng.random(len(account)))
        )
        parts.append((account, code, place if slots else np.full(len(account), -1), amount))

    tier = life.tier[number]
    for place, name in enumerate(METERED):
        allowed = np.array([limit(name, t) for t in range(1, len(PLANS) + 1)])[tier - 1]
        units = life.limit_share[number][:, place] * allowed / METERED_EVENTS
        add(np.full(len(tier), METERED_EVENTS), FEATURE_CODE[name], slots=True, units=units)
    for place, name in enumerate(LEADING):
        add(life.adjacent[number][:, place] * rng.integers(2, 5, len(tier)), FEATURE_CODE[name])
    codes = np.array([[FEATURE_CODE[n] for n in GATED_BY_TIER[min(t + 1, 3)]] for t in range(1, len(PLANS) + 1)])
    turn = np.floor(mixed(np.arange(len(tier)) + 15485863, tier) * codes.shape[1]).astype(int)
    for place in range(codes.shape[1]):
        is_used = (life.gated_used[number] > place) & (tier < len(PLANS))
        add(is_used * rng.integers(1, 4, len(tier)), codes[tier - 1, (turn + place) % codes.shape[1]])
    for place, product in enumerate(ADD_ONS):
        for name in ADD_ON_FEATURES[product]:
            add(life.owns[number][:, place] * rng.integers(1, 6, len(tier)), FEATURE_CODE[name])
    bill = life.bill[number]
    add((bill > 0) * 4, FEATURE_CODE[MESSAGE_FEATURE], units=bill * 5)
    account, code, slot, quantity = (np.concatenate([part[i] for part in parts]) for i in range(4))
    return account, code, slot, np.round(quantity, 2)
