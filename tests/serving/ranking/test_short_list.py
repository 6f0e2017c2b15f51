"""The short list of an owner holds still: a place changes hands only where the newcomer is clearly ahead."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.contract.outputs import NO_OWNER
from data.contract.vocabulary import folded
from serving.ranking.short_list import NEEDED, OF_DUE, Order, came_and_went, due_on, in_order, listed
from serving.render import orders
from serving.render.entries import entries
from serving.render.html import render_page
from serving.render.orders import books_of, pick_of_books, pick_of_owners, say_short_lists, short_list
from serving.settings import ServingSettings
from tests.serving.world import DAY, HeldList, feature_rows, snapshot

CLEARLY = 1.25


def ordered(propensities: dict[str, float], owner: str = "Ana") -> pd.DataFrame:
    scores = pd.DataFrame({"account_id": list(propensities), "propensity": list(propensities.values())})
    scores = scores.assign(
        log_odds=np.nan, expected_arr=1.0, owner=owner, group_id=None, motion="seat", play="p", eligible=True
    )
    return in_order(scores[list(NEEDED)], Order.LIKELIHOOD, [])


def names(frame: pd.DataFrame, limit: int, before: set[str], factor: float | None = CLEARLY) -> set[str]:
    return set(listed(frame, Order.LIKELIHOOD, {"clearly_ahead": factor}, limit, before))


@pytest.mark.parametrize(
    ("newcomer", "stays"),
    [(0.50, True), (0.5555, True), (0.5556, False), (0.9, False)],  # odds of 1; 1.2497, 1.2502, 9 against 1
)
def test_a_place_changes_hands_at_odds_a_quarter_better(newcomer: float, stays: bool) -> None:
    frame = ordered({"top": 0.95, "new": newcomer, "old": 0.5 - 1e-12})
    assert names(frame, 2, {"top", "old"}) == ({"top", "old"} if stays else {"top", "new"})
    assert names(frame, 2, {"top", "old"}, factor=None) == {"top", "new"}


def test_who_was_never_there_comes_by_rank() -> None:
    frame = ordered({"a": 0.4, "b": 0.3, "c": 0.2})
    assert names(frame, 2, set()) == {"a", "b"}
    assert names(frame, 2, {"gone"}) == {"a", "b"}


def test_a_certainty_is_ahead_of_everything() -> None:
    assert names(ordered({"sure": 1.0, "old": 0.99}), 1, {"old"}) == {"sure"}


def test_each_owner_has_a_list_of_their_own() -> None:
    both = pd.concat([ordered({"a": 0.4, "b": 0.3}), ordered({"x": 0.04, "y": 0.03}, owner="Ben")])
    assert names(both, 1, {"y"}) == {"a", "x"}
    assert names(both, 1, {"b", "y"}, factor=2.0) == {"b", "y"}


@given(
    st.lists(st.floats(0.001, 0.999), min_size=4, max_size=30, unique=True),
    st.sets(st.integers(0, 29)),
    st.integers(1, 12),
)
def test_whoever_waits_is_not_clearly_ahead_of_any_that_stays(drawn: list[float], before: set[int], limit: int) -> None:
    odds = {f"a{number}": value for number, value in enumerate(drawn)}
    was = {f"a{number}" for number in before} & set(odds)
    chosen = names(ordered(odds), limit, was)
    assert len(chosen) == min(limit, len(odds))
    ratio = {name: value / (1 - value) for name, value in odds.items()}
    for out in set(odds) - chosen:
        for there in chosen:
            margin = CLEARLY if there in was and out not in was else 1.0
            assert ratio[out] <= margin * ratio[there] * (1 + 1e-12)


def test_the_next_list_keeps_who_is_not_clearly_overtaken() -> None:
    settings = ServingSettings(top=4)
    first = snapshot(120, seed=1, settings=settings)
    then = snapshot(120, seed=2, settings=settings, previous=first)
    alone = snapshot(120, seed=2, settings=settings)
    scores, before = then.scores(), first.scores("account_id", "listed")
    was = set(before.loc[before["listed"], "account_id"])
    assert scores["listed"].sum() == alone.scores("listed")["listed"].sum()
    assert scores.groupby(scores["owner"].fillna(""))["listed"].sum().max() == 4
    kept, kept_alone = ((made.scores()["listed"] & scores["account_id"].isin(was)).sum() for made in (then, alone))
    assert kept >= kept_alone
    pd.testing.assert_series_equal(scores["rank"], alone.scores()["rank"])
    counts = then.manifest["short_lists"]
    assert counts == came_and_went(scores, was)
    assert counts["stayed"] + counts["overtaken"] + counts["set_apart"] + counts["no_customer"] == len(was)
    assert counts["stayed"] + counts["came"] == scores["listed"].sum()
    assert say_short_lists(then).replace("'", "&#39;") in render_page(then)
    assert (first.manifest["short_lists"], say_short_lists(first)) == (None, "")


def test_who_stays_with_the_play_is_due_as_it_was_told_first() -> None:
    settings, earlier = ServingSettings(top=4, clearly_ahead=1000.0), DAY - timedelta(days=7)
    rows = feature_rows(120)
    first = snapshot(120, day=earlier, rows=rows.assign(snapshot_date=earlier), settings=settings)
    then = snapshot(120, rows=rows, settings=settings, previous=first)
    was, now = (made.scores().set_index("account_id") for made in (first, then))
    assert (was["listed_since"].dropna() == earlier).all()
    assert (was["listed_since"].notna() == was["listed"]).all()
    stays = now["listed"] & was["listed"] & (now["play"] == was["play"])
    assert 0 < stays.sum() < now["listed"].sum() + 1
    assert (now.loc[stays, "listed_since"] == earlier).all()
    assert (now.loc[now["listed"] & ~stays, "listed_since"] == DAY).all()
    assert now.loc[~now["listed"], "listed_since"].isna().all()
    due = due_on(then.scores().assign(snapshot_date=DAY)).set_axis(now.index)
    assert (due[stays] == pd.to_datetime(now["act_by"])[stays] - pd.Timedelta(days=7)).all()
    assert due[~now["listed"]].isna().all()


def test_a_day_brought_forward_to_the_renewal_does_not_move_with_the_lists() -> None:
    soon, later, since = DAY + timedelta(days=9), DAY + timedelta(days=14), DAY - timedelta(days=7)
    told = [(DAY, soon, since, soon), (DAY, later, since, None), (DAY, later, since, later), (DAY, soon, None, soon)]
    due = due_on(pd.DataFrame(told, columns=[*OF_DUE]))
    assert due.iloc[:3].dt.date.tolist() == [soon, DAY + timedelta(days=7), later]
    assert pd.isna(due.iloc[3])


def test_the_book_shows_who_is_listed_and_says_who_waits() -> None:
    settings = ServingSettings(top=4, clearly_ahead=1000.0)
    first = snapshot(120, seed=1, settings=settings)
    then = snapshot(120, seed=2, settings=settings, previous=first)
    picked = pick_of_owners(then, Order.LIKELIHOOD, 4)
    scores = then.scores("account_id", "listed")
    assert {a for one in picked.values() for a in one.places} == set(scores.loc[scores["listed"], "account_id"])
    owner = next(name for name, one in picked.items() if one.waiting > 1)
    short = short_list(then.book(owner), Order.LIKELIHOOD, 4)
    assert [entry.account_id for _, entry in short.rows] == list(picked[owner].places)
    waits = (
        f"{picked[owner].waiting} accounts further up are not clearly ahead of those that were here before, which stay."
    )
    assert short.left_out == (waits,)
    at_stake = pick_of_owners(then, Order.STAKE, 4)[owner]
    assert (list(at_stake.places.values()), at_stake.waiting) == ([1, 2, 3, 4], 0)


@pytest.mark.parametrize("is_first", [True, False])
def test_the_short_lists_of_all_books_are_drawn_at_once_as_each_would_draw_them(
    is_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServingSettings(top=4, max_per_motion=3)
    first = snapshot(120, seed=1, settings=settings)
    made = first if is_first else snapshot(120, seed=2, settings=settings, previous=first)
    scores = made.scores()
    owner = scores["owner"].dropna().iloc[0]
    is_theirs = scores["owner"].eq(owner) & (scores["rank"].fillna(1) % 2 == 1)
    made = made.with_tables(scores=scores.assign(owner=scores["owner"].mask(is_theirs, owner.upper())))
    names = [*made.scores("owner")["owner"].dropna().unique(), NO_OWNER]
    assert {owner, owner.upper()} <= {*names}  # names that differ by case alone are one book
    alone = {name: [short_list(made.book(name), by, 4) for by in Order] for name in names}
    drawn = pick_of_books(made, 4)
    of_names = {name: drawn.get(folded(name), {}) for name in names}
    accounts = {account for short in of_names.values() for picked in short.values() for account in picked.places}
    assert accounts
    monkeypatch.setattr(orders, "pick", lambda *_: pytest.fail("a short list is drawn a second time"))
    for name, book in zip(names, books_of(made, of_names, accounts), strict=True):
        assert [short_list(book, by, 4) for by in Order] == alone[name]


@pytest.mark.parametrize("limits", [{"min_expected_arr": 1e9}, {"min_expected_arr": 1000.0}, {"max_per_motion": 1}])
def test_what_a_book_leaves_out_is_counted_to_the_end(limits: dict[str, float]) -> None:
    made = snapshot(120, settings=ServingSettings(top=6, **limits))
    alone = made.with_tables(scores=made.scores().assign(listed=pd.array([None] * 120, dtype="boolean")))
    assert pick_of_owners(made, Order.LIKELIHOOD, 6) == pick_of_owners(alone, Order.LIKELIHOOD, 6)


def test_a_list_of_old_is_drawn_by_rank() -> None:
    made = snapshot(120)
    old = made.with_tables(scores=made.scores().assign(listed=pd.array([None] * 120, dtype="boolean")))
    by_rank = pick_of_owners(old, Order.LIKELIHOOD, 20)
    assert all(list(one.places.values()) == list(range(1, len(one.places) + 1)) for one in by_rank.values())
    after = snapshot(120, seed=2, previous=old)
    assert after.manifest["short_lists"] is None


def of_places(made: HeldList, **places: tuple[int, int]) -> HeldList:
    scores = made.scores()
    for account, (by_likelihood, at_stake) in places.items():
        mine = scores["account_id"] == account.replace("_", "-")
        scores.loc[mine, ["rank", "stake_rank"]] = (by_likelihood, at_stake)
    return made.with_tables(scores=scores)


def test_a_row_says_where_likelihood_and_money_disagree() -> None:
    made = snapshot(120)
    of = int(made.scores("eligible")["eligible"].sum())
    account = made.scores().dropna(subset="rank").iloc[0]["account_id"]
    half = of // 2 + 1
    for by_likelihood, at_stake, expected in (
        (1, half, f"Likely, with little at stake: place {half} of {of} by expected ARR."),
        (half, 1, f"Much at stake, yet not likely: place {half} of {of} by likelihood."),
        (1, of // 2, ""),
        (of // 10 + 1, of, ""),
    ):
        placed = of_places(made, **{account.replace("-", "_"): (by_likelihood, at_stake)})
        assert entries(placed, [account])[0].at_odds == expected
        assert (
            entries(placed.book(str(placed.scores().set_index("account_id")["owner"][account])), [account])[0].at_odds
            == expected
        )
