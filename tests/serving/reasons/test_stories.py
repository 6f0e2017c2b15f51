"""Codes that tell one fact are one story, and a CSM reads a story once: laws on drawn accounts."""

from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import chain

import numpy as np
import pandas as pd
import pytest

from data.contract.feature_card import Direction
from data.contract.outputs import AGAINST, ATTRIBUTIONS, FOR
from data.contract.stories import STORIES, story_of
from features.catalogue import full_catalogue
from serving.reasons.choose import explain, numbers_in
from serving.reasons.render import ReasonContext
from serving.settings import ReasonSettings
from tests.serving.reasons.test_choose import one_account, own
from tests.serving.world import CATALOGUE, DAY, PLAYBOOK, Drawn, drawn_reasons

SEEDS = range(20)
ACCOUNTS = 30
SETTINGS = ReasonSettings()
FEW = ReasonSettings(show_for=1, show_against=0, min_shown_log_odds=0.3)


def test_every_reason_code_is_in_one_story_and_no_story_has_a_stranger() -> None:
    told = Counter(chain.from_iterable(STORIES.values()))
    assert {code: count for code, count in told.items() if count > 1} == {}
    assert set(told) == {card.reason_code for card in full_catalogue().values()}
    assert set(told) == set(PLAYBOOK.reasons)


def test_what_is_in_no_story_is_one_of_its_own() -> None:
    assert story_of("own_health") == "own_health"
    assert story_of("peer_seats") == story_of("seats_in_use") == "seats"


@pytest.fixture(scope="module", params=SEEDS)
def drawn(request: pytest.FixtureRequest) -> Drawn:
    return drawn_reasons(ACCOUNTS, request.param)


def by_story(drawn: Drawn) -> dict[tuple[str, str], float]:
    """The attributions of each account, added up by story: a plain loop."""
    sums: dict[tuple[str, str], float] = {}
    for row in drawn.attributions.to_dict("records"):
        for name in ATTRIBUTIONS.features_of(row):
            key = (row["account_id"], story_of(CATALOGUE[name].reason_code))
            sums[key] = sums.get(key, 0.0) + row[name]
    return sums


def test_what_is_shown_of_an_account(drawn: Drawn) -> None:
    """Different stories, no number twice, no more than is asked for, each as strong as its story and on its side."""
    shown = drawn.reasons[drawn.reasons["shown"]]
    sums = by_story(drawn)
    assert shown["account_id"].nunique() > 0.8 * ACCOUNTS
    for account, rows in shown.groupby("account_id"):
        assert rows["story"].is_unique
        assert len(rows) <= SETTINGS.show_for + SETTINGS.show_against
        assert (rows["effect"] == FOR).sum() <= SETTINGS.show_for
        printed = list(chain.from_iterable(numbers_in(text) for text in rows["text"]))
        assert len(printed) == len(set(printed)), rows["text"].tolist()
        for row in rows.itertuples():
            weight = sums[account, row.story]
            assert abs(weight) >= SETTINGS.min_shown_log_odds
            assert row.effect == (FOR if weight > 0 else AGAINST)


def test_a_story_against_weighs_as_much_as_what_speaks_for_or_few_speak_for(drawn: Drawn) -> None:
    shown, sums = drawn.reasons[drawn.reasons["shown"]], by_story(drawn)
    for account, rows in shown.groupby("account_id"):
        weight = {side: [abs(sums[account, story]) for story in rows.loc[rows["effect"] == side, "story"]]
                  for side in (FOR, AGAINST)}  # fmt: skip
        if len(rows) > SETTINGS.show_for or (weight[AGAINST] and len(weight[FOR]) == SETTINGS.show_for):
            assert min(weight[AGAINST]) >= min(weight[FOR])


def test_the_strongest_stories_are_shown_each_by_its_strongest_code() -> None:
    parts = {"events_growth_28d": 0.2, "events_28d": 0.3, "nps_last": 0.4, "csat_182d": 0.1, "budget_opened_182d": 0.05}
    values = {
        "events_28d": 60.0, "events_growth_28d": 0.5, "nps_last": 9.0, "csat_182d": 4.5, "budget_opened_182d": 1.0,
        "top_feature": "reports", "budget_on": date(2026, 7, 8), "nps_on": date(2026, 7, 4), "days_since_nps": 88.0,
    }  # fmt: skip
    shown = one_account(parts, **values).query("shown").sort_values("shap_log_odds", ascending=False)
    assert shown["reason_code"].tolist() == ["nps", "usage_level", "budget"]  # satisfaction is of the story of nps


def test_a_reason_that_is_only_stated_is_never_shown(drawn: Drawn) -> None:
    silent = {
        (code, effect)
        for code, reason in PLAYBOOK.reasons.items()
        for effect in (FOR, AGAINST)
        if not any(way.shown for way in reason.tellings(effect))
    }
    assert {("tenure", FOR), ("season", FOR), ("tenure", AGAINST), ("support_load", FOR)} <= silent
    shown = drawn.reasons[drawn.reasons["shown"]]
    assert not silent & set(zip(shown["reason_code"], shown["effect"], strict=True))


def test_positions_run_on_and_what_is_shown_is_in_the_table(drawn: Drawn) -> None:
    for _, rows in drawn.reasons.groupby("account_id"):
        assert rows["position"].tolist() == list(range(1, len(rows) + 1))
        assert rows["reason_code"].is_unique


@pytest.mark.parametrize("seed", range(5))
def test_fewer_are_shown_where_fewer_are_asked_for(seed: int) -> None:
    drawn = drawn_reasons(ACCOUNTS, seed, FEW)
    shown = drawn.reasons[drawn.reasons["shown"]]
    sums = by_story(drawn)
    assert shown["account_id"].is_unique  # one against it only where none speaks for it
    assert all(abs(sums[row.account_id, row.story]) >= FEW.min_shown_log_odds for row in shown.itertuples())


def test_a_base_of_which_nothing_can_be_shown() -> None:
    parts = pd.DataFrame([{"snapshot_date": DAY, "account_id": "a", "base_log_odds": -2.0, "tenure_days": 0.5}])
    rows = pd.DataFrame([{"account_id": "a", "snapshot_date": DAY, "tenure_days": 90.0}])
    told = explain(parts, rows, ReasonContext(CATALOGUE, PLAYBOOK, "$"), SETTINGS).reasons
    assert told["text"].tolist() == ["A customer for 3 months."]
    assert told["shown"].tolist() == [False]


def test_the_teams_own_features_are_a_story_each() -> None:
    cards = {**CATALOGUE, "health": own("health", "health"), "fit": own("fit", "fit")}
    parts = {"health": 0.5, "fit": 0.4}
    keys = {"snapshot_date": DAY, "account_id": "a"}
    attributions = pd.DataFrame([{**keys, "base_log_odds": -2.0, **parts}])
    rows = pd.DataFrame([{**keys, "health": 71.0, "fit": 8.0}])
    told = explain(attributions, rows, ReasonContext(cards, PLAYBOOK, "$"), SETTINGS).reasons
    assert told["story"].tolist() == ["own_health", "own_fit"]
    assert told["shown"].all()


def test_what_contradicts_is_never_shown() -> None:
    cards = {**CATALOGUE, "nps_last": replace(CATALOGUE["nps_last"], direction=Direction.UP)}
    keys = {"snapshot_date": DAY, "account_id": ["a", "b"]}
    parts = pd.DataFrame({**keys, "base_log_odds": -2.0, "nps_last": [0.9, -0.9]})
    rows = pd.DataFrame({**keys, "nps_last": [1.0, 10.0]})
    told = explain(parts, rows, ReasonContext(cards, PLAYBOOK, "$"), SETTINGS).reasons
    assert told["effect"].tolist() == ["contradicts"] * 2
    assert not told["shown"].any()


def test_what_contradicts_is_never_shown_however_little_it_weighs() -> None:
    """The table leaves it out where it weighs less than ``min_log_odds``; that makes it no reason for a CSM."""
    cards = {**CATALOGUE, "csat_182d": replace(CATALOGUE["csat_182d"], direction=Direction.UP)}
    keys = {"snapshot_date": DAY, "account_id": ["a", "b"]}
    parts = pd.DataFrame({**keys, "base_log_odds": -2.0, "csat_182d": [0.9, -0.9]})
    rows = pd.DataFrame({**keys, "csat_182d": [4.2, 5.0]})
    settings = SETTINGS.model_copy(update={"min_log_odds": 1.0})
    told = explain(parts, rows, ReasonContext(cards, PLAYBOOK, "$"), settings).reasons
    assert not told["shown"].any()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("46 of 1,250 seats, up from 38.", {"46", "1250", "38"}),
        ("Asked on 3 August and 3 September.", {"3 August", "3 September"}),
        ("It pays $9.90 a month.", {"9", "90"}),
        ("Nothing.", set()),
    ],
)
def test_numbers_of_a_sentence(text: str, numbers: set[str]) -> None:
    assert numbers_in(text) == numbers


def test_laws_hold_on_weights_of_any_size() -> None:
    """Attributions that are all equal, all nought, or one that is huge."""
    drawn = drawn_reasons(12, 1)
    names = ATTRIBUTIONS.features_of(drawn.attributions)
    for weight in (0.0, 1e-12, 0.1, -0.1, 50.0):
        parts = drawn.attributions.assign(**dict.fromkeys(names, weight))
        context = ReasonContext(CATALOGUE, PLAYBOOK, "$")
        told = explain(parts, drawn.rows, context, SETTINGS, details=drawn.details).reasons
        shown = told[told["shown"]]
        assert (np.abs(shown["shap_log_odds"]) > 0).all()
        assert not shown.duplicated(["account_id", "story"]).any()
        assert bool(len(shown)) == (abs(weight) >= 0.1)
