"""What a playbook names once: conditions, clauses and bars."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.conditions import Condition
from serving.reasons.playbook import SHIPPED, load
from serving.reasons.tellings import CLAUSE, CONDITIONS
from tests.serving.reasons.own_playbook import what_is_refused
from tests.serving.reasons.test_playbook import OWN_PLAY, OWN_REASON
from tests.serving.world import CATALOGUE

NO_NEUTRAL_PLAY = OWN_PLAY.replace("seat_own", "check_in").replace('motion = "seat"', 'requires = ["seats > 1"]')
WRITTEN = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))


def texts(part: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a playbook, with the key that it stands under."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from texts(value, name)
    elif isinstance(part, list):
        for value in part:
            yield from texts(value, key)
    elif isinstance(part, str):
        yield key, part


def conditions() -> list[list[str]]:
    """The comparisons and names of every condition."""
    return [text.split(" and ") for key, text in texts(WRITTEN) if key == "when" or key in CONDITIONS]


def test_a_condition_with_a_name_is_the_comparisons_that_it_stands_for(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[conditions]\nlarge = "seats > 100 and mrr > 0 or missing"\n'
        '[reasons.seats_in_use]\ntitle = "Seats in use"\n'
        'texts = [{ when = "large and seats_free == 0", text = "Full." }, { text = "Not full." }]'
    )
    first = load(CATALOGUE, own).reasons["seats_in_use"].tellings("for")[0]
    assert first.condition == Condition.parse("seats > 100 and mrr > 0 or missing and seats_free == 0")


def test_what_one_names_anew_is_so_for_what_is_shipped_too(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[conditions]\nsettled = "tenure_days >= 365"\n'
        '[bars]\nuse_falls = { when = "events_growth_91d <= -0.5 and settled", text = "Use has halved." }\n'
        '[clauses]\nperiod = [{ text = " in the last four weeks" }]'
    )
    playbook = load(CATALOGUE, own)
    new_users = playbook.reasons["new_users"].tellings("for")
    assert all(("tenure_days", ">=", 365.0) in way.condition.terms for way in new_users[:3] if way.condition)
    bar = playbook.plays["seat_over"].not_when[0]
    assert (bar.text, bar.when) == ("Use has halved.", "events_growth_91d <= -0.5 and tenure_days >= 365")
    assert "Both of its seats in use in the last four weeks." in {
        "".join(way.template.literals) for way in playbook.reasons["seats_in_use"].tellings("for")
    }


def test_a_clause_of_the_reason_stands_over_the_shared_one(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[reasons.new_users]\ntitle = "New users"\ntexts = [{ text = "New users{=period}." }]\n'
        '[reasons.user_growth]\ntitle = "Active users"\ntexts = [{ text = "More people{=period}." }]\n'
        'clauses = { period = [{ text = " lately" }] }'
    )
    reasons = load(CATALOGUE, own).reasons
    said = {code: reasons[code].tellings("neutral")[-1].template.literals for code in ("new_users", "user_growth")}
    assert said == {"new_users": ("New users this month.",), "user_growth": ("More people lately.",)}


def test_one_bar_may_stand_alone(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN_PLAY.replace('"The admin is on leave."', '"use_falls"'))
    play = next(iter(load(CATALOGUE, own).plays.values()))
    assert [bar.text for bar in play.not_when] == ["Use is falling."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[conditions]\nlarge = "seats >> 3"', "line 2: conditions: `seats >> 3` is no comparison"),
        ("[conditions]\nlarge = 3", "line 2: conditions.large: Input should be a valid string"),
        ('[conditions]\nhuge = "large and seats > 30"', "line 2: conditions: `large` is no comparison"),
        ('[conditions]\nlarge = "seets > 3"', "line 2: condition `large`: `seets` is no feature (there is seats"),
        ('[conditions]\n"Large ones" = "seats > 3"', "line 2: conditions: `Large ones` is no name"),
        ('[bars]\nsmall = { when = "seets < 3", text = "Too small." }', "line 2: bar `small`: `seets` is no feature"),
        ('[bars]\nsmall = { if = "seats < 3", text = "Too small." }', "line 2: `bars.small.if` is an unknown key"),
        ('[clauses]\nperiod = [{ text = " for {seets:count}" }]', "line 2: clause `period`: `seets` is no feature"),
        ("[clauses]\nperiod = 3", "line 2: clauses.period: Input should be a valid tuple"),
        ('[clauses]\nperiod = [{ text = " {seats:nonsense}" }]', "line 2: clauses: `period`: {seats:nonsense}: "),
        ('[clauses]\nperiod = [{ text = " {=day}" }]', "line 2: clauses: `period`: there is no clause `day`"),
        (
            '[clauses]\nperiod = [{ text = " in the last four weeks that we know of" }]',
            "line 1: with what it names under [clauses], reasons.",
        ),
        (OWN_PLAY.replace('"The admin is on leave."', '"use_fall"'), "`use_fall` is none of [bars], and no sentence ("),
        ('[bars]\nmine = "use_falls"', "line 2: bars: `use_falls` is none of [bars], and no sentence"),
        ('[conditions]\nhuge = "settled and seats > 30"', "`settled` is no comparison such as `seats > 1` or"),
        ('[conditions]\nhuge = "settled and seats > 30"', "; a name stands for no other name"),
        ("[bars]\nx = { text = 'Not now.' }\n" + NO_NEUTRAL_PLAY, "there is no neutral play: without"),
        ('conditions = { big = "seats > 9" }\nplays = { check_in = { name = 3 }, other = {} }', "line 2: plays.ch"),
        ("clauses = 3", "line 1: `clauses` is no table"),
        (OWN_REASON.replace("texts = [", 'texts = [{ when = "setled", text = "Many." }, '), "(there is settled"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_name_is_told_with_its_line(tmp_path: Path, text: str, found: str) -> None:
    assert found in what_is_refused(tmp_path, text)


def test_every_shipped_name_is_used_and_more_than_once() -> None:
    clauses = Counter(found["name"] for _, text in texts(WRITTEN["reasons"]) for found in CLAUSE.finditer(text))
    bars = Counter(text for key, text in texts(WRITTEN["plays"]) if key == "not_when")
    terms = Counter(term for said in conditions() for term in said)
    used = {
        **{("conditions", name): terms[name] for name in WRITTEN["conditions"]},
        **{("clauses", name): clauses[name] for name in WRITTEN["clauses"]},
        **{("bars", name): bars[name] for name in WRITTEN["bars"]},
    }
    assert {name: times for name, times in used.items() if times < 2} == {}


def test_what_is_said_more_than_twice_has_a_name() -> None:
    shared = {tuple(sorted(text.split(" and "))) for text in WRITTEN["conditions"].values()}
    spelled = {parts: sum(set(parts) <= set(said) for said in conditions()) for parts in shared}
    assert spelled == dict.fromkeys(shared, 0)
    clauses = Counter(
        repr(ways) for reason in WRITTEN["reasons"].values() for ways in reason.get("clauses", {}).values()
    )
    assert {ways for ways, times in clauses.items() if times > 1} == set()
    barred = Counter(repr(bar) for play in WRITTEN["plays"].values() for bar in play.get("not_when", []))
    assert {bar for bar, times in barred.items() if times > 1 and bar.startswith("{")} == set()
