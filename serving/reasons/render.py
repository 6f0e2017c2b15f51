"""Putting reasons into words: which sentence fits each account, and what the sentence rests on.

One told reason is one row: the sentence and, so that every number in it can be derived again, the features it rests on
and their values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.feature_card import FeatureCard
from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NEUTRAL, REASONS, OutputKind
from serving.reasons.fallback import Values, are_known, card_sentences
from serving.reasons.playbook import Playbook, Variant
from serving.reasons.templates import USERS_ARE_DAILY_PEAKS, Columns, column

Integers = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

PREFIX = {FOR: "", AGAINST: "Against: ", NEUTRAL: "For context: ", CONTRADICTS: "Contradicts what is expected: "}
"""What an effect is called at the head of a sentence, so that a sentence alone is never read the wrong way round."""

WORDS = "words"
"""A column beside those of ``reasons``: what the sentence says whoever it is about, in which no number is the account's
own."""
_TYPES = {OutputKind.TEXT: "str", OutputKind.NUMBER: "float64", OutputKind.YES_NO: "bool", OutputKind.NUMBERS: "object"}


@dataclass(frozen=True)
class ReasonContext:
    """What the reasons of a list are put into words with, the same for every account.

    ``catalogue`` has the cards of the model's features, or more. ``users_are_daily_peaks``: the users of a window are
    those of its busiest day (no single users are known), and the sentences say so.
    """

    catalogue: Mapping[str, FeatureCard]
    playbook: Playbook
    currency: str
    users_are_daily_peaks: bool = False


@dataclass(frozen=True)
class Facts:
    """What may be stated of some accounts, aligned to the same rows: the numbers, and the features that are text."""

    size: int
    numbers: Columns
    texts: Values

    @classmethod
    def of(cls, rows: pd.DataFrame, features: Iterable[str], users_are_daily_peaks: bool) -> "Facts":
        """All numbers of feature rows, and the texts among ``features``, the model's."""
        numbers = {str(name): rows[name].to_numpy(np.float64) for name in rows.select_dtypes("number")}
        texts = {name: rows[name].to_numpy(object) for name in features if name in rows and name not in numbers}
        numbers[USERS_ARE_DAILY_PEAKS] = np.full(len(rows), float(users_are_daily_peaks))
        return cls(len(rows), numbers, texts)

    @property
    def values(self) -> Values:
        return {**self.numbers, **self.texts}


class ReasonRenderer:
    """Puts the reasons of some accounts into words.

    ``stories`` gives the model's features of each reason code. ``fitting`` is the number of the variant that fits each
    account, -1 where none does, for each code and side. ``own`` are the accounts of which a value is known, for each
    reason that is a feature of the team's own: it can be told without a variant.
    """

    def __init__(self, facts: Facts, stories: Mapping[str, Sequence[str]], context: ReasonContext) -> None:
        self.facts, self.stories, self.context = facts, stories, context
        self.variants: dict[tuple[str, str], tuple[Variant, ...]] = {}
        self.fitting: dict[tuple[str, str], npt.NDArray[np.int8]] = {}
        self.own: dict[str, npt.NDArray[np.bool_]] = {}
        for code, names in stories.items():
            if all(context.catalogue[name].is_own for name in names):
                known = [are_known(facts.values[name]) for name in names if name in facts.values]
                self.own[code] = np.logical_or.reduce([np.zeros(facts.size, dtype=bool), *known])
            reason = context.playbook.reasons.get(code)
            for side in (FOR, AGAINST):
                self.variants[code, side] = reason.variants(side) if reason else ()
                same = side == AGAINST and reason is not None and not reason.against
                self.fitting[code, side] = self.fitting[code, FOR] if same else self._first_fit(code, side)

    def _first_fit(self, code: str, side: str) -> npt.NDArray[np.int8]:
        fitting = np.full(self.facts.size, -1, dtype=np.int8)
        for number, variant in enumerate(self.variants[code, side]):
            fits = variant.template.known(self.facts.numbers, self.facts.size)
            if variant.condition is not None:
                fits &= variant.condition.holds(self.facts.numbers, self.facts.size)
            fitting[fits & (fitting == -1)] = number
        return fitting

    def says(self, side: str) -> npt.NDArray[np.bool_]:
        """Accounts x reason codes: is there something to say, by a variant that fits or a value of the team's own?"""
        fits = [self.fitting[code, side] >= 0 for code in self.stories]
        return np.column_stack([fit | self.own.get(code, False) for code, fit in zip(self.stories, fits, strict=True)])

    def render(self, row: Integers, code: Objects, effect: Objects, features: Objects) -> pd.DataFrame:
        """The columns of ``reasons`` that follow from the sentence, and ``WORDS``: one row per reason, in their order.

        ``row``: the account, by its place in the facts; ``features``: those of the reason, strongest first.
        """
        playbook = self.context.playbook
        sentences = {name: np.full(len(row), None, dtype=object) for name in (*REASONS.of_sentence, WORDS)}
        for story in pd.unique(pd.Series(code, dtype=object)):
            here = np.flatnonzero(code == story)
            sentences["title"][here] = playbook.title(self.context.catalogue[self.stories[story][0]])
            sentences["actionable"][here] = story in playbook.actionable
            for side, prefix in PREFIX.items():
                among = here[effect[here] == side]
                of = (story, AGAINST if side == AGAINST else FOR)
                fitting = self.fitting[of][row[among]]
                for number in np.unique(fitting):
                    at = among[fitting == number]
                    if number >= 0:
                        self._by_variant(sentences, at, row[at], self.variants[of][number])
                    else:
                        self._by_card(sentences, at, row[at], story, features[at])
                    sentences["text"][at] = [prefix + sentence for sentence in sentences["text"][at]]
        types = {name: _TYPES[REASONS.column(name).kind] for name in REASONS.of_sentence}
        return pd.DataFrame(sentences).astype(types | {WORDS: "str"})

    def _by_variant(self, sentences: dict[str, Objects], at: Integers, row: Integers, variant: Variant) -> None:
        size, names = len(at), variant.features
        known = {name: self.facts.numbers[name][row] for name in names if name in self.facts.numbers}
        numbers = np.column_stack([np.empty((size, 0)), *(column(known, name, size) for name in names)])
        sentences["text"][at] = variant.template.render(known, size, self.context.currency)
        sentences["numbers_from"][at] = ",".join(names)
        sentences["numbers"][at] = _each(numbers)
        sentences[WORDS][at] = " ... ".join(variant.template.literals)
        if names:
            sentences["feature"][at], sentences["value"][at] = names[0], numbers[:, 0]
        if len(variant.template.features) > 1:
            sentences["comparator"][at], sentences["comparator_value"][at] = names[1], numbers[:, 1]

    def _by_card(
        self, sentences: dict[str, Objects], at: Integers, row: Integers, code: str, features: Objects
    ) -> None:
        values = self.facts.values
        known = {name: values[name][row] for name in self.stories[code] if name in values}
        texts, used = card_sentences(features.tolist(), self.context.catalogue, known, self.context.currency)
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
