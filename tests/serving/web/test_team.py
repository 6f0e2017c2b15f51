"""The team: each book is that of plain pandas, and what was done is counted where it is recorded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from data.contract.outputs import NO_OWNER
from serving.outcomes.states import AccountState
from serving.web.index import ListIndex
from serving.web.pages.team import NO_PLAY, PlayCount, TriggerCount, Work, team_page
from tests.serving.web.conftest import TODAY, DrawnWork, OwnersSight, desk, plain
from tests.serving.world import DAY


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
    page = team_page(index, desk(DatedWork({won: "won", working: "working"})))
    due = pd.to_datetime(ranked.act_by) - (pd.Timestamp(DAY) - pd.to_datetime(ranked.listed_since))
    late = ranked.account_id[ranked.listed & (due < pd.Timestamp(TODAY))]
    assert next(book.work for book in page.books if book.owner == "Dana Lee") == Work(
        acted_on=2,
        won=1,
        listed=int(ranked.listed.sum()),
        covered=int(ranked.listed[ranked.account_id.isin([won, working])].sum()),
        overdue=len(set(late) & set(rest)),
    )
    assert next(book.work for book in page.books if book.owner == "Ana Costa").overdue is None  # nothing is recorded
    assert page.all.work.overdue == len(set(late) & set(rest))
    assert (page.all.work.acted_on, page.all.work.won) == (2, 1)


def test_what_is_back_from_later_is_not_overdue_as_in_the_tasks(index: ListIndex, out: Path) -> None:
    scores, today = plain(out, "scores"), DAY + timedelta(days=400)
    of_dana = scores[scores.listed & (scores.owner == "Dana Lee")].account_id
    page = team_page(index, replace(desk(BackWork({of_dana.iloc[0]: "open"})), today=today))
    assert next(book.work for book in page.books if book.owner == "Dana Lee").overdue == len(of_dana) - 1
    assert page.all.work.covered == 0  # it was left before it came to the list


def test_what_was_done_before_an_account_came_to_the_list_covers_nothing(
    index: ListIndex, out: Path, client_of: Callable[..., TestClient]
) -> None:
    scores = plain(out, "scores")
    of_dana = scores[scores.listed & (scores.owner == "Dana Lee")].sort_values("rank").account_id
    for since, covered in ((DAY - timedelta(days=800), 0), (DAY, 3)):
        done = dict(zip(of_dana, ("won", "lost", "disqualified"), strict=False))
        late = replace(desk(DatedWork(done, since)), today=DAY + timedelta(days=400))
        (work,) = (book.work for book in team_page(index, late).books if book.owner == "Dana Lee")
        assert (work.acted_on, work.covered, work.listed) == (3, covered, len(of_dana))
        assert work.overdue == len(of_dana) - covered  # as the tasks have it
    page = client_of(work=DatedWork(done, since)).get("/team").text
    assert page.count("by what was last recorded, however long ago") == 3


def test_of_a_recorded_book_without_a_ranked_account_nothing_is_overdue(index: ListIndex) -> None:
    of_dana = index.owners.codes == index.owners.labels.index("Dana Lee")
    account = index.ids[int(of_dana.argmax())].as_py()
    page = team_page(replace(index, is_ranked=index.is_ranked & ~of_dana), desk(DrawnWork({account: "won"})))
    assert next(book.work for book in page.books if book.owner == "Dana Lee") == Work(overdue=0)


def test_how_much_of_the_short_lists_is_new_is_told_to_who_sees_them_all(
    index: ListIndex, client: TestClient, client_of: Callable[..., TestClient]
) -> None:
    counts = index.listing.manifest["short_lists"]
    told = f"Of {counts['stayed'] + counts['came']} accounts on the owners&#39; short lists {counts['came']} "
    assert told in client.get("/team").text
    assert "short lists" not in client_of(sight=lambda _: OwnersSight(frozenset({"Ana Costa"}))).get("/team").text


def test_coverage_is_the_share_of_the_short_list_that_was_acted_on() -> None:
    assert Work(acted_on=9, won=1, listed=20, covered=5).coverage == 5 / 20
    assert Work().coverage is None


def test_without_a_record_nothing_is_said_to_be_done(client: TestClient, client_of: Callable[..., TestClient]) -> None:
    assert "acted on, won and overdue are not known" in client.get("/team").text
    assert "Overdue" not in client.get("/team").text
    assert "Overdue" in client_of(work=DrawnWork({})).get("/team").text


def test_triggers_are_counted_with_what_was_done(
    index: ListIndex, out: Path, client_of: Callable[..., TestClient]
) -> None:
    triggers = plain(out, "triggers")
    full = triggers[triggers.trigger_code == "seat_utilization"].account_id
    work = DrawnWork({full.iloc[0]: "won", full.iloc[1]: "working", "acc-none": "won"})
    counts = {count.title: count for count in team_page(index, desk(work)).triggers}
    assert counts["Seats nearly full"] == TriggerCount("Seats nearly full", "Seats", len(full), 2, 1)
    assert sum(count.fired for count in counts.values()) == len(triggers)
    assert counts["Use falls"].motion == "Against"
    assert {(count.acted_on, count.won) for count in team_page(index, desk()).triggers} == {(None, None)}
    mine = plain(out, "scores").set_index("account_id").owner.reindex(full) == "Ana Costa"
    seen = replace(desk(work), sight=OwnersSight(frozenset({"Ana Costa"})))
    assert {count.title: count.fired for count in team_page(index, seen).triggers}["Seats nearly full"] == mine.sum()
    page = client_of(work=work).get("/team").text
    assert '<td role="cell" class="who"><b>Seats nearly full</b></td>' in page


def test_what_came_of_each_play_is_counted_for_those_that_may_be_seen(
    index: ListIndex, out: Path, client_of: Callable[..., TestClient]
) -> None:
    """Also of accounts that are set apart, as those that were won are."""
    scores = plain(out, "scores").set_index("account_id")
    first, second, third, fourth, fifth = scores.index[scores.owner == "Ana Costa"][:5]
    other = scores.index[scores.owner == "Dana Lee"][0]
    code, last = list(index.listing.manifest["plays"])[:2]
    said = {first: ("won", code), second: ("lost", code), third: ("working", code), fourth: ("won", "a play of old")}
    said |= {fifth: ("snoozed", None), other: ("won", last), "acc-gone": ("won", code)}
    held = PlayedWork(
        {account: word for account, (word, _) in said.items()}, {a: play for a, (_, play) in said.items()}
    )
    mine = replace(desk(held), sight=OwnersSight(frozenset({"Ana Costa"})))
    name = index.listing.manifest["plays"][code]["name"]
    counted = team_page(index, mine).plays
    assert counted == (PlayCount(name, 3, 1, 1), PlayCount("a play of old", 1, 1, 0), PlayCount(NO_PLAY, 1, 0, 0))
    assert [play.close_rate for play in counted] == [1 / 2, 1, None]
    assert len(team_page(index, desk(held)).plays) == 4
    assert team_page(index, desk()).plays is None
    page = client_of(work=held).get("/team").text
    assert 'data-label="Close rate">50%</td>' in page
    assert 'data-label="Close rate">none closed</td>' in page
    assert "Close rate" not in client_of(work=DrawnWork({})).get("/team").text


@dataclass(frozen=True)
class DatedWork(DrawnWork):
    """A record of what was done on one day."""

    since: date = DAY

    def state_of(self, asked: Sequence[str] | None, day: date) -> dict[str, AccountState]:
        known = super().state_of(asked, day)
        return {account: replace(state, since=self.since) for account, state in known.items()}


@dataclass(frozen=True)
class BackWork(DrawnWork):
    """A record of accounts that were left for later, and are back since before they were listed."""

    def state_of(self, asked: Sequence[str] | None, day: date) -> dict[str, AccountState]:
        since = DAY - timedelta(days=400)
        return {
            account: replace(state, since=since, row=replace(self.history(account)[0], action="snoozed"))
            for account, state in super().state_of(asked, day).items()
        }


@dataclass(frozen=True)
class PlayedWork(DrawnWork):
    """A record with the play of each account."""

    plays: Mapping[str, str | None]

    def state_of(self, asked: Sequence[str] | None, day: date) -> dict[str, AccountState]:
        began = self.history(next(iter(self.states)))[0]
        return {
            account: replace(state, row=replace(began, account_id=account, play=self.plays[account]))
            for account, state in super().state_of(asked, day).items()
        }
