"""Files beside the lists that tell of accounts: of the write-back, the monitoring and checks, and the figures."""

import csv
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from data.atomic import UNFINISHED, only_writer, remove_folder, remove_left, settle, whole_file
from data.checks.report import SUMMARY
from data.contract.vocabulary import Personal
from data.erasure import parquet
from data.erasure.places import Holding, Subject, present, total, written_on
from data.errors import CrmError
from data.figures.tables import FIGURES, MANIFEST, PAGE
from data.locks import held
from data.scratch import own_folder
from serving.crm.journal import JOURNAL, Journal
from serving.monitoring.contract import SLICES
from serving.monitoring.store import FOLDER

LATER = "Wait until the other run has ended; or make room and rights in that folder."
BUILDS = "features-*"
"""Folders of builds in the scratch folder."""


class TablesPlace:
    """Parquet files anywhere under a folder, and journals of the write-back beside them."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder

    def holdings(self) -> Iterator[Holding]:
        """One for each kind of file that has rows of accounts."""
        by_name: dict[str, list[Path]] = {}
        for file in (*self._tables(), *self._journals()):
            by_name.setdefault(file.name, []).append(file)
        for name, files in sorted(by_name.items()):
            days = sorted(map(written_on, files))
            yield Holding(self.name, name, (Personal.ACCOUNT, Personal.TEXT), None, len(files), days[0], days[-1])

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows, by the names of the files."""
        counts = [{file.name: parquet.count_of(file, subject.column, subject.id)} for file in self._tables()]
        if subject.is_account:
            counts += [{file.name: _in_journal(file, subject, erase=False)} for file in self._journals()]
        return total(counts)

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take its rows out of every file, file by file; who would write there meanwhile is refused."""
        if not self._folder.is_dir():
            return {}
        with only_writer(self._folder, _asked(self._folder), LATER):
            for left in list(self._folder.rglob(f"{UNFINISHED}*")):  # a dry run may be writing one
                remove_left(left)
            counts = [{file.name: _out_of(file, subject.column, subject.id)} for file in self._tables()]
            if subject.is_account:
                counts += [{file.name: _in_journal(file, subject, erase=True)} for file in self._journals()]
        return total(counts)

    def _tables(self) -> list[Path]:
        return sorted(file for file in self._folder.rglob("*.parquet") if not file.name.startswith(UNFINISHED))

    def _journals(self) -> list[Path]:
        return sorted(self._folder.glob(f"*/{JOURNAL}"))


class MonitoringPlace:
    """What came of the lists, by owner: of an owner with no other account these are the account's own figures."""

    name = "monitoring"

    def __init__(self, out: Path) -> None:
        self._file = out / FOLDER / f"{SLICES.name}.parquet"

    def holdings(self) -> Iterator[Holding]:
        """The one table that names somebody."""
        if self._file.is_file():
            day = written_on(self._file)
            yield Holding(self.name, SLICES.name, (Personal.OWNER,), parquet.rows_in(self._file), 1, day, day)

    def found(self, subject: Subject) -> dict[str, int]:
        """The rows of the owners that go with it."""
        return present(
            {SLICES.name: sum(parquet.count_of(self._file, "value", owner) for owner in self._owners(subject))}
        )

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take these rows out; the next `headroom monitor` writes all else anew, from the lists that are left."""
        settle(self._file.parent, _asked(self._file.parent), LATER)
        return present({SLICES.name: sum(_out_of(self._file, "value", owner) for owner in self._owners(subject))})

    def _owners(self, subject: Subject) -> list[str]:
        return sorted(subject.owners) if self._file.is_file() else []


class ChecksPlace:
    """The rows that `headroom check` wrote to files: the next check writes them anew, so a file goes as a whole."""

    name = "rows of checks"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holdings(self) -> Iterator[Holding]:
        """One for all files; their columns are those of the source."""
        files = self._files()
        if files:
            days, rows = sorted(map(written_on, files)), sum(sum(1 for _ in _rows(file)) for file in files)
            yield Holding(self.name, "*.csv", tuple(Personal), rows, len(files), days[0], days[-1])

    def found(self, subject: Subject) -> dict[str, int]:
        """The rows that name it in any column, by the names of the files."""
        return present({file.name: _naming(file, subject) for file in self._files()})

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Remove the report where it names it: it is made anew by the next `headroom check`."""
        settle(self._folder, _asked(self._folder), LATER)
        counts = self.found(subject)
        if counts:
            remove_folder(self._folder)
        return counts

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.csv")) if (self._folder / SUMMARY).is_file() else []


class FiguresPlace:
    """The company's figures: `headroom figures` makes them anew, so their folder goes as a whole."""

    name = "company's figures"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holdings(self) -> Iterator[Holding]:
        """One for each table that names an account or an owner, and one for the page."""
        files = self._files()
        for file, kinds in files.items():
            day, rows = written_on(file), parquet.rows_in(file)
            yield Holding(self.name, file.name, kinds, rows, 1, day, day)
        if files:
            day = written_on(self._folder / PAGE)
            yield Holding(self.name, PAGE, (Personal.ACCOUNT, Personal.OWNER), None, 1, day, day)

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows, by the names of the files."""
        return present({file.name: parquet.count_of(file, subject.column, subject.id) for file in self._files()})

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Remove the folder where a table names it."""
        settle(self._folder, _asked(self._folder), LATER)
        counts = self.found(subject)
        if counts:
            remove_folder(self._folder)
        return counts

    def _files(self) -> dict[Path, tuple[Personal, ...]]:
        if not (self._folder / MANIFEST).is_file():
            return {}
        files = {self._folder / f"{name}.parquet": table.personal for name, table in FIGURES.items()}
        return {file: kinds for file, kinds in files.items() if kinds}


class ScratchPlace:
    """Features of builds that were stopped, which would go on from there; nobody else reads them."""

    name = "stopped builds"

    def holdings(self) -> Iterator[Holding]:
        """One for all of them."""
        folders = _builds()
        if folders:
            days = sorted(map(written_on, folders))
            yield Holding(self.name, BUILDS, (Personal.ACCOUNT, Personal.USER), None, len(folders), days[0], days[-1])

    def found(self, subject: Subject) -> dict[str, int]:  # noqa: ARG002
        """How many there are: whoever is in them, the next build makes them anew."""
        return present({"folders of builds": len(_builds())})

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Remove all but those that are being made."""
        removed = 0
        for folder in _builds():
            with held(folder.with_name(f"{folder.name}.lock")) as is_left:
                if is_left:
                    shutil.rmtree(folder)
                    removed += 1
        return present({"folders of builds": removed})


def _asked(place: Path) -> str:
    return f"Erase rows from {place}."


def _builds() -> list[Path]:
    return sorted(path for path in own_folder().glob(BUILDS) if path.is_dir())


def _out_of(file: Path, column: str, value: str) -> int:
    count = parquet.count_of(file, column, value)
    if count:
        with whole_file(file, _asked(file)) as new:
            parquet.copy_without(file, new, column, value)
    return count


def _in_journal(file: Path, subject: Subject, *, erase: bool) -> int:
    try:
        with Journal(file) as journal:
            return journal.erase(subject.id) if erase else journal.count_of(subject.id)
    except DatabaseError as error:
        todo = "Put the file back, or remove that folder: its run can then not be taken back."
        raise CrmError(f"Look for rows of an account in {file}.", f"it cannot be read: {error.orig}.", todo) from error


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


def _naming(file: Path, subject: Subject) -> int:
    return sum(any(value in (subject.id, f"'{subject.id}") for value in row.values()) for row in _rows(file))
