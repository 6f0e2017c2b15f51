"""Every number that a sentence prints, and whether it can be derived from the numbers it rests on.

A judge of its own: it knows nothing of templates and formats, only how people write a number. ``46`` is a value rounded
to whole numbers, ``92%`` a share rounded, ``20 months`` a number of days, ``2.4 times`` a factor rounded down.
"""

import calendar
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import isnan
from typing import NamedTuple

from serving.reasons.formats import DAYS_PER_MONTH

MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?P<power>e[+-]?\d+)?"
    r"(?P<unit>%| points?\b| times\b| months?\b)?"
    rf"|\b(?P<month>{'|'.join(MONTHS)})\b"
)
NOTHING = re.compile(r"\b(no|none|nothing|never|neither|nor)\b", re.IGNORECASE)
ONCE = re.compile(r"\bonce\b", re.IGNORECASE)
SAME = 0.005
"""Shares of less are no change."""
EPSILON = 1e-9

Pairs = Iterable[tuple[str, str]]
"""Features and their growth: a sentence may state what a feature grew from."""


class Printed(NamedTuple):
    """A number as it is printed: ``sign`` may be empty, ``unit`` is the word behind it."""

    text: str
    number: float
    decimals: int
    sign: str = ""
    unit: str = ""

    def is_said_of(self, value: float) -> bool:
        """Is it this value, rounded as it is printed?"""
        if isnan(value) or (self.sign and (value < 0) != (self.sign == "-") and value != 0):
            return False
        size, half = abs(value), 0.5 * 10**-self.decimals
        if self.unit == "%":
            return self._near(100 * size, half)
        if self.unit == "times":
            return 0 <= size + EPSILON - self.number < (0.1 if self.number < 10 else 1.0)
        scale = {"points": 100.0, "months": 1 / DAYS_PER_MONTH}.get(self.unit, 1.0)
        return self._near(scale * size, half) or self._near(size, half)

    def _near(self, size: float, half: float) -> bool:
        return abs(size - self.number) <= half + EPSILON * max(1.0, size)


def printed(text: str) -> Iterator[Printed]:
    """The numbers of a text, in their order; the names of months are numbers too."""
    for match in NUMBER.finditer(text):
        if match["month"]:
            yield Printed(match[0], MONTHS[match["month"]], 0)
            continue
        digits, power = match["number"].replace(",", ""), match["power"] or ""
        decimals = len(digits.partition(".")[2]) - int(power[1:] or 0)
        unit = (match["unit"] or "").strip()
        unit = {"point": "points", "month": "months"}.get(unit, unit)
        yield Printed(match[0], float(digits + power), decimals, match["sign"], unit)


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


def underived(text: str, words: str, numbers: Mapping[str, float], pairs: Pairs = ()) -> list[str]:
    """What a sentence prints that cannot be derived, as it is printed.

    ``words``: what the sentence says whoever it is about; a number of those (28 days) is no account's own. A word for
    nothing (``no``, ``none``, ``never``) asks for a number that is nought or missing, or for two that are equal;
    ``once`` for a one.
    """
    values = derivable(numbers, pairs)
    constants = _constants(words).copy()
    odd = []
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
    if values and 1.0 not in known:
        odd += [match[0] for match in ONCE.finditer(text)]
    return odd
