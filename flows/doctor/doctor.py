"""``headroom doctor``: every examination, one after the other, as lines or as JSON."""

import json
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

from data.errors import SettingsError, in_words
from flows.doctor.diagnosis import Diagnosis, Examination, Health
from flows.doctor.installation import channels, disk, versions
from flows.doctor.leftovers import clean as leftovers_removed
from flows.doctor.leftovers import leftovers
from flows.doctor.lists import experiment, latest_list
from flows.doctor.model_store import models
from flows.doctor.outcome_store import outcomes
from flows.doctor.tables import source
from flows.run.scheduled.telling import RunNews, tell
from flows.run.settings import Settings
from serving.messages.delivery.operations import reached
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL

EXAMINATIONS: tuple[Examination, ...] = (
    versions,
    disk,
    source,
    models,
    latest_list,
    experiment,
    outcomes,
    leftovers,
    channels,
)
"""What is looked at of every installation, in this order."""

MOST_TOLD = 4
"""Wrong things in one message, which counts the others; the command itself tells all."""
ENDED = "its process is gone; marked by `headroom doctor --clean`"


def examine(settings: Settings, others: Iterable[Examination] = ()) -> Iterator[Diagnosis]:
    """What is found; ``others``: examinations beside those of every installation.

    One that fails keeps its traceback, and is found wrong: what the others find is told all the same.
    """
    for one in (*EXAMINATIONS, *others):
        try:
            yield from one(settings)
        except Exception as error:  # whatever it is, it must not keep the doctor from telling
            traceback.print_exc()
            found = f"looking at it ended with {type(error).__name__}"
            yield Diagnosis(Health.WRONG, found, "Run `headroom doctor`, and read the traceback.", one.name)


def clean(settings: Settings, end_runs: Callable[[str], Iterator[str]] | None = None) -> Iterator[str]:
    """Clear up what killed runs left, and say so; also what of it cannot be cleared up, which stops nothing else.

    ``end_runs``: ends those of a scheduler with a message, and yields their names; that they crashed is told.
    """
    yield from _as_far_as_it_goes(f"cleared up {path}" for path in leftovers_removed(settings))
    if end_runs:
        yield from _as_far_as_it_goes(_marked(settings, end_runs))


def _marked(settings: Settings, end_runs: Callable[[str], Iterator[str]]) -> Iterator[str]:
    for name in end_runs(ENDED):
        yield f"{name} was marked as crashed: its process is gone"
        tell(settings, RunNews(name, "crashed", (f"It came to no end: {ENDED}.",)))


def _as_far_as_it_goes(lines: Iterator[str]) -> Iterator[str]:
    """The lines, and one more for what ended them; a fault of ours keeps its traceback beside it."""
    try:
        yield from lines
    except Exception as error:  # whatever it is, it must not keep the doctor from looking
        if (told := in_words(error)) is None:
            traceback.print_exc()
            yield f"warning: clearing up ended with {type(error).__name__}"
        else:
            yield f"warning: not all is cleared up: {told.asked} Found: {told.found} {told.todo}"


def tell_wrong(settings: Settings, found: Iterable[Diagnosis]) -> None:
    """Tell what is wrong, if anything is, over the channels for operations.

    Raises SettingsError where there is none, or its address is none: nobody would ever be told.
    """
    said = tuple(f"{one.name}: {one.found}. {one.todo}" for one in found if one.health is Health.WRONG)
    if more := said[MOST_TOLD:]:
        said = (*said[:MOST_TOLD], f"And {len(more)} more: run `headroom doctor`.")
    if said:
        tell(settings, RunNews("the installation", "found wrong", said))
    if not any(reached(os.environ, settings.notify.operations)):
        raise SettingsError(
            "Tell what is wrong with the installation.",
            "no channel for operations is set.",
            f"Set {OPERATIONS_URL}; or `operations` under [notify], and {EMAIL_URL}.",
        )


def is_well(found: Iterable[Diagnosis]) -> bool:
    """Is nothing wrong?"""
    return all(diagnosis.health is not Health.WRONG for diagnosis in found)


def as_json(found: Iterable[Diagnosis]) -> str:
    """An object for each line, in a list."""
    return json.dumps([asdict(diagnosis) for diagnosis in found], indent=2, ensure_ascii=False)
