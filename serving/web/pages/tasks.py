"""My tasks: what was taken up, what was left for later and is back, and what should have been done by now.

Of an owner of whose accounts nothing was ever recorded, nobody knows what was done: what should have been waits, and is
not counted as a task, until something is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from serving.outcomes.states import AccountState, is_back
from serving.outcomes.vocabulary import WORKING
from serving.reasons.formats import say_day
from serving.web.index import NOT_KNOWN, Codes, ListIndex, Places, day_of, number_of
from serving.web.pages.my_list import (
    Desk,
    ListRow,
    Options,
    Tile,
    found_by,
    late,
    on_page,
    options_with,
    places_of,
    rows,
    seen_by,
)
from serving.web.query import ListQuery, TaskKind, TaskQuery

KINDS = tuple(TaskKind)
WAITING = KINDS.index(TaskKind.WAITING)
KIND_WORDS = {
    TaskKind.TAKEN: "Taken up",
    TaskKind.BACK: "Back from later",
    TaskKind.OVERDUE: "Overdue",
    TaskKind.WAITING: "Waiting",
}


@dataclass(frozen=True)
class Tasks:
    """The tasks of a list, the earliest day first, and then those that wait.

    ``places``: the account's row; ``kinds``: its place in ``KINDS``; ``days``: since 1970, by when it should be
    done, or since when it waits.
    """

    places: Places
    kinds: Codes
    days: Codes


@dataclass(frozen=True)
class TaskRow:
    """A task. ``day`` as of ``Tasks``; ``what``: why it is one, in words; ``is_late``: the day to act by is past."""

    day: date
    what: str
    is_late: bool
    row: ListRow


@dataclass(frozen=True)
class TaskPage:
    """A page of tasks. ``found``: on all pages; ``kinds``: how many there are of each, before a kind is asked for.

    ``has_waiting``: is one among them that waits?
    """

    query: TaskQuery
    rows: tuple[TaskRow, ...]
    found: int
    pages: int
    kinds: tuple[Tile, ...]
    options: Mapping[str, Options]

    @property
    def has_waiting(self) -> bool:
        return any(tile.count for tile in self.kinds if tile.code == TaskKind.WAITING)


class HeldTasks:
    """The tasks of the list that was asked for last, while nothing was added to the record: every page counts them."""

    def __init__(self) -> None:
        self._held: tuple[ListIndex, Mapping[str, AccountState], date, Tasks] | None = None

    def of(self, index: ListIndex, desk: Desk) -> Tasks:
        held = self._held
        if held is None or held[0] is not index or held[1] is not desk.states or held[2] != desk.today:
            self._held = held = index, desk.states, desk.today, tasks_of(index, desk.states, desk.today)
        return held[3]

    def count(self, index: ListIndex, desk: Desk) -> int:
        """How many of them somebody may see, without those that wait."""
        tasks = self.of(index, desk)
        return int(seen_by(index, desk.sight)[tasks.places[tasks.kinds != WAITING]].sum())


def tasks_of(index: ListIndex, states: Mapping[str, AccountState], today: date) -> Tasks:
    """All tasks of a list: one at most for each account, and none for one that is closed or waits."""
    here = places_of(index, states)
    taken = [(place, state.since) for place, state in here if state.state == WORKING and state.since]
    back = [(place, state.since) for place, state in here if is_back(state) and state.since]
    overdue, waiting, _ = late(index, here, today)
    known = [*taken, *back]
    places = np.array([*(place for place, _ in known), *overdue.tolist(), *waiting.tolist()], dtype=np.int64)
    kinds = np.repeat(np.arange(len(KINDS), dtype=np.int32), [len(taken), len(back), len(overdue), len(waiting)])
    since = [number_of(day) for _, day in known]
    days = np.array([*since, *index.due_on[places[len(known) :]].tolist()], dtype=np.int32)
    due = index.act_by[places]
    days = np.where((kinds == KINDS.index(TaskKind.TAKEN)) & (due != NOT_KNOWN), due, days).astype(np.int32)
    order = np.lexsort((places, days, kinds == WAITING))
    return Tasks(places[order], kinds[order], days[order])


def task_page(index: ListIndex, tasks: Tasks, query: TaskQuery, desk: Desk, page_rows: int) -> TaskPage:
    """A page of the tasks that may be seen, the earliest day first; a page after the last is the last."""
    seen = seen_by(index, desk.sight)
    asked = found_by(index, query, seen)
    through = np.flatnonzero(asked[tasks.places])
    counts = np.bincount(tasks.kinds[through], minlength=len(KINDS))
    if query.kind:
        through = through[tasks.kinds[through] == KINDS.index(TaskKind(query.kind))]
    here, page, pages = on_page(through, query.page, page_rows)
    return TaskPage(
        query.model_copy(update={"page": page}),
        _task_rows(index, tasks, here, desk),
        len(through),
        pages,
        tuple(Tile(kind, KIND_WORDS[kind], count) for kind, count in zip(KINDS, counts.tolist(), strict=True)),
        {"owner": options_with([(owner, owner) for owner in index.owners.among(seen)], query.owner)},
    )


def _task_rows(index: ListIndex, tasks: Tasks, here: Places, desk: Desk) -> tuple[TaskRow, ...]:
    told = rows(index, tasks.places[here], ListQuery(), desk)
    made = []
    for row, kind, number in zip(told, tasks.kinds[here].tolist(), tasks.days[here].tolist(), strict=True):
        since = desk.states[row.account_id].since if row.account_id in desk.states else None
        is_past = KINDS[kind] is TaskKind.OVERDUE or (row.act_by is not None and row.act_by < desk.today)
        is_late = is_past and kind != WAITING
        made.append(TaskRow(day_of(number), _what(KINDS[kind], row, since, day_of(number)), is_late, row))
    return tuple(made)


def _what(kind: TaskKind, row: ListRow, since: date | None, day: date) -> str:
    if kind is TaskKind.WAITING:
        return f"Waiting since {say_day(day)}"
    if kind is TaskKind.OVERDUE:
        return "Nothing was done so far"
    due = f", to act by {say_day(row.act_by)}" if row.act_by else ""
    return f"{'Taken up on' if kind is TaskKind.TAKEN else 'Left until'} {say_day(since)}{due}" if since else ""
