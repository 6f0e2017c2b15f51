"""How a number is said to people: the formats of the placeholders, and what else is printed in the same way.

count   1,250; with words: 1 seat, 50 seats
word    was, were (only the word that fits the number)
money   $1,250 (under 100 with cents: $9.90)
round   $14,200 (an amount to three digits, for what is added up another way elsewhere)
near    10,100 (a count to three digits, for what is reckoned; said after "about")
percent 92% (under 1%, over 99%)
part    92% of (hardly any, almost all)
change  +35%
size    35% (without the sign, for "up by", "down by")
points  12 points (a difference of two shares, without the sign)
days    1 day, 45 days
span    9 days, 6 weeks, 20 months, 4 years
number  4.2
rating  4.25, 3 (two decimals where they are needed)
grade   4.3, 3 (one decimal where it is needed)
share   24.6%, 25% (one decimal where it is needed, without the sign)
month   October
times   2.4 times, from 10 on 21 times (rounded down)
fold    2.4 times (of what it was, where the value is the growth: 1.4)
day     3 August (a day within the year before)
date    3 August 2024 (a day that may be long ago)
monthyear July 2024 (of a day)
name    API calls (what a table calls api_calls)
feature API calls, the calendar feature (a name that is no plural takes its article)
noun    storage (what is measured in storage_gb)
unit    GB, after a blank (what storage_gb is measured in; nothing, where its name does not say)
of      GB of, after a blank (before what is measured: 50 GB of storage)
"""

import calendar
import math
import re
from collections.abc import Callable
from datetime import date

import numpy as np

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
DAYS_PER_WEEK = 7
SPAN_DAYS, SPAN_WEEKS_DAYS, SPAN_MONTHS_DAYS = 20, 60, 730
"""A span is told in days, in weeks and in months up to so many days; from then on in years."""
_CAPITALS = (
    "ai apac api arr b2b bi ci cli crm csm csv emea erp eu ftp gb gdpr hr html http https id ip json kb kpi latam ldap "
    "mb mfa ml mrr nps ocr pdf qa qbr rest roi s3 saml scim sdk seo sla smb sme sms sql sso tb "
    "tls ui uk url ux vat vip vpn xml"
)
CAPITALS = frozenset(_CAPITALS.split())
"""Words that people write in capitals."""
UNITS_OF_NAMES = ("kb", "mb", "gb", "tb")
"""Last words of a name that say what its amount is measured in."""
_NOT_COUNTED = (
    "access analytics bandwidth billing compute content data email feedback forecasting history hosting information "
    "logging mail memory messaging monitoring processing reporting retention routing scoring software space storage "
    "streaming support testing tracking traffic training transfer usage use used kb mb gb tb"
)
NOT_COUNTED = frozenset(_NOT_COUNTED.split())
"""Last words of a name that have no plural: of them there are units."""
_ONE = re.compile(r"(?<!\bpeople)(?<!\bchildren)(?<!media)(?<=[A-RT-Za-rt-z])$", re.IGNORECASE)
"""The end of a name that may be made a plural, and is none yet."""
_ADD_ON = re.compile(r"(?<![a-z])add_on(?![a-rt-z])", re.IGNORECASE)
_PART_OF_CODE = re.compile(r"[^_\s-]+")
WITHOUT_CENTS = 100
"""From this amount on money is told without cents."""
ROUND_DIGITS = 3
"""Digits of an amount that is told roundly; under that many before the point none is lost."""
LONGEST_NAME = 40
"""Letters of a name in a sentence."""
ALMOST_ALL, HARDLY_ANY = "almost all", "hardly any"


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
    exact = size < WITHOUT_CENTS and abs(size - round(size)) >= 0.005
    return f"{sign}{symbol}{size:,.2f}" if exact else f"{sign}{symbol}{_whole(size):,}"


def _to_digits(value: float) -> float:
    step = 10.0 ** max(len(str(abs(_whole(value)))) - ROUND_DIGITS, 0)
    return _whole(value / step) * step


def _round(value: float, symbol: str) -> str:
    return _money(_to_digits(value) if abs(value) >= 10 else value, symbol)


def _percent(value: float) -> str:
    share = 100 * value
    if 0 < abs(share) < 1:
        return "under 1%"
    return "over 99%" if 99 < share < 100 else f"{_whole(share):,}%"


def _part(value: float) -> str:
    if value <= 0:
        return "none of"
    return HARDLY_ANY if value < 0.01 else ALMOST_ALL if value > 0.99 else f"{_percent(value)} of"


def _change(value: float) -> str:
    return ("+" if _whole(100 * value) > 0 else "") + f"{_whole(100 * value):,}%"


def _span(value: float) -> str:
    if value <= SPAN_DAYS:
        return _count(value, "day", "days")
    if value <= SPAN_WEEKS_DAYS:
        return _count(value / DAYS_PER_WEEK, "week", "weeks")
    if value < SPAN_MONTHS_DAYS:
        return _count(value / DAYS_PER_MONTH, "month", "months")
    return _count(value / DAYS_PER_YEAR, "year", "years")


def _times(value: float) -> str:
    """A factor, rounded down; the small addition keeps 2.3 from becoming 2.2."""
    factor = np.floor(value + 1e-9) if value >= 10 else np.floor(10 * value + 1e-9) / 10
    return f"{factor:,.1f}".removesuffix(".0") + " times"


def _spoken(code: str) -> str:
    """A name as people write it: ``api_calls`` is API calls; what is written for people stays as it is."""
    code = _ADD_ON.sub("add-on", code)
    said = _PART_OF_CODE.sub(lambda part: part[0].upper() if part[0] in CAPITALS else part[0], code)
    words = said.split() if " " in said.strip() else said.split("_")
    return " ".join(word.strip() for word in words if word.strip())


def _named(value: str) -> str:
    """A name within a sentence, on one line and no longer than it needs to be known by."""
    said = _spoken(str(value))
    return said if len(said) <= LONGEST_NAME else f"{said[: LONGEST_NAME - 3].rstrip()}..."


def _feature(code: str) -> str:
    """A product feature as it is said aloud: documents alone may be anybody's, the documents feature is ours."""
    return f"the {_named(code)} feature"


def _noun(code: str) -> str:
    """What an amount is of: `search` is searches; `storage`, and what has a unit, stays as it is."""
    name = _named(_parted(code)[0])
    if _unit(code) or not _is_counted(name) or not _ONE.search(name):
        return name
    if name.endswith(("ch", "sh", "x", "z")):
        return f"{name}es"
    return f"{name[:-1]}ies" if re.search("[^aeiou]y$", name) else f"{name}s"


def _is_counted(name: str) -> bool:
    return re.split("[ -]", name)[-1].casefold() not in NOT_COUNTED


def _unit(code: str) -> str:
    unit = _parted(code)[1]
    return f" {unit.upper()}" if unit else ""


def _of(code: str) -> str:
    unit = _unit(code)
    if unit:
        return f"{unit} of"
    return "" if _is_counted(_named(code)) else " units of"


def _parted(code: str) -> tuple[str, str]:
    """What a name names, and the unit behind it."""
    words = _spoken(code).split()
    has_unit = len(words) > 1 and words[-1].casefold() in UNITS_OF_NAMES
    return (" ".join(words[:-1]), words[-1]) if has_unit else (code, "")


def _day(value: float) -> str:
    day = date.fromordinal(round(value))
    return f"{day.day} {calendar.month_name[day.month]}"


def _date(value: float) -> str:
    """With its year: a day that may be long ago."""
    return f"{_day(value)} {date.fromordinal(round(value)).year}"


def _monthyear(value: float) -> str:
    day = date.fromordinal(round(value))
    return f"{calendar.month_name[day.month]} {day.year}"


FORMATS: dict[str, Callable[..., str]] = {
    "count": _count,
    "word": _word,
    "money": _money,
    "round": _round,
    "near": lambda value: _count(_to_digits(value)),
    "percent": _percent,
    "part": _part,
    "change": _change,
    "size": lambda value: _percent(abs(value)),
    "points": lambda value: _count(abs(100 * value), "point", "points"),
    "days": lambda value: _count(value, "day", "days"),
    "span": _span,
    "number": lambda value: f"{value:,.1f}",
    "rating": lambda value: f"{value:.2f}".rstrip("0").rstrip("."),
    "grade": lambda value: f"{value:.1f}".removesuffix(".0"),
    "share": lambda value: f"{abs(100 * value):.1f}".removesuffix(".0") + "%",
    "times": _times,
    "fold": lambda value: _times(1 + value),
    "month": lambda value: calendar.month_name[_whole(value)],
    "day": _day,
    "date": _date,
    "monthyear": _monthyear,
    "name": _named,
    "feature": _feature,
    "noun": _noun,
    "unit": _unit,
    "of": _of,
}
WITH_CURRENCY = ("money", "round")
WITH_WORDS = {"count": (0, 2), "word": (2,)}
"""How many words (one/many) a format takes; the others take none."""


def money(value: float, symbol: str) -> str:
    """An amount as in the sentences."""
    return _money(value, symbol)


def percent(value: float) -> str:
    """A share as in the sentences."""
    return _percent(value)


def say_name(code: str) -> str:
    """A name that stands alone: ``mid_market`` is Mid market, ``smb`` is SMB."""
    said = _spoken(code)
    return said[:1].upper() + said[1:]


def say_propensity(value: float) -> str:
    """A propensity for people: no false precision, and never a certainty."""
    if value > 0.99:
        return "over 99%"
    return "under 1%" if value < 0.01 else percent(value)


def say_day(day: date) -> str:
    """A day for people: 1 Oct 2026."""
    return f"{day.day} {day:%b %Y}"
