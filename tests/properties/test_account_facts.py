"""Laws of what an account's page shows piece by piece: the future changes nothing, nor the order; a loop agrees."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from typing import Any

import pandas as pd
import pytest

from data.contract.outputs import ACCOUNT_FACTS, FACT_KINDS, MOST_FACTS
from data.ledger.rules import ExpansionRules
from features.account_facts import account_facts
from features.cohort import cohort
from features.views.whole_base import WholeBaseViews
from tests.properties.by_hand import Row, commercial, e4
from tests.properties.generated import SNAPSHOTS, frames, known_before
from tests.properties.test_laws import Engine, Frames

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
KEY = ["snapshot_date", *ACCOUNT_FACTS.order]
LAST = "￿"
"""Stands after every name: a name that is missing comes last."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with closing(Engine()) as engine:
        yield engine


def facts(
    engine: Engine, base: Frames, dates: Sequence[date] = SNAPSHOTS, absent: frozenset[str] = frozenset()
) -> pd.DataFrame:
    tables = engine.tables(base)
    views = WholeBaseViews(tables, cohort(tables, dates), dates, ExpansionRules())
    return account_facts(views, absent).to_pandas().sort_values(KEY, ignore_index=True)


@pytest.fixture(scope="module")
def base() -> Frames:
    made = frames(5, accounts=24)
    users = made["users"]
    roles = [("admin", "member", None)[number % 3] for number in range(len(users))]
    tickets = made["tickets"].assign(account_id=lambda rows: rows["account_id"].mask(rows.index % 3 == 0, "a1"))
    return made | {"users": users.assign(role=pd.Series(roles, index=users.index, dtype="str")), "tickets": tickets}


@pytest.fixture(scope="module")
def found(engine: Engine, base: Frames) -> pd.DataFrame:
    return facts(engine, base)


def at(rows: pd.DataFrame, day: date) -> pd.DataFrame:
    return rows[rows["snapshot_date"] == day].reset_index(drop=True)


def test_every_kind_is_there_and_no_account_has_more_than_is_published(found: pd.DataFrame) -> None:
    assert set(found["kind"]) == set(FACT_KINDS)
    assert list(found.columns) == list(ACCOUNT_FACTS.names)
    assert found["position"].max() == MOST_FACTS < found["of_kind"].max()


@pytest.mark.parametrize("day", SNAPSHOTS)
def test_the_future_changes_nothing(engine: Engine, base: Frames, found: pd.DataFrame, day: date) -> None:
    pd.testing.assert_frame_equal(at(found, day), at(facts(engine, known_before(base, day)), day))


def test_other_dates_and_the_order_of_rows_change_nothing(engine: Engine, base: Frames, found: pd.DataFrame) -> None:
    day = SNAPSHOTS[1]
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in base.items()}
    pd.testing.assert_frame_equal(at(found, day), facts(engine, shuffled, [day]))


def test_a_plain_loop_finds_the_same(base: Frames, found: pd.DataFrame) -> None:
    for (account, day), rows in found.groupby(["account_id", "snapshot_date"]):
        by_hand = facts_by_hand(base, account, day)
        for kind, made in by_hand.items():
            of_kind = rows[rows["kind"] == kind]
            assert list(of_kind["of_kind"].unique()) == ([len(made)] if made else []), (account, day, kind)
            names = list(made[0]) if made else []
            seen = [[_plain(value) for value in row] for row in of_kind[names].itertuples(index=False)]
            assert seen == [list(row.values()) for row in made[:MOST_FACTS]], (account, day, kind)


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def facts_by_hand(base: Frames, account: str, day: date) -> dict[str, list[Row]]:
    """The facts of one account on one day, of each kind in their order."""
    known, counted, *_ = commercial(base, account, day, ExpansionRules())
    lines = [line for line in counted if line["valid_to"] is None or (day - line["valid_to"]).days <= 365]
    made = [
        {
            "title": line["product"],
            "reference": line["contract_id"],
            "plan": line["plan"],
            "seats": line["seats"],
            "mrr": e4(line["mrr"]) / 10_000,
            "began_on": line["valid_from"],
            "is_open": line["valid_to"] is None,
            "ended_on": line["valid_to"],
        }
        for line in lines
    ]
    events = [e for e in known["crm_events"] if e["kind"] in ("champion_promoted", "champion_left") and e["age"] <= 365]
    tickets = [
        {
            "title": ticket["kind"],
            "reference": ticket["ticket_id"],
            "feature": ticket["feature"],
            "severity": ticket["severity"],
            "csat": None if ticket["closed_at"] is None or ticket["csat"] is None else e4(ticket["csat"]) / 10_000,
            "began_on": ticket["opened_at"],
            "is_open": ticket["closed_at"] is None,
            "ended_on": ticket["closed_at"],
        }
        for ticket in known["tickets"]
        if ticket["closed_at"] is None or ticket["age"] <= 182
    ]
    began = [{"title": event["kind"], "began_on": event["occurred_at"]} for event in events]
    return {
        "line": in_order(made, lambda row: row["ended_on"] is not None),
        "team": users_by(known, "team"),
        "role": users_by(known, "role"),
        "champion": in_order(began, lambda row: False),
        "ticket": in_order(tickets, lambda row: row["ended_on"] is not None),
    }


def in_order(rows: Iterable[Row], key: Callable[[Row], Any]) -> list[Row]:
    """What is over last, then the latest first, then by all columns; what is missing last."""
    return sorted(rows, key=lambda row: (key(row), -row["began_on"].toordinal(), *(_after(v) for v in row.values())))


def _after(value: Any) -> tuple[bool, Any]:
    return value is None, 0 if value is None else value


def users_by(known: dict[str, list[Row]], column: str) -> list[Row]:
    last_age: dict[str, int] = {}
    for event in known["usage_events"]:
        user = event["user_id"]
        if user is not None and event["age"] <= 182:
            last_age[user] = min(last_age.get(user, 999), event["age"])
    made = []
    for title in {user[column] for user in known["users"]}:
        mine = [user for user in known["users"] if user[column] == title]
        here = [user for user in mine if user["deactivated_at"] is None]
        active = sum(last_age.get(user["user_id"], 999) <= 28 for user in here)
        began = min(user["created_at"] for user in mine)
        if here:
            made.append({"title": title, "users": len(here), "active_users": active, "began_on": began})
    return sorted(made, key=lambda row: (row["title"] is None, -row["users"], row["title"] or LAST))


def test_what_a_source_does_not_say_is_not_made_up(engine: Engine, base: Frames) -> None:
    """Without the day of closing no ticket is said to be open, and without users in use nobody is said to be active."""
    absent = frozenset({"tickets.closed_at", "usage_events.user_id", "users.role"})
    blank = base | {"tickets": base["tickets"].assign(closed_at=pd.NaT, csat=None)}
    seen = facts(engine, blank, SNAPSHOTS[-1:], absent)
    tickets = seen[seen["kind"] == "ticket"]
    assert len(tickets) > 0
    assert tickets["is_open"].isna().all()
    assert (pd.to_datetime(SNAPSHOTS[-1]) - pd.to_datetime(tickets["began_on"])).dt.days.max() <= 182
    assert seen.loc[seen["kind"] == "team", "active_users"].isna().all()
    assert "role" not in set(seen["kind"])
    without = {name: base[name] for name in ("accounts", "subscriptions", "usage_events")}
    assert set(facts(engine, without, SNAPSHOTS[-1:])["kind"]) == {"line"}
