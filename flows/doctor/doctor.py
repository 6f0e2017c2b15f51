"""``headroom doctor``: every examination, one after the other, as lines or as JSON."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from flows.doctor.diagnosis import Diagnosis, Examination, Health
from flows.doctor.installation import channels, disk, versions
from flows.doctor.leftovers import clean as leftovers_removed
from flows.doctor.leftovers import leftovers
from flows.doctor.lists import latest_list
from flows.doctor.model_store import models
from flows.doctor.outcome_store import outcomes
from flows.doctor.tables import source
from flows.run.scheduled.telling import RunNews, tell
from flows.run.settings import Settings

EXAMINATIONS: tuple[Examination, ...] = (
    versions,
    disk,
    source,
    models,
    latest_list,
    outcomes,
    leftovers,
    channels,
)
"""What is looked at of every installation, in this order."""

MOST_TOLD = 4
"""Wrong things in one message; the command itself tells all."""


def examine(settings: Settings, others: Iterable[Examination] = ()) -> Iterator[Diagnosis]:
    """What is found; ``others``: examinations beside those of every installation."""
    for one in (*EXAMINATIONS, *others):
        yield from one(settings)


def clean(settings: Settings, end_runs: Callable[[], Iterator[str]] | None = None) -> Iterator[str]:
    """Clear up what killed runs left, and say so. ``end_runs``: ends those of a scheduler, and yields their names."""
    yield from (f"cleared up {path}" for path in leftovers_removed(settings))
    yield from (f"{name} was marked as crashed: its process is gone" for name in (end_runs() if end_runs else ()))


def tell_wrong(settings: Settings, found: Iterable[Diagnosis]) -> None:
    """Tell what is wrong, if anything is, over the channels for operations."""
    said = tuple(f"{one.name}: {one.found}. {one.todo}" for one in found if one.health is Health.WRONG)
    if said:
        tell(settings, RunNews("the installation", "found wrong", said[:MOST_TOLD]))


def is_well(found: Iterable[Diagnosis]) -> bool:
    """Is nothing wrong?"""
    return all(diagnosis.health is not Health.WRONG for diagnosis in found)


def as_json(found: Iterable[Diagnosis]) -> str:
    """An object for each line, in a list."""
    return json.dumps([asdict(diagnosis) for diagnosis in found], indent=2, ensure_ascii=False)
