"""Rows that look alike: what a row gives up, and for what; laws on drawn bases."""

from collections import Counter
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from data.contract.outputs import AGAINST, FIRST, FOR, SPARE
from serving.published.read import open_list
from serving.ranking.short_list import Order
from serving.render.alike import READ, Page, exchanged, pages_of
from serving.render.leading import leading
from serving.settings import ReasonSettings, ServingSettings
from serving.verify.words import check_words
from tests.drawn import drawn
from tests.serving.world import HeldList, details, feature_rows, files_of, publish, snapshot

SEEDS, MOST, COUNT = range(20), 1, 60
"""Rows of a page that may show the same on the drawn bases: few, so that many look alike."""
ONE_PAGE = [Page(Order.LIKELIHOOD, None, 0)]


@cache
def made_of(seed: int) -> HeldList:
    rows, reasons = feature_rows(COUNT, seed), ReasonSettings(most_alike=MOST, show_for=2, show_against=1)
    settings = ServingSettings(reasons=reasons)
    return snapshot(COUNT, seed, rows=rows, details=details(rows, seed), settings=settings)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_looks_like_others_only_where_it_has_nothing_else_to_say(seed: int) -> None:
    """A plain loop over everything that each row could show: those without a choice first, then by rank."""
    made = made_of(seed)
    reasons, pages = made.frames["reasons"], pages_of(made)
    plays = made.scores("account_id", "play").set_index("account_id")["play"]
    first = reasons.assign(shown=reasons["choice"] == FIRST)
    first = first.assign(leads=leading(first, made.manifest["plays"], plays))
    could: dict[str, list[frozenset[str]]] = {}
    for account in pages:
        rows = first[first["account_id"] == account]
        alone, is_spare = frozenset(rows.loc[rows["shown"], "story"]), rows["choice"] == SPARE
        yielding = rows[rows["shown"] & (rows["effect"] == FOR) & ~rows["leads"]].tail(1)
        others = [
            alone - {gone.story} | {spare.story}
            for gone in yielding.itertuples()
            for spare in rows[is_spare & (rows["shap_log_odds"] >= 0.5 * gone.shap_log_odds)].itertuples()
        ]
        giving_way = rows[rows["shown"] & (rows["effect"] == AGAINST)].iloc[1:].tail(1)
        could[account] = [alone, *others, *(alone - {gone.story} for gone in giving_way.itertuples())]
    standing: Counter[tuple[Page, frozenset[str]]] = Counter()
    without_choice = [account for account in pages if len(could[account]) == 1]
    for account in (*without_choice, *(account for account in pages if account not in without_choice)):
        shown = reasons[(reasons["account_id"] == account) & reasons["shown"]]
        few = [
            stories for stories in could[account] if not any(standing[page, stories] >= MOST for page in pages[account])
        ]
        stories = frozenset(shown["story"])
        assert stories == (few or could[account])[0], account
        standing.update((page, stories) for page in pages[account])


@pytest.mark.parametrize("seed", SEEDS)
def test_one_story_changes_places_at_most_and_the_spare_one_is_worth_telling(seed: int) -> None:
    reasons = made_of(seed).frames["reasons"]
    turned = reasons[reasons["shown"] != (reasons["choice"] == FIRST)]
    for account, rows in turned.groupby("account_id"):
        if rows["effect"].tolist() == [AGAINST]:
            against = reasons[(reasons["account_id"] == account) & (reasons["effect"] == AGAINST)]
            assert rows["choice"].tolist() == [FIRST]
            assert (against["shown"] & (against["shap_log_odds"] <= rows["shap_log_odds"].iloc[0])).any()
            continue
        gone, came = (rows[rows["choice"] == choice].iloc[0] for choice in (FIRST, SPARE))
        assert len(rows) == 2
        assert gone["effect"] == came["effect"] == FOR
        assert came["shap_log_odds"] >= 0.5 * gone["shap_log_odds"]


def test_many_rows_of_the_drawn_bases_give_something_up() -> None:
    all_reasons = [made_of(seed).frames["reasons"] for seed in SEEDS]
    assert sum(int(((reasons["choice"] == SPARE) & reasons["shown"]).sum()) for reasons in all_reasons) > 20


def exchanges(text: str, most: int = 1) -> list[tuple[str, str]]:
    """What changes places of accounts ``a``, ``b``, ... on one page, as account and story; of each the play is
    ``seat_limit``, which answers the seats in use.
    """
    told = drawn(text).astype({"position": "int64", "shap_log_odds": "float64"})
    told = told.assign(numbers_from="seats", shown=told["choice"] == FIRST)
    told["effect"] = told["shap_log_odds"].gt(0).map({True: FOR, False: AGAINST})
    told = told.assign(reason_code=told["story"].replace({"seats": "seats_in_use"}))
    accounts = list(dict.fromkeys(told["account_id"]))
    settings = ServingSettings(reasons=ReasonSettings(most_alike=most))
    made = snapshot(3, settings=settings)
    scores = pd.DataFrame({"account_id": accounts, "play": "seat_limit"})
    turned = exchanged(made.with_tables(scores=scores), told[list(READ)], dict.fromkeys(accounts, ONE_PAGE))
    story = told.set_index(["account_id", "position"])["story"]
    return [(account, story[account, position]) for account, position in turned.itertuples(index=False)]


def test_the_weakest_story_goes_and_the_strongest_spare_one_comes() -> None:
    told = """
        account_id | position | story  | shap_log_odds | choice
        a          | 1        | limit  | 0.5           | first
        a          | 2        | seats  | 0.3           | first
        a          | 3        | budget | 0.2           | first
        a          | 4        | use    | 0.2           | spare
        b          | 1        | limit  | 0.5           | first
        b          | 2        | budget | 0.3           | first
        b          | 3        | seats  | 0.2           | first
        b          | 4        | use    | 0.15          | spare
        b          | 5        | value  | 0.14          | spare
    """
    assert exchanges(told) == [("b", "budget"), ("b", "use")]  # the play of b leads with its seats: they stay
    assert exchanges(told, most=2) == []


def test_a_spare_story_that_weighs_little_or_is_as_common_changes_nothing() -> None:
    told = """
        account_id | position | story  | shap_log_odds | choice
        a          | 1        | limit  | 0.5           | first
        a          | 2        | use    | 0.2           | spare
        b          | 1        | limit  | 0.5           | first
        b          | 2        | use    | 0.24          | spare
        c          | 1        | limit  | 0.5           | first
        c          | 2        | use    | 0.25          | spare
        d          | 1        | limit  | 0.5           | first
        d          | 2        | use    | 0.4           | spare
        e          | 1        | limit  | 0.5           | first
        e          | 2        | use    | 0.4           | spare
        e          | 3        | budget | 0.3           | spare
    """
    # b: its spare story weighs less than half; c: half; d: as c shows; e: the next one.
    assert exchanges(told) == [("c", "limit"), ("c", "use"), ("e", "limit"), ("e", "budget")]


def test_the_weakest_of_several_stories_against_gives_way_where_no_spare_one_can_come() -> None:
    told = """
        account_id | position | story  | shap_log_odds | choice
        a          | 1        | limit  | 0.5           | first
        a          | 2        | use    | -0.2          | first
        b          | 1        | limit  | 0.5           | first
        b          | 2        | use    | -0.2          | first
        c          | 1        | limit  | 0.5           | first
        c          | 2        | use    | -0.2          | first
        c          | 3        | seats  | -0.1          | first
        d          | 1        | limit  | 0.5           | first
        d          | 2        | seats  | -0.2          | first
        d          | 3        | use    | -0.1          | first
    """
    # a and b have one reason against, which stays; c shows what nobody else shows, and so d gives its weaker one up.
    assert exchanges(told) == [("d", "use")]


def test_a_row_above_makes_way_for_one_that_has_nothing_else_to_say() -> None:
    told = """
        account_id | position | story  | shap_log_odds | choice
        a          | 1        | limit  | 0.5           | first
        a          | 2        | use    | 0.4           | spare
        b          | 1        | limit  | 0.5           | first
    """
    assert exchanges(told) == [("a", "limit"), ("a", "use")]


def test_what_is_published_is_so_however_the_base_comes_and_read_as_such(tmp_path: Path) -> None:
    made = made_of(0)
    folders = {count: publish(tmp_path / str(count), made, batches=count) for count in (1, 7)}
    assert files_of(folders[1]) == files_of(folders[7])
    listing = open_list(tmp_path / "7")
    pd.testing.assert_series_equal(listing.of_all("reasons")["shown"], made.frames["reasons"]["shown"])
    assert list(check_words(listing)) == []


def test_a_row_that_should_have_given_a_story_up_is_named() -> None:
    made = made_of(0)
    reasons = made.frames["reasons"]
    turned = reasons[reasons["shown"] != (reasons["choice"] == FIRST)]
    account = turned["account_id"].iloc[0]
    as_alone = reasons["shown"].where(reasons["account_id"] != account, reasons["choice"] == FIRST)
    found = [d for d in check_words(made.with_tables(reasons=reasons.assign(shown=as_alone)))
             if d.where == "rows that look alike"]  # fmt: skip
    gone, came = (turned[(turned["account_id"] == account) & (turned["choice"] == c)].iloc[0] for c in (FIRST, SPARE))
    assert {(d.account_id, d.published, d.derived) for d in found} == {
        (account, f"{gone['story']} is shown", f"{gone['story']} is not shown"),
        (account, f"{came['story']} is not shown", f"{came['story']} is shown"),
    }
