"""The folder of monitoring beside the lists: written whole, by a rename, and read by whoever shows it.

OUT/monitoring/lists.parquet ...     the tables of ``contract``
               alarms.json           the alarms of the last run, and its day
               headroom.prom         the figures for Prometheus
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from data.atomic import aside_of, whole_folder
from data.contract.outputs import OutputTable
from serving.monitoring.contract import MONITORING_TABLES
from serving.monitoring.prometheus import exposition
from serving.monitoring.standing import StandingAlarm
from serving.published import tables
from serving.published.layout import cannot_be_read, damaged

FOLDER, ALARMS, PROMETHEUS = "monitoring", "alarms.json", "headroom.prom"


@dataclass(frozen=True)
class Monitoring:
    """What a run of monitoring on ``day`` found. ``frames``: by the name of its table."""

    day: date
    frames: Mapping[str, pd.DataFrame]
    alarms: tuple[StandingAlarm, ...]


def place_of_monitoring(out: Path) -> Path:
    """Where the folder stands, also where a run that replaced it died half-way."""
    place = out / FOLDER
    return place if place.exists() else aside_of(place)


def empty(table: OutputTable) -> pd.DataFrame:
    """A table without a row."""
    return _typed(pd.DataFrame(columns=list(table.names)), table)


def frame_of(table: OutputTable, rows: Iterable[Mapping[Any, Any]]) -> pd.DataFrame:
    """The rows in the order of the table, with all of its columns and their types."""
    frame = _typed(pd.DataFrame(list(rows), columns=list(table.names)), table)
    rising = table.rising
    return frame.sort_values(list(rising), ascending=list(rising.values()), kind="stable", ignore_index=True)


def _typed(frame: pd.DataFrame, table: OutputTable) -> pd.DataFrame:
    return tables.as_declared(tables.to_arrow(frame, table).to_pandas(), table)


def write_monitoring(out: Path, found: Monitoring) -> Path:
    """Replace the folder by what was found. Raises PublishError where it cannot be written; the old one then stays."""
    with whole_folder(out / FOLDER, f"Write what monitoring found in {out}.") as folder:
        for name, table in MONITORING_TABLES.items():
            tables.write(folder / f"{name}.parquet", tables.to_arrow(found.frames[name], table))
        said = {"day": found.day, "alarms": [alarm.to_dict() for alarm in found.alarms]}
        (folder / ALARMS).write_text(json.dumps(said, default=str, indent=1, ensure_ascii=False), encoding="utf-8")
        (folder / PROMETHEUS).write_text(exposition(found.day, found.frames, found.alarms), encoding="utf-8")
    return out / FOLDER


def read_monitoring(out: Path) -> Monitoring | None:
    """What the last run found; None where there was none. Raises PublishError for a file that cannot be read."""
    folder = place_of_monitoring(out)
    if not folder.exists():
        return None
    file = folder / ALARMS
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        alarms = tuple(StandingAlarm.from_dict(alarm) for alarm in said["alarms"])
        day = date.fromisoformat(said["day"])
    except OSError as error:
        raise cannot_be_read(file, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file, f"is not as it should be ({error})") from error
    frames = {name: _read(folder / f"{name}.parquet", table) for name, table in MONITORING_TABLES.items()}
    return Monitoring(day, frames, alarms)


def _read(file: Path, table: OutputTable) -> pd.DataFrame:
    frame = tables.read(file)
    lacking = [name for name in table.names if name not in frame]
    if lacking:
        raise damaged(file, f"has no column {', '.join(lacking)}")
    return _typed(frame, table)
