"""What is kept no longer than the settings say: lists, outcomes, notes of messages, runs of lists in MLflow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from data.atomic import remove_folder
from data.checks.report import many
from data.errors import HeadroomError, PublishError
from flows.run.progress import say
from flows.run.runner import stage
from flows.run.settings import Settings
from flows.stages.dates import today_utc
from models.registry.mlflow_store import ModelRegistry
from serving.database.snapshots import DayOfList, days_of_lists, remove_days
from serving.publish import only_publisher
from serving.published.layout import folder_of, published_dates
from serving.published.read import open_list
from serving.store.erasure import erase_expired, expired
from serving.store.outcomes import is_there, open_store

MATURES_WITHIN_DAYS = 30
"""After the horizon: so long it may take until what came of a list has been read and counted."""


@dataclass(frozen=True)
class Expired:
    """What is older than the settings allow: days of lists, in files and in the database; rows of the store; runs."""

    lists: list[date] = field(default_factory=list)
    snapshots: list[date] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """It in words."""
        if self.lists:
            yield f"{many(len(self.lists), 'list')}, {self.lists[0]} to {self.lists[-1]}"
        if self.snapshots:
            yield f"{many(len(self.snapshots), 'list')} of the database, {self.snapshots[0]} to {self.snapshots[-1]}"
        yield from (f"{many(count, 'row')} of the {what}" for what, count in self.rows.items() if count)
        if self.runs:
            yield f"{many(len(self.runs), 'run')} of lists in MLflow"


def find_expired(settings: Settings, today: date, keep: date | None = None) -> Expired:
    """What is older than the settings allow on a day; ``keep``: the list of that day stays."""
    asked = settings.retention
    rows: dict[str, int] = {}
    before = _before(today, asked.outcomes_days), _before(today, asked.messages_days)
    if any(before) and is_there(settings.outcomes_url, settings.root):
        with open_store(settings.outcomes_url, settings.root) as store:
            rows = {what: len(ids) for what, ids in expired(store, *before).items()}
    runs_before = _before(today, asked.runs_days)
    runs = [] if runs_before is None else _registry(settings).list_runs(runs_before)
    first = _before(today, asked.lists_days)
    if first is None:
        return Expired(rows=rows, runs=runs)
    lists, snapshots = (_old(days, first, keep) for days in (_in_files(settings), _in_database(settings)))
    return Expired(lists, snapshots, rows, runs)


def _before(today: date, days: int | None) -> date | None:
    return None if days is None else today - timedelta(days=days)


def _registry(settings: Settings) -> ModelRegistry:
    return ModelRegistry(settings.mlruns_folder, settings.model)


def _in_files(settings: Settings) -> dict[date, DayOfList]:
    """The lists by their days, in their order. One that cannot be read stays, and keeps none of the others."""
    days: dict[date, DayOfList] = {}
    for day in published_dates(settings.out_folder):
        try:
            days[day] = _day_of_list(open_list(settings.out_folder, day).manifest)
        except PublishError as error:
            say(f"warning: the list of {day} is kept, however old, since {error.clause}. {error.todo}")
    return days


def _day_of_list(manifest: Mapping[str, Any]) -> DayOfList:
    previous = manifest["previous_snapshot_date"]
    return DayOfList(date.fromisoformat(previous) if previous else None, manifest["horizon_days"])


def _in_database(settings: Settings) -> dict[date, DayOfList]:
    """The same of the snapshots in the database, where the settings name one."""
    return {} if settings.database is None else days_of_lists(settings.database)


def _old(days: Mapping[date, DayOfList], first: date, keep: date | None) -> list[date]:
    """The lists of before ``first`` that may go: none that the latest needs, or of which it is not known what came."""
    if not days:
        return []
    latest = max(days)
    needed = (latest, keep, days[latest].previous)
    return [day for day, of in days.items() if day < min(first, _matured(latest, of)) and day not in needed]


def _matured(latest: date, of: DayOfList) -> date:
    """Before which day a list that looks so far ahead is one of which it is known what came."""
    return latest - timedelta(days=of.horizon_days + MATURES_WITHIN_DAYS)


def erase_old(settings: Settings, today: date, keep: date | None = None) -> Expired:
    """Take it away, and say what it was. Each list goes as a whole."""
    old = find_expired(settings, today, keep)
    if old.lists:
        with only_publisher(settings.out_folder, asked=f"Remove old lists from {settings.out_folder}."):
            there = published_dates(settings.out_folder)  # another run may have removed the same meanwhile
            for day in (day for day in old.lists if day in there):
                remove_folder(folder_of(settings.out_folder, day))
    if old.snapshots and settings.database is not None:
        remove_days(settings.database, old.snapshots)
    if any(old.rows.values()):
        asked = settings.retention
        with open_store(settings.outcomes_url, settings.root) as store:
            erase_expired(store, _before(today, asked.outcomes_days), _before(today, asked.messages_days))
    if old.runs:
        _registry(settings).delete_runs(old.runs)
    return old


def told(settings: Settings, *, yes: bool) -> Iterator[str]:
    """What is older than the settings allow, in lines; with ``yes`` it is removed."""
    today = today_utc()
    lines = list((erase_old if yes else find_expired)(settings, today).lines())
    yield from lines
    if not lines:
        yield "nothing is older than [retention] allows"
    elif yes:
        yield "removed; of MLflow's runs the rest goes with `mlflow gc`"
    else:
        yield "nothing was changed: --yes removes it"


@stage("keep what may be kept")
def apply_retention(settings: Settings, folder: Path, day: date) -> None:
    """After a list was published: what is older than the settings allow goes, and the log says so.

    ``folder``: that of the list of the ``day``, which stays. What cannot be removed is a warning: the list is there.
    """
    try:
        for line in erase_old(settings, today_utc(), keep=day).lines():
            say(f"kept no longer: {line}")
    except HeadroomError as error:
        say(f"warning: {folder} is published, and what is old could not be removed: {error.clause}. {error.todo}")
