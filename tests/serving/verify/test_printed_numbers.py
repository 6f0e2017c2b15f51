"""The judge of printed numbers: what it reads, what it derives, and what it does not let pass."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.reasons.render import SIDES, ReasonContext
from serving.reasons.tellings import Telling
from serving.verify.files_and_sums import Difference
from serving.verify.printed_numbers import printed, underived
from serving.verify.reasons import check_sentences, grown
from tests.serving.reasons.test_playbook import FEATURES
from tests.serving.reasons.test_playbook import load as load_playbook
from tests.serving.world import CATALOGUE, PLAYBOOK, Drawn, drawn_reasons

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
        ("Used about 6 times each.", 6.3, True),
        ("Used about 7 times each.", 6.5, True),
        ("Used about 7 times each.", 6.3, False),
        ("Used 6 times each.", 6.3, False),
        ("A customer for 612 days (20 months).", 612.0, True),
        ("A customer for 612 days (21 months).", 612.0, False),
        ("Growth of +35%.", 0.351, True),
        ("Growth of +35%.", -0.351, False),
        ("35% down.", -0.351, True),
        ("A share of 35%.", 35.0, False),
        ("12 points up.", 0.118, True),
        ("You use about 10,100 API calls a month.", 10_098.0, True),
        ("You use about 10,100 API calls a month.", 10_151.0, False),
        ("Was billed about $14,200.", 14_177.0, True),
        ("Was billed about $14,200.", 14_251.0, False),
        ("Was billed about $1,060, up from $900.", 1_064.0, False),  # $900 follows from nothing
        ("Was billed about CHF 915.", 915.4, True),
        ("Was billed about $915.", 916.0, False),
        ("Was billed $14,200.", 14_177.0, False),
        ("$9.90 a month.", 9.9, True),
        ("$9.91 a month.", 9.9, False),
        ("No event.", 0.0, True),
        ("No event.", np.nan, True),
        ("No event.", 3.0, False),
        ("Under 1% of it.", 0.0049, True),
        ("It is under 1% of it.", 0.0049, True),
        ("It is under 1% of it.", 0.011, False),
        ("It is over 99% of it.", 0.996, True),
        ("It is over 99% of it.", 1.0, False),
        ("It is over 99% of it.", 0.98, False),
        ("Renews in 6 weeks.", 45.0, True),
        ("Renews in 7 weeks.", 45.0, False),
        ("Renews in 24 months.", 729.0, True),
        ("A customer for 4 years.", 1461.0, True),
        ("A customer for 5 years.", 1461.0, False),
        ("It cut back once.", 1.0, True),
        ("Fuller than at almost all similar accounts.", 0.995, True),
        ("Fuller than at almost all similar accounts.", 0.9, False),
        ("Hardly any similar accounts own Chat.", 0.005, True),
        ("Hardly any similar accounts own Chat.", 0.02, False),
        ("Has grown twice before.", 2.0, True),
        ("Has grown twice before.", 3.0, False),
        ("The account expanded once.", 1.0, True),
        ("The account expanded once.", 2.0, False),
    ],
)
def test_each_way_to_print_a_number(text: str, value: float, follows: bool) -> None:
    assert (underived(text, "", {"one": value}) == []) is follows


NAMED = {"asked": "api_calls", "day": date(2026, 8, 3).toordinal(), "next": "Team 2.0"}


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("Asked for API calls on 3 August.", []),
        ("Asked for api-calls on 3 August.", []),
        ("Asked for API calls on 4 August.", ["4 August"]),
        ("Asked for API calls on 3 July.", ["3 July"]),
        ("Asked for API calls on 3 August 2026.", []),
        ("Asked for API calls on 3 August 2025.", ["3 August 2025"]),
        ("Asked for API calls on 3 August and 3 August.", []),
        ("Asked for API calls in August 2026.", []),
        ("Asked for API calls in July 2026.", ["July 2026"]),
        ("Asked for API calls in August 2025.", ["August 2025"]),
        ("Already uses 3 features that Team 2.0 adds.", ["3"]),
        ("Already uses what Team 2.0 adds.", []),
        ("Already uses what Team 3.0 adds.", ["3.0"]),
        ("Already uses what TEAM 2.0 adds, on 2 August.", ["2 August"]),
    ],
)
def test_what_a_sentence_names_is_known(text: str, odd: list[str]) -> None:
    assert underived(text, "", {"gated_requests_182d": 1.0}, named=NAMED) == odd


def test_a_long_name_may_be_cut_and_a_name_explains_no_other_number() -> None:
    name = "Reporting for the 3rd largest of 12 regions in the north"
    assert underived(f"Uses {name[:37].rstrip()}... most.", "", {"a": 7.0}, named={"x": name}) == []
    assert underived(f"Uses {name} most, 12 times.", "", {"a": 7.0}, named={"x": name}) == ["12 times"]


def test_the_unit_in_a_name_may_stand_behind_the_amount() -> None:
    named = {"limit_feature": "s3_storage_gb", "limit_amount": 50.0}
    assert underived("S3 storage: 40 of the plan's 50 GB in use.", "", {"a": 40.0}, named=named) == []


@pytest.fixture(scope="module")
def many() -> Drawn:
    return drawn_reasons(300, 5)


def check(table: pd.DataFrame, many: Drawn) -> list[Difference]:
    return list(check_sentences(table, many.rows, many.attributions, CONTEXT, many.details))


def test_every_number_in_a_sentence_follows_from_its_row(many: Drawn) -> None:
    assert check(many.reasons, many) == []
    assert len(many.reasons) > 2_000
    assert many.reasons["named"].notna().sum() > 200


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
        ("named", lambda named: "limit_feature=another"),
    ],
)
def test_a_row_that_was_edited_is_named(many: Drawn, column: str, change: Callable[[Any], object]) -> None:
    table = many.reasons
    place = int(table.index[table["comparator"].notna()][40])
    values = list(table[column])
    values[place] = change(values[place])
    edited = table.assign(**{column: pd.Series(values, index=table.index)})
    found = check(edited, many)
    assert len(found) == 1
    assert found[0].account_id == table["account_id"][place]
    assert table["reason_code"][place] in found[0].where


OTHERS = {
    "nps": {"10"},
    "satisfaction": {"5"},
    "shared_logins": {"16"},
    "billing_recency": {"15 months"},  # months of invoices that are read
    "season": {"October", "March"},
}
"""Numbers in sentences that are no lookback and no bound: scales and definitions."""
SPANS = {
    r"\b(this|last) month\b": ("28d", "7d", "events_against_baseline", "spike_after_slow_quarter"),
    r"\bquarter\b": ("91d", "spike_after_slow_quarter"),
    r"\bsix months\b": ("182d", "months_of_gated_use"),
    r"\b(this|last|the) year\b|\ba year\b": (
        *("365d", "364d", "last_year", "last_year_28d", "seat_excess_months"),
        "features_new_91d",  # first used within 91 days, of all that was used within a year
    ),
}
"""What a window is called, and how the names of the features of that window end or begin."""


def every_telling() -> list[tuple[str, Telling]]:
    return [
        (code, telling)
        for code, reason in load_playbook(FEATURES).reasons.items()
        for side in SIDES
        for telling in reason.tellings(side)
    ]


def test_numbers_written_into_sentences_are_lookbacks_bounds_or_listed_here() -> None:
    strange = []
    for code, telling in every_telling():
        cards = [FEATURES[name] for name in telling.names if name in FEATURES]
        words = " ".join(f"{card.label} {card.missing} {card.window_days}" for card in cards)
        known = {number.text for number in printed(words)} | OTHERS.get(code, set())
        for _, _, bound in telling.condition.terms if telling.condition else ():
            known |= {f"{100 * bound:.0f}%", f"{bound:.0f}"} if isinstance(bound, float) else set()
        text = " ".join(telling.template.literals)
        strange += [(code, number, text) for number in sorted({number.text for number in printed(text)} - known)]
    assert strange == []


def test_a_window_is_called_by_what_its_features_look_back_on() -> None:
    strange = []
    for code, telling in every_telling():
        text = " ".join(telling.template.literals)
        for called, ends in SPANS.items():
            found = re.search(called, text)
            if found and not any(name.endswith(ends) or name.startswith(ends) for name in telling.names):
                strange.append((code, found[0], text))
    assert strange == []


def test_what_a_number_grew_from_is_known_of_the_playbook() -> None:
    assert ("active_users_28d", "active_users_growth_28d") in grown(PLAYBOOK)["seats_in_use"]
    assert grown(PLAYBOOK)["tenure"] == set()
