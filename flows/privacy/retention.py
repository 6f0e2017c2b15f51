"""What is kept no longer than the settings say: lists, outcomes, notes of messages, runs of lists in MLflow."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from data.atomic import remove_folder
from data.checks.report import many
from data.errors import HeadroomError
from flows.run.progress import say
from flows.run.runner import stage
from flows.run.settings import Settings
from flows.stages.dates import today_utc
from models.registry.mlflow_store import ModelRegistry
from serving.publish import only_publisher
from serving.published.layout import folder_of, published_dates
from serving.published.read import open_list
from serving.store.erasure import erase_expired, expired
from serving.store.outcomes import is_there, open_store

MATURES_WITHIN_DAYS = 30
"""After the horizon: so long it may take until what came of a list has been read and counted."""


@dataclass(frozen=True)
class Expired:
    """What is older than the settings allow: days of lists, rows of the store by table, runs in MLflow."""

    lists: list[date] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """It in words."""
        if self.lists:
            yield f"{many(len(self.lists), 'list')}, {self.lists[0]} to {self.lists[-1]}"
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
    return Expired(_old_lists(settings, today, keep), rows, runs)


def _before(today: date, days: int | None) -> date | None:
    return None if days is None else today - timedelta(days=days)


def _registry(settings: Settings) -> ModelRegistry:
    return ModelRegistry(settings.mlruns_folder, settings.model)


def _old_lists(settings: Settings, today: date, keep: date | None) -> list[date]:
    """The lists that may go: of none of them is the latest in need, and what came of them is known."""
    first, days = _before(today, settings.retention.lists_days), published_dates(settings.out_folder)
    if first is None or not days:
        return []
    previous = open_list(settings.out_folder, days[-1]).manifest["previous_snapshot_date"]
    needed = {days[-1], keep, date.fromisoformat(previous) if previous else None}
    matured = days[-1] - timedelta(days=settings.expansion.horizon_days + MATURES_WITHIN_DAYS)
    return [day for day in days if day < min(first, matured) and day not in needed]


def erase_old(settings: Settings, today: date, keep: date | None = None) -> Expired:
    """Take it away, and say what it was. Each list goes as a whole."""
    old = find_expired(settings, today, keep)
    if old.lists:
        with only_publisher(settings.out_folder, asked=f"Remove old lists from {settings.out_folder}."):
            for day in old.lists:
                remove_folder(folder_of(settings.out_folder, day))
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
