"""The list as an Excel file. Nothing in a cell is ever read as a formula or a link."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import xlsxwriter

from data.contract.outputs import FIX
from serving.changes.sentences import RANKED_BY
from serving.published.read import PublishedList
from serving.render import entries as lines
from serving.render import orders
from serving.render.answers import (
    ABOUT,
    ACCOUNT,
    ACCOUNT_ID,
    ANSWER,
    ANSWERS,
    ARR_WON,
    BECAUSE,
    PLAY_ID,
    RUN,
    SNAPSHOT_DATE,
)
from serving.render.likelihood import RANGE_MEANING

Cell = str | float | int | date | None
MONEY, SHARE, COUNT, DAY, WRAP, PLAIN, TO_FILL = "money", "share", "count", "day", "wrap", "plain", "to fill"
A4, MARGIN_INCHES = 9, 0.3
OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""What is written stays a text, whatever it begins with."""


@dataclass(frozen=True)
class SheetColumn:
    """One column of a sheet: its heading, width in letters, how its values are shown, and is it on paper too."""

    heading: str
    width: int
    look: str = PLAIN
    is_printed: bool = True


LIST_COLUMNS = (
    SheetColumn("No.", 5),
    SheetColumn(ACCOUNT, 22, WRAP),
    SheetColumn("Owner", 12, WRAP),
    SheetColumn("Motion", 10, WRAP),
    SheetColumn("Play", 18, WRAP),
    SheetColumn("Likely", 7, SHARE),
    SheetColumn("Expected ARR", 10, MONEY),
    SheetColumn("Act by", 11, DAY),
    SheetColumn("Why", 46, WRAP),
    SheetColumn("Say first", 26, WRAP),
    SheetColumn(ANSWER, 10, TO_FILL),
    SheetColumn(ARR_WON, 10, TO_FILL),
    SheetColumn(BECAUSE, 14, TO_FILL),
    SheetColumn("Plan", 16, WRAP, is_printed=False),
    SheetColumn("Seats", 8, COUNT, is_printed=False),
    SheetColumn("ARR now", 12, MONEY, is_printed=False),
    SheetColumn("Renews on", 12, DAY, is_printed=False),
    SheetColumn("Segment", 14, is_printed=False),
    SheetColumn("Group", 22, WRAP, is_printed=False),
    SheetColumn("More of the group ranked", 10, COUNT, is_printed=False),
    SheetColumn("ARR if it expands", 12, MONEY, is_printed=False),
    SheetColumn("4 in 5: from", 12, MONEY, is_printed=False),
    SheetColumn("4 in 5: to", 12, MONEY, is_printed=False),
    SheetColumn("Expected ARR: from", 12, MONEY, is_printed=False),
    SheetColumn("Expected ARR: to", 12, MONEY, is_printed=False),
    SheetColumn("Likely: from", 8, SHARE, is_printed=False),
    SheetColumn("Likely: to", 8, SHARE, is_printed=False),
    SheetColumn("Rank", 8, is_printed=False),
    SheetColumn("Owner's rank", 8, is_printed=False),
    SheetColumn("Previous rank", 8, is_printed=False),
    SheetColumn("Since the last list", 40, WRAP, is_printed=False),
    SheetColumn("Note", 40, WRAP, is_printed=False),
    SheetColumn(ACCOUNT_ID, 16, is_printed=False),
    SheetColumn(PLAY_ID, 20, is_printed=False),
)
EXCLUDED_COLUMNS = (
    SheetColumn(ACCOUNT, 30, WRAP),
    SheetColumn("Owner", 16, WRAP),
    SheetColumn("Shown under", 14),
    SheetColumn("Gates", 30, WRAP),
    SheetColumn("Because", 70, WRAP),
    SheetColumn("Likely", 8, SHARE),
    SheetColumn(ACCOUNT_ID, 16),
)
PLAY_COLUMNS = (
    SheetColumn("Motion", 11),
    SheetColumn("Play", 22, WRAP),
    SheetColumn("Do", 34, WRAP),
    SheetColumn("Offer", 28, WRAP),
    SheetColumn("Show", 28, WRAP),
    SheetColumn("Not when", 28, WRAP),
    SheetColumn("Who", 12, WRAP),
    SheetColumn("Within days", 8),
    SheetColumn(PLAY_ID, 22),
)
REASON_COLUMNS = (
    SheetColumn("Rank", 6),
    SheetColumn(ACCOUNT, 30, WRAP),
    SheetColumn("No.", 6),
    SheetColumn("Reason", 26),
    SheetColumn("Effect", 10),
    SheetColumn("In words", 90, WRAP),
    SheetColumn(ACCOUNT_ID, 16),
)


def write_workbook(path: Path, listing: PublishedList) -> None:
    """Write the Excel file of a list: both orders, All ranked, Fix first, Plays, Reasons, About.

    ``workbook_rows`` of the settings limits the accounts in a sheet; About says what was left out.
    """
    limit = listing.manifest["serving"]["workbook_rows"]
    _write(path, listing, lines.ranked(listing, limit), limit)


def write_book(path: Path, book: PublishedList) -> None:
    """Write the Excel file of an owner's book: the same sheets, of the accounts on its two short lists alone."""
    _write(path, book, None, book.manifest["serving"]["page_exclusions"])


def _write(path: Path, listing: PublishedList, everyone: list[lines.Entry] | None, limit: int) -> None:
    settings = listing.manifest["serving"]
    short = [orders.short_list(listing, by, settings["top"]) for by in orders.orders_of(listing)]
    listed = {entry.account_id: entry for part in short for _, entry in part.rows} if everyone is None else everyone
    listed = sorted(listed.values(), key=lambda entry: entry.rank) if isinstance(listed, dict) else listed
    apart = lines.excluded(_fix_first(listing.exclusions()).head(limit))
    plays = listing.manifest["plays"].items()
    with xlsxwriter.Workbook(path, OPTIONS) as book:
        # The day of the list, not of the clock: the same list gives the same file.
        book.set_properties(
            {"title": "Headroom", "created": datetime.combine(listing.snapshot_date, datetime.min.time())}
        )
        sheets = _Sheets(book, settings["currency"])
        for part in short:
            sheets.add(part.title, LIST_COLUMNS, (_list_row(*row) for row in part.rows), part.left_out)
        if everyone is not None:
            sheets.add("All ranked", LIST_COLUMNS, (_list_row(entry.rank, entry) for entry in everyone))
        sheets.add("Fix first", EXCLUDED_COLUMNS, map(_excluded_row, apart))
        sheets.add("Plays", PLAY_COLUMNS, (_play_row(code, play) for code, play in plays))
        sheets.add("Reasons", REASON_COLUMNS, (row for entry in listed for row in _reason_rows(entry)))
        sheets.add(
            ABOUT, (SheetColumn("What", 28), SheetColumn("", 90, WRAP)), _about(listing, len(listed), len(apart))
        )


def write_sheet(
    file: Path | BinaryIO, name: str, columns: Sequence[SheetColumn], rows: Iterable[Sequence[Cell]], currency: str
) -> None:
    """Write a table as an Excel file of one sheet, each row with a value for every column."""
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        _Sheets(book, currency).add(name, columns, rows)


def _fix_first(exclusions: pd.DataFrame) -> pd.DataFrame:
    """Those to fix come first, the others (in the funnel, not now) after them."""
    to_fix = exclusions["shown_under"] == FIX
    return pd.concat([exclusions[to_fix], exclusions[~to_fix]])


def _list_row(place: int, entry: lines.Entry) -> Sequence[Cell]:
    why = "\n".join(f"{reason.mark} {reason.text}" for reason in lines.best_reasons(entry))
    return (
        place, entry.name, entry.owner, entry.motion, entry.play, entry.propensity, entry.expected_arr, entry.act_by,
        why, entry.opening, None, None, None, entry.plan, entry.seats, entry.arr, entry.renews_on, entry.segment,
        entry.group, entry.more_of_group or None,
        *entry.arr_if_expands, *entry.expected_range, *entry.likely_range,
        entry.rank, entry.owner_rank, entry.previous_rank, entry.since or None,
        "\n".join(entry.notes) or None, entry.account_id, entry.play_code,
    )  # fmt: skip


def _excluded_row(account: lines.Excluded) -> Sequence[Cell]:
    return (
        account.name, account.owner, account.shown_under.capitalize(), "; ".join(account.because), account.text,
        account.propensity, account.account_id,
    )  # fmt: skip


def _play_row(code: str, play: Mapping[str, Any]) -> Sequence[Cell]:
    told = ("\n".join(lines.say_texts(play[part])) for part in ("what_to_do", "offer", "show", "not_when"))
    return lines.label_of(play), play["name"], *told, play["owner_role"], play["days_to_act"], code


def _reason_rows(entry: lines.Entry) -> Iterable[Sequence[Cell]]:
    for number, why in enumerate(entry.reasons, start=1):
        yield entry.rank, entry.name, number, why.title, why.effect, why.text, entry.account_id


def _about(listing: PublishedList, listed: int, set_apart: int) -> Iterable[Sequence[Cell]]:
    totals, manifest = lines.totals(listing), listing.manifest
    ranked, apart = totals.ranked, totals.base - totals.ranked
    yield SNAPSHOT_DATE, listing.snapshot_date.isoformat()
    yield RUN, manifest["run_id"]
    if listing.owner is not None:
        yield "Book of", lines.say_owner(listing.owner)
    within = f"within {manifest['horizon_days']} days"
    yield "What this is", f"Customers by how likely they are to expand {within}, why, and what to do about it."
    yield "Likely", f"The calibrated probability of any expansion {within}."
    yield "Likely: from, to", RANGE_MEANING
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
    yield "Why", "Facts about the account, not causes: + speaks for an expansion, \N{MINUS SIGN} against it."
    yield "Your answer", f"{ANSWER}: {', '.join(ANSWERS)}. Fill in the column and send this file back."
    yield "Ranked by", RANKED_BY[manifest["rank_by"]]
    yield "Customers", f"{ranked + apart:,}: {ranked:,} ranked, {apart:,} set apart"
    if held_out := lines.held_out_of(listing):
        yield "Held out", held_out
    yield (
        "In this file",
        f"{listed:,} of {ranked:,} ranked, {set_apart:,} of {apart:,} set apart; all are in the tables",
    )
    for warning in manifest.get("warnings", []):
        yield "Note", warning
    yield "Model", manifest["model_version"]
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
            COUNT: book.add_format({**top, "num_format": "#,##0"}),
            DAY: book.add_format({**top, "num_format": "d mmm yyyy"}),
            TO_FILL: book.add_format({**top, "text_wrap": True, "bg_color": "#FFF6DD", "border": 1}),
        }
        self.heading = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E4EEFB", "valign": "top"})

    def add(
        self, name: str, columns: Sequence[SheetColumn], rows: Iterable[Sequence[Cell]], notes: Iterable[str] = ()
    ) -> None:
        sheet = self.book.add_worksheet(name)
        for number, column in enumerate(columns):
            sheet.set_column(number, number, column.width)
            sheet.write_string(0, number, column.heading, self.heading)
        last = 0
        for last, row in enumerate(rows, start=1):
            for number, (column, value) in enumerate(zip(columns, row, strict=True)):
                self._write(sheet, last, number, value, self.formats[column.look])
        for place, note in enumerate(notes, start=last + 2):
            sheet.write_string(place, 1, note)
        headings = [column.heading for column in columns]
        if ANSWER in headings and last:
            place = headings.index(ANSWER)
            sheet.data_validation(1, place, last, place, {"validate": "list", "source": list(ANSWERS)})
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(last, 1), len(columns) - 1)
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.set_margins(*[MARGIN_INCHES] * 4)
        sheet.print_area(0, 0, max(last, 1) + 3, sum(column.is_printed for column in columns) - 1)
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
