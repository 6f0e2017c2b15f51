"""The two orders, and what the floor, the cap and one row for each group leave out of the short lists."""

from collections import Counter
from io import StringIO

import pandas as pd
import pytest

from serving.render.entries import say_group, totals
from serving.render.html import render_page
from serving.render.orders import Order, ShortList, pick, short_list, short_lists_of_owners
from serving.render.terminal import print_top
from serving.settings import ServingSettings
from tests.serving.world import HeldList, snapshot


@pytest.fixture(scope="module")
def made() -> HeldList:
    return snapshot(120)


def places(short: ShortList) -> list[int]:
    return [place for place, _ in short.rows]


def limited(made: HeldList, **limits: float) -> HeldList:
    return made.with_manifest(serving={**made.manifest["serving"], **limits})


@pytest.mark.parametrize(("by", "column"), [(Order.LIKELIHOOD, "rank"), (Order.STAKE, "stake_rank")])
def test_both_orders_are_those_of_the_ranks(made: HeldList, by: Order, column: str) -> None:
    ranks = made.scores("account_id", column).dropna().set_index("account_id")[column]
    assert pick(made, by, 1000).places == ranks.sort_values().to_dict()


def test_ranked_by_arr_both_orders_are_the_same_two() -> None:
    by_arr, usual = snapshot(80, settings=ServingSettings(rank_by="expected_arr")), snapshot(80)
    for by in Order:
        assert pick(by_arr, by, 80) == pick(usual, by, 80)
    page = render_page(by_arr)
    assert page.index("Most at stake</label>") < page.index("Most likely</label>")


def test_the_places_in_a_book_are_those_of_the_book(made: HeldList) -> None:
    scores = made.scores("account_id", "owner", "owner_rank").dropna()
    for owner, book in scores.groupby("owner"):
        expected = book.set_index("account_id")["owner_rank"].sort_values().to_dict()
        assert pick(made.book(str(owner)), Order.LIKELIHOOD, 1000).places == expected
        at_stake = list(pick(made, Order.STAKE, 1000).places)
        assert list(pick(made.book(str(owner)), Order.STAKE, 1000).places) == [a for a in at_stake if a in expected]
    together = short_lists_of_owners(made, ["Ana Costa", "Dana Lee"], Order.STAKE, 4)
    for owner, short in together.items():
        alone = short_list(made.book(owner), Order.STAKE, 4)
        assert [(place, entry.account_id) for place, entry in short.rows] == [(p, e.account_id) for p, e in alone.rows]


def test_a_floor_leaves_out_and_says_so_and_changes_no_rank(made: HeldList) -> None:
    floored = limited(made, min_expected_arr=2000.0)
    short = short_list(floored, Order.LIKELIHOOD, 10)
    assert all(entry.expected_arr >= 2000 for _, entry in short.rows)
    out = places(short)[-1] - 10  # those that it passes over
    assert short.left_out == (
        f"{out} accounts with less than $2,000 expected are left out here; they keep their rank.",
    )
    assert [entry.rank for _, entry in short.rows] == places(short)
    on_page = short_list(floored, Order.LIKELIHOOD, ServingSettings().top)
    assert on_page.left_out[0] in render_page(floored)
    pd.testing.assert_frame_equal(floored.scores(), made.scores())


def test_a_cap_per_motion_leaves_out_and_says_so(made: HeldList) -> None:
    short = short_list(limited(made, max_per_motion=1), Order.STAKE, 5)
    kinds = Counter(entry.motion.split(":")[0] for _, entry in short.rows)
    assert max(kinds.values()) == 1
    assert short.left_out[0].endswith(
        ("beyond 1 of one motion are left out here; they keep their rank.", "it keeps its rank.")
    )
    whole = short_list(made, Order.STAKE, 5)
    assert (whole.left_out, places(whole)) == ((), [1, 2, 3, 4, 5])


def test_what_is_not_known_is_not_below_the_floor(made: HeldList) -> None:
    unknown = limited(made.with_tables(scores=made.scores().assign(expected_arr=float("nan"))), min_expected_arr=1e9)
    assert len(pick(unknown, Order.LIKELIHOOD, 5).places) == 5
    assert "amount not known" in render_page(unknown)
    assert "nan" not in render_page(unknown).casefold().replace("nance", "")


def grouped(made: HeldList, size: int, **settings: object) -> HeldList:
    """The list with the first so many of its likeliest accounts in one group, and the last two ranked in another."""
    ranks = made.scores("account_id", "rank").dropna().set_index("account_id")["rank"]
    names = pd.Series(None, index=made.scores()["account_id"], dtype="str")
    names[ranks.index[ranks <= size]] = "Acme Holding"
    names[ranks.index[ranks > len(ranks) - 2]] = "Bolt Group"
    ids = names.str.split().str[0]
    scores = made.scores().assign(group_id=ids.array, group_name=names.array)
    return limited(made.with_tables(scores=scores), **settings)


def test_one_row_for_each_group_and_the_row_says_how_many_more_are_ranked(made: HeldList) -> None:
    short = short_list(grouped(made, 4, one_per_group=True), Order.LIKELIHOOD, 5)
    assert places(short) == [1, 5, 6, 7, 8]
    assert [entry.more_of_group for _, entry in short.rows] == [3, 0, 0, 0, 0]
    assert say_group(short.rows[0][1]) == "Group: Acme Holding (3 more of it ranked)"
    assert short.left_out == ("3 accounts of a group that has a row are left out here; they keep their rank.",)
    assert [entry.rank for _, entry in short.rows] == places(short)


def test_unless_it_is_asked_for_every_account_of_a_group_has_its_row(made: HeldList) -> None:
    short = short_list(grouped(made, 4), Order.LIKELIHOOD, 5)
    assert (places(short), short.left_out) == ([1, 2, 3, 4, 5], ())
    assert [say_group(entry) for _, entry in short.rows] == ["Group: Acme Holding"] * 4 + [""]


def test_where_the_best_of_a_group_is_left_out_the_next_one_stands_for_it(made: HeldList) -> None:
    arr = made.scores("account_id", "rank", "expected_arr").set_index("account_id")
    first = arr.index[arr["rank"] == 1][0]
    scores = made.scores().assign(expected_arr=arr["expected_arr"].where(arr.index != first, 0.0).array)
    floored = grouped(made.with_tables(scores=scores), 4, one_per_group=True, min_expected_arr=0.01)
    short = short_list(floored, Order.LIKELIHOOD, 2)
    assert short.rows[0][1].more_of_group == 3  # the first one is ranked too
    assert short.left_out[0].startswith("1 account with less than")


def test_a_total_counts_each_account_once_whatever_the_short_list_holds(made: HeldList) -> None:
    assert totals(grouped(made, 9, one_per_group=True)) == totals(grouped(made, 9)) == totals(made)


def test_the_group_stands_on_the_page_and_in_the_terminal(made: HeldList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    listing, printed = grouped(made, 4, one_per_group=True), StringIO()
    print_top(listing, 3, file=printed)
    for shown in (render_page(listing), printed.getvalue()):
        assert "Group: Acme Holding (3 more of it ranked)" in shown
        assert "of a group that has a row" in shown
