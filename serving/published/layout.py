"""A published list as it lies on disk: its manifest, and how it is said that a file of it cannot be read."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from data.errors import PublishError

MANIFEST = "manifest.json"
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
