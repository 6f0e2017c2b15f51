"""The judge of printed numbers: what it reads, what it derives, and what it does not let pass."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.reasons.choose import explain
from serving.reasons.render import ReasonContext
from serving.settings import ReasonSettings
from serving.verify.printed_numbers import printed, underived
from serving.verify.reasons import check_sentences, grown
from tests.serving.reasons.test_playbook import FEATURES
from tests.serving.reasons.test_playbook import load as load_playbook
from tests.serving.world import CATALOGUE, PLAYBOOK, feature_rows, scored

CONTEXT = ReasonContext(CATALOGUE, PLAYBOOK, "$")
WORDS = " of  seats were used in the last 28 days (), up from  in the 28 days before."
SEATS = {"active_users_28d": 46.0, "seats": 50.0, "seat_utilization_28d": 0.92, "active_users_growth_28d": 8 / 38}
PAIRS = {("active_users_28d", "active_users_growth_28d")}
SENTENCE = "46 of 50 seats were used in the last 28 days (92%), up from 38 in the 28 days before."


def test_numbers_are_read_as_people_write_them() -> None:
    text = "$1,250.50 and -3%, 612 days (20 months), 2.4 times, +12 points; October, 1e-05."
    assert [(n.number, n.decimals, n.sign, n.unit) for n in printed(text)] == [
        (1250.5, 2, "", ""), (3, 0, "-", "%"), (612, 0, "", ""), (20, 0, "", "months"), (2.4, 1, "", "times"),
        (12, 0, "+", "points"), (10, 0, "", ""), (1e-05, 5, "", ""),
    ]  # fmt: skip


def test_a_sentence_whose_numbers_follow() -> None:
    assert underived(SENTENCE, WORDS, SEATS, PAIRS) == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("46 of", "47 of", ["47"]),
        ("of 50", "of 51", ["51"]),
        ("92%", "93%", ["93%"]),
        ("from 38", "from 37", ["37"]),
        ("last 28", "last 91", ["91"]),
        ("46 of 50", "No", ["No"]),
        ("were used", "were used once", ["once"]),
    ],
)
def test_a_number_that_does_not_follow_is_named(old: str, new: str, named: list[str]) -> None:
    assert underived(SENTENCE.replace(old, new, 1), WORDS, SEATS, PAIRS) == named


@pytest.mark.parametrize(
    ("text", "value", "follows"),
    [
        ("It is October.", 10.0, True),
        ("It is October.", 11.0, False),
        ("Use is 2.3 times the limit.", 2.39, True),
        ("Use is 2.4 times the limit.", 2.39, False),
        ("A customer for 612 days (20 months).", 612.0, True),
        ("A customer for 612 days (21 months).", 612.0, False),
        ("Growth of +35%.", 0.351, True),
        ("Growth of +35%.", -0.351, False),
        ("35% down.", -0.351, True),
        ("A share of 35%.", 35.0, False),
        ("12 points up.", 0.118, True),
        ("$9.90 a month.", 9.9, True),
        ("$9.91 a month.", 9.9, False),
        ("No event.", 0.0, True),
        ("No event.", np.nan, True),
        ("No event.", 3.0, False),
        ("The account expanded once.", 1.0, True),
        ("The account expanded once.", 2.0, False),
    ],
)
def test_each_way_to_print_a_number(text: str, value: float, follows: bool) -> None:
    assert (underived(text, "", {"one": value}) == []) is follows


@pytest.fixture(scope="module")
def many() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = feature_rows(300, 5)
    _, attributions = scored(rows, 5)
    return rows, explain(attributions, rows, CONTEXT, ReasonSettings())


def test_every_number_in_a_sentence_follows_from_its_row(many: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows, table = many
    assert list(check_sentences(table, rows, list(CATALOGUE), CONTEXT)) == []
    assert len(table) > 2_000


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("text", lambda text: "Nothing of note."),
        ("value", lambda value: value + 1e-9),
        ("numbers", lambda numbers: numbers + 1),
        ("comparator", lambda name: "line_age_days"),
        ("as_of", lambda day: day + timedelta(days=1)),
        ("features", lambda names: "line_age_days"),
        ("title", lambda title: "Another title"),
    ],
)
def test_a_row_that_was_edited_is_named(
    many: tuple[pd.DataFrame, pd.DataFrame], column: str, change: Callable[[Any], object]
) -> None:
    rows, table = many
    place = int(table.index[table["comparator"].notna()][40])
    values = list(table[column])
    values[place] = change(values[place])
    edited = table.assign(**{column: pd.Series(values, index=table.index)})
    found = list(check_sentences(edited, rows, list(CATALOGUE), CONTEXT))
    assert len(found) == 1
    assert found[0].account_id == table["account_id"][place]
    assert table["reason_code"][place] in found[0].where


OTHERS = {
    "near_limit": {"80%"},  # the definition of limits_over_80pct
    "new_users": {"63"},  # the 91 days without the last 28
    "nps": {"0", "10"},
    "satisfaction": {"5"},
    "shared_logins": {"16"},
    "usage_spike": {"182"},  # the half year before the last 28 days
    "usage_slope": {"13"},  # weeks in 91 days
    "season": {"October", "March"},
}
"""Numbers in sentences that are no lookback and no bound: scales and definitions."""


def test_numbers_written_into_sentences_are_lookbacks_bounds_or_listed_here() -> None:
    strange = []
    for code, reason in load_playbook(FEATURES).reasons.items():
        for variant in reason.texts + reason.against:
            cards = [FEATURES[name] for name in variant.features]
            words = " ".join(f"{card.label} {card.missing} {card.window_days}" for card in cards)
            known = {number.text for number in printed(words)} | OTHERS.get(code, set())
            for _, _, bound in variant.condition.terms if variant.condition else ():
                known |= {f"{100 * bound:.0f}%", f"{bound:.0f}"} if isinstance(bound, float) else set()
            said = {number.text for number in printed(" ".join(variant.template.literals))}
            strange += [(code, number, variant.text) for number in sorted(said - known)]
    assert strange == []


def test_what_a_number_grew_from_is_known_of_the_playbook() -> None:
    assert ("active_users_28d", "active_users_growth_28d") in grown(PLAYBOOK)["seats_in_use"]
    assert grown(PLAYBOOK)["tenure"] == set()
