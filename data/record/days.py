"""The recorded days on disk: a folder for each, written whole or not at all, and never changed afterwards.

    FOLDER/2026-10-01/manifest.json     what was there, what was found, the hashes of the parts and of the day before
    FOLDER/2026-10-01/TABLE.parquet     the rows of a table that came, changed or went; none if nothing did

Each day names the one before and its hash, so that a day that is missing or was touched is noticed.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from data.atomic import whole_folder
from data.digests import sha256_of, sha256_of_file
from data.errors import SourceError, some

MANIFEST = "manifest.json"
FORMAT = 1
PATTERN = "????-??-??"
ERASED = ".erased"
"""While this folder is there, an erasure is being put in place day by day."""


@dataclass(frozen=True)
class SeenColumn:
    """A column on one day: its type as recorded, and how many rows had a value."""

    type: str
    values: int


@dataclass(frozen=True)
class SeenTable:
    """A table on one day: its rows and columns, and how many rows of which kind were recorded.

    ``sha256`` is of its part; None where there was nothing to record.
    """

    rows: int
    columns: dict[str, SeenColumn]
    recorded: dict[str, int]
    sha256: str | None = None

    @property
    def changes(self) -> int:
        return sum(self.recorded.values())


@dataclass(frozen=True)
class RecordedDay:
    """One recorded day; ``sha256`` is of its manifest."""

    day: date
    source: str
    tables: dict[str, SeenTable]
    sha256: str


class History:
    """The recorded days of a folder, oldest first; all that it reads has been compared with its hashes.

    Raises ``SourceError`` for a part or a day that is not as it was recorded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.days: list[RecordedDay] = []
        for path in sorted(folder.glob(f"{PATTERN}/{MANIFEST}")):
            self.days.append(self._read(path))

    def _read(self, path: Path) -> RecordedDay:
        try:
            content = path.read_bytes()
            told = json.loads(content)
            if told["format"] != FORMAT:
                raise self._spoilt(f"{path} is of another release (format {told['format']}, this one reads {FORMAT})")
            tables = {
                name: SeenTable(**table | {"columns": {c: SeenColumn(**seen) for c, seen in table["columns"].items()}})
                for name, table in told["tables"].items()
            }
            day = RecordedDay(date.fromisoformat(told["day"]), told["source"], tables, sha256_of(content))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._spoilt(f"{path} cannot be read") from error
        before = {"day": str(self.days[-1].day), "sha256": self.days[-1].sha256} if self.days else None
        if told["previous"] != before:
            lost = "a day before it is missing or was changed" if told["previous"] else "days before it are not its own"
            raise self._spoilt(f"{path.parent.name}: {lost}")
        for name, table in tables.items():
            part = path.with_name(f"{name}.parquet")
            if _sha256_of_part(part) != table.sha256:
                raise self._spoilt(f"{part} is missing or was changed")
        return day

    def _spoilt(self, found: str) -> SourceError:
        asked = f"Read the history {self.folder}."
        if (self.folder / ERASED).exists():
            return SourceError(
                asked,
                "an erasure is being put in place, or was broken off.",
                "Wait for it; or run `headroom record` or the same `headroom forget` again, which finish it.",
            )
        return SourceError(asked, f"{found}.", "Put the folder back as it was, from a copy.")

    @property
    def last(self) -> RecordedDay | None:
        return self.days[-1] if self.days else None

    @property
    def tables(self) -> list[str]:
        """Every table that was ever recorded."""
        return list(dict.fromkeys(name for day in self.days for name in day.tables))

    def days_of(self, name: str) -> list[RecordedDay]:
        """The days on which a table was there."""
        return [day for day in self.days if name in day.tables]

    def parts(self, name: str) -> list[Path]:
        """The parts of a table, oldest first."""
        return [self.folder / str(day.day) / f"{name}.parquet" for day in self.days_of(name) if day.tables[name].sha256]

    def columns(self, name: str) -> dict[str, str]:
        """Every column that was ever recorded of a table, and its type."""
        return {column: seen.type for day in self.days_of(name) for column, seen in day.tables[name].columns.items()}

    @property
    def state(self) -> str:
        """Another one whenever a day was added."""
        return self.days[-1].sha256 if self.days else ""

    def lost_days(self) -> list[date]:
        """The days between the first and the last that were not recorded."""
        return [
            earlier.day + timedelta(days=number)
            for earlier, later in pairwise(self.days)
            for number in range(1, (later.day - earlier.day).days)
        ]

    def remarks(self) -> list[str]:
        """What whoever reads the history should know of it, in sentences."""
        if not self.days:
            return []
        first, last, lost = self.days[0].day, self.days[-1].day, self.lost_days()
        told = [
            f"The history was recorded from {first} to {last}: what came before is as the source showed it on {first}."
        ]
        if lost:
            days = "1 day in between was" if len(lost) == 1 else f"{len(lost):,} days in between were"
            told.append(
                f"{days} not recorded ({some([str(day) for day in lost])}): what changed on them is known only from "
                "the next recorded day."
            )
        ended = [name for name in self.tables if name not in self.days[-1].tables]
        return [*told, *(f"{name} was last there on {self.days_of(name)[-1].day}." for name in ended)]

    def add(self, day: date, source: str, write: Callable[[Path], dict[str, SeenTable]], asked: str) -> "RecordedDay":
        """Record a day: ``write`` puts the parts into a folder. It is there whole afterwards, or not at all."""
        with whole_folder(self.folder / str(day), asked) as new:
            tables = {
                name: SeenTable(table.rows, table.columns, table.recorded, _sha256_of_part(new / f"{name}.parquet"))
                for name, table in write(new).items()
            }
            before = None if self.last is None else {"day": str(self.last.day), "sha256": self.last.sha256}
            told = {"format": FORMAT, "day": str(day), "previous": before, "source": source}
            told["tables"] = {name: asdict(table) for name, table in tables.items()}
            content = manifest_content(told)
            (new / MANIFEST).write_bytes(content)
        self.days.append(RecordedDay(day, source, tables, sha256_of(content)))
        return self.days[-1]


def manifest_content(told: Mapping[str, Any]) -> bytes:
    """What a day's manifest says, as it is written."""
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()


def _sha256_of_part(path: Path) -> str | None:
    """None if nothing was recorded there."""
    return sha256_of_file(path) if path.is_file() else None


def previous_days(days: Iterable[RecordedDay]) -> list[tuple[date, date | None]]:
    """Each day with the one before it."""
    ordered = [day.day for day in days]
    return list(zip(ordered, [None, *ordered], strict=False))
