"""How a number is said to people: the formats of the placeholders, and what else is printed in the same way.

count   1,250; with words: 1 seat, 50 seats
word    was, were (only the word that fits the number)
money   $1,250 (under 100 with cents: $9.90)
percent 92% (under 1% with one decimal)
change  +35%
size    35% (without the sign, for "up by", "down by")
points  12 points (a difference of two shares, without the sign)
days    1 day, 45 days
span    45 days; from 61 days on also in months: 612 days (20 months)
number  4.2
rating  4.25, 3 (two decimals where they are needed)
share   24.6%, 25% (one decimal where it is needed, without the sign)
month   October
times   2.4 times, from 10 on 21 times (rounded down)
"""

import calendar
import math
import re
from collections.abc import Callable
from datetime import date

import numpy as np

DAYS_PER_MONTH = 365.25 / 12
SPAN_FROM_DAYS = 61
_IN_CAPITALS = frozenset(
    {"ai", "api", "apac", "b2b", "crm", "emea", "erp", "eu", "hr", "it", "latam", "ml", "sdk", "smb", "sme", "sms"}
    | {"sql", "sso", "uk", "us", "vip"}
)
"""Words that are abbreviations, however a code writes them."""


def _whole(value: float) -> int:
    """The nearest whole number, halves away from zero, as people round."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def _word(value: float, one: str, many: str) -> str:
    return one if _whole(value) == 1 else many


def _count(value: float, one: str = "", many: str = "") -> str:
    number = f"{_whole(value):,}"
    return f"{number} {_word(value, one, many)}" if many else number


def _money(value: float, symbol: str) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    exact = size < 100 and abs(size - round(size)) >= 0.005
    return f"{sign}{symbol}{size:,.2f}" if exact else f"{sign}{symbol}{_whole(size):,}"


def _percent(value: float) -> str:
    share = 100 * value
    return f"{share:.1f}%" if 0 < abs(share) < 1 else f"{_whole(share):,}%"


def _change(value: float) -> str:
    return ("+" if _whole(100 * value) > 0 else "") + f"{_whole(100 * value):,}%"


def _span(value: float) -> str:
    if value < SPAN_FROM_DAYS:
        return _count(value, "day", "days")
    return f"{_whole(value):,} days ({_whole(value / DAYS_PER_MONTH)} months)"


def _times(value: float) -> str:
    """A factor, rounded down; the small addition keeps 2.3 from becoming 2.2."""
    factor = np.floor(value + 1e-9) if value >= 10 else np.floor(10 * value + 1e-9) / 10
    return f"{factor:,.1f}".removesuffix(".0") + " times"


FORMATS: dict[str, Callable[..., str]] = {
    "count": _count,
    "word": _word,
    "money": _money,
    "percent": _percent,
    "change": _change,
    "size": lambda value: _percent(abs(value)),
    "points": lambda value: _count(abs(100 * value), "point", "points"),
    "days": lambda value: _count(value, "day", "days"),
    "span": _span,
    "number": lambda value: f"{value:,.1f}",
    "rating": lambda value: f"{value:.2f}".rstrip("0").rstrip("."),
    "share": lambda value: f"{abs(100 * value):.1f}".removesuffix(".0") + "%",
    "times": _times,
    "month": lambda value: calendar.month_name[_whole(value)],
}
WITH_WORDS = {"count": (0, 2), "word": (2,)}
"""How many words (one/many) a format takes; the others take none."""


def money(value: float, symbol: str) -> str:
    """An amount as in the sentences."""
    return _money(value, symbol)


def percent(value: float) -> str:
    """A share as in the sentences."""
    return _percent(value)


def say_name(code: str) -> str:
    """A code as people write it: mid_market is Mid market, smb is SMB. What has capitals of its own keeps them."""
    words = re.sub(r"[_\s]+", " ", code).strip().split(" ")
    words = [word.upper() if word.casefold() in _IN_CAPITALS else word for word in words]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def say_propensity(value: float) -> str:
    """A propensity for people: no false precision, and never a certainty."""
    if value > 0.99:
        return "over 99%"
    return "under 1%" if value < 0.01 else percent(value)


def say_day(day: date) -> str:
    """A day for people: 1 Oct 2026."""
    return f"{day.day} {day:%b %Y}"
