"""Laws of the ledger on random contracts, and a plain loop, day by day, that must say the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.contract.inputs import TABLES
from data.contract.vocabulary import KEY
from data.ledger.lines import lines
from data.ledger.lines import standing as standing_lines
from data.ledger.movements import movements, prepared
from data.ledger.revenue import all_lines, ledger, mrr_on
from data.ledger.rules import ExpansionRules
from data.sources.known import as_of
from data.time_cut import cut
from features.labels import labels
from tests.properties.ledger_by_hand import PlainLine, plain_changes, standing

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
        seen = standing_lines(cut(lines(tables), "subscriptions", cohort), RULES, by=KEY)
        seen = movements(prepared(seen, RULES, KEY), RULES, by=KEY)
        self.columns = list(columns)
        self.queries = {
            "ledger": self._compiled(ledger(tables, RULES)),
            "mrr": self._compiled(mrr_on(all_lines(tables, RULES), RULES, CHECKED)),
            "labels": self._compiled(labels(tables, self._keys("labelled", LABELLED), RULES)),
            "by snapshot": self._compiled(seen),
        }
        for day in SNAPSHOTS:
            self.queries[f"as of {day}"] = self._compiled(ledger(as_of(tables, day), RULES, day))

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


def plain(line: Line) -> PlainLine:
    end = None if line.end is None else on(line.end)
    return PlainLine(line.product, line.plan, line.mrr_e4, line.seats, line.tier, on(line.start), end, on(line.known))


def changes_of(base: list[Line], account: str) -> list[dict[str, Any]]:
    mine = [plain(line) for line in base if line.account == account]
    return plain_changes(standing(mine, RULES, None), RULES)


def plain_ledger(base: list[Line]) -> list[dict[str, Any]]:
    """The ledger of all accounts."""
    found = []
    for account in ACCOUNTS:
        for row in changes_of(base, account):
            if row["class"] is None:
                continue
            movement = {
                "account_id": account,
                "product": row["product"],
                "lineage": row["lineage"],
                "day": row["day"],
                "movement_class": row["class"],
                "delta_mrr_e4": row["after"].mrr_e4 - row["before"].mrr_e4,
                "plan_before": row["plan_before"],
                "plan_after": row["plan_after"],
            }
            for value in ("mrr", "seats", "tier"):
                suffix = "_e4" if value == "mrr" else ""
                movement[f"{value}_before{suffix}"] = getattr(row["before"], value + suffix)
                movement[f"{value}_after{suffix}"] = getattr(row["after"], value + suffix)
            found.append(movement)
    return sorted(({name: row[name] for name in LEDGER} for row in found), key=str)


def plain_label(base: list[Line], account: str, snapshot: date) -> dict[str, Any]:
    """The label of one account: the changes of each lineage of products within the window, added up."""
    end = snapshot + timedelta(days=RULES.horizon_days)
    window = [row for row in changes_of(base, account) if snapshot <= row["day"] < end]
    motions = {"seat": 0, "upsell": 0, "cross_sell": 0, "usage": 0}
    arr_e4 = 0
    for lineage in {row["lineage"] for row in window}:
        mine = sorted((row for row in window if row["lineage"] == lineage), key=lambda row: row["day"])
        kept = away = back = all_seats = all_tiers = grown_seats = grown_tiers = 0
        has_tiers = True
        for row in mine:
            before, after, name = row["before"], row["after"], row["class"]
            has_tiers &= all(state.tier is not None for state in (before, after) if state.lines)
            seats, tiers = (after.seats or 0) - (before.seats or 0), (after.tier or 0) - (before.tier or 0)
            all_seats, all_tiers = all_seats + seats, all_tiers + tiers
            if before.lines and after.lines:
                grown_seats, grown_tiers = grown_seats + seats, grown_tiers + tiers
            delta = after.mrr_e4 - before.mrr_e4
            kept += delta if name in ("seat", "upsell", "cross_sell", "contraction", "churn") else 0
            away -= delta if name == "churn" else 0
            back += delta if name in ("new", "reactivation") else 0
        kept += min(away, back)
        if not mine[-1]["after"].lines or kept <= 0:
            continue
        classes = {row["class"] for row in mine}
        counted = {
            "seat": "seat" in classes and min(grown_seats, all_seats) > 0,
            "upsell": "upsell" in classes and (min(grown_tiers, all_tiers) > 0 or not has_tiers),
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
    *("account_id", "product", "lineage", "day", "movement_class", "delta_mrr_e4", "mrr_before_e4", "mrr_after_e4"),
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
    for label in base.run("labels"):
        assert label == plain_label(bases, label["account_id"], label["snapshot_date"])


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
