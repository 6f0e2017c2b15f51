"""`headroom verify --words`: a fault of each kind is found and named, and a list as it is made has none."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pytest

from data.contract.outputs import FOR
from serving.published.tables import by_whole_accounts
from serving.reasons.tellings import MOST_WORDS
from serving.verify.files_and_sums import Difference
from serving.verify.words import RULES, check_plays, check_words
from tests.serving.world import HeldList, details, feature_rows, snapshot

SEEDS = range(20)
COUNT = 60


@cache
def made_of(seed: int) -> HeldList:
    rows = feature_rows(COUNT, seed)
    return snapshot(COUNT, seed, rows=rows, details=details(rows, seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_list_as_it_is_made_has_no_finding(seed: int) -> None:
    made = made_of(seed)
    assert [str(difference) for difference in check_words(made)] == []
    assert made.frames["reasons"]["shown"].sum() > 2 * COUNT
    assert made.frames["reasons"].loc[made.frames["reasons"]["shown"], "named"].notna().any()


def edited(made: HeldList, table: str, place: int, **values: Any) -> HeldList:
    frame = made.frames[table].copy()
    for column, value in values.items():
        of = list(frame[column])
        of[place] = value
        frame[column] = pd.Series(of, index=frame.index)
    return made.with_tables(**{table: frame})


def shown_for(made: HeldList, several: bool = False) -> int:
    """The place of a shown reason for an account; ``several``: the second of an account."""
    reasons = made.frames["reasons"]
    seen = reasons[reasons["shown"] & (reasons["effect"] == FOR)]
    second = seen[seen.duplicated("account_id")]
    return int((second if several else seen).index[0])


def findings(made: HeldList) -> list[Difference]:
    return list(check_words(made))


LONG = " ".join(["word"] * (MOST_WORDS + 1)) + "."


@pytest.mark.parametrize(
    ("text", "rule", "said"),
    [
        ("Its use is down on last month.", "a plus before a fall", "a reason for says `down`"),
        ("Fewer people are active.", "a plus before a fall", "a reason for says `Fewer`"),
        ("Nobody was active this month.", "a plus before a fall", "a reason for says `Nobody`"),
        ("0 people joined this quarter.", "a plus before a fall", "a reason for says `0`"),
        ("Near the limit of its plan.", "something unnamed", "which limit?"),
        ("Asked for a feature.", "something unnamed", "which feature?"),
        ("Look-alikes own another product.", "something unnamed", "which product?"),
        ("Reached a milestone this year.", "something unnamed", "which milestone?"),
        ("A new team joined.", "something unnamed", "which team?"),
        ("Named a gap in a review.", "something unnamed", "which gap?"),
        (LONG, f"a sentence over {MOST_WORDS} words", f"{MOST_WORDS + 1} words in: word"),
    ],
)
def test_a_planted_sentence_is_found_and_named(text: str, rule: str, said: str) -> None:
    made = made_of(3)
    place = shown_for(made)
    found = findings(edited(made, "reasons", place, text=text, named=None))
    account = made.frames["reasons"]["account_id"][place]
    by_rule = [difference for difference in found if difference.where == rule]
    assert [difference.account_id for difference in by_rule] == [account]
    assert said in by_rule[0].published
    assert {difference.where for difference in found} <= {rule, "reasons"}  # too long is said of the table as well


@pytest.mark.parametrize(
    "text",
    [
        "Uses 4 features this month.",  # a plain count names nothing and says so
        "Owns 2 other products.",
        "Used the product often this month.",  # all that is sold
        "0% are left.",
        "Uses downloads, and people follow upward.",  # no words of a fall
        " ".join(["word"] * MOST_WORDS) + ".",
    ],
)
def test_what_is_no_fault_is_not_found(text: str) -> None:
    made = made_of(3)
    reasons = made.frames["reasons"]
    others = reasons["shown"] & (reasons["account_id"] == reasons["account_id"][shown_for(made)])
    shown = reasons["shown"] & ~others | (reasons.index == shown_for(made))
    alone = made.with_tables(reasons=reasons.assign(shown=shown, choice=reasons["choice"].where(shown, "kept")))
    assert findings(edited(alone, "reasons", shown_for(made), text=text, named=None)) == []


def test_a_named_thing_is_not_asked_for() -> None:
    made = made_of(3)
    place = shown_for(made)
    text = "API calls are near the limit of the plan."
    assert findings(edited(made, "reasons", place, text=text, named="limit_feature=api_calls")) == []


def test_what_the_team_calls_its_own_feature_is_no_fault() -> None:
    made = made_of(3)
    own = {"text": "Days without the product: 3,999.", "story": "own_silent_days", "named": None}
    assert findings(edited(made, "reasons", shown_for(made), **own)) == []


def test_a_milestone_may_be_named_for_what_it_ended() -> None:
    made = made_of(3)
    told = "Reached a milestone on 10 August 2026: close without errors; 1 of 2."
    named = {
        "story": "value",
        "named": "milestone_on=2026-08-10; milestone_name=close_without_errors; next_plan_used=1",
    }
    assert findings(edited(made, "reasons", shown_for(made), text=told, **named)) == []
    unsaid = told.replace("Reached", "Never reached")
    assert [d.where for d in findings(edited(made, "reasons", shown_for(made), text=unsaid, **named))] == [
        "a plus before a fall"
    ]


def test_a_fall_behind_a_minus_and_what_is_not_shown_are_no_faults() -> None:
    made = made_of(3)
    place = shown_for(made)
    against = edited(made, "reasons", place, text="Against: Use is down.", effect="against", named=None)
    assert [d for d in findings(against) if d.where == "a plus before a fall"] == []
    hidden = edited(made, "reasons", place, text="Use is down.", shown=False, choice="kept", named=None)
    assert findings(hidden) == []


def test_a_number_that_is_told_twice_is_named() -> None:
    made = made_of(3)
    place = shown_for(made, several=True)
    first = int(made.frames["reasons"].index[made.frames["reasons"]["account_id"]
                                             == made.frames["reasons"]["account_id"][place]][0])  # fmt: skip
    one = edited(made, "reasons", first, text="Pays $4,321 a month.", named=None, shown=True)
    found = findings(edited(one, "reasons", place, text="4321 people work in it.", named=None))
    assert [(d.where, d.published) for d in found] == [("a number told twice", "4321 is told in two reasons")]


def test_two_reasons_of_one_story_are_named() -> None:
    made = made_of(3)
    place = shown_for(made, several=True)
    reasons = made.frames["reasons"]
    of_account = reasons[(reasons["account_id"] == reasons["account_id"][place]) & reasons["shown"]]
    story = of_account["story"].iloc[0]
    found = findings(edited(made, "reasons", place, story=story))
    assert [(d.where, d.published) for d in found] == [
        ("two reasons of one story", f"2 reasons tell one story, {story}")
    ]


@pytest.mark.parametrize("table", ["exclusions", "reasons"])
def test_a_long_sentence_of_any_table_is_named(table: str) -> None:
    made = made_of(3)
    frame = made.frames[table]
    place = int(frame.index[~frame["shown"]][0] if table == "reasons" else frame.index[0])
    found = findings(edited(made, table, place, text=f"Short. {LONG}"))
    assert [(d.account_id, d.where, d.derived) for d in found] == [
        (frame["account_id"][place], table, f"at most {MOST_WORDS}")
    ]


def test_a_long_opening_is_named() -> None:
    made = made_of(3)
    reasons = made.frames["reasons"]
    account = reasons["account_id"][shown_for(made)]
    place = int(made.frames["scores"].index[made.frames["scores"]["account_id"] == account][0])
    found = findings(edited(made, "scores", place, opening=LONG))
    assert [(d.account_id, d.where) for d in found] == [(account, f"a sentence over {MOST_WORDS} words")]


def test_every_rule_has_a_fault_above() -> None:
    planted = {
        "a plus before a fall", "something unnamed", f"a sentence over {MOST_WORDS} words", "a number told twice",
        "two reasons of one story",
    }  # fmt: skip
    assert set(RULES) == planted


def of_plays(made: HeldList, seed: int) -> list[Difference]:
    rows = feature_rows(COUNT, seed)
    assert made.context is not None
    return list(check_plays(made, rows, made.frames["reasons"], with_likeliest(rows, seed), made.context))


def with_likeliest(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The details as the list has them: with the likeliest product of the scores."""
    return details(rows, seed).assign(cross_sell_product="<b>Chat</b>")


@pytest.mark.parametrize("seed", range(5))
def test_plays_that_are_derived_again_are_the_same(seed: int) -> None:
    assert of_plays(made_of(seed), seed) == []


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("play", lambda play: "seat_limit" if play != "seat_limit" else "check_in"),
        ("motion", lambda motion: "seat" if motion != "seat" else "upsell"),
        ("opening", lambda opening: f"{opening} Really?"),
    ],
)
def test_another_play_motion_or_opening_is_named(column: str, change: Callable[[str], str]) -> None:
    made = made_of(4)
    before = made.frames["scores"][column][7]
    found = of_plays(edited(made, "scores", 7, **{column: change(before)}), 4)
    assert [(d.account_id, d.where, d.published, d.derived) for d in found] == [
        (made.frames["scores"]["account_id"][7], column, repr(change(before)), repr(before))
    ]


def test_an_account_whose_rows_are_read_in_two_parts_is_one() -> None:
    """Two reasons of one story, one at the end of a part and one at the head of the next."""
    rows = pd.DataFrame(
        {"account_id": ["a"] * 3 + ["b"] * 40, "effect": "for", "story": ["use", "seats", "use"] + ["size"] * 40,
         "text": "Uses it.", "named": None, "shown": [True] * 3 + [False] * 40}
    )  # fmt: skip
    whole = list(by_whole_accounts(iter([rows[:2], rows[2:5], rows[5:6], rows[6:]])))
    assert [part["account_id"].unique().tolist() for part in whole if len(part)] == [["a"], ["b"]]
    assert list(by_whole_accounts(iter([]))) == []
