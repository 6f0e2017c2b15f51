"""Sentences with an account's own numbers: placeholders with formats.

A placeholder names a feature and how to say it (``serving.reasons.formats``):

    {limit_feature:name}               API calls
    {seats:count}                      1,250
    {seats:count seat/seats}           1 seat, 50 seats
    {seat_utilization_28d:percent}     92%
    {events_28d before events_growth_28d:count}
                                       what it grew from: 38 where events_28d is 46 and events_growth_28d is 8/38
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.conditions import Columns, column
from serving.reasons.formats import FORMATS, WITH_CURRENCY, WITH_WORDS, WITHOUT_CENTS

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
        if self.format in WITH_CURRENCY:
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
            values = self._rounded_alike(placeholder, columns, size).tolist()
            parts.append([say(value) + literal for value in values])
        said = ("".join(pieces) for pieces in zip(*parts, strict=True))
        return [text[:1].upper() + text[1:] for text in said]

    def _rounded_alike(self, placeholder: Placeholder, columns: Columns, size: int) -> npt.NDArray[Any]:
        """The values of a placeholder; amounts that are compared both have cents, or neither has."""
        values = placeholder.values(columns, size)
        of_feature = [one for one in self.placeholders if one.format == "money" and one.feature == placeholder.feature]
        if placeholder.format != "money" or len(of_feature) < 2:
            return values
        amounts = np.column_stack([one.values(columns, size) for one in of_feature])
        return np.where((amounts >= WITHOUT_CENTS).any(axis=1) & (values >= 1), np.floor(values + 0.5), values)


def before(now: npt.NDArray[np.float64], growth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What grew to ``now`` by the share ``growth``; missing where it grew from or to nothing, or is not known."""
    known = (growth > -1) & (now != 0)
    return np.divide(now, 1 + growth, out=np.full(len(now), np.nan), where=known)


def are_known(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which values can be stated: not missing, and no blank text."""
    known = np.asarray(pd.notna(values), dtype=bool)
    if values.dtype == object:
        known &= np.array([str(value).strip() != "" for value in values.tolist()], dtype=bool)
    return known
