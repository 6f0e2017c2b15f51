"""The pipeline ``monitor``: what came of the lists, what moved since, and what is the matter with the feeds."""

from datetime import date
from pathlib import Path
from typing import Any

from data.errors import PublishError
from flows.monitoring.feeds import watch_feeds
from flows.monitoring.lists import frozen_lists
from flows.monitoring.matured import matured_scoreboard
from flows.monitoring.moved import what_moved
from flows.monitoring.told import lines_of, log_monitoring, show_alarms, standing_alarms
from flows.run.progress import say
from flows.run.runner import RETRIES, pipeline, stage
from flows.run.settings import Settings, load
from flows.stages.base import read_base
from flows.stages.dates import today_utc
from serving.monitoring.contract import BINS
from serving.monitoring.store import Monitoring, empty, read_monitoring, write_monitoring


@pipeline("monitor")
def monitor(
    config: Path | str | None = None,
    source: str | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
) -> dict[str, Any]:
    """Look at the published lists by what the source knows before ``snapshot_date`` (default: the day after its data).

    Writes ``OUT/monitoring`` and returns its place, the alarms that stand and lines to print.
    """
    settings = load(config, source, out)
    base, _ = read_base(settings, snapshot_date)
    with base:
        lists = frozen_lists(base, settings)
        last = last_run(settings)
        scoreboard = matured_scoreboard(lists, base, settings)
        today = today_utc() if snapshot_date is None else None
        feeds = watch_feeds(base, settings, today)
        moved = what_moved(lists, base, feeds, last.frames[BINS.name] if last else empty(BINS), settings)
        day = today if today is not None and feeds.has_ended else base.snapshot_date  # said again though no day comes
    alarms = [*feeds.alarms, *moved.alarms, *scoreboard.alarms]
    standing = standing_alarms(alarms, last, day, settings)
    found = Monitoring(day, {**scoreboard.frames, **feeds.frames, **moved.frames}, standing)
    folder = keep(found, settings)
    show_alarms(found)
    log_monitoring(found, settings)
    return {"folder": folder, "snapshot_date": day, "alarms": standing, "lines": list(lines_of(found))}


def last_run(settings: Settings) -> Monitoring | None:
    """What the last run found; None where there was none, or where it cannot be read, which is told."""
    try:
        return read_monitoring(settings.out_folder)
    except PublishError as error:
        say(f"warning: what the last run found is not looked at: {error.clause}; alarms and bins begin anew")
        return None


@stage("write what was found", retries=RETRIES)
def keep(found: Monitoring, settings: Settings) -> Path:
    """Replace what the last run wrote."""
    return write_monitoring(settings.out_folder, found)
