"""The answers of a CSM in the Excel file: the columns to fill in, and what is read back from them.

An answer is a row of the input table ``outcomes``: what came of the play of an account, opened on the day of the list.
"""

import math
import warnings
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.escape import unescape
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from data.errors import ContractError, some
from serving.outcomes.outcome import LARGEST_ARR, clean_text, text_faults
from serving.published.read import PublishedList

ANSWERS = {"under way": "open", "won": "won", "lost": "lost", "not now": "not_now"}
"""What may be answered, and the status that it stands for in ``outcomes``."""
ANSWER, ARR_WON, BECAUSE = "Answer", "ARR won", "Because"
"""The headings of the columns to fill in."""
ACCOUNT, ACCOUNT_ID, PLAY_ID = "Account", "Account id", "Play id"
HEADINGS = (ACCOUNT, ANSWER, ARR_WON, BECAUSE, ACCOUNT_ID, PLAY_ID)
"""The columns that an answer is read from."""
ABOUT, SNAPSHOT_DATE, RUN = "About", "Snapshot date", "Run"
"""The sheet that says which list the file is of, and where."""
_WITH_AMOUNT = "won"
"""The status that an amount belongs to; what may be won, and said of it, is as in the store of outcomes."""
_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}si"
_OURS = {ANSWER, ARR_WON, PLAY_ID}
"""Two of these headings stand together in no other sheet than one to fill in."""
_TOP_ROWS = 10
"""So far down a heading is looked for that is not where it was."""
_TODO = "Correct these cells and import the file again; nothing has been imported."


class Answer(NamedTuple):
    """What came of the play of one account; ``arr`` is NaN where no amount is given. ``place``: sheet and row.

    ``name``: that of the account, as it stands in the row.
    """

    account_id: str
    play: str
    status: str
    arr: float
    reason: str
    place: str
    name: str

    @property
    def said(self) -> tuple[object, ...]:
        """What is answered, wherever it stands."""
        return self.play, self.status, None if math.isnan(self.arr) else self.arr, self.reason


class _Formula(str):
    """A formula that no program has computed yet."""

    __slots__ = ()


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
        return self.letters(name).strip()

    def letters(self, name: str) -> str:
        """What stands there to the letter: an id may end in a blank."""
        value = self.cells.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # a number typed for an id
        return "" if value is None else str(value)

    def is_formula(self, name: str) -> bool:
        return isinstance(self.cells.get(name), _Formula)


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
    _require_headings(path, sheets)
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
    """Raise ContractError unless the file is of that list, and each answer about a ranked account of it and its play.

    The name beside an answer has to be that of its account: it is not where one column was sorted without the others.
    """
    run = listing.manifest["run_id"]
    if answered.run_id != run:
        raise ContractError(
            _asked(path),
            f"it is of the list of run {answered.run_id}; the one published for {answered.snapshot_date} is of {run}.",
            "Fill in the file that is published now, or name the folder of the other list with --published.",
        )
    scores = listing.scores("account_id", "name", "play", "eligible").set_index("account_id")
    of = scores[scores.index.isin([answer.account_id for answer in answered.answers])].to_dict("index")
    _refuse(path, [f"{answer.place}: {why}" for answer in answered.answers if (why := _other(answer, of))])


def _other(answer: Answer, accounts: Mapping[Hashable, Mapping[Hashable, Any]]) -> str | None:
    """What the list says otherwise than the row of an answer; None where they agree."""
    about = accounts.get(answer.account_id)
    if about is None:
        return f"the list has no account `{answer.account_id}`"
    if not about["eligible"]:
        return f"account `{answer.account_id}` is not ranked in the list"
    if answer.play != about["play"]:
        return f"the play of `{answer.account_id}` is `{about['play']}`, not `{answer.play}`"
    if answer.name.split() != about["name"].split():
        return f"`{answer.account_id}` is {about['name']}, not `{answer.name}`"
    return None


def _asked(path: Path) -> str:
    return f"Import the answers of {path}."


def _refuse(path: Path, faults: list[str]) -> None:
    if faults:
        found = "; ".join([some(faults)] if len(faults) == 1 else [some(faults).replace(", sheet", "; sheet")])
        raise ContractError(_asked(path), f"{found}.", _TODO)


def _sheets(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every sheet; a formula stands where it has no value."""
    try:
        values, formulas = (_cells(path, data_only=data_only) for data_only in (True, False))
    except Exception as error:  # openpyxl raises whatever it stumbles over in a file that is broken inside
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no Excel file"
        todo = "Give the .xlsx file of a list, filled in and saved as Excel file."
        raise ContractError(_asked(path), f"it cannot be read: {why}.", todo) from error
    return {
        title: [tuple(map(_value, *pair)) for pair in zip(rows, formulas[title], strict=True)]
        for title, rows in values.items()
    }


class _Reader(ExcelReader):
    """The reader of openpyxl without chart sheets: they have no rows, and it fails at one without a chart.

    Texts come as they are written. Of what stands there by its number (``_value``) openpyxl reads a part alone, after
    which nobody can tell what was meant.
    """

    def read_chartsheet(self, sheet: object, rel: object) -> None:
        pass

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as file:
                self.shared_strings = list(_texts(file))


def _texts(file: IO[bytes]) -> Iterator[str]:
    """The texts that the cells of a workbook share, one after the other."""
    for _, item in iterparse(file):
        if item.tag == _TEXT_TAG:
            yield Text.from_tree(item).content
            item.clear()


def _cells(path: Path, *, data_only: bool) -> dict[str, list[tuple[object, ...]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of extensions that openpyxl leaves out
        reader = _Reader(path, read_only=True, data_only=data_only)
        try:
            reader.read()
            return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in reader.wb.worksheets}
        finally:
            reader.archive.close()


def _value(value: object, formula: object) -> object:
    """What stands in a cell. A letter that no file may hold is written by its number, as ``_x000B_``; and so is the
    first letter of what looks like one.
    """
    if value is None and formula is not None:
        return _Formula(getattr(formula, "text", formula))
    return unescape(value) if isinstance(value, str) else value


def _headings(row: tuple[object, ...]) -> list[str]:
    return [str(cell).strip() for cell in row]


def _is_to_fill(rows: list[tuple[object, ...]]) -> bool:
    return any(len(_OURS & set(_headings(row))) > 1 for row in rows[:_TOP_ROWS])


def _require_headings(path: Path, sheets: dict[str, list[tuple[object, ...]]]) -> None:
    """Raise ContractError unless there are sheets to fill in, each with its headings in the first row."""
    to_fill = {title: _headings(rows[0]) for title, rows in sheets.items() if _is_to_fill(rows)}
    lacking = {title: [name for name in HEADINGS if name not in there] for title, there in to_fill.items()}
    faults = [
        f"sheet `{title}` has no {', '.join(names)} in its first row" for title, names in lacking.items() if names
    ]
    if not to_fill:
        faults = [f"no sheet has {', '.join(HEADINGS)} in its first row; there are {some(list(sheets), len(sheets))}"]
    if faults:
        todo = "Put the headings back as they were and import the file again; nothing has been imported."
        raise ContractError(_asked(path), f"{'; '.join(faults)}.", todo)


def _rows(sheets: dict[str, list[tuple[object, ...]]]) -> Iterator[_Row]:
    """The rows of the sheets to fill in."""
    for title, rows in sheets.items():
        if _is_to_fill(rows):
            for number, cells in enumerate(rows[1:], start=2):
                yield _Row(f"sheet `{title}`, row {number}", dict(zip(_headings(rows[0]), cells, strict=False)))


def _answer(row: _Row, faults: list[str]) -> Answer | None:
    """What a row answers; None where it does not, or cannot be read: then why is added to the faults."""
    said, amount, because = row.text(ANSWER), row.text(ARR_WON), clean_text(row.text(BECAUSE)) or ""
    if not said:
        if amount or because:
            faults.append(f"{row.place}: `{because or amount}` and no answer")
        return None
    status = ANSWERS.get(" ".join(said.replace("_", " ").casefold().split()))
    arr = _amount(row.cells.get(ARR_WON))
    wrong = [f"the formula `{row.cells[name]}` has no value" for name in HEADINGS if row.is_formula(name)]
    if not wrong and status is None:
        wrong.append(f"`{said}` is no answer; there are {' | '.join(ANSWERS)}")
    if not row.text(ACCOUNT_ID):
        wrong.append(f"`{said}` and no account")
    if not wrong and arr is None:
        wrong.append(f"`{amount}` is no amount")
    if not wrong and amount and status != _WITH_AMOUNT:
        wrong.append(f"`{amount}` as {ARR_WON} and `{said}`")
    if not wrong and arr is not None and arr > LARGEST_ARR:
        wrong.append(f"`{amount}` as {ARR_WON}, and {LARGEST_ARR:,.0f} a year is the most")
    wrong += [f"{BECAUSE} {fault}" for fault in text_faults("text", because)]
    faults.extend(f"{row.place}: {why}" for why in wrong)
    if wrong or status is None or arr is None:
        return None
    return Answer(row.letters(ACCOUNT_ID), row.letters(PLAY_ID), status, arr, because, row.place, row.text(ACCOUNT))


def _amount(value: object) -> float | None:
    """An amount of 0 or more, NaN where there is none, None where it is none."""
    text = "" if value is None else str(value).strip()
    if not text:
        return math.nan
    try:
        amount = math.nan if isinstance(value, bool) or "_" in text else float(text)
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
