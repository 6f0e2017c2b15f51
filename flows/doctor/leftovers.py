"""What runs that were killed left behind, beside what the next run clears up by itself.

The scratch folder of a killed run is no such thing: every command removes those that no living process holds.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from data.atomic import ASIDE, UNFINISHED, recover, remove_left
from data.errors import some
from data.locks import is_held, taken
from data.scratch import own_folder
from flows.doctor.diagnosis import Diagnosis, examination, look, ok
from flows.run.settings import Settings
from models.registry.mlflow_store import RUNNING
from serving.monitoring.store import FOLDER as MONITORING
from serving.published.layout import PREFIX

RESUMED_WITHIN_SECONDS = 24 * 3600
"""A build of features that was stopped is gone on with, if the same day is asked for again."""


@examination("leftovers")
def leftovers(settings: Settings) -> Iterator[Diagnosis]:
    """Files and folders that were being written, and locks, that no living process holds."""
    there = [path.name for path in _left(settings)]
    if there:
        yield look(f"of runs that were killed: {some(there)}", "Run `headroom doctor --clean`.")
    else:
        yield ok("killed runs have left nothing")


def clean(settings: Settings) -> Iterator[Path]:
    """Remove what no living process holds, and put back a list that was being replaced. Yields what was removed."""
    for path in _left(settings):
        if path.name.startswith((f"{ASIDE}{PREFIX}", f"{UNFINISHED}{PREFIX}")):
            if not _recovered(path.parent, path.name.partition(PREFIX)[2]):
                continue
        elif not remove_left(path):
            continue
        yield path


def _recovered(out: Path, day: str) -> bool:
    """Clear up after the publisher of a day, unless somebody publishes there now."""
    with taken(out) as is_ours:
        if is_ours:
            recover(out, f"{PREFIX}{day}")
        return is_ours


def _left(settings: Settings) -> list[Path]:
    """What lies there and is nobody's, sorted."""
    written = (settings.out_folder, settings.reports_folder, settings.mlruns_folder, settings.history_folder)
    folders = {*written, settings.out_folder / MONITORING, *settings.writeback_folder.glob("*/")}
    candidates = [path for folder in folders for path in folder.glob(f"{UNFINISHED}*")]
    candidates += settings.mlruns_folder.glob(f"{RUNNING}*.lock")
    aside = [] if is_held(settings.out_folder) else list(settings.out_folder.glob(f"{ASIDE}{PREFIX}*"))
    held = [str(path) for path in candidates if is_held(path)]  # with what SQLite keeps beside a file, by its name
    left = [path for path in candidates if not any(str(path).startswith(one) for one in held)]
    return sorted(left + aside + list(_stopped_builds()))


def _stopped_builds() -> Iterator[Path]:
    """Shards of features that nobody will go on with."""
    for folder in own_folder().glob("features-*"):
        is_old = time.time() - folder.stat().st_mtime > RESUMED_WITHIN_SECONDS
        lock = folder if folder.suffix == ".lock" else folder.with_name(f"{folder.name}.lock")
        if is_old and not is_held(lock):
            yield folder
