"""Where an account stands, from its rows: what counts of them after corrections, and what it comes to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter

from serving.outcomes.outcome import RecordedOutcome
from serving.outcomes.vocabulary import CORRECTED, OPEN, SNOOZED, STATE_AFTER, WORKING


@dataclass(frozen=True)
class AccountState:
    """Where an account stands: one of ``STATES``, since when, and the row that says so (None: nothing was done yet).

    ``until``: a snoozed account is open again on that day. What the row says of play, reason or ARR stands in it.
    """

    state: str = OPEN
    since: date | None = None
    until: date | None = None
    row: RecordedOutcome | None = None

    @property
    def who(self) -> str | None:
        return None if self.row is None else self.row.who

    @property
    def play(self) -> str | None:
        return None if self.row is None else self.row.play


def is_acted_on(state: AccountState, since: date) -> bool:
    """Has anything been done about an account since a day, such as that on which it came to the list?

    Whoever works on it, or has left it for later, has; a note does nothing, and what was won or lost before the day is
    another matter. What is back from later was left then if its day came since.
    """
    return state.state in (WORKING, SNOOZED) or (state.since is not None and state.since >= since)


def is_back(state: AccountState) -> bool:
    """Was it left for later, and has its day come?"""
    return state.state == OPEN and state.row is not None and state.row.action == SNOOZED


def is_left_undone(state: AccountState, since: date) -> bool:
    """Has nothing been done about an account since it came to the list?

    What is back from later is no such account: that it is back is told of it instead.
    """
    return not is_acted_on(state, since) and not is_back(state)


def by_account(rows: Iterable[RecordedOutcome]) -> Iterator[tuple[str, list[RecordedOutcome]]]:
    """The rows of each account, in the order in which they were recorded."""
    ordered = sorted(rows, key=attrgetter("account_id", "id"))
    for account, of_account in groupby(ordered, key=attrgetter("account_id")):
        yield account, list(of_account)


def standing(rows: Iterable[RecordedOutcome]) -> list[tuple[RecordedOutcome, date]]:
    """What counts of an account's rows: each with the day on which it happened.

    A row that corrects another stands in its place and on its day; one that takes it back leaves nothing there.
    """
    places: dict[int, int] = {}
    kept: list[tuple[RecordedOutcome, date] | None] = []
    for row in rows:
        place = len(kept) if row.corrects is None else places[row.corrects]
        places[row.id] = place
        if place == len(kept):
            kept.append((row, row.day))
        elif (before := kept[place]) is not None:
            kept[place] = None if row.action == CORRECTED else (row, before[1])
    return [pair for pair in kept if pair is not None]


def state_on(rows: Iterable[RecordedOutcome], day: date) -> AccountState:
    """Where an account stands at the end of ``day`` by these rows, which were recorded until then."""
    now = AccountState()
    for row, since in standing(rows):
        if row.action in STATE_AFTER:
            now = AccountState(STATE_AFTER[row.action], since, row.until, row)
    if now.state == SNOOZED and now.until is not None and now.until <= day:
        return AccountState(OPEN, now.until, None, now.row)
    return now
