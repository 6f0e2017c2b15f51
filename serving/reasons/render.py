"""Putting reasons into words: which sentence fits each account, and what the sentence rests on.

One told reason is one row: the sentence and, so that every number and name in it can be derived again, the features it
rests on with their values, and what it names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.conditions import Columns, Condition, column
from data.contract.details import DETAILS, DetailKind
from data.contract.feature_card import FeatureCard
from data.contract.outputs import AGAINST, FOR, NEUTRAL, REASONS, OutputKind
from serving.reasons.fallback import Values, are_words, card_sentences
from serving.reasons.own_figures import OwnFigures
from serving.reasons.playbook import Playbook
from serving.reasons.tellings import PREFIX, Telling
from serving.reasons.templates import USERS_ARE_DAILY_PEAKS, are_known

Integers = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]

SIDES = {FOR: 1.0, AGAINST: -1.0, NEUTRAL: 0.0}
"""The sides on which a reason is told, and the way that attributions push there. What contradicts is only stated."""

WORDS, NAMED, SHOWABLE = "words", "named_values", "showable"
"""Columns beside those of ``reasons``: what the sentence says whoever it is about, in which no number is the account's
own; what it names, by detail; and whether a CSM may read it."""
_TYPES = {OutputKind.TEXT: "str", OutputKind.NUMBER: "float64", OutputKind.YES_NO: "bool", OutputKind.NUMBERS: "object"}


@dataclass(frozen=True)
class ReasonContext:
    """What the reasons of a list are put into words with, the same for every account.

    ``catalogue`` has the cards of the model's features, or more. ``users_are_daily_peaks``: the users of a window are
    those of its busiest day (no single users are known), and the sentences say so. ``figures``: what the numbers of the
    team's own are compared with; where there is nothing, they are stated alone. ``muted``: the features that are not
    known of any account.
    """

    catalogue: Mapping[str, FeatureCard]
    playbook: Playbook
    currency: str
    users_are_daily_peaks: bool = False
    figures: OwnFigures = field(default_factory=dict)
    muted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """What may be stated of some accounts, aligned to the same rows: the numbers, and what is a text.

    That what is ``muted`` is missing is no fact of an account.
    """

    size: int
    numbers: Columns
    texts: Values
    muted: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        features: Iterable[str],
        users_are_daily_peaks: bool,
        details: pd.DataFrame | None = None,
        muted: frozenset[str] = frozenset(),
    ) -> "Facts":
        """All numbers of feature rows, the texts among ``features`` (the model's), and the details of the same rows."""
        numbers = {str(name): rows[name].to_numpy(np.float64) for name in rows.select_dtypes("number")}
        texts = {name: rows[name].to_numpy(object) for name in features if name in rows and name not in numbers}
        numbers[USERS_ARE_DAILY_PEAKS] = np.full(len(rows), float(users_are_daily_peaks))
        for name, values in () if details is None else details.items():
            kind = DETAILS[str(name)].kind if name in DETAILS else None
            if kind is DetailKind.NAME:
                texts[str(name)] = np.array([_name_of(value) for value in values], dtype=object)
            elif kind is DetailKind.DAY:
                numbers[str(name)] = np.array([_ordinal(value) for value in values], dtype=np.float64)
            elif kind is DetailKind.NUMBER:
                numbers[str(name)] = values.to_numpy(np.float64)
        return cls(len(rows), numbers, texts, muted)

    @property
    def values(self) -> Values:
        return {**self.numbers, **self.texts}

    def say(self, telling: Telling, at: Integers, currency: str) -> list[str]:
        """What it says of these rows."""
        values = self.values
        known = {name: values[name][at] for name in telling.names if name in values}
        return telling.template.render(known, len(at), currency)

    def hold(self, telling: Telling) -> Mask:
        """The rows of which it can be told: its condition holds, and what it states is known."""
        holds = telling.template.known(self.values, self.size)
        if telling.condition is not None:
            holds &= self.holds(telling.condition)
        return holds

    def holds(self, condition: Condition) -> Mask:
        """The rows in which a condition holds; none where it asks that something be missing which is not known."""
        if self.muted & condition.missing:
            return np.zeros(self.size, dtype=bool)
        texts = condition.missing & self.texts.keys()
        known = {name: np.where(are_known(self.texts[name]), 1.0, np.nan) for name in texts}
        return condition.holds({**self.numbers, **known}, self.size)

    def first(
        self, tellings: Sequence[Telling], allowed: Callable[[Telling], Mask] | None = None
    ) -> npt.NDArray[np.int16]:
        """Of each row the number of the first telling that holds, and that is ``allowed`` there; -1 where none does."""
        chosen = np.full(self.size, -1, dtype=np.int16)
        for number, telling in enumerate(tellings):
            undecided = chosen == -1
            if not undecided.any():
                break
            fits = undecided & self.hold(telling)
            chosen[fits if allowed is None else fits & allowed(telling)] = number
        return chosen


def _name_of(value: Any) -> str | None:
    """A name as the table has it; a code without a letter names nothing to a reader."""
    return None if pd.isna(value) or not any(map(str.isalpha, str(value))) else str(value)


def _ordinal(day: Any) -> float:
    return float("nan") if pd.isna(day) else float(pd.Timestamp(day).toordinal())


class ReasonRenderer:
    """Puts the reasons of some accounts into words.

    ``codes`` gives the model's features of each reason code, ``pushes`` the attributions of the same accounts by
    feature. ``fitting`` is the number of the telling that fits each account, -1 where none does, for each code and
    side. ``own`` are the accounts of which a value is known, for each reason that is a feature of the team's own: it
    can be told without a text of the playbook. ``compared`` says what its numbers are against the base.
    """

    def __init__(
        self, facts: Facts, codes: Mapping[str, Sequence[str]], context: ReasonContext, pushes: Columns
    ) -> None:
        self.facts, self.codes, self.context, self.pushes = facts, codes, context, pushes
        self.tellings: dict[tuple[str, str], tuple[Telling, ...]] = {}
        self.fitting: dict[tuple[str, str], npt.NDArray[np.int16]] = {}
        self.own: dict[str, Mask] = {}
        of_own = [name for name in context.figures if name in facts.numbers]
        self.compared: Values = {name: context.figures[name].compared(facts.numbers[name]) for name in of_own}
        for code, names in codes.items():
            if all(context.catalogue[name].is_own for name in names):
                known = [are_known(facts.values[name]) for name in names if name in facts.values]
                self.own[code] = np.logical_or.reduce([np.zeros(facts.size, dtype=bool), *known])
            reason = context.playbook.reasons.get(code)
            for side in SIDES:
                self.tellings[code, side] = reason.tellings(side) if reason else ()
                pushed = partial(self._all_pushed, way=SIDES[side])
                self.fitting[code, side] = facts.first(self.tellings[code, side], pushed)

    def _all_pushed(self, telling: Telling, way: float) -> Mask:
        """The accounts that one feature of each group of ``because`` pushes that way."""
        pushed = [self._pushed(group, way) for group in telling.because]
        return np.logical_and.reduce([np.ones(self.facts.size, dtype=bool), *pushed])

    def _pushed(self, features: Sequence[str], way: float) -> Mask:
        """The accounts that one of these features pushes that way."""
        pushed = [way * self.pushes[name] > 0 for name in features if name in self.pushes]
        return np.logical_or.reduce([np.zeros(self.facts.size, dtype=bool), *pushed])

    def says(self, side: str) -> Mask:
        """Accounts x reason codes: is there something to say, by a text that fits or a value of the team's own?"""
        fits = [self.fitting[code, side] >= 0 for code in self.codes]
        return np.column_stack([fit | self.own.get(code, False) for code, fit in zip(self.codes, fits, strict=True)])

    def shows(self, side: str) -> Mask:
        """Accounts x reason codes: is there something that a CSM may read?"""
        return np.column_stack([self._shows(code, side) for code in self.codes])

    def _shows(self, code: str, side: str) -> Mask:
        told = self.tellings[code, side]
        fitting = self.fitting[code, side]
        shown = np.array([*(telling.shown for telling in told), False])[fitting]
        speaks = [
            self.context.figures[name].speaks(self.compared[name], SIDES[side])
            for name in self.codes[code]
            if name in self.compared
        ]
        values = [self.facts.texts[name] for name in self.codes[code] if name in self.facts.texts]
        by_card = self.own.get(code, False) & np.logical_and.reduce([fitting == -1, *speaks, *map(are_words, values)])
        return np.asarray(shown | by_card, dtype=bool)

    def render(self, row: Integers, code: Objects, effect: Objects, features: Objects) -> pd.DataFrame:
        """The columns of ``reasons`` that follow from the sentence, and those beside: a row a reason, in their order.

        ``row``: the account, by its place in the facts; ``features``: those of the reason, strongest first.
        """
        playbook = self.context.playbook
        beside = (WORDS, NAMED, SHOWABLE)
        sentences = {name: np.full(len(row), None, dtype=object) for name in (*REASONS.of_sentence, *beside)}
        for told in pd.unique(pd.Series(code, dtype=object)):
            here = np.flatnonzero(code == told)
            sentences["title"][here] = playbook.title(self.context.catalogue[self.codes[told][0]])
            sentences["actionable"][here] = told in playbook.actionable
            for side, prefix in PREFIX.items():
                among = here[effect[here] == side]
                of = (told, side if side in SIDES else NEUTRAL)
                sentences[SHOWABLE][among] = self._shows(*of)[row[among]]
                fitting = self.fitting[of][row[among]]
                for number in np.unique(fitting):
                    at = among[fitting == number]
                    if number >= 0:
                        self._by_telling(sentences, at, row[at], self.tellings[of][number])
                    else:
                        self._by_card(sentences, at, row[at], told, features[at])
                    sentences["text"][at] = [prefix + sentence for sentence in sentences["text"][at]]
        types = {name: _TYPES[REASONS.column(name).kind] for name in REASONS.of_sentence}
        return pd.DataFrame(sentences).astype(types | {WORDS: "str", SHOWABLE: "bool"})

    def _by_telling(self, sentences: dict[str, Objects], at: Integers, row: Integers, telling: Telling) -> None:
        size = len(at)
        names = [name for name in telling.names if name not in DETAILS]
        values = self.facts.values
        known = {name: values[name][row] for name in telling.names if name in values}
        details = [name for name in telling.details if name in known]  # of a table that is not there nothing is named
        stated = [column(known, name, size) for name in names]
        are_texts = [values.dtype == object for values in stated]
        unknown = np.full(size, np.nan)
        figures = (unknown if text else values for values, text in zip(stated, are_texts, strict=True))
        numbers = np.column_stack([np.empty((size, 0)), *figures])
        sentences["text"][at] = telling.template.render(known, size, self.context.currency)
        sentences["numbers_from"][at] = ",".join(names)
        sentences["numbers"][at] = _each(numbers)
        sentences[WORDS][at] = " ... ".join(telling.template.literals)
        if names:
            sentences["feature"][at], sentences["value"][at] = names[0], numbers[:, 0]
            sentences["value_text"][at] = stated[0] if are_texts[0] else None
        if any(are_texts):  # what is printed in it are the team's own words
            sentences[WORDS][at] = sentences["text"][at]
        if len([name for name in telling.template.features if name not in DETAILS]) > 1:
            sentences["comparator"][at], sentences["comparator_value"][at] = names[1], numbers[:, 1]
        if details:
            named = [
                dict(zip(details, row_of, strict=True)) for row_of in zip(*(known[d] for d in details), strict=True)
            ]
            sentences[NAMED][at] = named
            sentences["named"][at] = [_say_named(one) for one in named]

    def _by_card(
        self, sentences: dict[str, Objects], at: Integers, row: Integers, code: str, features: Objects
    ) -> None:
        values = self.facts.values
        known = {name: values[name][row] for name in self.codes[code] if name in values}
        against_base = {name: self.compared[name][row] for name in self.codes[code] if name in self.compared}
        texts, used = card_sentences(
            features.tolist(), self.context.catalogue, known, self.context.currency, against_base
        )
        sentences["text"][at] = texts
        sentences["numbers_from"][at] = sentences["feature"][at] = used
        for name in dict.fromkeys(used):
            these = np.array(used, dtype=object) == name
            card, given = self.context.catalogue[name], known.get(name, np.full(len(at), np.nan))[these]
            is_text = given.dtype == object
            numbers = np.full(len(given), np.nan) if is_text else given
            sentences["value"][at[these]] = numbers
            sentences["numbers"][at[these]] = _each(numbers[:, None])
            sentences[WORDS][at[these]] = f"{card.label} ... {card.unit} ... {card.missing}"
            if is_text:  # what is printed in it are the team's own words
                sentences["value_text"][at[these]] = given
                sentences[WORDS][at[these]] = sentences["text"][at[these]]


def _each(numbers: npt.NDArray[np.float64]) -> Objects:
    """The rows of a matrix as an array of arrays."""
    rows = np.empty(len(numbers), dtype=object)
    for place, row in enumerate(numbers):
        rows[place] = row
    return rows


def _say_named(named: Mapping[str, Any]) -> str:
    """What a sentence names, as the table has it: ``limit_feature=api_calls; asked_on=2026-08-03``."""
    return "; ".join(f"{name}={_plain(name, value)}" for name, value in named.items())


def _plain(name: str, value: Any) -> str:
    if DETAILS[name].kind is DetailKind.DAY:
        return date.fromordinal(int(value)).isoformat()
    return f"{value:.10g}" if DETAILS[name].kind is DetailKind.NUMBER else str(value)
