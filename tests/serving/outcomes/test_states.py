"""Where an account stands, and the table ``outcomes`` that follows: drawn histories, and the law of time."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.figures.measures.plays import plays_of
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase, with_outcomes
from features.build.build import feature_rows
from features.build.kept import snapshot_keys
from serving.outcomes.as_outcomes import SCHEMA, as_outcomes
from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.states import state_on
from tests.drawn import base, drawn, known

LAST = date(2027, 1, 1)


def recorded(text: str) -> list[RecordedOutcome]:
    """The rows of a drawn store, numbered as they are drawn."""
    rows = drawn(text).astype(object).where(lambda frame: frame.notna(), None)
    return [row_of(number, **row) for number, row in enumerate(rows.to_dict("records"), start=1)]  # type: ignore[arg-type]


def row_of(number: int, day: str, action: str, account: str = "acme", **said: str | None) -> RecordedOutcome:
    until, corrects, arr = (said.get(name) for name in ("until", "corrects", "arr"))
    return RecordedOutcome(
        id=number,
        at=datetime.combine(date.fromisoformat(day), time(10), UTC),
        account_id=account,
        action=action,
        who="Ana",
        play=said.get("play"),
        reason=said.get("reason"),
        text=said.get("text"),
        until=date.fromisoformat(until) if until else None,
        corrects=int(corrects) if corrects else None,
        arr=float(arr) if arr else None,
    )


def table_of(rows: list[RecordedOutcome], before: date = LAST) -> list[tuple[object, ...]]:
    """play, opened, status, closed, known and withdrawn, as month and day."""
    names = ("play", "opened_at", "status", "closed_at", "known_at", "withdrawn_at")
    return [
        tuple(f"{value:%m-%d}" if isinstance(value, date) else value for value in map(row.get, names))
        for row in as_outcomes(rows, before).to_pylist()
    ]


# --- states -----------------------------------------------------------------------------------------------------------

STORY = """
    day        | action       | play  | until      | reason    | arr
    2026-10-01 | taken        | seats |            |           |
    2026-10-03 | noted        | seats |            |           |
    2026-10-05 | snoozed      | seats | 2026-10-20 |           |
    2026-10-21 | taken        | tier  |            |           |
    2026-10-25 | won          | tier  |            |           | 1200
    2026-11-02 | reopened     |       |            |           |
    2026-11-03 | disqualified | tier  |            | no_budget |
    2026-11-09 | lost         | tier  |            | went away |
"""


@pytest.mark.parametrize(
    ("day", "state", "since"),
    [
        ("2026-09-30", "open", None),
        ("2026-10-01", "working", "2026-10-01"),
        ("2026-10-04", "working", "2026-10-01"),  # a note changes nothing
        ("2026-10-19", "snoozed", "2026-10-05"),
        ("2026-10-20", "open", "2026-10-20"),  # back on the day that was said
        ("2026-10-24", "working", "2026-10-21"),
        ("2026-10-25", "won", "2026-10-25"),
        ("2026-11-02", "open", "2026-11-02"),
        ("2026-11-03", "disqualified", "2026-11-03"),
        ("2026-12-31", "lost", "2026-11-09"),
    ],
)
def test_where_an_account_stands_day_by_day(day: str, state: str, since: str | None) -> None:
    now = date.fromisoformat(day)
    stands = state_on([row for row in recorded(STORY) if row.day <= now], now)
    assert (stands.state, stands.since) == (state, date.fromisoformat(since) if since else None)


def test_a_correction_stands_in_the_place_of_its_row() -> None:
    rows = recorded("""
        day        | action    | corrects | arr
        2026-10-01 | won       |          | 1200
        2026-10-02 | reopened  |          |
        2026-10-03 | won       | 1        | 120
    """)
    assert state_on(rows, LAST).state == "open"  # what was won is reopened still
    taken_back = [*rows, row_of(4, "2026-10-04", "corrected", corrects="2")]
    assert state_on(taken_back, LAST).row == rows[2]


# --- the table --------------------------------------------------------------------------------------------------------


def test_each_play_is_a_row() -> None:
    assert table_of(recorded(STORY)) == [
        ("seats", "10-01", "not_now", "10-05", "10-01", "10-19"),  # the list of the 20th has it back
        ("tier", "10-21", "won", "10-25", "10-21", "11-02"),  # the deal fell through
        ("tier", "11-03", "not_now", "11-03", "11-03", "11-09"),  # what came of it later
        ("tier", "11-09", "lost", "11-09", "11-09", None),
    ]


@pytest.mark.parametrize(
    ("before", "rows"),
    [
        ("2026-10-01", []),  # what is recorded on the day of a run is not known to it
        ("2026-10-02", [("seats", "10-01", "open", None, "10-01", None)]),
        ("2026-10-05", [("seats", "10-01", "open", None, "10-01", None)]),
        ("2026-10-06", [("seats", "10-01", "not_now", "10-05", "10-01", "10-19")]),
    ],
)
def test_only_what_was_recorded_before_the_day_counts(before: str, rows: list[tuple[object, ...]]) -> None:
    assert table_of(recorded(STORY), date.fromisoformat(before)) == rows


def test_what_is_taken_up_again_is_no_longer_snoozed() -> None:
    rows = recorded("""
        day        | action  | play  | until
        2026-10-01 | snoozed | seats | 2026-12-01
        2026-10-08 | taken   | seats |
        2026-10-09 | taken   | tier  |
    """)
    assert table_of(rows) == [
        ("seats", "10-01", "not_now", "10-01", "10-01", "10-08"),
        ("seats", "10-08", "open", None, "10-08", None),  # one play is under way, whoever takes it up again
    ]


def test_a_correction_is_known_from_its_day_and_what_was_believed_until_then() -> None:
    rows = recorded("""
        day        | action       | play  | reason     | corrects
        2026-10-01 | taken        | seats |            |
        2026-10-05 | disqualified | seats | bad_timing |
        2026-10-09 | won          | seats |            | 2
    """)
    assert table_of(rows) == [
        ("seats", "10-01", "not_now", "10-05", "10-01", "10-09"),
        ("seats", "10-01", "won", "10-05", "10-09", None),
    ]


def test_what_is_taken_back_on_the_same_day_leaves_no_trace() -> None:
    rows = recorded("""
        day        | action    | corrects
        2026-10-01 | taken     |
        2026-10-01 | corrected | 1
    """)
    assert table_of(rows) == []


def test_reasons_and_amounts_are_told() -> None:
    rows = recorded("""
        day        | account | action       | reason    | text        | arr
        2026-10-01 | acme    | disqualified | no_budget | ask in May  |
        2026-10-01 | bolt    | won          |           |             | 1200.5
        2026-10-01 | core    | lost         | went away |             |
    """)
    table = as_outcomes(rows, LAST).to_pandas()
    assert list(table["reason"].fillna("")) == ["no_budget: ask in May", "", "went away"]
    assert list(table["arr"].fillna(0)) == [0, 1200.5, 0]
    assert set(table["play"]) == {"none"}
    assert as_outcomes([], LAST).schema == SCHEMA


# --- the law of time --------------------------------------------------------------------------------------------------

FIRST = date(2026, 10, 1)
DAYS = 12


def drawn_history(draw: random.Random) -> list[RecordedOutcome]:
    """A few weeks of one account, with corrections of rows that nobody corrected before."""
    rows: list[RecordedOutcome] = []
    day = FIRST
    for number in range(1, draw.randint(2, 9)):
        day = min(day + timedelta(days=draw.choice((0, 0, 1, 1, 2, 4))), FIRST + timedelta(days=DAYS - 1))
        corrected = {row.corrects for row in rows}
        open_rows = [row.id for row in rows if row.id not in corrected and row.action != "corrected"]
        actions = ("taken", "snoozed", "disqualified", "won", "lost", "reopened", "noted", "corrected")
        action = draw.choice(actions)
        corrects = draw.choice(open_rows) if open_rows and (action == "corrected" or draw.random() < 0.3) else None
        if action == "corrected" and corrects is None:
            continue
        until = str(day + timedelta(days=draw.randint(1, 5))) if action == "snoozed" else None
        play = draw.choice(("seats", "tier"))
        row = row_of(number, str(day), action, play=play, until=until, corrects=corrects and str(corrects))
        rows.append(replace(row, arr=float(draw.randint(0, 2)) if action == "won" else None))
    return rows


def seen(table: pa.Table, day: date) -> list[tuple[object, ...]]:
    """What a snapshot sees of the table, by a plain loop: what was known, and is not over, before it."""
    rows = []
    for row in table.to_pylist():
        is_known = row["known_at"] < day and row["opened_at"] < day
        if is_known and (row["withdrawn_at"] is None or row["withdrawn_at"] >= day):
            closed = row["closed_at"] if row["closed_at"] and row["closed_at"] < day else None
            came = (row["status"], row["arr"], row["reason"]) if closed else ("open", None, None)
            rows.append((row["play"], row["opened_at"], closed, *came))
    return sorted(rows, key=str)


@given(st.randoms(use_true_random=False))
def test_what_comes_later_changes_no_earlier_snapshot(draw: random.Random) -> None:
    rows = drawn_history(draw)
    whole = as_outcomes(rows, LAST)
    for number in range(DAYS + 6):
        day = FIRST + timedelta(days=number)
        assert seen(whole, day) == seen(as_outcomes(rows, day), day)


@given(st.randoms(use_true_random=False))
def test_the_table_agrees_with_where_the_account_stands(draw: random.Random) -> None:
    rows = drawn_history(draw)
    for number in range(1, DAYS + 6):
        day = FIRST + timedelta(days=number)
        state = state_on([row for row in rows if row.day < day], day).state
        known_then = seen(as_outcomes(rows, day), day)
        assert any(row[3] == "open" for row in known_then) == (state == "working")
        assert any(row[3] == "not_now" for row in known_then) == (state in ("snoozed", "disqualified"))


# --- as features see it -----------------------------------------------------------------------------------------------

CUSTOMERS = """
    account_id | product | plan | mrr | seats | valid_from
    acme       | core    | team | 100 | 10    | 2025-07-01
    bolt       | core    | team | 100 | 10    | 2025-07-01
    core       | core    | team | 100 | 10    | 2025-07-01
"""
RECORDED = """
    day        | account | action       | play  | until      | reason     | corrects
    2026-06-01 | acme    | taken        | seats |            |            |
    2026-06-03 | bolt    | disqualified | seats |            | bad_timing |
    2026-06-05 | acme    | snoozed      | seats | 2026-06-25 |            |
    2026-06-08 | core    | taken        | seats |            |            |
    2026-06-20 | bolt    | corrected    |       |            |            | 2
"""


def with_store(tables: dict[str, ibis.Table], rows: list[RecordedOutcome]) -> KnownBase:
    before = known(tables)
    return with_outcomes(before, as_outcomes(rows, before.snapshot_date), "state")


def features_of(both: KnownBase, *days: date) -> pd.DataFrame:
    rows = feature_rows(both.tables, days, ExpansionRules(), absent=both.absent).to_pandas()
    return rows.assign(day=pd.to_datetime(rows["snapshot_date"]).dt.strftime("%m-%d")).set_index(["account_id", "day"])


def test_a_past_snapshot_sees_the_plays_as_they_were_then() -> None:
    both = with_store(base(subscriptions=CUSTOMERS), recorded(RECORDED))
    rows = features_of(both, *(date(2026, 6, day) for day in (1, 2, 10, 20, 21, 24, 25)))
    under_way = rows["play_open"].unstack().astype(int)
    assert under_way.loc["acme"].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert under_way.loc["core"].tolist() == [0, 0, 1, 1, 1, 1, 1]
    since = rows["days_since_not_now"].unstack().fillna(-1).astype(int)
    assert since.loc["acme"].tolist() == [-1, -1, 5, 15, 16, 19, -1]
    assert since.loc["bolt"].tolist() == [-1, -1, 7, 17, -1, -1, -1]  # taken back on the 20th


def test_what_is_recorded_on_a_day_changes_no_row_that_was_kept_of_that_day_or_before() -> None:
    """Nor its key: what is over, or taken back, was under way until then. Under one key the rows are the same."""
    tables, rows, rules = base(subscriptions=CUSTOMERS), recorded(RECORDED), ExpansionRules()
    days = [date(2026, 6, day) for day in (2, 4, 6, 21, 24, 25)]
    keys, kept = snapshot_keys(with_store(tables, []), days, rules), dict[str, pd.DataFrame]()
    for count, row in enumerate(rows, start=1):
        both, before = with_store(tables, rows[:count]), keys
        keys, features = snapshot_keys(both, days, rules), features_of(both, *days).sort_index()
        assert {day for day in days if keys[day] != before[day]} == {day for day in days if day > row.day}
        for day in days:
            of_day = features.xs(f"{day:%m-%d}", level="day")
            pd.testing.assert_frame_equal(kept.setdefault(keys[day], of_day), of_day, check_exact=True)


def test_the_rows_of_the_source_stay_but_for_those_of_the_same_play() -> None:
    own = """
        account_id | play  | opened_at  | status | closed_at
        acme       | seats | 2026-06-01 | open   |
        core       | tier  | 2026-06-01 | open   |
        core       | tier  | 2026-06-02 | open   |
    """
    tables = base(subscriptions=CUSTOMERS, outcomes=own)
    rows = features_of(with_store(tables, recorded(RECORDED)), date(2026, 6, 30))
    assert rows["play_open"].droplevel("day").to_dict() == {"acme": 0, "bolt": 0, "core": 3}


def test_rows_of_a_source_that_does_not_say_where_its_plays_stand_are_left_out() -> None:
    own = """
        account_id | play  | opened_at
        bolt       | seats | 2026-06-01
    """
    before = replace(
        known(base(subscriptions=CUSTOMERS, outcomes=own)),
        absent=frozenset({"outcomes.status", "outcomes.closed_at", "usage_daily.user_id"}),
    )
    both = with_outcomes(before, as_outcomes(recorded(RECORDED), before.snapshot_date), "state")
    assert features_of(both, date(2026, 6, 30))["play_open"].droplevel("day")["bolt"] == 0
    assert both.warnings[-1].endswith("is not known without outcomes.closed_at, outcomes.status.")
    assert both.absent == {"usage_daily.user_id"}


def test_a_store_without_rows_before_the_day_has_its_signals_all_the_same() -> None:
    before = known(base(subscriptions=CUSTOMERS), state="files")
    assert with_outcomes(before, as_outcomes([], LAST), "none").tables["outcomes"].count().to_pandas() == 0
    both = with_outcomes(before, as_outcomes(recorded(RECORDED), LAST), "one")
    assert both.state == "files with outcomes one"


# --- as the figures see it --------------------------------------------------------------------------------------------


def test_what_was_won_counts_also_once_its_account_is_opened_again_and_what_was_corrected_does_not() -> None:
    rows = recorded("""
        day        | account | action    | play  | arr  | corrects
        2025-06-01 | acme    | won       | seats | 1200 |
        2026-01-10 | acme    | lost      | tier  |      |
        2026-02-01 | acme    | reopened  |       |      |
        2026-02-01 | bolt    | won       | seats | 500  |
        2026-02-02 | core    | taken     | seats |      |
        2026-02-03 | core    | won       | seats | 900  |
        2026-02-04 | core    | reopened  |       |      |
        2026-02-05 | core    | taken     | tier  |      |
        2026-02-06 | core    | reopened  |       |      |
        2026-02-08 | bolt    | corrected |       |      | 4
        2026-02-09 | core    | won       | seats | 90   | 6
    """)
    both = with_store(base(subscriptions=CUSTOMERS), rows)
    found = plays_of(both.tables).sort_values(["account_id", "play"])
    told = list(zip(found["account_id"], found["play"], found["status"], found["arr_e4"].fillna(0), strict=True))
    assert told == [
        ("acme", "seats", "won", 1200_0000),
        ("acme", "tier", "lost", 0),
        ("core", "seats", "won", 90_0000),  # what core took up came to nothing
    ]
    marks = as_outcomes(rows, LAST).to_pandas().query("corrected_at.notna()")
    assert set(zip(marks["account_id"], map(str, marks["corrected_at"]), marks["arr"], strict=True)) == {
        ("bolt", "2026-02-08", 500.0),
        ("core", "2026-02-09", 900.0),
    }
