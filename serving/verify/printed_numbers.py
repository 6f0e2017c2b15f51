"""Every number that a sentence prints, and whether it can be derived from the numbers it rests on.

A judge of its own: it knows nothing of templates and formats, only how people write a number. ``46`` is a value rounded
to whole numbers, ``92%`` a share rounded, ``20 months`` a number of days, ``2.4 times`` a factor rounded down,
``about 2 times`` one that is rounded, ``about $14,200`` an amount of three digits, ``3 August`` a day, ``July 2024``
its month, ``API calls`` what a table calls api_calls.
"""

import calendar
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from math import isnan
from typing import Any, NamedTuple

from serving.reasons.formats import (
    DAYS_PER_MONTH,
    DAYS_PER_WEEK,
    DAYS_PER_YEAR,
    LONGEST_NAME,
    ROUND_DIGITS,
    UNITS_OF_NAMES,
)

MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
NUMBER = re.compile(
    r"(?P<bound>\b(?i:under|over) |\b(?i:about) (?=[\d,]+ times\b))?(?P<sign>[+-]?)"
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?P<power>e[+-]?\d+)?"
    r"(?P<unit>%| points?\b| times\b| weeks?\b| months?\b| years?\b)?"
    rf"|\b(?P<month>{'|'.join(MONTHS)})\b"
)
ROUND_AMOUNT = re.compile(r"\babout (?!the )(?:[^\w\s]{1,3}|[a-z]{2,3} )?\d(?![\d.,]* times\b)", re.IGNORECASE)
"""A sentence with one has no amount but those of three digits."""
NOTHING = re.compile(r"\b(no|none|nothing|never|neither|nor)\b", re.IGNORECASE)
DAY = re.compile(rf"\b(?P<day>\d{{1,2}}) (?P<month>{'|'.join(MONTHS)})\b(?: (?P<year>\d{{4}})\b)?")
MONTH_OF_YEAR = re.compile(rf"\b(?P<month>{'|'.join(MONTHS)}) (?P<year>\d{{4}})\b")
WORDS_FOR: Mapping[re.Pattern[str], Callable[[float], bool]] = {
    re.compile(r"\bonce\b", re.IGNORECASE): lambda value: value == 1,
    re.compile(r"\btwice\b", re.IGNORECASE): lambda value: value == 2,
    re.compile(r"\balmost all\b", re.IGNORECASE): lambda value: 0.99 < value <= 1,
    re.compile(r"\bhardly any\b", re.IGNORECASE): lambda value: 0 < value < 0.01,
}
"""Words that stand for a number, and of which values they are said."""
FIRST_DAY_NAMED = date(1970, 1, 1).toordinal()
"""Numbers from here on may be days."""
SAME = 0.005
"""Shares of less are no change."""
EPSILON = 1e-9
_UNIT = re.compile(rf"[_ -](?:{'|'.join(UNITS_OF_NAMES)})$", re.IGNORECASE)

BOUNDS = {("%", "under"), ("%", "over"), ("times", "about"), ("", "about")}
"""What may stand before a number in a unit, and changes what it is said of."""
UNITS = {
    "points": 100.0,
    "weeks": 1 / DAYS_PER_WEEK,
    "months": 1 / DAYS_PER_MONTH,
    "years": 1 / DAYS_PER_YEAR,
}
"""What a number in such a unit is of the value: of a share, or of days."""

Pairs = Iterable[tuple[str, str]]
"""Features and their growth: a sentence may state what a feature grew from."""


class Printed(NamedTuple):
    """A number as it is printed: ``sign`` may be empty, ``unit`` is behind it, ``bound`` is under, over or about."""

    text: str
    number: float
    decimals: int
    sign: str = ""
    unit: str = ""
    bound: str = ""

    def is_said_of(self, value: float) -> bool:
        """Is it this value, rounded as it is printed?"""
        if isnan(value) or (self.sign and (value < 0) != (self.sign == "-") and value != 0):
            return False
        size, half = abs(value), 0.5 * 10**-self.decimals
        if not self.unit and self.bound == "about":
            return self._near(size, max(half, 0.5 * 10 ** (len(str(int(self.number))) - ROUND_DIGITS)))
        if self.unit == "%" and self.bound:
            return 100 * size < self.number if self.bound == "under" else self.number < 100 * size < 100
        if self.unit == "%":
            return self._near(100 * size, half)
        if self.unit == "times" and self.bound == "about":
            return self._near(size, half)
        if self.unit == "times":  # of something else, or of what it was before it grew by so much
            step = 0.1 if self.number < 10 else 1.0
            return any(0 <= times + EPSILON - self.number < step for times in (size, 1 + value))
        scale = UNITS.get(self.unit, 1.0)
        return self._near(scale * size, half) or self._near(size, half)

    def _near(self, size: float, half: float) -> bool:
        return abs(size - self.number) <= half + EPSILON * max(1.0, size)


def printed(text: str) -> Iterator[Printed]:
    """The numbers of a text, in their order; the names of months are numbers too."""
    is_round = ROUND_AMOUNT.search(text) is not None
    for match in NUMBER.finditer(text):
        if match["month"]:
            yield Printed(match[0], MONTHS[match["month"]], 0)
            continue
        digits, power = match["number"].replace(",", ""), match["power"] or ""
        decimals = len(digits.partition(".")[2]) - int(power[1:] or 0)
        unit = (match["unit"] or "").strip()
        unit = unit if unit in ("", "%") else unit.removesuffix("s") + "s"
        bound = (match["bound"] or "").strip().lower() or ("about" if is_round and not unit else "")
        bound = bound if (unit, bound) in BOUNDS else ""
        yield Printed(match[0], float(digits + power), decimals, match["sign"], unit, bound)


@lru_cache(maxsize=4096)
def _constants(words: str) -> Counter[str]:
    return Counter(number.text for number in printed(words))


def derivable(numbers: Mapping[str, float], pairs: Pairs) -> list[float]:
    """The numbers that a sentence may state: those it rests on, and what they grew from."""
    values = list(numbers.values())
    for name, growth in pairs:
        if name in numbers and numbers.get(growth, -1.0) > -1:
            values.append(numbers[name] / (1 + numbers[growth]))
    return values


def underived(
    text: str,
    words: str,
    numbers: Mapping[str, float],
    pairs: Pairs = (),
    named: Mapping[str, Any] | None = None,
) -> list[str]:
    """What a sentence prints that cannot be derived, as it is printed.

    ``words``: what the sentence says whoever it is about; a number of those (28 days) is no account's own. ``named``:
    what it names, texts and numbers; days are numbers, as ``date.toordinal`` has them. A word for nothing (``no``,
    ``none``, ``never``) asks for a number that is nought or missing, or for two that are equal; ``once``,
    ``twice``, ``almost all`` and ``hardly any`` ask for their value.
    """
    named = named or {}
    for name in filter(lambda value: isinstance(value, str), named.values()):
        text = _pattern_of(name).sub("", text, count=1)
    days = {date.fromordinal(int(value)) for value in named.values() if _is_day(value)}
    odd_days = [match[0] for match in DAY.finditer(text) if not any(_is_of(match, day) for day in days)]
    text = DAY.sub("", text)
    months = {(day.year, day.month) for day in days}
    odd_days += [m[0] for m in MONTH_OF_YEAR.finditer(text) if (int(m["year"]), MONTHS[m["month"]]) not in months]
    text = MONTH_OF_YEAR.sub("", text)
    values = derivable(numbers, pairs) + [float(value) for value in named.values() if not isinstance(value, str)]
    constants = _constants(words).copy()
    odd = odd_days
    for number in printed(text):
        if any(number.is_said_of(value) for value in values):
            continue
        if constants[number.text] > 0:
            constants[number.text] -= 1
        else:
            odd.append(number.text)
    known = [value for value in values if not isnan(value)]
    is_nothing = len(known) < len(values) or len(set(known)) < len(known) or any(abs(v) < SAME for v in known)
    if values and not is_nothing:
        odd += [match[0] for match in NOTHING.finditer(text)]
    for word, is_said_of in WORDS_FOR.items():
        if values and not any(map(is_said_of, known)):
            odd += [match[0] for match in word.finditer(text)]
    return odd


def _is_of(printed: re.Match[str], day: date) -> bool:
    """Is it this day that is printed, with its year or without?"""
    is_year = printed["year"] is None or int(printed["year"]) == day.year
    return is_year and (int(printed["day"]), MONTHS[printed["month"]]) == (day.day, day.month)


def _is_day(value: Any) -> bool:
    return not isinstance(value, str) and value >= FIRST_DAY_NAMED and value == int(value)


def _pattern_of(name: str) -> re.Pattern[str]:
    """A name as a table has it, or as people write it: in any case, blanks for underscores, cut where it is long.

    The unit at its end may stand behind the amount instead.
    """
    letters = [re.escape(letter) if letter not in "_ -" else "[_ -]" for letter in " ".join(name.split())]
    whole, cut = "".join(letters), "".join(letters[: LONGEST_NAME - 3]).rstrip() + r"\.\.\."
    unit = _UNIT.search(name)
    without = "|" + "".join(letters[: unit.start()]) if unit else ""
    return re.compile((whole if len(letters) <= LONGEST_NAME else f"{whole}|{cut}") + without, re.IGNORECASE)
