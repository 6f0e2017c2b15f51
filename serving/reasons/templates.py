"""Sentences with an account's own numbers: placeholders with formats, and conditions on when a sentence holds.

A placeholder names a feature and how to say it:

    {seats:count}                      1,250
    {seats:count seat/seats}           1 seat, 50 seats
    {seats:word was/were}              was, were (only the word that fits the number)
    {mrr:money}                        $1,250 (under 100 with cents: $9.90)
    {seat_utilization_28d:percent}     92% (under 1% with one decimal)
    {events_growth_28d:change}         +35%
    {events_growth_28d:size}           35% (without the sign, for "up by", "down by")
    {seat_change:points}               12 points (a difference of two shares, without the sign)
    {days_since_expansion:days}        1 day, 45 days
    {tenure_days:span}                 45 days; from 61 days on also in months: 612 days (20 months)
    {csat_182d:number}                 4.2
    {csat_182d:rating}                 4.25, 3 (two decimals where they are needed)
    {seat_utilization_28d:share}       24.6%, 25% (one decimal where it is needed, without the sign)
    {month_of_year:month}              October
    {limit_share_max_28d:times}        2.4 times, from 10 on 21 times (rounded down)
    {events_28d before events_growth_28d:count}
                                       what it grew from: 38 where events_28d is 46 and events_growth_28d is 8/38

A condition is comparisons joined by ``and``: ``seats > 1 and nps_last is missing``, ``active_users_28d > seats``.
It is read by a pattern, never evaluated as code. A comparison with a missing value does not hold.
"""

import calendar
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[np.float64]]
"""Values by feature name, aligned to the same rows; missing is NaN. An absent feature is missing throughout."""

USERS_ARE_DAILY_PEAKS = "users_are_daily_peaks"
ABOUT_THE_SOURCE = (USERS_ARE_DAILY_PEAKS,)
"""What a condition may ask beside features: 1 where the users of a window are those of its busiest day, else 0."""

DAYS_PER_MONTH = 365.25 / 12
SPAN_FROM_DAYS = 61


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

_PLACEHOLDER = re.compile(
    r"\{(?P<name>\w+)(?: before (?P<growth>\w+))?:(?P<format>[a-z]+)(?: (?P<one>[^{}/]+)/(?P<many>[^{}/]+))?\}"
)


def money(value: float, symbol: str) -> str:
    """An amount as in the sentences."""
    return _money(value, symbol)


def percent(value: float) -> str:
    """A share as in the sentences."""
    return _percent(value)


def say_propensity(value: float) -> str:
    """A propensity for people: no false precision, and never a certainty."""
    if value > 0.99:
        return "over 99%"
    return "under 1%" if value < 0.01 else percent(value)


def say_day(day: date) -> str:
    """A day for people: 1 Oct 2026."""
    return f"{day.day} {day:%b %Y}"


@dataclass(frozen=True)
class Placeholder:
    """One number of a sentence: the feature and how it is said; with ``growth`` what the feature grew from by it."""

    feature: str
    format: str
    words: tuple[str, ...] = ()
    growth: str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """What the number is derived from."""
        return (self.feature,) if self.growth is None else (self.feature, self.growth)

    def values(self, columns: Columns, size: int) -> npt.NDArray[np.float64]:
        """The numbers to be said; missing where they cannot be derived."""
        now = column(columns, self.feature, size)
        return now if self.growth is None else before(now, column(columns, self.growth, size))

    def formatter(self, currency: str) -> Callable[[float], str]:
        function = FORMATS[self.format]
        if self.format == "money":
            return partial(function, symbol=currency)
        return lambda value: function(value, *self.words)


@dataclass(frozen=True)
class Template:
    """A sentence with placeholders: ``literals`` has one part more than ``placeholders``."""

    literals: tuple[str, ...]
    placeholders: tuple[Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a sentence. Raises ValueError for an unknown format or a brace that is no placeholder."""
        literals, placeholders, end = [], [], 0
        for match in _PLACEHOLDER.finditer(text):
            words = tuple(word for word in match.group("one", "many") if word is not None)
            form = match["format"]
            if form not in FORMATS:
                raise ValueError(f"{match[0]}: there is no format `{form}`; there are {', '.join(FORMATS)}")
            if len(words) not in WITH_WORDS.get(form, (0,)):
                raise ValueError(
                    f"{match[0]}: `{form}` takes {' or '.join(map(str, WITH_WORDS.get(form, (0,))))} words"
                )
            literals.append(text[end : match.start()])
            placeholders.append(Placeholder(match["name"], form, words, match["growth"]))
            end = match.end()
        literals.append(text[end:])
        if any(brace in part for part in literals for brace in "{}"):
            raise ValueError(f"a brace that is no placeholder like {{seats:count}} in: {text}")
        return cls(tuple(literals), tuple(placeholders))

    @property
    def features(self) -> tuple[str, ...]:
        """The features whose numbers are in the sentence, each once, in their order."""
        return tuple(dict.fromkeys(name for p in self.placeholders for name in p.features))

    def known(self, columns: Columns, size: int) -> npt.NDArray[np.bool_]:
        """Rows in which every placeholder has a value."""
        mask = np.ones(size, dtype=bool)
        for placeholder in self.placeholders:
            mask &= ~np.isnan(placeholder.values(columns, size))
        return mask

    def render(self, columns: Columns, size: int, currency: str) -> list[str]:
        """One sentence for each of ``size`` rows, in all of which the placeholders have values."""
        parts: list[list[str]] = [[self.literals[0]] * size]
        for placeholder, literal in zip(self.placeholders, self.literals[1:], strict=True):
            say = placeholder.formatter(currency)
            values = placeholder.values(columns, size).tolist()
            parts.append([say(value) + literal for value in values])
        return ["".join(pieces) for pieces in zip(*parts, strict=True)]


def before(now: npt.NDArray[np.float64], growth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What grew to ``now`` by the share ``growth``; missing where it grew from or to nothing, or is not known."""
    known = (growth > -1) & (now != 0)
    return np.divide(now, 1 + growth, out=np.full(len(now), np.nan), where=known)


def column(columns: Columns, name: str, size: int) -> npt.NDArray[np.float64]:
    """Values of a feature; all missing if the feature is not there."""
    return columns[name] if name in columns else np.full(size, np.nan)


_COMPARISONS: dict[str, Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.bool_]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(r"(?P<left>[a-z_]\w*) (?:(?P<missing>is missing)|(?P<sign><=|>=|==|!=|<|>) (?P<right>-?[\w.]+))")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Condition:
    """Comparisons that must all hold: (feature, sign or ``is missing``, number or feature)."""

    terms: tuple[tuple[str, str, float | str], ...]

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read a condition. Raises ValueError where a part is no comparison."""
        terms: list[tuple[str, str, float | str]] = []
        for part in text.split(" and "):
            match = _TERM.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"`{part.strip()}` is no comparison such as `seats > 1` or `nps_last is missing`")
            right = match["right"] or ""
            terms.append(
                (match["left"], match["missing"] or match["sign"], float(right) if _NUMBER.fullmatch(right) else right)
            )
        return cls(tuple(terms))

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are asked for, each once; those that are to be missing come last."""
        terms = sorted(self.terms, key=lambda term: term[1] == "is missing")
        names = [name for left, _, right in terms for name in (left, right) if isinstance(name, str) and name]
        return tuple(dict.fromkeys(names))

    def holds(self, columns: Columns, size: int) -> npt.NDArray[np.bool_]:
        """Rows in which every comparison holds."""
        mask = np.ones(size, dtype=bool)
        for left, sign, right in self.terms:
            values = column(columns, left, size)
            if sign == "is missing":
                mask &= np.isnan(values)
                continue
            other = column(columns, right, size) if isinstance(right, str) else np.full(size, right)
            mask &= _COMPARISONS[sign](values, other) & ~np.isnan(values) & ~np.isnan(other)
        return mask
