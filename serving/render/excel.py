"""The list as an Excel file. Nothing in a cell is ever read as a formula or a link."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import xlsxwriter

from data.contract.outputs import FIX
from serving.published.read import PublishedList
from serving.render import entries as lines

Cell = str | float | int | date | None
MONEY, SHARE, DAY, WRAP, PLAIN = "money", "share", "day", "wrap", "plain"


@dataclass(frozen=True)
class SheetColumn:
    """One column of a sheet: its heading, width in letters, and how its values are shown."""

    heading: str
    width: int
    look: str = PLAIN


LIST_COLUMNS = (
    SheetColumn("Rank", 6),
    SheetColumn("Account", 30, WRAP),
    SheetColumn("Owner", 20),
    SheetColumn("Motion", 11),
    SheetColumn("Play", 26, WRAP),
    SheetColumn("Propensity", 11, SHARE),
    SheetColumn("Expected ARR", 14, MONEY),
    SheetColumn("Act by", 12, DAY),
    SheetColumn("Why (1)", 50, WRAP),
    SheetColumn("Why (2)", 50, WRAP),
    SheetColumn("Why (3)", 50, WRAP),
    SheetColumn("Previous rank", 13),
    SheetColumn("Owner's rank", 12),
    SheetColumn("Segment", 14),
    SheetColumn("Account id", 16),
    SheetColumn("Note", 40, WRAP),
    SheetColumn("ARR if it expands", 12, MONEY),
    SheetColumn("4 in 5: from", 12, MONEY),
    SheetColumn("4 in 5: to", 12, MONEY),
    SheetColumn("Since the last list", 40, WRAP),
    SheetColumn("Expected ARR: from", 12, MONEY),
    SheetColumn("Expected ARR: to", 12, MONEY),
)
EXCLUDED_COLUMNS = (
    SheetColumn("Account", 30, WRAP),
    SheetColumn("Owner", 20),
    SheetColumn("Shown under", 14),
    SheetColumn("Gates", 34, WRAP),
    SheetColumn("Because", 80, WRAP),
    SheetColumn("Propensity", 11, SHARE),
    SheetColumn("Account id", 16),
)
REASON_COLUMNS = (
    SheetColumn("Rank", 6),
    SheetColumn("Account", 30, WRAP),
    SheetColumn("No.", 6),
    SheetColumn("Reason", 26),
    SheetColumn("Effect", 10),
    SheetColumn("In words", 90, WRAP),
    SheetColumn("Account id", 16),
)


def write_workbook(path: Path, listing: PublishedList) -> None:
    """Write the Excel file of a list: Top, All ranked, Fix first, Reasons, About.

    ``workbook_rows`` of the settings limits the accounts in a sheet; About says what was left out.
    """
    settings = listing.manifest["serving"]
    limit = settings["workbook_rows"]
    listed = lines.ranked(listing, limit)
    apart = lines.excluded(_fix_first(listing.exclusions()).head(limit))
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        # The day of the list, not of the clock: the same list gives the same file.
        book.set_properties(
            {"title": "Headroom", "created": datetime.combine(listing.snapshot_date, datetime.min.time())}
        )
        sheets = _Sheets(book, settings["currency"])
        sheets.add(f"Top {settings['top']}", LIST_COLUMNS, (_list_row(entry) for entry in listed[: settings["top"]]))
        sheets.add("All ranked", LIST_COLUMNS, (_list_row(entry) for entry in listed))
        sheets.add("Fix first", EXCLUDED_COLUMNS, map(_excluded_row, apart))
        sheets.add("Reasons", REASON_COLUMNS, (row for entry in listed for row in _reason_rows(entry)))
        sheets.add("About", (SheetColumn("What", 28), SheetColumn("", 90, WRAP)), _about(listing, len(listed), limit))


def _fix_first(exclusions: pd.DataFrame) -> pd.DataFrame:
    """Those to fix come first, the others (in the funnel, not now) after them."""
    to_fix = exclusions["shown_under"] == FIX
    return pd.concat([exclusions[to_fix], exclusions[~to_fix]])


def _list_row(entry: lines.Entry) -> Sequence[Cell]:
    why = [reason.text for reason in lines.best_reasons(entry)]
    return (
        entry.rank, entry.name, entry.owner, entry.motion, entry.play, entry.propensity, entry.expected_arr,
        entry.act_by, *(why + [None] * 3)[:3], entry.previous_rank, entry.owner_rank, entry.segment, entry.account_id,
        lines.KNOWS_LITTLE if entry.knows_little else None,
        *(_known(value) for value in entry.arr_if_expands), entry.since or None,
        *(_known(value) for value in entry.expected_range),
    )  # fmt: skip


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _excluded_row(account: lines.Excluded) -> Sequence[Cell]:
    return (
        account.name, account.owner, account.shown_under, "; ".join(account.because), account.text,
        account.propensity, account.account_id,
    )  # fmt: skip


def _reason_rows(entry: lines.Entry) -> Iterable[Sequence[Cell]]:
    for number, why in enumerate(entry.reasons, start=1):
        yield entry.rank, entry.name, number, why.title, why.effect, why.text, entry.account_id


def _about(listing: PublishedList, listed: int, limit: int) -> Iterable[Sequence[Cell]]:
    totals, manifest = lines.totals(listing), listing.manifest
    ranked, apart = totals.ranked, totals.base - totals.ranked
    yield "Snapshot date", listing.snapshot_date.isoformat()
    within = f"within {manifest['horizon_days']} days"
    yield "What this is", f"Customers by how likely they are to expand {within}, why, and what to do about it."
    yield "Propensity", f"The calibrated probability of any expansion {within}."
    yield "Expected ARR", f"Expected expansion ARR {within}: the probability times the amount."
    currency = manifest["serving"]["currency"]
    between = lines.say_range(*totals.expected_range, currency)
    yield (
        "Expected ARR of the ranked",
        lines.say_money(totals.expected_arr, currency)
        + (f"; four times in five it comes to {between}" * bool(between)),
    )
    yield (
        "Expected ARR: from, to",
        "Between them lies the mean of accounts alike, four times in five; not what the account adds.",
    )
    yield "ARR if it expands", "The mean amount if the account expands; four in five amounts lie between from and to."
    yield "Why", "What raised the probability most for this account. Facts about the account, not causes."
    yield "Ranked by", manifest["rank_by"]
    yield "Customers", f"{ranked + apart:,}: {ranked:,} ranked, {apart:,} set apart"
    yield (
        "In this file",
        f"{listed:,} of {ranked:,} ranked, {min(apart, limit):,} of {apart:,} set apart; all are in the tables",
    )
    for warning in manifest.get("warnings", []):
        yield "Note", warning
    yield "Model", manifest["model_version"]
    yield "Run", manifest["run_id"]
    yield "Previous list", manifest["previous_snapshot_date"] or "none"
    for table, day in manifest.get("input_watermarks", {}).items():
        yield f"Last day known: {table}", str(day) if day else "none"


class _Sheets:
    """Writes sheets that look alike: bold frozen headings, filters, number formats."""

    def __init__(self, book: xlsxwriter.Workbook, currency: str) -> None:
        self.book = book
        top = {"valign": "top"}
        # A quoted currency cannot break the number format, whatever it is.
        quoted = '"' + currency.replace('"', "") + '"'
        self.formats = {
            PLAIN: book.add_format(top),
            WRAP: book.add_format({**top, "text_wrap": True}),
            MONEY: book.add_format({**top, "num_format": f"{quoted}#,##0"}),
            SHARE: book.add_format({**top, "num_format": "0.0%"}),
            DAY: book.add_format({**top, "num_format": "d mmm yyyy"}),
        }
        self.heading = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E4EEFB", "valign": "top"})

    def add(self, name: str, columns: Sequence[SheetColumn], rows: Iterable[Sequence[Cell]]) -> None:
        sheet = self.book.add_worksheet(name)
        for number, column in enumerate(columns):
            sheet.set_column(number, number, column.width)
            sheet.write_string(0, number, column.heading, self.heading)
        last = 0
        for last, row in enumerate(rows, start=1):
            for number, (column, value) in enumerate(zip(columns, row, strict=True)):
                self._write(sheet, last, number, value, self.formats[column.look])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(last, 1), len(columns) - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)

    @staticmethod
    def _write(sheet: xlsxwriter.worksheet.Worksheet, row: int, number: int, value: Cell, look: object) -> None:
        if value is None or value != value:  # a number that is not known stays an empty cell
            sheet.write_blank(row, number, None, look)
        elif isinstance(value, str):
            sheet.write_string(row, number, value, look)
        elif isinstance(value, date):
            sheet.write_datetime(row, number, value, look)
        else:
            sheet.write_number(row, number, value, look)
