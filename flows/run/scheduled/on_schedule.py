"""What a run of a deployment does beside its work: it clears up before, sees whether it is needed, and tells after."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed

from data.errors import HeadroomError, SettingsError
from data.scratch import of_this_run
from flows.run.progress import say
from flows.run.scheduled.prefect_runs import (
    SKIPPED,
    connected,
    dead_runs,
    done_since,
    mark_crashed,
    note_place,
    without_slot,
)
from flows.run.scheduled.telling import RunNews, error_said, tell
from flows.run.settings import Settings, load

CRASHED = "its process is gone: it was killed, or its machine was"


def on_schedule(own: FlowRun, work: Callable[[], Any]) -> Any:
    """Do the work of a deployed run, and tell those who run the system where something is not as it should be.

    Returns what ``work`` returns, or the state of a run that was not needed. What ``work`` raises is raised.
    """
    settings = _settings(own)
    try:
        with of_this_run():
            return _looked_after(own, settings, work)
    except BaseException as error:
        what = "refused" if isinstance(error, HeadroomError) else "failed"  # no memory or no room is no refusal
        tell(settings, RunNews(own.name, what, error_said(error)))
        raise


def _looked_after(own: FlowRun, settings: Settings | None, work: Callable[[], Any]) -> Any:
    sweep(own, settings)
    if skipped := _not_needed(own):
        say(f"skipped: {skipped}")
        tell(settings, RunNews(own.name, "skipped", (f"Its work was done already: {skipped}.",)))
        return Completed(name=SKIPPED, message=f"skipped: {skipped}")
    if settings is not None:
        _tell_if_late(own, settings)
    return work()


def sweep(own: FlowRun, settings: Settings | None) -> None:
    """Mark runs as crashed whose process was killed, which Prefect leaves `Running`, and say so; note where this is."""
    with connected() as client:
        note_place(client, own)
        dead = {run.id: run for run in (*dead_runs(client), *without_slot(client, own)) if run.id != own.id}
        marked = [run for run in dead.values() if mark_crashed(client, run, f"{CRASHED}; marked by {own.name}")]
    for run in marked:
        say(f"warning: the run {run.name} was marked as crashed: {CRASHED}")
        tell(settings, RunNews(run.name, "crashed", (f"It came to no end: {CRASHED}.",)))


def _not_needed(own: FlowRun) -> str:
    """Why there is nothing to do; empty if there is."""
    with connected() as client:
        done = done_since(client, own)
    if done is None or done.start_time is None or own.expected_start_time is None:
        return ""
    return f"{done.name} began at {_at(done.start_time)}, after this slot of {_at(own.expected_start_time)} was due"


def _tell_if_late(own: FlowRun, settings: Settings) -> None:
    due = own.expected_start_time
    if due is None or datetime.now(UTC) - due < timedelta(minutes=settings.notify.late_minutes):
        return
    say(f"warning: this run was due at {_at(due)}, and begins now")
    tell(settings, RunNews(own.name, "late", (f"It was due at {_at(due)}, and began at {_at(datetime.now(UTC))}.",)))


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _settings(own: FlowRun) -> Settings | None:
    """The settings of the run, for who is told. Those that cannot be used the work itself refuses, and that is told."""
    try:
        return load(own.parameters.get("config"), None, own.parameters.get("out"))
    except SettingsError:
        return None
