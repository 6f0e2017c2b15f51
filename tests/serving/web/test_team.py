"""The team: each book is that of plain pandas, and what was done is counted where it is recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from data.contract.outputs import NO_OWNER
from serving.web.index import ListIndex
from serving.web.pages.team import Work, team_page
from tests.serving.web.conftest import TODAY, DrawnWork, desk, plain


def test_the_books_are_those_of_plain_pandas_and_add_up(index: ListIndex, out: Path) -> None:
    scores = plain(out, "scores").assign(owner=lambda rows: rows.owner.fillna(NO_OWNER))
    page = team_page(index, desk())
    for book in page.books:
        mine = scores[scores.owner == book.owner]
        assert (book.accounts, book.ranked, book.work) == (len(mine), int(mine.eligible.sum()), None)
        assert book.expected_arr == pytest.approx(mine[mine.eligible].expected_arr.sum())
    assert {book.owner for book in page.books} == set(scores.owner)
    assert (page.all.accounts, page.all.ranked) == (len(scores), int(scores.eligible.sum()))
    assert page.books[-1].owner == NO_OWNER


def test_what_was_done_is_counted_of_the_ranked(index: ListIndex, out: Path) -> None:
    scores = plain(out, "scores")
    ranked = scores[scores.eligible & (scores.owner == "Dana Lee")].sort_values("rank")
    won, working, *rest = ranked.account_id
    page = team_page(index, desk(DrawnWork({won: "won", working: "working"})))
    late = [account for account, by in zip(ranked.account_id, ranked.act_by, strict=True) if by < TODAY]
    assert next(book.work for book in page.books if book.owner == "Dana Lee") == Work(
        acted_on=2, won=1, overdue=len(set(late) & set(rest))
    )
    assert (page.all.work.acted_on, page.all.work.won) == (2, 1)


def test_without_a_record_nothing_is_said_to_be_done(client: TestClient, client_of: Callable[..., TestClient]) -> None:
    assert "acted on, won and overdue are not known" in client.get("/team").text
    assert "Overdue" not in client.get("/team").text
    assert "Overdue" in client_of(work=DrawnWork({})).get("/team").text
