"""The feeds of the source: which fell silent, how much comes, what became of their columns."""

from dataclasses import asdict, dataclass
from datetime import date

import pandas as pd

from data.feeds.volume import clocked, column_levels, volumes
from data.sources.known import KnownBase, data_end
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from models.monitoring.alarms import Alarm
from models.monitoring.checks import of_columns, of_end, of_parts, of_silence, of_volume
from serving.monitoring.contract import COLUMNS, FEEDS
from serving.monitoring.store import frame_of


@dataclass(frozen=True)
class WatchedFeeds:
    """Tables of monitoring by name, and the alarms about the source. ``has_ended``: all of it has stopped."""

    frames: dict[str, pd.DataFrame]
    alarms: list[Alarm]
    has_ended: bool = False

    @property
    def tables(self) -> frozenset[str]:
        """The tables of the source that an alarm is about."""
        return frozenset(alarm.subject.partition(".")[0] for alarm in self.alarms)


@stage("feeds", retries=RETRIES)
def watch_feeds(base: KnownBase, settings: Settings, today: date | None = None) -> WatchedFeeds:
    """The feeds on the day of the base, by what was known before it.

    ``today``: by which the source as a whole is judged, where the base is the latest that there is.
    """
    day, silent = base.snapshot_date, base.silent
    last_days = base.feeds.last_days(day)
    counted = {volume.table: volume for volume in volumes(base.tables, day)}
    levels = list(column_levels(base.tables, day))
    rows = [
        {
            **(asdict(counted[name]) if name in counted else {}),
            "table": name,
            "last_day": last_days.get(name),
            "silent_days": silent[name].days if name in silent else None,
        }
        for name in clocked(base.tables)
    ]
    told = [volume for name, volume in counted.items() if name not in silent]  # one thing is said once
    ended = [] if today is None else list(of_end(data_end(base.tables, day), today, settings.serve.stale_days))
    alarms = [
        *ended,
        *of_silence(silent.values()),
        *of_parts(base.parts),
        *of_volume(told, settings.monitor),
        *of_columns(levels, settings.monitor),
    ]
    frames = {FEEDS.name: frame_of(FEEDS, rows), COLUMNS.name: frame_of(COLUMNS, map(asdict, levels))}
    return WatchedFeeds(frames, alarms, bool(ended))
