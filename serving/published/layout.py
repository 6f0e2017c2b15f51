"""Published lists as they lie on disk: a folder a day, its manifest, and what is said of a file that cannot be read."""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from data.atomic import ASIDE, aside_of
from data.errors import PublishError

MANIFEST = "manifest.json"
PREFIX = "snapshot_date="
"""What the folder of a day is called, before the day."""
ALWAYS_THERE: Mapping[str, type] = {
    "snapshot_date": str,
    "run_id": str,
    "rank_by": str,
    "rows_out": dict,
    "ranked": int,
    "excluded": int,
    "files_sha256": dict,
    "plays": dict,
}
"""What every manifest says, and of which kind it is."""
HELD_OUT = "held_out"
"""What a manifest says of an experiment: how many accounts of the base it holds out; not there in older lists."""
ERASED = "erased"
"""What a manifest says of accounts that were taken out since: by day how many, and how many of them were ranked."""


def place_of(out: Path, day: date) -> Path:
    """Where the list of a day belongs."""
    return out / f"{PREFIX}{day.isoformat()}"


def folder_of(out: Path, day: date) -> Path:
    """Where the published list of a day stands, also if a run that replaced it died half-way."""
    place = place_of(out, day)
    return place if place.exists() else aside_of(place)


def published_dates(out: Path) -> list[date]:
    """The days of the published lists, earliest first."""
    days = {_day_of(path) for path in out.glob(f"*{PREFIX}*") if (path / MANIFEST).exists()}
    return sorted(day for day in days if day)


def published_day(out: Path, snapshot_date: date | None, verb: str) -> date:
    """The day asked for, the latest where none is given. Raises PublishError where no list of it was published."""
    days = published_dates(out)
    day = snapshot_date or (days[-1] if days else None)
    if day is None or day not in days:
        there = f"the days there are {', '.join(map(str, days[-5:]))}" if days else "no list has been published there"
        asked = f"{verb} the list of {snapshot_date}" if snapshot_date else f"{verb} the latest list"
        raise PublishError(
            f"{asked} in {out}.", f"{there}.", "Run `headroom score` for that day, or give another --out."
        )
    return day


def _day_of(path: Path) -> date | None:
    """The day that a list's folder is named after; None for any other name."""
    named = re.fullmatch(rf"{PREFIX}(\d{{4}}-\d\d-\d\d)", path.name.removeprefix(ASIDE))
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:  # digits that are no day
        return None


def damaged(file: Path, found: str) -> PublishError:
    """The error for a file of a published list that is missing or not as it was written."""
    return PublishError(
        f"Read the list in {file.parent}.",
        f"{file.name} {found}",
        "Put the file back, score that day again, or move that list out of the output folder.",
    )


def cannot_be_read(file: Path, error: Exception) -> PublishError:
    """The same, from what a reader said of it."""
    if isinstance(error, FileNotFoundError):
        return damaged(file, "is not there")
    reason = (error.strerror if isinstance(error, OSError) else None) or (str(error).splitlines() or [""])[0]
    return damaged(file, f"cannot be read: {reason[:300]}")


def read_manifest(folder: Path, day: date) -> dict[str, Any]:
    """The manifest of the list of a day. Raises PublishError where it is not one, or is that of another day."""
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise cannot_be_read(file, error) from error
    if not isinstance(manifest, dict):
        raise damaged(file, f"is not a JSON object (it is {type(manifest).__name__})")
    wrong = [name for name, kind in ALWAYS_THERE.items() if not isinstance(manifest.get(name), kind)]
    if wrong:
        raise damaged(file, f"does not say {', '.join(wrong)}, or not as it should")
    if manifest["snapshot_date"] != day.isoformat():
        raise damaged(file, f"is of {manifest['snapshot_date']}, not of {day}")
    return manifest
