"""Generated bases: raw tables full of what real ones are full of, and the plain removal of the future from them.

Facts known late, early or at an unknown time, the same row twice, values that are missing, contracts in parallel, with
gaps or of no length, things of the same day, and much on the very edges of the windows. ``frames(seed)`` gives the same
tables for the same seed.
"""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from data.contract.inputs import TABLES, Kind
from data.contract.vocabulary import CRM_KINDS

SNAPSHOTS = (date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1))
"""Two of them follow each other: the edges of one are the inside of the other."""

FIRST, DAYS = date(2025, 3, 15), 500
WINDOWS = (0, 7, 28, 56, 91, 182, 210, 364, 365)
EDGES = [s - timedelta(days=w + near) for s in SNAPSHOTS for w in WINDOWS for near in (-1, 0, 1)]
EDGES = [day for day in EDGES if day >= FIRST]

PLANS = {
    "core": {"team": (1, 12.0), "business": (2, 20.0), "enterprise": (4, None)},
    "insights": {"basic": (1, None), "plus": (2, 9.99)},
    "api": {"payg": (1, None)},
}
FEATURES = ("report", "CSV Export", "export", "sso", "audit", "api_calls", "storage", "sandbox", "unlisted")
INCLUDED = {
    ("core", "team"): {"report": None, "export": 40.0, "storage": 25.5},
    ("core", "business"): {"report": None, "export": 90.0, "storage": None, "sso": None},
    ("core", "enterprise"): {"report": None, "export": None, "sso": None, "audit": None, "sandbox": None},
    ("insights", "basic"): {"report": None, "api_calls": 30.0, "sandbox": 20.0},
    ("insights", "plus"): {"report": None, "api_calls": 0.0, "audit": None},
}

MEASURED = {
    ("core", "team", "storage"): "last",
    ("core", "team", "export"): "sum",
    ("core", "business", "export"): "average",  # nobody knows this word
    ("insights", "basic", "api_calls"): "max",
}

CLOCKS = {
    "subscriptions": ("valid_from", "known_at"),
    "invoices": ("billed_at", "known_at"),
    "usage_events": ("occurred_at", "known_at"),
    "usage_daily": ("day", "known_at"),
    "users": ("created_at",),
    "tickets": ("opened_at", "known_at"),
    "crm_events": ("occurred_at", "known_at"),
    "outcomes": ("opened_at",),
    "account_features": ("known_at",),
    "product_succession": ("from_day",),
}
"""When a row happened, and when it became known; ``accounts`` and the price list have no clock that counts."""

ENDS = {
    "subscriptions": ("valid_to", "notice_at", "ends_known_at"),
    "users": ("deactivated_at",),
    "tickets": ("closed_at",),
    "outcomes": ("closed_at",),
}

RAW_TYPES = {Kind.ID: pa.string(), Kind.TEXT: pa.string(), Kind.CLOCK: pa.timestamp("us")}
"""The other kinds are float64: a number column with gaps in pandas."""


# --- the future, removed ----------------------------------------------------------------------------------------------


def known_before(frames: dict[str, pd.DataFrame], day: date) -> dict[str, pd.DataFrame]:
    """The tables without every row that happened or became known on or after ``day``; ends since then are blank.

    A row of which nobody knows when it happened may be of the future too.
    """
    midnight = pd.Timestamp(day)
    past = {}
    for name, frame in frames.items():
        is_future = pd.Series(False, index=frame.index)
        for clock in CLOCKS.get(name, ()):
            is_future |= frame[clock] >= midnight
        if name in CLOCKS:
            is_future |= frame[CLOCKS[name][0]].isna()
        past[name] = frame[~is_future].copy()
        if name == "subscriptions":
            # An end that became known late was none until then.
            known = past[name]["ends_known_at"]
            past[name]["valid_to"] = past[name]["valid_to"].where(known.isna() | (known < midnight))
        if name == "outcomes":  # nobody knows what will come of a play that is under way
            past[name]["status"] = past[name]["status"].mask(past[name]["closed_at"] >= midnight, "open")
        for end in ENDS.get(name, ()):
            past[name][end] = past[name][end].where(past[name][end] < midnight)
    return past


# --- values -----------------------------------------------------------------------------------------------------------


def _days(rng: np.random.Generator, count: int) -> pd.Series:
    """Days of the whole time, every other one at the edge of a window."""
    anywhere = pd.Timestamp(FIRST) + pd.to_timedelta(rng.integers(0, DAYS, count), unit="D")
    edges = pd.DatetimeIndex(EDGES)[rng.integers(0, len(EDGES), count)]
    return pd.Series(np.where(rng.random(count) < 0.5, anywhere, edges)).astype("datetime64[us]")


def _on(numbers: pd.Series) -> pd.Series:
    return (pd.Timestamp(FIRST) + pd.to_timedelta(numbers, unit="D")).astype("datetime64[us]")


def _times(rng: np.random.Generator, days: pd.Series) -> pd.Series:
    """A time of each day; the first and the last moment are common."""
    second = rng.choice([0, 0, 86_399, 43_200, 3_600], len(days))
    return days + pd.to_timedelta(second, unit="s").astype("timedelta64[us]")


def _after(rng: np.random.Generator, days: pd.Series, lags: tuple[int, ...], missing: float) -> pd.Series:
    """Some days later, some at the edge of a snapshot, and some missing."""
    later = days + pd.to_timedelta(rng.choice(lags, len(days)), unit="D").astype("timedelta64[us]")
    edge = pd.Series(pd.DatetimeIndex(SNAPSHOTS)[rng.integers(0, len(SNAPSHOTS), len(days))]).astype("datetime64[us]")
    later = later.where((rng.random(len(days)) < 0.8) | (edge < days), edge)
    return later.where(rng.random(len(days)) >= missing)


def _known(rng: np.random.Generator, days: pd.Series) -> pd.Series:
    return _after(rng, days, (0, 1, 3, 40, -1, -5), missing=0.5)


def _some(rng: np.random.Generator, values: tuple[object, ...], count: int) -> pd.Series:
    return pd.Series([values[i] for i in rng.integers(0, len(values), count)], dtype=object)


def _amounts(rng: np.random.Generator, count: int, low: float, high: float, missing: float = 0.0) -> pd.Series:
    return pd.Series(rng.uniform(low, high, count).round(rng.integers(0, 5))).where(rng.random(count) >= missing)


# --- tables -----------------------------------------------------------------------------------------------------------


OWN_FEATURES = [("health", pa.float64()), ("fit", pa.string())]
"""The team's own features."""


def frames(seed: int, *, accounts: int = 12, daily: bool = False) -> dict[str, pd.DataFrame]:
    """The raw tables of a base; ``daily``: usage comes already counted."""
    rng = np.random.default_rng(seed)
    ids = tuple(f"a{number}" for number in range(accounts))
    tables = {
        "subscriptions": _subscriptions(rng, ids),
        "invoices": _invoices(rng, _owners(rng, ids, 8 * accounts), ids),
        "users": _users(rng, _owners(rng, ids, 6 * accounts)),
        "tickets": _tickets(rng, _owners(rng, ids, 8 * accounts)),
        "crm_events": _crm_events(rng, _owners(rng, ids, 16 * accounts)),
        "outcomes": _outcomes(rng, _owners(rng, ids, 2 * accounts)),
    }
    if daily:
        tables["usage_daily"] = _daily(rng, _owners(rng, ids, 50 * accounts))
    else:
        tables["usage_events"] = _events(rng, _owners(rng, ids, 80 * accounts))
    for name in tables.keys() & {"usage_events", "usage_daily", "invoices", "crm_events"}:
        twice = tables[name].sample(frac=0.1, random_state=seed % 2**31)
        tables[name] = pd.concat([tables[name], twice], ignore_index=True)
    listed = {"account_id": ids, "name": ids, "created_at": _days(rng, accounts)}
    listed["employees"] = _amounts(rng, accounts, 1, 500, missing=0.3).round()
    listed["segment"] = _some(rng, ("smb", "smb", "enterprise", None), accounts)
    listed["parent_id"] = _parents(ids)
    listed["industry"] = _some(rng, ("bank", "bank", "retail"), accounts)
    tables["account_features"] = _account_features(rng, _owners(rng, ids, 4 * accounts))
    tables["accounts"] = pd.DataFrame(listed).sample(frac=0.9, random_state=seed % 2**31)
    plans = [(product, plan, *listed) for product, plans in PLANS.items() for plan, listed in plans.items()]
    tables["plans"] = pd.DataFrame(plans, columns=["product", "plan", "tier", "seat_price"])
    rights = [
        (*plan, feature, limit, MEASURED.get((*plan, feature)))
        for plan, features in INCLUDED.items()
        for feature, limit in features.items()
    ]
    tables["plan_features"] = pd.DataFrame(rights, columns=["product", "plan", "feature", "monthly_limit", "measure"])
    tables["product_succession"] = pd.DataFrame(
        {"product": ["storage", "legacy"], "successor": ["files", "core"], "from_day": _on(pd.Series([470, 300]))}
    )
    return tables


def _parents(ids: tuple[str, ...]) -> list[str | None]:
    """Of each eight: a top with two below each other and one beside them, one that is its own parent, two in a circle,
    and one whose parent is nobody. Without chance, so that all else is drawn as ever."""
    steps = {1: -1, 2: -1, 3: 0, 4: -4, 5: 1, 6: -1}
    named = [(n % 8, n + steps.get(n % 8, len(ids))) for n in range(len(ids))]
    return ["stranger" if place == 7 else ids[above] if above < len(ids) else None for place, above in named]


def _owners(rng: np.random.Generator, ids: tuple[str, ...], count: int) -> pd.Series:
    """Accounts with much and with little; some rows belong to nobody, or to nobody who is listed."""
    shares = rng.dirichlet(np.full(len(ids), 0.7)) * 0.98
    owners = rng.choice(len(ids) + 2, count, p=[*shares, 0.01, 0.01])
    return pd.Series([(*ids, "stranger", None)[owner] for owner in owners], dtype=object)


def _subscriptions(rng: np.random.Generator, ids: tuple[str, ...]) -> pd.DataFrame:
    """Versions of some lines, one after the other: on time, late, early, of no length, or beside another line."""
    lines = []
    for account in ids:
        for product in rng.choice(list(PLANS), rng.integers(1, 5)):
            day = int(rng.choice([0, 0, 5, 30, 31, 200, 290, 473]))
            seats, plan = int(rng.choice([0, 5, 10, 20])), 0
            for _ in range(rng.integers(1, 7)):
                plans = [*PLANS[product], "custom"]
                plan = int(np.clip(plan + rng.choice([0, 0, 0, 1, -1]), 0, len(plans) - 1))
                seats = max(0, seats + int(rng.choice([0, 0, 5, -5])))
                length = int(rng.choice([0, 14, 30, 60, 61, 92, 200, 900]))
                mrr = round(float(seats * rng.choice([10, 10.05, 10.11, 12]) + rng.choice([0, 50])), 2)
                lines.append((account, product, plans[plan], mrr, seats or None, day, day + length))
                day += length + int(rng.choice([0, 0, 0, 0, 10, 30, 31, -7]))
                if day > DAYS:
                    break
    frame = pd.DataFrame(lines, columns=["account_id", "product", "plan", "mrr", "seats", "from", "to"])
    begins, ends = (_on(frame.pop(side)) for side in ("from", "to"))
    edges = pd.Series(pd.DatetimeIndex(EDGES)[rng.integers(0, len(EDGES), len(frame))]).astype("datetime64[us]")
    ends = ends.where(rng.random(len(frame)) < 0.9, edges)
    ends = ends.where(ends < pd.Timestamp(FIRST) + pd.Timedelta(days=DAYS))
    count = len(frame)
    frame = frame.assign(
        valid_from=begins,
        valid_to=ends,
        renews_on=_after(rng, begins, (365, 400, 30), missing=0.4),
        known_at=_known(rng, begins),
        contract_id=_some(rng, (None, None, "c1", "c2"), count),
        ends_known_at=_after(rng, ends, (0, 5, 40, -40), missing=0.7),
        notice_at=_after(rng, begins, (10, 40, 200), missing=0.3),
        kind=_some(rng, (*(None,) * 9, "paid", "trial", "free", "discount"), count),
        booked_at=_after(rng, begins, (-60, -400, 0), missing=0.8),
    )
    is_discount = frame["kind"] == "discount"
    frame["product"] = frame["product"].where(rng.random(count) < 0.95, "legacy")
    return frame.assign(mrr=frame["mrr"].mask(is_discount, -0.1 * frame["mrr"]).round(2))


def _invoices(rng: np.random.Generator, owners: pd.Series, ids: tuple[str, ...]) -> pd.DataFrame:
    """Bills on any day, bills that keep a cadence, and bills that say for which time they are."""
    regular = pd.DataFrame(
        [
            (account, product, day, kind)
            for account in ids
            for product, kind in (("api", None), ("storage", "usage"), ("files", "subscription"), ("api", "prepaid"))
            for every in rng.choice([7, 15, 30, 31, 91, 182, 365], 1)
            if rng.random() < 0.4
            for day in range(int(rng.integers(0, 300)), DAYS, int(every))
        ],
        columns=["account_id", "product", "day", "kind"],
    )
    jitter = rng.choice([0, 0, 0, 1, 2, -1], len(regular))
    count = len(owners)
    days = pd.concat([_days(rng, count), _on(regular["day"] + jitter)], ignore_index=True)
    owners = pd.concat([owners, regular["account_id"]], ignore_index=True)
    product = pd.concat([_some(rng, ("api", "storage"), count), regular["product"]], ignore_index=True)
    kind = pd.concat(
        [_some(rng, (None, None, "overage", "prepaid", "prepaid"), count), regular["kind"]], ignore_index=True
    )
    count = len(owners)
    begins = _after(rng, days, (0, -30, -31, -91, 5), missing=0.8)
    lasts = pd.Series(rng.choice([7, 28, 30, 31, 91, 365, 0], count))
    return pd.DataFrame(
        {
            "account_id": owners,
            "product": product,
            "billed_at": _times(rng, days),
            "amount": _amounts(rng, count, -30, 200),
            "known_at": _known(rng, days),
            "kind": kind,
            "period_start": begins,
            "period_end": begins + pd.to_timedelta(lasts, unit="D").astype("timedelta64[us]"),
        }
    )


def _events(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    """Events of a few users; a third of them come day after day, and some ids are used early and late on one day."""
    count, days = len(owners), _days(rng, len(owners))
    users = owners.str.cat(_some(rng, ("-u0", "-u0", "-u0", "-u1", "-u2", "-u3", None), count))
    every_day = _on(pd.Series(np.arange(count) % 100 + DAYS - 140))
    is_daily = pd.Series(np.arange(count) < count // 3)
    owners, users = owners.mask(is_daily, "a0"), users.mask(is_daily, "a0-u0")
    days = days.mask(is_daily, every_day)
    number = pd.Series(np.arange(count))
    is_long = ~is_daily & (number < count // 2)
    owners, users = owners.mask(is_long, "a1"), users.mask(is_long, "a1-s" + (number // 2 % 4).astype(str))
    days = days.mask(is_long, _on(DAYS - 1 - number // 8 * 13 % 338))
    times = _times(rng, days)
    late_or_early = days + pd.to_timedelta((number % 2 * 20 + 2) * 3_600, unit="s").astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "account_id": owners,
            "occurred_at": times.mask(is_long, late_or_early),
            "feature": _some(rng, FEATURES, count),
            "user_id": users,
            "quantity": _amounts(rng, count, 0, 9, missing=0.5),
            "known_at": _known(rng, days),
        }
    )


def _daily(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    count, days = len(owners), _days(rng, len(owners))
    number = pd.Series(np.arange(count))
    users = _amounts(rng, count, 0, 9, missing=0.2).round()
    return pd.DataFrame(
        {
            "account_id": owners,
            "day": days,
            "feature": _some(rng, FEATURES, count),
            "events": _amounts(rng, count, 0, 20).round() * rng.integers(0, 2, count),
            "active_users": users.mask(owners.isin(["a1", "a2"])),  # nobody counts theirs
            "quantity": _amounts(rng, count, 0, 9, missing=0.5),
            "known_at": _known(rng, days),
            "user_id": (owners + "-u" + (number % 4).astype(str)).where(number % 5 > 0),
        }
    )


def _users(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    count, days = len(owners), _days(rng, len(owners))
    return pd.DataFrame(
        {
            "user_id": owners + _some(rng, tuple(f"-u{number}" for number in range(9)), count),
            "account_id": owners,
            "email_domain": _some(rng, ("one.com", "one.com", "two.com", None), count),
            "team": _some(rng, ("sales", "support", None), count),
            "created_at": _times(rng, days).where(rng.random(count) < 0.9),
            "deactivated_at": _after(rng, days, (0, 30, 90, 200), missing=0.5),
        }
    )


def _tickets(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    count, days = len(owners), _days(rng, len(owners))
    return pd.DataFrame(
        {
            "ticket_id": [f"ticket-{number}" for number in range(count)],
            "account_id": owners,
            "opened_at": _times(rng, days),
            "closed_at": _times(rng, _after(rng, days, (0, 1, 10, 100), missing=0.3)),
            "kind": _some(rng, ("bug", "question", "feature_request", None), count),
            "feature": _some(rng, (*FEATURES, None), count),
            "severity": _some(rng, ("low", "high", "critical", None), count),
            "csat": _amounts(rng, count, 1, 5, missing=0.3),
            "known_at": _known(rng, days),
        }
    )


def _crm_events(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    """Events of all kinds; deals and invoices with and without an id, and what tells them apart without one."""
    count, days = len(owners), _days(rng, len(owners))
    number = pd.Series(np.arange(count))
    kinds = _some(rng, (*CRM_KINDS, "webinar"), count)
    amounts = _amounts(rng, count, 0, 10, missing=0.2)
    of_few = owners.isin(["a2", "a3", "a4", "a5"])  # all of their invoices come with an amount
    amounts = amounts.mask(kinds.str.startswith("invoice") & of_few, (number % 2 + 1.0) * 10)
    objects = pd.Series([("D1", None, "D2", None, None)[n % 5] for n in number], dtype=object)
    products = pd.Series([("core", "insights")[n // 2 % 2] for n in number], dtype=object)
    return pd.DataFrame(
        {
            "account_id": owners,
            "occurred_at": _times(rng, days),
            "kind": kinds,
            "product": products.where(~owners.isin(["a0", "a1"]), None),
            "amount": amounts,
            "known_at": _known(rng, days),
            "object_id": objects,
        }
    )


def _account_features(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    count = len(owners)
    return pd.DataFrame(
        {
            "account_id": owners,
            "known_at": _times(rng, _days(rng, count)),
            "health": _amounts(rng, count, 0, 100, missing=0.2),
            "fit": _some(rng, ("core", "edge", None), count),
        }
    )


def _outcomes(rng: np.random.Generator, owners: pd.Series) -> pd.DataFrame:
    count, days = len(owners), _days(rng, len(owners))
    return pd.DataFrame(
        {
            "account_id": owners,
            "play": _some(rng, ("seats", "tier"), count),
            "opened_at": _times(rng, days),
            "status": _some(rng, ("open", "won", "lost", "not_now", "not_now"), count),
            "closed_at": _after(rng, days, (1, 30, 60), missing=0.4),
            "arr": _amounts(rng, count, 0, 9000, missing=0.5),
            "reason": _some(rng, ("budget", None), count),
        }
    )


# --- hand over --------------------------------------------------------------------------------------------------------


def as_arrow(name: str, frame: pd.DataFrame) -> pa.Table:
    """A raw table in the types of its kind, also where it has no rows or only missing values."""
    columns = [column for column in TABLES[name].columns if column.name in frame]
    own = OWN_FEATURES if name == "account_features" else []
    schema = pa.schema([*((column.name, RAW_TYPES.get(column.kind, pa.float64())) for column in columns), *own])
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def raw_tables(frames: dict[str, pd.DataFrame]) -> dict[str, ibis.Table]:
    """The tables as a source would hand them over."""
    return {name: ibis.memtable(as_arrow(name, frame)) for name, frame in frames.items()}
