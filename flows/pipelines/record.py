"""The pipeline ``record``: what the source shows on a day, added to the history."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from data.errors import NotEnoughHistoryError
from data.record.record import Recording, record_day
from data.sources.connect import open_source
from flows.run.progress import say
from flows.run.runner import RETRIES, pipeline, runner, stage
from flows.run.settings import Settings, load_recording
from flows.stages.dates import as_date, today_utc


@pipeline("record")
def record(
    config: Path | str | None = None,
    source: str | None = None,
    day: date | str | None = None,
    accept: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Record what the source shows on ``day`` (default: today, UTC) into the history of the settings.

    ``source``: what to record (default: that of [record], or else of [source]). ``accept``: tables, and columns as
    ``table.column``, that may lose rows and values. Returns the folder, the day and what was recorded, in lines.
    """
    settings = load_recording(config, source, accept or ())
    chosen = as_date(day) or today_utc()
    runner().name_run(chosen)
    recorded = add_day(settings, chosen)
    return {"folder": settings.history_folder, "day": chosen, "lines": recorded.lines()}


@stage("record the day", retries=RETRIES)
def add_day(settings: Settings, day: date) -> Recording:
    """Read the source and add the day to the history. Raises ``NotEnoughHistoryError`` for a day that has not come."""
    address = settings.recorded_address
    if day > today_utc():
        raise NotEnoughHistoryError(
            f"Record {address.shown} as of {day}.", f"today is {today_utc()} (UTC).", "Record a day that has come."
        )
    address.require()  # before it is told, for it may hold a password
    say(f"reading {address.shown}")
    with open_source(address) as source:
        return record_day(source, settings.history_folder, day, settings.record, say)
