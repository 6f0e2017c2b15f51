"""Sentences with an account's own numbers: placeholders with formats, and conditions on when a sentence holds.

A placeholder names a feature and how to say it (``serving.reasons.formats``):

    {limit_feature:name}               API calls
    {seats:count}                      1,250
    {seats:count seat/seats}           1 seat, 50 seats
    {seat_utilization_28d:percent}     92%
    {events_28d before events_growth_28d:count}
                                       what it grew from: 38 where events_28d is 46 and events_growth_28d is 8/38

A condition is comparisons joined by ``and``: ``seats > 1 and nps_last is missing``, ``active_users_28d > seats``.
It is read by a pattern, never evaluated as code. A comparison with a missing value does not hold, unless the condition
says so: ``peers_below_mrr >= 0.5 or missing``.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.reasons.formats import FORMATS, WITH_WORDS

Columns = Mapping[str, npt.NDArray[Any]]
"""Values by name, aligned to the same rows: numbers (missing is NaN) or texts (missing is null). What is not there is
missing throughout."""

USERS_ARE_DAILY_PEAKS = "users_are_daily_peaks"
ABOUT_THE_SOURCE = (USERS_ARE_DAILY_PEAKS,)
"""What a condition may ask beside features: 1 where the users of a window are those of its busiest day, else 0."""

_PLACEHOLDER = re.compile(
    r"\{(?P<name>\w+)(?: before (?P<growth>\w+))?:(?P<format>[a-z]+)(?: (?P<one>[^{}/]+)/(?P<many>[^{}/]+))?\}"
)


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

    def values(self, columns: Columns, size: int) -> npt.NDArray[Any]:
        """What is to be said; missing where it cannot be derived."""
        now = column(columns, self.feature, size)
        return now if self.growth is None else before(now, column(columns, self.growth, size))

    def formatter(self, currency: str) -> Callable[[Any], str]:
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
            mask &= are_known(placeholder.values(columns, size))
        return mask

    def render(self, columns: Columns, size: int, currency: str) -> list[str]:
        """One sentence for each of ``size`` rows, in all of which the placeholders have values. It begins large."""
        parts: list[list[str]] = [[self.literals[0]] * size]
        for placeholder, literal in zip(self.placeholders, self.literals[1:], strict=True):
            say = placeholder.formatter(currency)
            values = placeholder.values(columns, size).tolist()
            parts.append([say(value) + literal for value in values])
        said = ("".join(pieces) for pieces in zip(*parts, strict=True))
        return [text[:1].upper() + text[1:] for text in said]


def before(now: npt.NDArray[np.float64], growth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What grew to ``now`` by the share ``growth``; missing where it grew from or to nothing, or is not known."""
    known = (growth > -1) & (now != 0)
    return np.divide(now, 1 + growth, out=np.full(len(now), np.nan), where=known)


def column(columns: Columns, name: str, size: int) -> npt.NDArray[np.float64]:
    """Values of a feature; all missing if the feature is not there."""
    return columns[name] if name in columns else np.full(size, np.nan)


def are_known(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which values can be stated: not missing, and no blank text."""
    known = np.asarray(pd.notna(values), dtype=bool)
    if values.dtype == object:
        known &= np.array([str(value).strip() != "" for value in values.tolist()], dtype=bool)
    return known


_COMPARISONS: dict[str, Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.bool_]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(
    r"(?P<left>[a-z_]\w*) "
    r"(?:(?P<missing>is missing)|(?P<sign><=|>=|==|!=|<|>) (?P<right>-?[\w.]+)(?P<too> or missing)?)"
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
OR_MISSING = " or missing"


@dataclass(frozen=True)
class Condition:
    """Comparisons that must all hold: (feature, sign or ``is missing``, number or feature).

    A sign with `` or missing`` holds of a missing value too.
    """

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
                (
                    match["left"],
                    match["missing"] or match["sign"] + (match["too"] or ""),
                    float(right) if _NUMBER.fullmatch(right) else right,
                )
            )
        return cls(tuple(terms))

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are asked for, each once; those that are to be missing come last."""
        terms = sorted(self.terms, key=lambda term: "missing" in term[1])
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
            holds = _COMPARISONS[sign.removesuffix(OR_MISSING)](values, other)
            mask &= np.where(np.isnan(values) | np.isnan(other), sign.endswith(OR_MISSING), holds)
        return mask
