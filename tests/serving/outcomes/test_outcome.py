"""What may be recorded, and what is said of what may not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.contract.vocabulary import PLAY_STATUSES
from data.errors import OutcomeError
from serving.outcomes.as_outcomes import NOT_NOW, STATUS_AFTER, UNDER_WAY
from serving.outcomes.outcome import KEYS, LARGEST_ARR, Outcome, checked, clean_text
from serving.outcomes.vocabulary import ACTIONS, CORRECTED, LONGEST, NOTED, STATE_AFTER, STATES
from tests.serving.store.conftest import TODAY

NOTE = Outcome(account_id="acme", action="noted", who="Ana", text="called")

GOOD: list[dict[str, Any]] = [
    {"action": "taken", "text": None},
    {"action": "snoozed", "until": TODAY + timedelta(days=1)},
    {"action": "disqualified", "reason": "no_budget"},
    {"action": "disqualified", "reason": "other", "text": "they moved"},
    {"action": "won", "arr": 0},
    {"action": "won", "arr": LARGEST_ARR},
    {"action": "won", "came_from": "import"},  # a sheet may leave the amount open
    {"action": "lost"},
    {"action": "lost", "reason": "too dear"},
    {"action": "reopened"},
    {"action": "corrected", "corrects": 1},
    {"text": "x" * LONGEST["text"]},
    {"text": "two\nlines\tand a tab"},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"action": "take"}, "'take' is no action (there is taken: did you mean that?); there are taken, snoozed,"),
    ({"came_from": "fax"}, "'fax' is no came_from; there are web, import, cli"),
    ({"account_id": " "}, "account_id is missing"),
    ({"who": ""}, "who is missing"),
    ({"action": "snoozed"}, "the day on which it ends is missing (until)"),
    ({"action": "snoozed", "until": TODAY}, "until is 2026-10-01, and it is said on 2026-10-01 (UTC)"),
    ({"until": TODAY + timedelta(days=1)}, "`noted` has no `until`"),
    ({"action": "won"}, "what was won is missing (arr)"),
    ({"action": "won", "arr": -1}, "arr is -1, and has to be an amount of 0 or more"),
    ({"action": "won", "arr": float("nan")}, "arr is nan, and has"),
    ({"action": "won", "arr": float("inf")}, "arr is inf, and has"),
    ({"action": "won", "arr": LARGEST_ARR + 1}, "arr is 1,000,000,000,001, and 1,000,000,000,000 a year is the most"),
    ({"action": "won", "came_from": "import", "arr": 1e39}, "a year is the most"),
    ({"action": "lost", "arr": 5}, "`lost` has no `arr`"),
    ({"action": "disqualified"}, "`disqualified` has no reason; there are not_a_fit, already_bought"),
    ({"action": "disqualified", "reason": "meh"}, "the reason 'meh'; there are"),
    ({"action": "disqualified", "reason": "other", "text": None}, "the reason `other` needs a text"),
    ({"text": " \n "}, "a note needs a text"),
    ({"action": "corrected"}, "`corrected` needs the row that it takes back"),
    ({"text": "x" * 4001}, "text has 4,001 characters, and 4,000 are the most"),
    ({"text": "a\0b"}, "text has the control character U+0000"),
    ({"text": "a\x1b[2Jb"}, "text has the control character U+001B"),
    ({"text": "half \ud83d"}, "text has the control character U+D83D"),
    ({"who": "Ana\nCosta"}, "who has the control character U+000A"),
    ({"account_id": "a\0"}, "account_id has the control character U+0000"),
]


@pytest.mark.parametrize("said", GOOD)
def test_what_may_be_recorded(said: dict[str, Any]) -> None:
    outcome = replace(NOTE, **said)
    assert checked(outcome, TODAY) == outcome


@pytest.mark.parametrize(("said", "found"), BAD)
def test_what_may_not_is_told_in_words(said: dict[str, Any], found: str) -> None:
    with pytest.raises(OutcomeError) as refusal:
        checked(replace(NOTE, **said), TODAY)
    assert found in refusal.value.found
    assert str(refusal.value).isprintable() or "\n  found" in str(refusal.value)
    assert not {"\0", "\x1b"} & set(str(refusal.value))


def test_blanks_around_a_text_go_and_line_ends_are_one_kind() -> None:
    clean = checked(replace(NOTE, text="  one\r\ntwo \r\n", who=" Ana ", product="  "), TODAY)
    assert (clean.text, clean.who, clean.product) == ("one\ntwo", "Ana", None)


@pytest.mark.parametrize("name", KEYS)
def test_what_is_looked_up_by_is_kept_to_the_letter_or_refused(name: str) -> None:
    outcome = replace(NOTE, **{name: " C0012   "})
    assert checked(outcome, TODAY) == outcome
    for control in ("\n", "\t", "\r\n", "\x1f", "\x85"):  # those that count as blanks, too
        with pytest.raises(OutcomeError, match=f"{name} has the control character"):
            checked(replace(NOTE, **{name: f"C0012{control}"}), TODAY)


@given(text=st.text("\u202e\u200b\u200f\u2066\ufeff\u00ad\ufe0f\u034f\u3164\u2800\u00a0 \n"))
def test_a_text_of_which_nothing_is_seen_is_missing_and_one_letter_keeps_it(text: str) -> None:
    assert clean_text(text) is None
    assert "a" in (clean_text(f"{text}a{text}") or "")
    with pytest.raises(OutcomeError, match="who is missing"):
        checked(replace(NOTE, who=text), TODAY)


def test_every_action_leads_to_a_state_and_a_status_that_have_words() -> None:
    assert set(STATE_AFTER) == set(ACTIONS) - {NOTED, CORRECTED}
    assert set(STATE_AFTER.values()) == set(STATES)
    assert {UNDER_WAY, NOT_NOW, *STATUS_AFTER.values()} == set(PLAY_STATUSES)
