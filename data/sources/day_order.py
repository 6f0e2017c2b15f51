"""Dates that are not ISO: which of their two numbers is the day. Told where the column shows it, never guessed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir

DATE_WITH_MARKS = r"^\s*\d{1,2}[/.\-]\d{1,2}[/.\-](\d{4}|\d{2})\b"
"""A day, a month and a year, the year last."""
_PARTS = re.compile(r"(\d{1,2})([/.\-])\d{1,2}[/.\-](\d+)")
MONTHS, DAYS = 12, 31


@dataclass(frozen=True)
class WrittenDate:
    """A date as it is written: ``02/01/2024``."""

    text: str

    @property
    def numbers(self) -> tuple[int, int, int]:
        first, second, year = map(int, re.findall(r"\d+", self.text))
        return first, second, year + 2000 * (year < 100)

    @property
    def is_a_date(self) -> bool:
        first, second, _ = self.numbers
        return 0 < min(first, second) <= MONTHS and max(first, second) <= DAYS

    @property
    def day_must_be_first(self) -> bool:
        return self.numbers[0] > MONTHS

    @property
    def month_must_be_first(self) -> bool:
        return self.numbers[1] > MONTHS

    def pattern(self, *, day_first: bool) -> str:
        mark = _PARTS.match(self.text)[2]  # type: ignore[index]
        year = "%Y" if len(re.findall(r"\d+", self.text)[2]) == len("2024") else "%y"
        return mark.join([*(("%d", "%m") if day_first else ("%m", "%d")), year])

    def readings(self) -> str:
        first, second, year = self.numbers
        return f"{date(year, second, first)} or {date(year, first, second)}"


def told(column: str, values: ir.StringValue) -> tuple[str, str] | None:
    """What to say of a column's ``values`` that are no ISO dates, and what to do; None where none is written so."""
    written = values.re_extract(DATE_WITH_MARKS, 0).name("written").as_table().distinct().order_by("written")
    texts = [text.strip() for text in written.to_pandas()["written"].dropna() if text.strip()]
    dates = [text for text in map(WrittenDate, texts) if text.is_a_date]
    if not dates:
        return None
    day_first, month_first = _first(dates, "day_must_be_first"), _first(dates, "month_must_be_first")
    either = next((d for d in dates if max(d.numbers[:2]) <= MONTHS and d.numbers[0] != d.numbers[1]), dates[0])
    ways = {
        True: f"`{_parsed(column, either, day_first=True)}`",
        False: f"`{_parsed(column, either, day_first=False)}`",
    }
    iso = "Dates are read as 2024-12-31. Write them so, or say under [source.tables]"
    if day_first and month_first:
        found = f"Some have the day first ({day_first.text!r}), some the month ({month_first.text!r})."
        return found, f"{iso} which rows are which: {ways[True]} or {ways[False]}."
    if day_first or month_first:
        shows, first = (day_first, "day") if day_first else (month_first, "month")
        assert shows is not None
        return f"The {first} comes first, as {shows.text!r} shows.", f"{iso}: {ways[day_first is not None]}."
    found = f"Whether the day or the month comes first cannot be known: {either.text!r} is {either.readings()}."
    return found, f"{iso}: {ways[True]} if the day comes first, {ways[False]} if the month does."


def _first(dates: Iterable[WrittenDate], what: str) -> WrittenDate | None:
    return next((written for written in dates if getattr(written, what)), None)


def _parsed(column: str, written: WrittenDate, *, day_first: bool) -> str:
    """The SQL that reads such a text as a date; a time of day behind it is left out."""
    return f"strptime(split_part({column}, ' ', 1), '{written.pattern(day_first=day_first)}')"
