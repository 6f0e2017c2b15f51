"""What is said where a trigger fires, and which triggers of a user's own file are refused."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.contract.details import DETAILS
from serving.reasons.playbook import load
from serving.reasons.render import Facts
from serving.reasons.tellings import MOST_WORDS, most_words
from serving.reasons.triggers import fired
from tests.serving.reasons.own_playbook import what_is_refused
from tests.serving.world import CATALOGUE, PLAYBOOK, details, feature_rows

OWN = """
[triggers.many_seats]
motion = "seat"
title = "Many seats"
when = "seats >= threshold"
threshold = 100
means = "seats that make it a large account"
play = "seat_limit"
texts = [
  { when = "seats > 500", text = "{seats:count} seats, mainly for {top_feature:name}." },
  "{seats:count} seats, {threshold:count} or more.",
]
"""


def facts_of(**values: object) -> Facts:
    frame = pd.DataFrame({name: [value] for name, value in values.items()})
    named = [name for name in frame if name in DETAILS]
    return Facts.of(frame.drop(columns=named), [], False, frame[named] if named else None)


def said(facts: Facts, code: str, path: Path | None = None) -> list[str]:
    rows = fired(pd.Series(["acme"]), facts, load(CATALOGUE, path), "$")
    return rows.loc[rows["trigger_code"] == code, "text"].tolist()


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        ({"seat_utilization_28d": 0.92}, "seat_utilization", "92% of the seats in use this month."),
        ({"seat_utilization_28d": 0.79}, "seat_utilization", None),
        (
            {
                "limit_share_max_28d": 0.9,
                "limit_pace": 900.0,
                "limit_amount": 1000.0,
                "limit_feature": "api_calls",
                "limit_plans": 1.0,
                "limit_product": "core",
            },
            "limit_share",
            "90% of the 1,000 API calls a month in its core plan is used at this pace.",
        ),
        ({"limit_share_max_28d": 0.9}, "limit_share", "90% of the tightest limit of the plan is used."),
        ({"teams_new_91d": 1.0, "new_team": "Sales"}, "new_teams", "The Sales team joined this quarter."),
        ({"teams_new_91d": 1.0}, "new_teams", "1 team joined this quarter."),
        (
            {"days_to_renewal": 40.0, "active_users_growth_91d": 0.25},
            "renewal_with_growth",
            "The contract renews in 40 days, and active users grew by 25% on the quarter before.",
        ),
        ({"events_growth_91d": -0.3}, "usage_fall", "Use fell by 30% on the quarter before."),
        (
            {"days_to_first_value": 12.0, "tenure_days": 90.0},
            "quick_value",
            "The first milestone was reached 12 days after the first contract began.",
        ),
        (
            {"days_to_first_value": 0.0, "tenure_days": 90.0},
            "quick_value",
            "The first milestone was reached on the day on which the first contract began.",
        ),
        (
            {"days_to_first_value": -10.0, "tenure_days": 90.0},  # in a trial
            "quick_value",
            "The first milestone was reached before the first contract began.",
        ),
    ],
)
def test_what_is_said_states_what_is_known(values: dict[str, object], code: str, text: str | None) -> None:
    assert said(facts_of(**values), code) == ([] if text is None else [text])


def test_a_trigger_that_fires_always_says_something_of_every_account() -> None:
    """Every trigger of made-up accounts, by a plain reading of what it reads; with their details and without."""
    rows = feature_rows(60)
    for named in (None, details(rows)):
        facts = Facts.of(rows, [], False, named)
        found = fired(rows["account_id"], facts, PLAYBOOK, "$")
        pairs = set(zip(found["account_id"], found["trigger_code"], strict=True))
        for code, trigger in PLAYBOOK.triggers.items():
            known = {name: facts.numbers[name] for name in trigger.reads if name in facts.numbers}
            fires = trigger.fires(known, len(rows))
            assert {account for account, of in pairs if of == code} == set(rows["account_id"][fires])
        assert len(pairs) == len(found) > 100
        assert found[["account_id", "trigger_code"]].equals(
            found[["account_id", "trigger_code"]].sort_values(["account_id", "trigger_code"], ignore_index=True)
        )
        assert not found["text"].str.contains(r"[{}]|nan", regex=True).any()
        assert (
            found["motion"].isna().eq(found["trigger_code"].map(lambda of: PLAYBOOK.triggers[of].motion is None)).all()
        )


def test_every_text_is_short_and_speaks_of_plain_time() -> None:
    for code, trigger in PLAYBOOK.triggers.items():
        for variant in trigger.texts:
            assert variant.text.endswith("."), code
            assert most_words(variant.text) <= MOST_WORDS
            assert not re.search(r"\b(28|91|182|365) days\b", variant.text), code
            assert not re.search(r"\b(will|should|likely|because|probably)\b", variant.text), code


def test_a_file_of_ones_own_changes_a_threshold_switches_off_and_adds(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(OWN + "[triggers.seat_utilization]\nthreshold = 0.75\n[triggers.new_teams]\noff = true\n")
    facts = facts_of(seat_utilization_28d=0.76, teams_new_91d=2.0, seats=100.0)
    assert said(facts, "seat_utilization", own) == ["76% of the seats in use this month."]
    assert said(facts, "new_teams", own) == []
    assert said(facts, "many_seats", own) == ["100 seats, 100 or more."]
    assert said(facts_of(seats=99.0), "many_seats", own) == []
    assert said(facts_of(seats=600.0, top_feature="reports"), "many_seats", own) == ["600 seats, mainly for reports."]
    assert said(facts_of(seats=600.0), "many_seats", own) == ["600 seats, 100 or more."]


LAST = '"{seats:count} seats, {threshold:count} or more.",'


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('motion = "seat"', 'motion = "seats"', 3, "there is no motion `seats`; there are seat, upsell"),
        ("title =", "titel =", 4, "is an unknown key (there is title: did you mean that?)"),
        ('"Many seats"', '"X"', 4, "triggers.many_seats.title"),
        (
            "seats >= threshold",
            "seats >= threshold and seat > 1",
            5,
            "trigger `many_seats`: `seat` is no feature (there is seats",
        ),
        ("seats >= threshold", "seats = threshold", 5, "is no comparison such as"),
        ("seats >= threshold", "seats >= limit", 5, "`when` does not ask for `threshold`"),
        ("threshold = 100", 'threshold = "many"', 6, "triggers.many_seats.threshold"),
        ("threshold = 100\n", "", 2, "triggers.many_seats.threshold"),
        ("threshold = 100", "threshold = 100\nalso = { days = 3 }", 5, "`when` does not ask for `days`"),
        ("threshold = 100", "threshold = 100\npoints = 2", 7, "which are of the shipped triggers alone"),
        ('"seat_limit"', '"seat_limt"', 8, "`seat_limt` is no play (there is seat_limit: did you mean that?)"),
        ('"seat_limit"', '"upsell_limit"', 8, "speaks for seat, and its play `upsell_limit` is one of upsell"),
        ("{top_feature:name}", "{top_featur:name}", 10, "`top_featur` is no feature (there is top_feature"),
        ("{seats:count} seats, mainly", "{seats:weeks} seats, mainly", 10, "there is no format `weeks`"),
        (LAST, "", 9, "the last of `texts` has no `when` and states only what the trigger reads"),
        (LAST, '"{events_28d:count} events.",', 9, "the last of `texts` has no `when`"),
        (LAST, f'"{"word " * 23}."', 11, "a sentence has at most 22 words"),
        (OWN[OWN.index("texts") :], "texts = []\n", 9, "triggers.many_seats.texts"),
        ("threshold = 100", "threshold = 100 seats", 6, "it cannot be read"),
    ],
)
def test_a_trigger_that_cannot_be_used_is_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in OWN
    found = what_is_refused(tmp_path, OWN.replace(old, new))
    assert told in found
    assert f"line {line}" in found, found


def test_every_play_but_the_neutral_one_answers_a_trigger_or_reasons() -> None:
    led_to = {trigger.play for trigger in PLAYBOOK.triggers.values()}
    assert led_to <= PLAYBOOK.plays.keys()
    assert {play.motion for code, play in PLAYBOOK.plays.items() if code in led_to} == {
        play.motion for play in PLAYBOOK.plays.values()
    }


def test_daily_counts_are_told_as_such() -> None:
    rows = pd.DataFrame({"seat_utilization_28d": [0.9]})
    told = fired(pd.Series(["acme"]), Facts.of(rows, [], True), PLAYBOOK, "$")
    assert told["text"].tolist() == ["90% of the seats in use on the busiest day this month."]


def test_nobody_has_no_trigger() -> None:
    nobody = fired(
        pd.Series([], dtype="str"), Facts.of(pd.DataFrame({"seats": np.array([])}), [], False), PLAYBOOK, "$"
    )
    assert nobody.empty
    assert list(nobody) == ["account_id", "trigger_code", "motion", "text"]
