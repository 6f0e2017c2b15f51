"""What a list shows, as CSV and as an Excel file: the same rows in the same order, one column a fact."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from data.contract.outputs import AGAINST
from data.shown.text import for_page
from serving.reasons.render import PREFIX
from serving.render.entries import MARKS
from serving.render.excel import DAY, MONEY, SHARE, WRAP, Cell, SheetColumn, write_sheet
from serving.web.pages.my_list import ListRow

COLUMNS = (
    SheetColumn("No.", 6),
    SheetColumn("Account", 26, WRAP),
    SheetColumn("Owner", 16, WRAP),
    SheetColumn("Segment", 14),
    SheetColumn("Likely", 8, SHARE),
    SheetColumn("Likely: from", 8, SHARE),
    SheetColumn("Likely: to", 8, SHARE),
    SheetColumn("In words", 12),
    SheetColumn("Trend", 12, WRAP),
    SheetColumn("Expected ARR", 12, MONEY),
    SheetColumn("Motion", 12, WRAP),
    SheetColumn("Play", 22, WRAP),
    SheetColumn("Act by", 12, DAY),
    SheetColumn("Why", 60, WRAP),
    SheetColumn("Set apart", 14),
    SheetColumn("Gates", 26, WRAP),
    SheetColumn("Renews on", 12, DAY),
    SheetColumn("Last contact", 12, DAY),
    SheetColumn("State", 12),
    SheetColumn("Account id", 16),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What a spreadsheet may read as the beginning of a formula or a command."""
_ROWS_AT_ONCE = 500


def cells(row: ListRow) -> Sequence[Cell]:
    """The values of a row, in the order of ``COLUMNS``."""
    why = f"{PREFIX[AGAINST]}{row.top}" if row.mark == MARKS[AGAINST] else row.top
    made: tuple[Cell, ...] = (
        row.rank, row.name, row.owner, row.segment or None, row.propensity, *row.likely_range, row.band, row.trend,
        row.expected_arr, row.motion, row.play, row.act_by, why or None, row.under, "; ".join(row.because) or None,
        row.renews_on, row.last_contact_on, row.state, row.account_id,
    )  # fmt: skip
    return tuple(str(for_page(value)) if isinstance(value, str) else value for value in made)


def as_csv(rows: Iterable[ListRow]) -> Iterator[str]:
    """The lines of a CSV file with its headings, some at a time.

    A text that a spreadsheet would read as a formula has an apostrophe before it; the file begins with a mark that
    tells Excel that it is UTF-8.
    """
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + _lines([[column.heading for column in COLUMNS]])
    waiting: list[list[str]] = []
    for row in rows:
        waiting.append([_told(value) for value in cells(row)])
        if len(waiting) == _ROWS_AT_ONCE:
            yield _lines(waiting)
            waiting = []
    yield _lines(waiting)


def as_excel(rows: Iterable[ListRow], currency: str) -> bytes:
    """An Excel file of one sheet."""
    file = io.BytesIO()
    write_sheet(file, "List", COLUMNS, map(cells, rows), currency)
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
