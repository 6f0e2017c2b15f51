"""What contradicts a feature's declared direction is marked, kept for the data team, and shown on no list."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from data.contract.feature_card import Direction, FeatureCard
from features.catalogue import REGISTRY
from serving.reasons.choose import explain
from serving.reasons.directions import DirectionReference, contradicting, direction_references
from serving.reasons.playbook import load
from serving.reasons.render import SIDES, ReasonContext
from serving.render.entries import KNOWS_LITTLE, Entry, Why, best_reasons, ranked
from serving.render.excel import write_workbook
from serving.render.html import render_page
from serving.render.terminal import print_top
from serving.settings import ReasonSettings, ServingSettings
from tests.serving.world import CATALOGUE, DAY, PLAYBOOK, HeldList, snapshot

NAN = np.nan


def against_more_is_better(attributions: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    return DirectionReference.of(attributions, amounts, Direction.UP).contradicted(attributions, amounts)


@pytest.mark.parametrize(
    ("amounts", "attributions", "marked"),
    [
        # A step at the fourth account: whoever is below it is lowered, however much it has.
        ([10, 50, 75, 90, 95], [-0.3, -0.3, -0.3, 0.5, 0.5], [0, 0, 0, 0, 0]),
        # The same step, upside down: every sign is wrong.
        ([10, 50, 75, 90, 95], [0.3, 0.3, 0.3, -0.5, -0.5], [1, 1, 1, 1, 1]),
        # One account in the middle is raised less than those with less of it are: it is the odd one.
        ([1, 2, 3, 4, 5], [-0.4, 0.3, 0.1, 0.4, 0.5], [0, 0, 0, 0, 0]),
        ([1, 2, 3, 4, 5], [0.2, 0.3, 0.1, 0.4, 0.5], [0, 0, 1, 0, 0]),
        # Nearly all have none of it: none may lower, and may not raise where having some lowers.
        ([0, 0, 0, 2], [-0.1, -0.1, -0.1, 0.6], [0, 0, 0, 0]),
        ([0, 0, 0, 2], [0.1, 0.1, 0.1, -0.6], [1, 1, 1, 1]),
        # None of it may raise a little where some of it raises more.
        ([0, 0, 0, 2], [0.1, 0.1, 0.1, 0.6], [0, 0, 0, 0]),
        # A missing value has its own meaning; without a difference there is nothing to compare; no weight says nothing.
        ([NAN, 1, 2], [0.9, -0.1, 0.1], [0, 0, 0]),
        ([3, 3, 3], [0.4, -0.2, 0.1], [0, 0, 0]),
        ([1, 2], [0.0, 0.0], [0, 0]),
        ([7], [0.4], [0]),
        ([NAN, NAN], [0.4, -0.4], [0, 0]),
    ],
)
def test_more_is_better(amounts: list[float], attributions: list[float], marked: list[int]) -> None:
    found = against_more_is_better(np.array(attributions, float), np.array(amounts, float))
    assert found.tolist() == [bool(mark) for mark in marked]


def plain(attributions: np.ndarray, amounts: np.ndarray) -> list[bool]:
    """The same rule, account by account."""
    marks = []
    for weight, amount in zip(attributions, amounts, strict=True):
        known = ~np.isnan(amounts)
        less, more = attributions[known & (amounts < amount)], attributions[known & (amounts > amount)]
        if np.isnan(amount) or weight == 0 or not (len(less) or len(more)):
            marks.append(False)
            continue
        raised_more_than_less = weight >= less.mean() - 1e-9 if len(less) else weight <= more.mean() + 1e-9
        lowered_more_than_more = weight <= more.mean() + 1e-9 if len(more) else weight >= less.mean() - 1e-9
        up_to = attributions[known & (amounts <= amount)].mean()
        from_here = attributions[known & (amounts >= amount)].mean()
        fits = raised_more_than_less if weight > 0 else lowered_more_than_more
        marks.append(not (fits and up_to <= from_here + 1e-9))
    return marks


@pytest.mark.parametrize("seed", range(20))
def test_the_fast_rule_agrees_with_the_plain_one_and_does_not_depend_on_the_order(seed: int) -> None:
    draw = np.random.default_rng(seed)
    amounts = draw.integers(0, 12, 200).astype(float)
    amounts[draw.random(200) < 0.1] = NAN
    attributions = np.round(0.1 * (np.nan_to_num(amounts) - 6) * draw.choice([-1, 1]) + draw.normal(0, 0.3, 200), 3)
    found = against_more_is_better(attributions, amounts)
    assert found.tolist() == plain(attributions, amounts)
    shuffled = draw.permutation(200)
    assert (against_more_is_better(attributions[shuffled], amounts[shuffled]) == found[shuffled]).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_feature_whose_weight_only_rises_with_it_is_never_marked(seed: int) -> None:
    draw = np.random.default_rng(seed)
    amounts = draw.lognormal(0, 2, 300)
    weights = np.sort(draw.normal(-0.1, 0.4, 300))[np.argsort(np.argsort(amounts))]
    assert not against_more_is_better(weights, amounts).any()
    assert not against_more_is_better(-weights, -amounts).any()


def cards(**directions: Direction) -> dict[str, FeatureCard]:
    return {**CATALOGUE, **{name: replace(CATALOGUE[name], direction=way) for name, way in directions.items()}}


@pytest.mark.parametrize(("way", "marked"), [(Direction.UP, True), (Direction.DOWN, False), (Direction.UNKNOWN, False)])
def test_the_card_says_which_way_is_right(way: Direction, marked: bool) -> None:
    falling = {"tickets_28d": np.array([0.0, 1, 2])}
    weights = np.array([[0.2], [0.0], [-0.2]])
    held = direction_references(weights, ["tickets_28d"], cards(tickets_28d=way), falling)
    found = contradicting(weights, ["tickets_28d"], falling, held)
    assert found[:, 0].tolist() == [marked, False, marked]
    assert direction_references(weights, ["tickets_28d"], cards(tickets_28d=way), {}) == {}
    assert not contradicting(weights, ["tickets_28d"], {}, held).any()


def test_an_account_beyond_the_sample_is_held_against_its_nearest_side() -> None:
    """The sample rises from -0.2 to 0.2: more than all of it may raise and not lower, less may lower and not raise."""
    held = DirectionReference.of(np.array([-0.2, 0.0, 0.2]), np.array([1.0, 2, 3]), Direction.UP)
    beyond, weights = np.array([9.0, 9, 0, 0, NAN]), np.array([0.3, -0.3, -0.3, 0.3, 0.3])
    assert held.contradicted(weights, beyond).tolist() == [False, True, False, True, False]
    nobody = DirectionReference.of(np.array([]), np.array([]), Direction.UP)
    assert not nobody.contradicted(weights, beyond).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_part_of_the_base_is_marked_as_it_is_within_the_base(seed: int) -> None:
    draw = np.random.default_rng(seed)
    amounts, weights = draw.integers(0, 9, 100).astype(float), draw.normal(0, 0.2, 100)
    held = DirectionReference.of(weights, amounts, Direction.DOWN)
    whole = held.contradicted(weights, amounts)
    assert held.contradicted(weights[30:40], amounts[30:40]).tolist() == whole[30:40].tolist()


def three(parts: dict[str, list[float]], values: dict[str, list[float]], **ways: Direction) -> pd.DataFrame:
    """The reasons of the accounts a, b, c."""
    keys = {"snapshot_date": DAY, "account_id": ["a", "b", "c"]}
    attributions = pd.DataFrame({**keys, "base_log_odds": -2.0, **parts})
    rows = pd.DataFrame({**keys, **values})
    return explain(attributions, rows, ReasonContext(cards(**ways), PLAYBOOK, "$"), ReasonSettings()).reasons


SEATS = {"seats": [50.0, 50, 50], "active_users_28d": [5.0, 25, 45], "seat_utilization_28d": [0.1, 0.5, 0.9]}
REST = {"tenure_days": [100.0, 200, 300], "bug_tickets_91d": [0.0, 0, 0], "products": [1.0, 1, 1]}
LITTLE = {"tenure_days": [0.1, 0.1, 0.1], "bug_tickets_91d": [0.1, 0.1, 0.1], "products": [0.1, 0.1, 0.1]}


def test_a_contradicting_reason_is_marked_and_stands_last_however_strong_it_is() -> None:
    parts = {"seat_utilization_28d": [0.9, 0.0, -0.9], **LITTLE}
    table = three(parts, {**SEATS, **REST}, seat_utilization_28d=Direction.UP)
    first = table[table["account_id"] == "a"]
    assert first["effect"].tolist() == ["for", "for", "for", "contradicts"]
    assert first["position"].tolist() == [1, 2, 3, 4]
    last = first.iloc[-1]
    assert (last["reason_code"], last["shap_log_odds"]) == ("seats_in_use", 0.9)
    assert last["text"].startswith("Unexpected: 5 active on 50 seats this month.")
    assert not first["shown"].any()
    third = table[table["account_id"] == "c"]
    assert third["effect"].tolist() == ["for", "for", "for", "contradicts"]
    unknown = three(parts, {**SEATS, **REST}, seat_utilization_28d=Direction.UNKNOWN)
    assert "contradicts" not in set(unknown["effect"])


def test_a_reason_that_holds_without_its_contradicting_part_is_shown() -> None:
    """0.9 against the direction and 0.2 of unknown direction: without the 0.9 it would still raise."""
    parts = {"seat_utilization_28d": [0.9, 0.0, -0.9], "seats_free": [0.2, 0.0, 0.0], **LITTLE}
    values = {**SEATS, **REST, "seats_free": [45.0, 25, 5]}
    table = three(parts, values, seat_utilization_28d=Direction.UP, seats_free=Direction.UNKNOWN)
    effects = table[table["reason_code"] == "seats_in_use"].set_index("account_id")["effect"]
    assert (effects["a"], effects["c"]) == ("for", "contradicts")


def marked(made: HeldList, account: str) -> HeldList:
    """The list with the strongest reason of one account marked as contradicting."""
    reasons = made.frames["reasons"].copy()
    odd = (reasons["account_id"] == account) & (reasons["position"] == 1)
    reasons.loc[odd, "text"] = "Unexpected: nonsense that nobody is to read."
    reasons.loc[odd, "effect"] = "contradicts"
    return made.with_tables(reasons=reasons)


def test_no_form_of_the_list_shows_what_contradicts(tmp_path: Path) -> None:
    made = snapshot()
    first = ranked(made, 1)[0].account_id
    odd = marked(made, first)
    assert all(why.effect != "contradicts" for why in ranked(odd, 1)[0].reasons)
    assert len(ranked(odd, 1)[0].reasons) == len(ranked(made, 1)[0].reasons) - 1
    assert "nonsense" not in render_page(odd)
    write_workbook(tmp_path / "list.xlsx", odd)
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    assert not [cell for sheet in book for row in sheet.values for cell in row if "nonsense" in str(cell)]


def an_entry(*reasons: tuple[str, bool]) -> Entry:
    entry = ranked(snapshot(), 1)[0]
    whys = tuple(Why(f"Reason {number}", f"Fact {number}.", *pair) for number, pair in enumerate(reasons))
    return replace(entry, reasons=whys)


@pytest.mark.parametrize(
    ("reasons", "little"),
    [
        ([("for", False), ("for", True), ("against", False)], False),
        ([("for", False), ("for", False), ("against", True)], False),
        ([("for", False), ("for", False), ("for", False)], True),  # none that a CSM can act on
        ([("for", True), ("for", True), ("neutral", False)], True),  # only two weigh
        ([("for", False), ("for", False), ("against", False), ("neutral", True)], True),
        ([], True),
    ],
)
def test_the_row_says_that_the_model_knows_little(reasons: list[tuple[str, bool]], little: bool) -> None:
    assert an_entry(*reasons).knows_little is little


@pytest.mark.parametrize(("asked", "little"), [(3, False), (4, False), (5, True)])
def test_how_many_reasons_are_enough_is_set(asked: int, little: bool) -> None:
    settings = ServingSettings(reasons=ReasonSettings(at_least=asked))
    entry = ranked(snapshot(settings=settings), 1)[0]
    whys = tuple(Why("Reason", "Fact.", *pair) for pair in [("for", True)] * 4 + [("neutral", False)])
    assert replace(entry, reasons=whys).knows_little is little


def test_a_reason_to_act_on_takes_the_last_place_of_three_even_if_it_speaks_against() -> None:
    dull = [("for", False)] * 3
    assert best_reasons(an_entry(*dull, ("against", True)))[-1].text == "Fact 3."
    assert best_reasons(an_entry(*dull, ("against", True), ("for", True)))[-1].text == "Fact 4."
    assert best_reasons(an_entry(*dull, ("neutral", True)))[-1].text == "Fact 2."


def test_every_form_says_so(tmp_path: Path) -> None:
    made = snapshot()
    first = ranked(made, 1)[0].account_id
    reasons = made.frames["reasons"]
    sure = made.with_tables(reasons=reasons.assign(actionable=True))
    unsure = made.with_tables(reasons=reasons.assign(actionable=reasons["account_id"] != first))
    rows_without = render_page(sure).count(KNOWS_LITTLE)
    assert render_page(unsure).count(KNOWS_LITTLE) == rows_without + 3  # in both orders and in its owner's list
    for shown, times in ((sure, 0), (unsure, 1)):
        printed = io.StringIO()
        print_top(shown, 1, file=printed)
        assert " ".join(printed.getvalue().split()).count("The model knows") == times
    write_workbook(tmp_path / "list.xlsx", unsure)
    top = openpyxl.load_workbook(tmp_path / "list.xlsx")["Most likely"]
    headings = [cell.value for cell in top[1]]
    assert top.cell(2, headings.index("Note") + 1).value == KNOWS_LITTLE


def test_no_shipped_sentence_gives_a_forecast_or_a_cause() -> None:
    catalogue = {feature.name: feature.card for feature in REGISTRY.features.values() if feature.card is not None}
    said = [
        "".join(telling.template.literals)
        for reason in load(catalogue).reasons.values()
        for side in SIDES
        for telling in reason.tellings(side)
    ]
    assert [text for text in said if re.search(r"\b(will|because|likely to|going to)\b", text)] == []
