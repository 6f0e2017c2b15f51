"""The answers of a CSM in the Excel file: the columns to fill in, and what is read back from them.

An answer is a row of the input table ``outcomes``: what came of the play of an account, opened on the day of the list.
"""

import math
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from data.errors import ContractError, hint, some
from serving.published.read import PublishedList

ANSWERS = {"under way": "open", "won": "won", "lost": "lost", "not now": "not_now"}
"""What may be answered, and the status that it stands for in ``outcomes``."""
ANSWER, ARR_WON, BECAUSE = "Answer", "ARR won", "Because"
"""The headings of the columns to fill in."""
ACCOUNT_ID, PLAY_ID = "Account id", "Play id"
ABOUT, SNAPSHOT_DATE, RUN = "About", "Snapshot date", "Run"
"""The sheet that says which list the file is of, and where."""
_TODO = "Correct these cells and import the file again; nothing has been imported."


class Answer(NamedTuple):
    """What came of the play of one account; ``arr`` is NaN where no amount is given. ``place``: sheet and row."""

    account_id: str
    play: str
    status: str
    arr: float
    reason: str
    place: str

    @property
    def said(self) -> tuple[object, ...]:
        """What is answered, wherever it stands."""
        return self.play, self.status, None if math.isnan(self.arr) else self.arr, self.reason


@dataclass(frozen=True)
class AnsweredList:
    """A filled Excel file: the day and the run of its list, and the answers that were given."""

    snapshot_date: date
    run_id: str
    answers: tuple[Answer, ...]


class _Row(NamedTuple):
    """One row of a sheet, as it stands there."""

    place: str
    cells: dict[str, object]

    def text(self, name: str) -> str:
        value = self.cells.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # a number typed for an id
        return "" if value is None else str(value).strip()


def read_answers(path: Path) -> AnsweredList:
    """Read the answers of a file that Excel, LibreOffice or Google Sheets saved.

    Raises ContractError where it is no list of ours, or for what cannot be read as an answer: each with its sheet, row
    and what stands there.
    """
    sheets = _sheets(path)
    about = {str(row[0]).strip(): row[1] for row in sheets.get(ABOUT, []) if len(row) > 1 and row[0] is not None}
    day, run = _day(about.get(SNAPSHOT_DATE)), about.get(RUN)
    if day is None or run is None:
        raise ContractError(
            _asked(path),
            f"it does not say which list it is of: sheet `{ABOUT}` has no `{SNAPSHOT_DATE}` and `{RUN}`.",
            "Give a file that `headroom score` wrote, list.xlsx or one of books, filled in and saved.",
        )
    answers: dict[str, Answer] = {}
    faults: list[str] = []
    for row in _rows(sheets):
        answer = _answer(row, faults)
        if answer is None:
            continue
        other = answers.setdefault(answer.account_id, answer)
        if other.said != answer.said:
            faults.append(f"{answer.place}: another answer for {answer.account_id} than in {other.place}")
    _refuse(path, faults)
    return AnsweredList(day, str(run), tuple(answers.values()))


def check_answers(path: Path, answered: AnsweredList, listing: PublishedList) -> None:
    """Raise ContractError for answers about an account or a play that the list has not got."""
    accounts, plays = set(listing.scores("account_id")["account_id"]), listing.manifest["plays"]
    faults = []
    for answer in answered.answers:
        if answer.account_id not in accounts:
            faults.append(f"{answer.place}: the list has no account `{answer.account_id}`")
        if answer.play not in plays:
            faults.append(f"{answer.place}: there is no play `{answer.play}`{hint(answer.play, plays)}")
    _refuse(path, faults)


def _asked(path: Path) -> str:
    return f"Import the answers of {path}."


def _refuse(path: Path, faults: list[str]) -> None:
    if faults:
        found = "; ".join([some(faults)] if len(faults) == 1 else [some(faults).replace(", sheet", "; sheet")])
        raise ContractError(_asked(path), f"{found}.", _TODO)


def _sheets(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every sheet that has a heading of ours, and of the one about the list."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of extensions that openpyxl leaves out
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}
        finally:
            book.close()
    except (OSError, InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no Excel file"
        todo = "Give the .xlsx file of a list, filled in and saved as Excel file."
        raise ContractError(_asked(path), f"it cannot be read: {why}.", todo) from error


def _rows(sheets: dict[str, list[tuple[object, ...]]]) -> Iterator[_Row]:
    """The rows of the sheets to fill in that are about an account."""
    for title, rows in sheets.items():
        headings = [str(cell).strip() for cell in rows[0]] if rows else []
        if {ANSWER, ACCOUNT_ID, PLAY_ID} <= set(headings):
            for number, cells in enumerate(rows[1:], start=2):
                yield _Row(f"sheet `{title}`, row {number}", dict(zip(headings, cells, strict=False)))


def _answer(row: _Row, faults: list[str]) -> Answer | None:
    """What a row answers; None where it does not, or cannot be read: then why is added to the faults."""
    said, amount, because = row.text(ANSWER), row.text(ARR_WON), row.text(BECAUSE)
    if not said:
        if amount or because:
            faults.append(f"{row.place}: `{because or amount}` and no answer")
        return None
    status = ANSWERS.get(" ".join(said.replace("_", " ").casefold().split()))
    if status is None:
        faults.append(f"{row.place}: `{said}` is no answer; there are {' | '.join(ANSWERS)}")
    if not row.text(ACCOUNT_ID):
        faults.append(f"{row.place}: `{said}` and no account")
    arr = _amount(row.cells.get(ARR_WON))
    if arr is None:
        faults.append(f"{row.place}: `{amount}` is no amount")
    if status is None or arr is None or not row.text(ACCOUNT_ID):
        return None
    return Answer(row.text(ACCOUNT_ID), row.text(PLAY_ID), status, arr, because, row.place)


def _amount(value: object) -> float | None:
    """An amount of 0 or more, NaN where there is none, None where it is none."""
    if value is None or not str(value).strip():
        return math.nan
    try:
        amount = float(value if isinstance(value, int | float) else str(value).strip())
    except ValueError:
        return None
    return amount if 0 <= amount < math.inf else None


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        return None
