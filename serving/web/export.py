"""What a list shows, as CSV and as an Excel file: the same rows in the same order, and what the list shows of each."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from data.contract.outputs import AGAINST
from data.shown.text import for_page
from serving.reasons.tellings import PREFIX
from serving.render.entries import MARKS
from serving.render.excel import DAY, MONEY, SHARE, WRAP, Cell, SheetColumn, write_sheet
from serving.web.pages.my_list import ListRow
from serving.web.query import ListColumn, ListQuery


@dataclass(frozen=True)
class ExportColumn:
    """A fact of a row: its column in a sheet, and its value.

    ``under``: the columns of the list that show it; none where the list always does.
    """

    sheet: SheetColumn
    value: Callable[[ListRow], Cell]
    under: frozenset[ListColumn] = frozenset()


def _said(row: ListRow) -> Cell:
    """Its first reason; one against it says so, as the mark on the page does."""
    return f"{PREFIX[AGAINST]}{row.top}" if row.mark == MARKS[AGAINST] else row.top


_LIKELY, _PLAY, _WHY = (frozenset({column}) for column in (ListColumn.LIKELY, ListColumn.PLAY, ListColumn.WHY))
COLUMNS = (
    ExportColumn(SheetColumn("No.", 6), lambda row: row.rank),
    ExportColumn(SheetColumn("Was", 6), lambda row: row.previous_rank if row.moved else None),
    ExportColumn(SheetColumn("Account", 26, WRAP), lambda row: row.name),
    ExportColumn(SheetColumn("Owner", 16, WRAP), lambda row: row.owner),
    ExportColumn(SheetColumn("Segment", 14), lambda row: row.segment),
    ExportColumn(SheetColumn("Likely", 8, SHARE), lambda row: row.propensity, _LIKELY),
    ExportColumn(SheetColumn("Likely: from", 8, SHARE), lambda row: row.likely_range[0], _LIKELY),
    ExportColumn(SheetColumn("Likely: to", 8, SHARE), lambda row: row.likely_range[1], _LIKELY),
    ExportColumn(SheetColumn("In words", 12), lambda row: row.band, _LIKELY),
    ExportColumn(SheetColumn("Trend", 12, WRAP), lambda row: row.trend, _LIKELY),
    ExportColumn(SheetColumn("Expected ARR", 12, MONEY), lambda row: row.expected_arr, _LIKELY | {ListColumn.AMOUNT}),
    ExportColumn(SheetColumn("Motion", 12, WRAP), lambda row: row.motion, _PLAY),
    ExportColumn(SheetColumn("Play", 22, WRAP), lambda row: None if row.because else row.play, _PLAY),
    ExportColumn(SheetColumn("Act by", 12, DAY), lambda row: None if row.because else row.act_by, _PLAY),
    ExportColumn(SheetColumn("Why", 60, WRAP), _said, _WHY),
    ExportColumn(SheetColumn("Likelihood and money", 30, WRAP), lambda row: row.at_odds, _WHY),
    ExportColumn(SheetColumn("Not judged", 40, WRAP), lambda row: row.not_judged, _WHY),
    ExportColumn(SheetColumn("Set apart", 14), lambda row: row.under, _PLAY),
    ExportColumn(SheetColumn("Gates", 26, WRAP), lambda row: "; ".join(row.because), _PLAY),
    ExportColumn(SheetColumn("Renews on", 12, DAY), lambda row: row.renews_on),
    ExportColumn(SheetColumn("Last contact", 12, DAY), lambda row: row.last_contact_on),
    ExportColumn(SheetColumn("State", 12), lambda row: row.state, _PLAY | {ListColumn.STATE}),
    ExportColumn(SheetColumn("Account id", 16), lambda row: row.account_id),
)
"""All that a row of the list can show, in the order of a file."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What a spreadsheet may read as the beginning of a formula or a command."""
_ROWS_AT_ONCE = 500


def columns_of(query: ListQuery) -> tuple[ExportColumn, ...]:
    """What the list shows as it is asked for, and the id of each account."""
    shown = frozenset(query.shown_columns)
    return tuple(column for column in COLUMNS if not column.under or column.under & shown)


def cells(row: ListRow, columns: Iterable[ExportColumn]) -> list[Cell]:
    """The values of a row, one for each column; None where there is nothing to say."""
    values = (column.value(row) for column in columns)
    return [str(for_page(value)) or None if isinstance(value, str) else value for value in values]


def as_csv(rows: Iterable[ListRow], columns: Sequence[ExportColumn]) -> Iterator[str]:
    """The lines of a CSV file with its headings, some at a time.

    A text that a spreadsheet would read as a formula has an apostrophe before it; the file begins with a mark that
    tells Excel that it is UTF-8.
    """
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + _lines([[column.sheet.heading for column in columns]])
    waiting: list[list[str]] = []
    for row in rows:
        waiting.append([_told(value) for value in cells(row, columns)])
        if len(waiting) == _ROWS_AT_ONCE:
            yield _lines(waiting)
            waiting = []
    yield _lines(waiting)


def as_excel(rows: Iterable[ListRow], columns: Sequence[ExportColumn], currency: str) -> bytes:
    """An Excel file of one sheet."""
    file = io.BytesIO()
    sheets = [column.sheet for column in columns]
    write_sheet(file, "List", sheets, (cells(row, columns) for row in rows), currency)
    return file.getvalue()


def _lines(rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _told(value: Cell) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.lstrip(" ").startswith(_FORMULA) else text
