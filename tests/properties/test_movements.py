"""Laws of the ledger on random contracts, and a plain loop, day by day, that must say the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.contract.inputs import TABLES
from data.contract.vocabulary import KEY
from data.ledger.movements import ledger, lines, movements
from data.ledger.revenue import mrr_on
from data.ledger.rules import ExpansionRules
from data.sources.known import as_of
from data.time_cut import cut
from features.labels import labels

# ibis 12.0 asks DuckDB for a schema in a way that DuckDB 2 will drop; goes with the next ibis.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")]

RULES = ExpansionRules(horizon_days=60)
FIRST = date(2024, 1, 1)
DAYS = 420
TIERS = {"basic": 1, "pro": 2, "premier": 3}  # `custom` is not on the price list
CHECKED = [FIRST + timedelta(days=days) for days in range(0, DAYS, 7)]
SNAPSHOTS = [FIRST + timedelta(days=days) for days in (40, 95, 180)]
LABELLED = [FIRST + timedelta(days=days) for days in range(10, 300, 15)]
ACCOUNTS = ("a", "b")
PRODUCTS = ("crm", "mail")


@dataclass(frozen=True)
class Line:
    """One contract line; days are counted from FIRST, ``end`` None is open."""

    account: str
    product: str
    plan: str
    mrr_e4: int
    seats: int | None
    start: int
    end: int | None
    known: int

    @property
    def tier(self) -> int | None:
        return TIERS.get(self.plan)


@st.composite
def histories(draw: st.DrawFn) -> list[Line]:
    """Some lines of one account and product that follow each other, late, early, or in parallel."""
    account, product = draw(st.sampled_from(ACCOUNTS)), draw(st.sampled_from(PRODUCTS))
    day = draw(st.sampled_from((0, 0, 10, 30, 31, 60)))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.sampled_from((-1, 0, 10, 30, 31, 60, None)))
        found.append(
            Line(
                account,
                product,
                draw(st.sampled_from(("basic", "pro", "premier", "custom"))),
                draw(st.sampled_from((0, 1_000_000, 1_009_999, 1_010_000, 1_500_000, 2_000_000))),
                draw(st.sampled_from((None, 5, 10, 10, 15))),
                day,
                None if length is None else day + length,
                day + draw(st.sampled_from((0, 0, 5, 50))),
            )
        )
        day = max(0, day + (length or 30) + draw(st.sampled_from((0, 0, 0, 10, 30, 31, -5))))
    return found


BASES = st.lists(histories(), min_size=1, max_size=5).map(lambda several: [line for some in several for line in some])


class Base:
    """A subscriptions table to be filled again and again, and queries over it that were compiled once."""

    def __init__(self) -> None:
        self.con = ibis.duckdb.connect()
        columns = {c.staged_name: c.staged_type for c in TABLES["subscriptions"].columns}
        listed = [(product, plan, tier, None) for product in PRODUCTS for plan, tier in TIERS.items()]
        types = {"product": "string", "plan": "string", "tier": "int64", "seat_price_e4": "int64"}
        tables = {
            "subscriptions": self.con.create_table("subscriptions", schema=ibis.schema(columns)),
            "plans": self.con.create_table("plans", ibis.memtable(listed, schema=ibis.schema(types))),
        }
        cohort = self._keys("cohort", SNAPSHOTS)
        seen = movements(cut(lines(tables), "subscriptions", cohort), RULES, by=KEY)
        self.columns = list(columns)
        self.queries = {
            "ledger": self._compiled(ledger(tables, RULES)),
            "mrr": self._compiled(mrr_on(tables, RULES, CHECKED)),
            "labels": self._compiled(labels(tables, self._keys("labelled", LABELLED), RULES)),
            "by snapshot": self._compiled(seen),
        }
        for day in SNAPSHOTS:
            self.queries[f"as of {day}"] = self._compiled(ledger(as_of(tables, day), RULES))

    def _keys(self, name: str, dates: list[date]) -> ibis.Table:
        keys = [(account, day) for account in ACCOUNTS for day in dates]
        schema = ibis.schema({"account_id": "string", "snapshot_date": "date"})
        return self.con.create_table(name, ibis.memtable(keys, schema=schema))

    def _compiled(self, expression: ibis.Table) -> tuple[str, list[str]]:
        self.con._run_pre_execute_hooks(expression)
        return str(ibis.to_sql(expression, dialect="duckdb")), list(expression.columns)

    def fill(self, base: list[Line]) -> None:
        self.con.con.execute("delete from subscriptions")
        for line in base:
            row = {
                "account_id": line.account,
                "product": line.product,
                "plan": line.plan,
                "mrr_e4": line.mrr_e4,
                "seats": line.seats,
                "valid_from": on(line.start),
                "valid_to": None if line.end is None else on(line.end),
                "known_on": on(line.known),
            }
            values = [row.get(column) for column in self.columns]
            self.con.con.execute(f"insert into subscriptions values ({', '.join('?' * len(values))})", values)

    def run(self, name: str) -> list[dict[str, Any]]:
        sql, columns = self.queries[name]
        rows = self.con.con.execute(sql).fetchall()
        return sorted((dict(zip(columns, row, strict=True)) for row in rows), key=str)


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


@pytest.fixture(scope="module")
def base() -> Iterator[Base]:
    made = Base()
    yield made
    made.con.disconnect()


# --- the plain loop ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """What is open of one product on one day."""

    contracts: int
    mrr_e4: int
    seats: int | None
    tier: int | None
    plan: str | None


def contracts(lines: list[Line]) -> list[Line]:
    """The lines, with those that follow each other on the same terms joined into one."""
    joined = [line for line in lines if line.end is None or line.end > line.start]
    while True:
        pairs = (
            (one, two)
            for one, first in enumerate(joined)
            for two, second in enumerate(joined)
            if first.end == second.start and terms(first) == terms(second)
        )
        one, two = next(pairs, (None, None))
        if one is None or two is None:
            return joined
        whole = replace(joined[one], end=joined[two].end)
        joined = [line for at, line in enumerate(joined) if at not in (one, two)] + [whole]


def terms(line: Line) -> tuple[str, int, int | None]:
    return line.plan, line.mrr_e4, line.seats


def held_to(line: Line, others: list[Line]) -> int | None:
    """The day on which a contract stops counting: its end, or the beginning of its late renewal."""
    if line.end is None or any(other.start == line.end for other in others):
        return line.end
    for day in range(line.end + 1, line.end + RULES.renewal_gap_days + 1):
        begin = [other for other in others if other.start == day]
        end = [other for other in others if other.end == day]
        by_seat = any(other.seats is not None for other in begin + end)
        size = (lambda some: sum(x.seats or 0 for x in some)) if by_seat else (lambda some: sum(x.mrr_e4 for x in some))
        if begin and (not end or size(begin) != size(end)):
            return day
    return line.end


def states(base: list[Line], account: str, product: str) -> list[State]:
    """The state of a product on every day."""
    return _states(tuple(base), account, product)


@lru_cache(maxsize=16)
def _states(base: tuple[Line, ...], account: str, product: str) -> list[State]:
    mine = contracts([line for line in base if (line.account, line.product) == (account, product)])
    ends = [held_to(line, mine) for line in mine]
    found = []
    for day in range(DAYS):
        now = [x for x, end in zip(mine, ends, strict=True) if x.start <= day and (end is None or day < end)]
        seats = [x.seats for x in now if x.seats is not None]
        tiers = [x.tier for x in now if x.tier is not None]
        plans = sorted({x.plan for x in now})
        plan = " + ".join(dict.fromkeys((plans[0], plans[-1]))) if plans else None
        state = State(
            len(now), sum(x.mrr_e4 for x in now), sum(seats) if seats else None, max(tiers, default=None), plan
        )
        found.append(state)
    return found


def classify(before: State, after: State) -> str:
    """The class of a change of a product that is open before and after it."""
    gained = after.mrr_e4 - before.mrr_e4
    if abs(gained) * 100 < before.mrr_e4:
        return "price"
    if gained < 0:
        return "contraction"
    has_tiers = before.tier is not None and after.tier is not None
    if has_tiers:
        is_upsell = after.tier > before.tier
    elif before.seats and after.seats:
        is_upsell = before.plan != after.plan and after.mrr_e4 * before.seats > before.mrr_e4 * after.seats
    else:
        is_upsell = before.plan != after.plan
    if is_upsell:
        return "upsell"
    is_lower = has_tiers and after.tier < before.tier
    if before.seats is not None and after.seats is not None and after.seats > before.seats and not is_lower:
        return "seat"
    return "price"


def plain_ledger(base: list[Line]) -> list[dict[str, Any]]:
    """The ledger, day by day."""
    found = []
    nothing = State(0, 0, None, None, None)
    for account in ACCOUNTS:
        by_product = {product: states(base, account, product) for product in PRODUCTS}
        first = {p: next((d for d, s in enumerate(days) if s.contracts), None) for p, days in by_product.items()}
        account_first = min((day for day in first.values() if day is not None), default=None)
        for product, days in by_product.items():
            for day, (before, after) in enumerate(zip([nothing, *days], days, strict=False)):
                if before.mrr_e4 == after.mrr_e4:
                    continue
                if not after.contracts:
                    name = "churn"
                elif before.contracts:
                    name = classify(before, after)
                elif day > first[product]:
                    name = "reactivation"
                else:
                    name = "new" if day - account_first <= RULES.new_customer_days else "cross_sell"
                movement = {
                    "account_id": account,
                    "product": product,
                    "day": on(day),
                    "movement_class": name,
                    "delta_mrr_e4": after.mrr_e4 - before.mrr_e4,
                }
                for value in ("mrr", "seats", "tier", "plan"):
                    suffix = "_e4" if value == "mrr" else ""
                    movement[f"{value}_before{suffix}"] = getattr(before, value + suffix)
                    movement[f"{value}_after{suffix}"] = getattr(after, value + suffix)
                found.append(movement)
    return sorted(({name: row[name] for name in LEDGER} for row in found), key=str)


def plain_label(base: list[Line], moves: list[dict[str, Any]], account: str, snapshot: date) -> dict[str, Any]:
    """The label of one account: each product walked through the window, day by day."""
    first = (snapshot - FIRST).days
    window = range(first, first + RULES.horizon_days)
    motions = {"seat": 0, "upsell": 0, "cross_sell": 0, "usage": 0}
    arr_e4 = 0
    for product in PRODUCTS:
        days = [State(0, 0, None, None, None), *states(base, account, product)]
        found = {(m["day"] - FIRST).days: m for m in moves if (m["account_id"], m["product"]) == (account, product)}
        kept = away = back = grown_seats = grown_tiers = 0
        classes, has_tiers = set(), True
        for day in window:
            before, after = days[day], days[day + 1]
            has_tiers &= all(state.tier is not None for state in (before, after) if state.contracts)
            if before.contracts and after.contracts:
                grown_seats += (after.seats or 0) - (before.seats or 0)
                grown_tiers += (after.tier or 0) - (before.tier or 0)
            if day in found:
                name, delta = found[day]["movement_class"], found[day]["delta_mrr_e4"]
                classes.add(name)
                kept += delta if name in ("seat", "upsell", "cross_sell", "contraction", "churn") else 0
                away -= delta if name == "churn" else 0
                back += delta if name in ("new", "reactivation") else 0
        kept += min(away, back)
        start, end = days[first], days[first + RULES.horizon_days]
        if not end.contracts or kept <= 0:
            continue
        grown_seats = min(grown_seats, (end.seats or 0) - (start.seats or 0))
        grown_tiers = min(grown_tiers, (end.tier or 0) - (start.tier or 0))
        counted = {
            "seat": "seat" in classes and grown_seats > 0,
            "upsell": "upsell" in classes and (grown_tiers > 0 or not has_tiers),
            "cross_sell": "cross_sell" in classes,
        }
        for motion, counts in counted.items():
            motions[motion] |= int(counts)
        arr_e4 += 12 * kept if any(counted.values()) else 0
    return {
        "account_id": account,
        "snapshot_date": snapshot,
        **{f"expanded_{motion}": flag for motion, flag in motions.items()},
        "expanded": max(motions.values()),
        "expansion_arr_e4": arr_e4,
    }


LEDGER = (
    *("account_id", "product", "day", "movement_class", "delta_mrr_e4", "mrr_before_e4", "mrr_after_e4"),
    *("seats_before", "seats_after", "tier_before", "tier_after", "plan_before", "plan_after"),
)


# --- the laws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(bases=BASES)
def test_a_plain_loop_gives_the_same_ledger(base: Base, bases: list[Line]) -> None:
    base.fill(bases)
    assert base.run("ledger") == plain_ledger(bases)


@settings(max_examples=15, deadline=None)
@given(bases=BASES)
def test_the_classes_sum_to_the_change_of_mrr_in_any_period(base: Base, bases: list[Line]) -> None:
    base.fill(bases)
    moves = base.run("ledger")
    mrr: dict[date, int] = {}
    for row in base.run("mrr"):
        mrr[row["date"]] = mrr.get(row["date"], 0) + int(row["mrr_e4"])
    # What holds from the beginning up to every day holds between any two of them.
    for day in CHECKED:
        assert sum(move["delta_mrr_e4"] for move in moves if move["day"] < day) == mrr.get(day, 0)


@settings(max_examples=10, deadline=None)
@given(bases=BASES, data=st.data())
def test_the_order_of_rows_changes_nothing(base: Base, bases: list[Line], data: st.DataObject) -> None:
    base.fill(bases)
    moves = base.run("ledger")
    base.fill(data.draw(st.permutations(bases)))
    assert base.run("ledger") == moves


@settings(max_examples=15, deadline=None)
@given(bases=BASES)
def test_each_snapshot_sees_the_ledger_of_its_own_world(base: Base, bases: list[Line]) -> None:
    base.fill(bases)
    seen = base.run("by snapshot")
    for snapshot in SNAPSHOTS:
        own = [row for row in seen if row["snapshot_date"] == snapshot]
        assert [{name: row[name] for name in LEDGER} for row in own] == base.run(f"as of {snapshot}")


@settings(max_examples=20, deadline=None)
@given(bases=BASES)
def test_a_plain_loop_gives_the_same_label(base: Base, bases: list[Line]) -> None:
    base.fill(bases)
    moves = plain_ledger(bases)
    for label in base.run("labels"):
        assert label == plain_label(bases, moves, label["account_id"], label["snapshot_date"])


@settings(max_examples=10, deadline=None)
@given(bases=BASES)
def test_a_renewal_on_the_same_terms_changes_nothing(base: Base, bases: list[Line]) -> None:
    base.fill(bases)
    moves = base.run("ledger")
    renewed = []
    for line in bases:
        last = DAYS if line.end is None else line.end
        middle = (line.start + last) // 2
        if last - line.start > 1:
            renewed += [replace(line, end=middle), replace(line, start=middle)]
        else:
            renewed.append(line)
    base.fill(renewed)
    assert base.run("ledger") == moves
