"""The team: each owner's book in figures, how often each trigger fires, and what came of both and of each play."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.contract.outputs import NO_OWNER
from serving.outcomes.states import AccountState, is_acted_on
from serving.outcomes.vocabulary import LOST, OPEN, WON
from serving.render.entries import MOTION_WORDS
from serving.render.orders import say_short_lists
from serving.web.index import NOT_KNOWN, ListIndex, Mask, Places
from serving.web.pages.my_list import Desk, late, places_of, seen_by, states_of

NO_PLAY = "no play named"
"""What stands for the play of what was recorded without one."""


@dataclass(frozen=True)
class Work:
    """What was done about the ranked accounts of a book.

    ``acted_on`` and ``won``: where they stand by what was last recorded, however long ago. ``listed`` of them are on
    its short list, of which ``covered`` were acted on since they came there. ``overdue``: as in the tasks; None where
    nothing was ever recorded of the book, so that nobody knows.
    """

    acted_on: int = 0
    won: int = 0
    listed: int = 0
    covered: int = 0
    overdue: int | None = None

    @property
    def coverage(self) -> float | None:
        """The share of the short list that was acted on since it stands there; None where nothing does."""
        return self.covered / self.listed if self.listed else None


@dataclass(frozen=True)
class Book:
    """The accounts of one owner; ``expected_arr`` is of the ranked. ``work`` is None where nothing is recorded."""

    owner: str
    accounts: int
    ranked: int
    expected_arr: float
    work: Work | None

    @property
    def has_owner(self) -> bool:
        return self.owner != NO_OWNER


@dataclass(frozen=True)
class TriggerCount:
    """For how many accounts of the list a trigger fires, and where they stand by what was last recorded.

    ``motion`` in words; ``acted_on`` and ``won`` are None where nothing is recorded.
    """

    title: str
    motion: str
    fired: int
    acted_on: int | None
    won: int | None


@dataclass(frozen=True)
class PlayCount:
    """What came of a play, of the accounts that were dealt with under it: ranked or set apart, by where each stands."""

    name: str
    acted_on: int
    won: int
    lost: int

    @property
    def close_rate(self) -> float | None:
        """The won of those that were won or lost; None where none was."""
        closed = self.won + self.lost
        return self.won / closed if closed else None


@dataclass(frozen=True)
class TeamPage:
    """The books that may be seen, by name, and all of them together; the triggers that fire for their accounts.

    ``plays``: what came of those that were played; None where nothing is recorded. ``held``: how much of all short
    lists is new, in words, for whoever may see them all.
    """

    books: tuple[Book, ...]
    all: Book
    triggers: tuple[TriggerCount, ...]
    plays: tuple[PlayCount, ...] | None
    held: str


def team_page(index: ListIndex, desk: Desk) -> TeamPage:
    """Every owner's book."""
    seen = seen_by(index, desk.sight)
    work = _work(index, desk, np.flatnonzero(seen & index.is_ranked))
    arr = np.nan_to_num(np.where(index.is_ranked, index.expected_arr, 0.0))
    books = []
    for code in np.unique(index.owners.codes[seen]).tolist():
        mine = seen & (index.owners.codes == code)
        owner = index.owners.labels[code]
        done = None if work is None else work.get(code, Work())
        books.append(Book(owner, int(mine.sum()), int((mine & index.is_ranked).sum()), float(arr[mine].sum()), done))
    plays = None if desk.work is None else tuple(_plays(index, desk, seen))
    held = say_short_lists(index.listing) if desk.sight.owners is None else ""
    return TeamPage(tuple(books), _together(books), tuple(_triggers(index, desk, seen)), plays, held)


def _triggers(index: ListIndex, desk: Desk, seen: Mask) -> Iterator[TriggerCount]:
    """Every trigger that fires for an account that may be seen, in the order of the playbook."""
    firing = {code: places[seen[places]] for code, places in index.firing.items()}
    any_of_them = np.unique(np.concatenate([*firing.values(), np.empty(0, dtype=np.int64)]))
    states = np.full(len(index), OPEN, dtype=object)
    states[any_of_them] = states_of(index, any_of_them, desk)
    for code, places in firing.items():
        trigger, of_these = index.listing.manifest["triggers"][code], states[places]
        acted_on, won = int((of_these != OPEN).sum()), int((of_these == WON).sum())
        motion = MOTION_WORDS[trigger["motion"]] if trigger["motion"] else "Against"
        known = desk.work is not None
        if len(places):
            yield TriggerCount(
                trigger["title"], motion, len(places), acted_on if known else None, won if known else None
            )


def _plays(index: ListIndex, desk: Desk, seen: Mask) -> Iterator[PlayCount]:
    """Every play under which an account stands that may be seen, in the order of the playbook; others by their code."""
    told = {code: play["name"] for code, play in index.listing.manifest["plays"].items()}
    played: dict[str, list[AccountState]] = {}
    for place, state in places_of(index, desk.states):
        if seen[place] and state.state != OPEN:
            played.setdefault(state.play or NO_PLAY, []).append(state)
    order = {code: number for number, code in enumerate(told)}
    for code in sorted(played, key=lambda code: (order.get(code, len(order)), code)):
        counted = Counter(state.state for state in played[code])
        yield PlayCount(told.get(code, code), counted.total(), counted[WON], counted[LOST])


def _work(index: ListIndex, desk: Desk, ranked: Places) -> dict[int, Work] | None:
    """By owner, what was done; None where nothing is recorded."""
    if desk.work is None:
        return None
    here = places_of(index, desk.states)
    found = late(index, here, desk.today)
    covered = [
        place
        for place, state in here
        if (since := index.day(index.listed_since, place)) is not None and is_acted_on(state, since)
    ]
    recorded = set(np.flatnonzero(found.recorded).tolist())
    table = pd.DataFrame(
        {
            "owner": index.owners.codes[ranked],
            "state": states_of(index, ranked, desk),
            "is_listed": index.listed_since[ranked] != NOT_KNOWN,
            "is_covered": np.isin(ranked, covered),
            "is_overdue": np.isin(ranked, found.overdue),
        }
    )
    books = {code: table[table["owner"] == code] for code in recorded.union(table["owner"].tolist())}
    return {code: _of_book(book, code in recorded) for code, book in books.items()}


def _of_book(ranked: pd.DataFrame, is_recorded: bool) -> Work:
    """``ranked``: of the accounts of a book the state, and whether they are listed, covered and overdue."""
    return Work(
        acted_on=int((ranked["state"] != OPEN).sum()),
        won=int((ranked["state"] == WON).sum()),
        listed=int(ranked["is_listed"].sum()),
        covered=int(ranked["is_covered"].sum()),
        overdue=int(ranked["is_overdue"].sum()) if is_recorded else None,
    )


def _together(books: list[Book]) -> Book:
    known = [book.work for book in books if book.work is not None]
    overdue = [of.overdue for of in known if of.overdue is not None]
    work = Work(
        acted_on=sum(of.acted_on for of in known),
        won=sum(of.won for of in known),
        listed=sum(of.listed for of in known),
        covered=sum(of.covered for of in known),
        overdue=sum(overdue) if overdue else None,
    )
    return Book(
        "All",
        sum(book.accounts for book in books),
        sum(book.ranked for book in books),
        sum(book.expected_arr for book in books),
        work if len(known) == len(books) and books else None,
    )
