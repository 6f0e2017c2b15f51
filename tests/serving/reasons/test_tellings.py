"""Sentences with clauses, spelled out; and that what is told pushes the way it is told."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NEUTRAL
from serving.reasons.playbook import Reason
from serving.reasons.tellings import (
    MOST_WORDS,
    PREFIX,
    Clause,
    Variant,
    most_words,
    sentences_of,
    tellings,
    word_count,
    words_beside,
)
from tests.serving.reasons.test_choose import one_account

CLAUSES = {
    "period": [Clause(text=" on the busiest day", when="peaks == 1"), Clause(text=" this month")],
    "trend": [Clause(text=", up from {before:count}", when="growth > 0", because=("growth",))],
}


def texts(text: str, clauses: Mapping[str, Sequence[Variant]] = CLAUSES) -> list[str]:
    """Every way to tell it, with the placeholders as they are."""
    told = tellings([Variant(text=text)], clauses, shown=True)
    return ["".join(_pieces(telling.template)) for telling in told]


def _pieces(template) -> list[str]:
    pieces = [template.literals[0]]
    for placeholder, literal in zip(template.placeholders, template.literals[1:], strict=True):
        pieces += [f"<{placeholder.feature}>", literal]
    return pieces


def test_clauses_are_spelled_out_those_that_say_most_first() -> None:
    assert texts("{users:count} in use{=period}{+trend}.") == [
        "<users> in use on the busiest day, up from <before>.",
        "<users> in use on the busiest day.",
        "<users> in use this month, up from <before>.",
        "<users> in use this month.",
    ]
    assert texts("{users:count} in use.") == ["<users> in use."]
    assert texts("{users:count}{+trend}{+trend}.")[-1] == "<users>."


def test_a_way_asks_for_all_of_its_parts() -> None:
    way = Variant(text="{users:count} in use{=period}{+trend}.", when="users > 0", because=("users", "share"))
    first, second, *_, last = tellings([way], CLAUSES, shown=False)
    assert first.condition is not None
    assert [term[0] for term in first.condition.terms] == ["users", "peaks", "growth"]
    assert first.because == (("users", "share"), ("growth",))
    assert second.because == (("users", "share"),)
    assert first.names == ("users", "before", "peaks", "growth")
    assert last.condition is not None
    assert [term[0] for term in last.condition.terms] == ["users"]
    assert not first.shown


def test_what_is_known_of_the_source_is_not_of_the_account() -> None:
    (telling,) = tellings(
        [Variant(text="{users:count} in use.", when="users_are_daily_peaks == 1 and seats > 1")], {}, shown=True
    )
    assert telling.names == ("users", "seats")


LONG = {"more": [Clause(text=" " + " ".join(["word"] * MOST_WORDS))]}


def test_a_clause_that_makes_the_sentence_too_long_is_left_out() -> None:
    assert texts("{users:count} in use{+more}.", LONG) == ["<users> in use."]


@pytest.mark.parametrize("clause", ["{=more}", ""])
def test_a_sentence_that_is_too_long_without_is_refused(clause: str) -> None:
    text = f"{{users:count}} in use{clause}." if clause else " ".join(["word"] * (MOST_WORDS + 1)) + "."
    with pytest.raises(ValueError, match=f"a sentence has at most {MOST_WORDS} words here, this has 2"):
        texts(text, LONG)


def test_a_clause_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no clause `trends` for: In use"):
        texts("In use{+trends}.")
    told = {"title": "Seats in use", "texts": ["In use."], "for": ["In use{=trends}."]}
    with pytest.raises(ValueError, match="there is no clause `trends`"):
        Reason.model_validate(told)


def test_words_are_counted_as_they_will_be_said() -> None:
    assert word_count("46 of 50 seats - in use.") == 6  # a dash is no word
    assert sentences_of("One. Two! Three? 3.5 stays.") == ["One.", "Two!", "Three?", "3.5 stays."]
    assert most_words("{a:count seat was/seats were} used.") == 4
    assert most_words("{a:part} them, {b:name}, {c:span}, {d:percent}. A short one.") == 8
    assert most_words(" ".join(["word"] * 22) + ". And {a:day}.") == 22


def test_a_reason_is_told_by_side_and_what_is_only_stated_is_not_shown() -> None:
    told = {"title": "Seats in use", "texts": ["Stated."], "for": ["Speaks for."], "against": ["Speaks against."]}
    reason = Reason.model_validate(told)
    said = {
        side: [(way.template.literals[0], way.shown) for way in reason.tellings(side)]
        for side in (FOR, AGAINST, NEUTRAL)
    }
    assert said == {
        FOR: [("Speaks for.", True), ("Stated.", False)],
        AGAINST: [("Speaks against.", True), ("Stated.", False)],
        NEUTRAL: [("Stated.", False)],
    }


def test_a_reason_with_plain_texts_alone_is_shown_by_them() -> None:
    """As a playbook of an earlier version has it; with `against` alone, the texts still speak for nobody."""
    plain = Reason.model_validate({"title": "Seats in use", "texts": ["Stated."]})
    assert [way.shown for side in (FOR, AGAINST) for way in plain.tellings(side)] == [True, True]
    silent = Reason.model_validate({"title": "Seats in use", "texts": ["Stated."], "for": []})
    assert not any(way.shown for way in silent.tellings(FOR))


# --- because ----------------------------------------------------------------------------------------------------------

SEATS = {"seats": 50.0, "active_users_28d": 46.0, "seat_utilization_28d": 0.92, "active_users_growth_28d": 8 / 38}
LEVEL, TREND = "46 of 50 seats in use this month.", "46 of 50 seats in use this month, up from 38 last month."


@pytest.mark.parametrize(
    ("level", "trend", "text"),
    [
        (0.5, 0.1, TREND),
        (0.5, 1e-9, TREND),
        (0.5, 0.0, LEVEL),  # the trend pushes nowhere
        (0.5, -0.1, LEVEL),  # the trend pushes the other way
        (-0.1, 0.5, TREND),  # the level speaks against it: told by its trend
    ],
)
def test_a_trend_is_told_only_where_it_pushes(level: float, trend: float, text: str) -> None:
    """`seat_utilization_change_91d` is the trend among the features of seats in use."""
    parts = {"seat_utilization_28d": level, "seat_utilization_change_91d": trend}
    assert one_account(parts, **SEATS)["text"][0] == text


def test_the_attribution_of_another_reason_may_bear_the_clause() -> None:
    """The growth of active users is a feature of another reason of the same story."""
    table = one_account({"seat_utilization_28d": 0.5, "active_users_growth_28d": 0.2}, **SEATS)
    assert table["text"][0] == TREND
    assert table["shown"].tolist() == [True, False]  # one story, told once


@pytest.mark.parametrize(("push", "shown"), [(-0.5, True), (0.5, False)])
def test_a_fall_is_told_where_it_pulls_down(push: float, shown: bool) -> None:
    row = one_account({"events_growth_28d": push}, events_28d=44.0, events_growth_28d=-8 / 52).iloc[0]
    told = "Use fell by 15% this month." if shown else "44 events this month, down from 52 last month."
    assert row["text"].removeprefix("Against: ") == told
    assert row["shown"] == shown


def test_drawn_trends_push_the_way_they_are_told() -> None:
    """Whatever the attributions of level and trend: a rise is told where it raises, never where it lowers."""
    draw = np.random.default_rng(3)
    for level, trend in draw.normal(0, 0.3, (60, 2)):
        if level + trend <= 0:
            continue
        parts = {"seat_utilization_28d": level, "seat_utilization_change_91d": trend}
        assert (one_account(parts, **SEATS)["text"][0] == TREND) == (trend > 0)


@pytest.mark.parametrize(("effects", "words"), [((FOR,), 22), ((AGAINST,), 21), ((FOR, NEUTRAL, CONTRADICTS), 20)])
def test_what_is_put_before_a_sentence_has_its_place_among_its_words(effects: tuple[str, ...], words: int) -> None:
    fits = " ".join(["word"] * words) + "."
    assert words_beside(effects) == words
    (telling,) = tellings([Variant(text=fits)], {}, shown=True, most=words_beside(effects))
    said = telling.template.literals[0]
    assert max(word_count(PREFIX[effect] + said) for effect in effects) == MOST_WORDS
    with pytest.raises(ValueError, match=f"at most {words} words here, this has {words + 1}"):
        tellings([Variant(text=f"A {fits}")], {}, shown=True, most=words_beside(effects))
