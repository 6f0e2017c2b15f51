"""Rows of one account or user are taken out of a history: its parts are written anew, and the chain of its days.

FOLDER/.erasing/DAY/...    days without them, being made; of no account while it has this name
FOLDER/.erased/DAY/...     all of them, whole: put in place one by one, by whoever comes next if need be
"""

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from data.atomic import only_writer, recover, whole_folder
from data.contract.inputs import TABLES, Table
from data.digests import sha256_of, sha256_of_file
from data.erasure import parquet
from data.erasure.places import ACCOUNT, Holding, Subject, present, total
from data.record.days import ERASED, MANIFEST, PATTERN, History, RecordedDay, manifest_content
from data.record.settings import OTHER_PLACE


class HistoryPlace:
    """The history of a folder, which need not be there."""

    name = "history"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holdings(self) -> Iterator[Holding]:
        """One for each recorded table that tells of a company or a person."""
        history = History(self._folder)
        for name in history.tables:
            days = [day for day in history.days_of(name) if day.tables[name].sha256]
            kinds = TABLES[name].personal
            if kinds and days:
                rows = sum(day.tables[name].changes for day in days)
                yield Holding(self.name, name, kinds, rows, len(days), days[0].day, days[-1].day)

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows in the parts of all days, by table, and the rows of others that name it."""
        history = History(self._folder)
        return total(_rows_of(day, self._folder, subject) for day in history.days)

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take its rows out of every day, all or none."""
        if not self._folder.is_dir():
            return {}
        asked = f"Erase rows from the history {self._folder}."
        with only_writer(self._folder, asked, OTHER_PLACE):
            put_in_place(self._folder)
            history = History(self._folder)
            counts = {day.day: _rows_of(day, self._folder, subject) for day in history.days}
            if any(counts.values()):
                _write_anew(history, subject, asked)
                put_in_place(self._folder)
        return total(counts.values())


def put_in_place(folder: Path) -> None:
    """Finish what was broken off, days and an erasure: what is whole is put in place, what is not is dropped.

    For a caller that is the only writer of the history.
    """
    for pattern in (PATTERN, ERASED):
        recover(folder, pattern)
    erased = folder / ERASED
    for made in sorted(erased.glob("*")):
        with whole_folder(folder / made.name) as place:
            for file in made.iterdir():
                shutil.copyfile(file, place / file.name)
    shutil.rmtree(erased, ignore_errors=True)


def _others(table: Table, subject: Subject) -> dict[str, tuple[str, ...]]:
    """The columns in which rows of other accounts name one."""
    named = [column.name for column in table.columns if column.other_account]
    return {name: (name,) for name in named if subject.column == ACCOUNT}


def _rows_of(day: RecordedDay, folder: Path, subject: Subject) -> dict[str, int]:
    counts = {}
    for name, table in day.tables.items():
        if table.sha256:
            part = folder / str(day.day) / f"{name}.parquet"
            counts[name] = parquet.count_of(part, subject.column, subject.id)
            mentions = parquet.mentions_of(part, subject.id, _others(TABLES[name], subject))
            counts[f"{name}: rows of others that name it"] = mentions
    return present(counts)


def _write_anew(history: History, subject: Subject, asked: str) -> None:
    """Every day without its rows, and with the hash of the day before as that is now."""
    before: dict[str, str] | None = None
    with whole_folder(history.folder / ERASED, asked, OTHER_PLACE) as making:
        for day in history.days:
            content = _write_day(day, history.folder / str(day.day), making / str(day.day), before, subject)
            before = {"day": str(day.day), "sha256": sha256_of(content)}


def _write_day(day: RecordedDay, old: Path, new: Path, before: dict[str, str] | None, subject: Subject) -> bytes:
    """One day without its rows; what its manifest says."""
    new.mkdir()
    told: dict[str, Any] = {**json.loads((old / MANIFEST).read_bytes()), "previous": before}
    for name in (name for name, table in day.tables.items() if table.sha256):
        part, target = old / f"{name}.parquet", new / f"{name}.parquet"
        parquet.copy_without(part, target, subject.column, subject.id, _others(TABLES[name], subject))
        told["tables"][name]["sha256"] = sha256_of_file(target)
    content = manifest_content(told)
    (new / MANIFEST).write_bytes(content)
    return content
