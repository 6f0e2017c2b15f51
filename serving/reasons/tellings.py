"""The ways to tell a reason: sentences with clauses, spelled out once when the playbook is read.

    text = "{active_users_28d:count} of {seats:count seat/seats} in use{=period}{+trend}{+peers}"

``{+trend}`` is a clause that is said where it holds and is left out where it does not, or where the sentence would be
too long; ``{=period}`` is one of the clause's ways, always. A way holds where its ``when`` does, where all that it
states is known, and where one of the features of its ``because`` pushes the way that the sentence tells.

What is said more than once is named once: a ``when`` says ``users_created_28d > 1 and settled``, a sentence
``{=period}``, a ``not_when`` ``"use_falls"``. All of it is spelled out before a reason or a play is read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.conditions import Condition
from data.contract.details import DETAILS
from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NEUTRAL
from serving.reasons.templates import ABOUT_THE_SOURCE, Template

MOST_WORDS = 22
"""Words of a sentence, at most."""
PREFIX = {FOR: "", AGAINST: "Against: ", NEUTRAL: "For context: ", CONTRADICTS: "Unexpected: "}
"""What an effect is called at the head of a sentence, so that a sentence alone is never read the wrong way round."""
STRICT = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
CONDITIONS = ("requires", "first_when")
"""The keys of a playbook, beside ``when``, that hold conditions."""
CLAUSE = re.compile(r"\{(?P<kind>[+=])(?P<name>\w+)\}")
NAME = re.compile(r"[a-z][a-z0-9_]*")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")
_WORDS_SAID = {
    "part": 2, "name": 2, "feature": 4, "span": 2, "days": 2, "points": 2, "times": 2, "fold": 2, "day": 2, "date": 3,
    "monthyear": 2, "noun": 2, "unit": 2, "of": 3,
}  # fmt: skip
"""How many words a format says, where it is not one; of those that follow a number without a blank, with the number."""


class Variant(BaseModel):
    """One way to say something: the text, and when it holds (None: whenever what it states is known).

    ``because``: the features of which one must push the way that is told; of the words of a play, of which one must be
    stated by a reason for the account that is shown.
    """

    model_config = STRICT
    text: str = Field(min_length=3)
    when: str | None = None
    because: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _plain_sentence(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else value

    @field_validator("when")
    @classmethod
    def _readable_condition(cls, when: str | None) -> str | None:
        if when is not None:
            Condition.parse(when)
        return when


def require_sentence(bar: Variant) -> None:
    """Raises ValueError for one word that bars nothing: it was meant for a name."""
    if bar.when is None and NAME.fullmatch(bar.text):
        raise ValueError(f"`{bar.text}` is none of [bars], and no sentence")


class Clause(Variant):
    """A part of a sentence, with the blank or the comma before it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)
    text: str = Field(min_length=1)


@dataclass(frozen=True)
class Telling:
    """One way to tell a reason, spelled out. ``because``: of each group one feature must push the way that is told.

    ``shown``: may a CSM see it? What is only stated for the table may not.
    """

    template: Template
    condition: Condition | None
    because: tuple[tuple[str, ...], ...]
    shown: bool

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the sentence rests on: what it states, in order, then what its condition asks for.

        What is known of the source is not of the account.
        """
        asked = self.condition.features if self.condition else ()
        return tuple(dict.fromkeys(name for name in self.template.features + asked if name not in ABOUT_THE_SOURCE))

    @cached_property
    def details(self) -> tuple[str, ...]:
        """Of these, what is named of the account: not what is to be missing."""
        missing = self.condition.missing if self.condition else frozenset()
        return tuple(name for name in self.names if name in DETAILS and name not in missing)


def tellings(
    ways: Sequence[Variant], clauses: Mapping[str, Sequence[Variant]], *, shown: bool, most: int = MOST_WORDS
) -> tuple[Telling, ...]:
    """All ways to tell a reason, those that say most first. Raises ValueError for a text that cannot be read.

    A way that would be too long with a clause is left out; one that is too long without is an error. ``most``: the
    words of a sentence, where what is put before it is to have its place.
    """
    return tuple(telling for way in ways for telling in _spelled_out(way, clauses, shown, most))


def _spelled_out(way: Variant, clauses: Mapping[str, Sequence[Variant]], shown: bool, most: int) -> Iterator[Telling]:
    asked = list(CLAUSE.finditer(way.text))
    for clause in asked:
        if clause["name"] not in clauses:
            raise ValueError(f"there is no clause `{clause['name']}` for: {way.text}")
    choices = [[*clauses[clause["name"]], *([None] if clause["kind"] == "+" else [])] for clause in asked]
    for chosen in product(*choices):
        said = iter(chosen)
        text = CLAUSE.sub(lambda _, said=said: getattr(next(said), "text", ""), way.text)  # type: ignore[misc]
        optional = [c for c, clause in zip(chosen, asked, strict=True) if c is not None and clause["kind"] == "+"]
        longest = most_words(text)
        if longest > most:
            if optional:
                continue
            raise ValueError(f"a sentence has at most {most} words here, this has {longest}: {text}")
        parts = [way, *(c for c in chosen if c is not None)]
        conditions = [part.when for part in parts if part.when]
        yield Telling(
            template=Template.parse(text),
            condition=Condition.parse(" and ".join(conditions)) if conditions else None,
            because=tuple(part.because for part in parts if part.because),
            shown=shown,
        )


class Shared(BaseModel):
    """What is named once, by its name: comparisons, the ways of a clause, what bars a play."""

    model_config = STRICT
    conditions: dict[str, str]
    clauses: dict[str, tuple[Clause, ...]]
    bars: dict[str, Variant]

    @model_validator(mode="before")
    @classmethod
    def _with_conditions(cls, value: Any) -> Any:
        conditions = {name: text for name, text in value["conditions"].items() if isinstance(text, str)}
        return {key: part if key == "conditions" else _spelled(part, conditions, {}) for key, part in value.items()}

    @field_validator("conditions", "clauses", "bars")
    @classmethod
    def _names(cls, named: dict[str, Any]) -> dict[str, Any]:
        for name in named:
            if not NAME.fullmatch(name):
                raise ValueError(f"`{name}` is no name: lower-case letters, digits and `_`")
        return named

    @field_validator("conditions")
    @classmethod
    def _readable_conditions(cls, conditions: dict[str, str]) -> dict[str, str]:
        for condition in conditions.values():
            Condition.parse(condition)
        return conditions

    @field_validator("bars")
    @classmethod
    def _sentences(cls, bars: dict[str, Variant]) -> dict[str, Variant]:
        for bar in bars.values():
            require_sentence(bar)
        return bars

    @field_validator("clauses")
    @classmethod
    def _readable_clauses(cls, clauses: dict[str, tuple[Clause, ...]]) -> dict[str, tuple[Clause, ...]]:
        for name, ways in clauses.items():
            try:
                tellings(ways, {}, shown=True)
            except ValueError as error:
                raise ValueError(f"`{name}`: {error}") from error
        return clauses

    def names(self) -> Iterator[tuple[tuple[str, str], Iterable[str]]]:
        """Where each stands, and what of an account it asks for."""
        for name, condition in self.conditions.items():
            yield ("conditions", name), Condition.parse(condition).features
        for name, ways in self.clauses.items():
            told = tellings(ways, {}, shown=True)
            yield ("clauses", name), [asked for way in told for asked in way.names]
        for name, bar in self.bars.items():
            yield ("bars", name), Condition.parse(bar.when).features if bar.when else ()

    def spelled_out(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        """The parts of a playbook, as they are written, with all that is named put in its place."""
        bars = {name: bar.model_dump(exclude_defaults=True) for name, bar in self.bars.items()}
        spelled: dict[str, Any] = _spelled(parts, self.conditions, bars)
        reasons = spelled["reasons"]
        return {**spelled, "reasons": {code: self._with_clauses(reason) for code, reason in reasons.items()}}

    def _with_clauses(self, reason: Any) -> Any:
        """A reason with the shared clauses that its texts ask for, where it has none of its own of that name."""
        own = reason.get("clauses", {}) if isinstance(reason, dict) else None
        if not isinstance(own, dict):
            return reason
        asked = {clause["name"] for text in _texts(reason) for clause in CLAUSE.finditer(text)}
        shared = {name: ways for name, ways in self.clauses.items() if name in asked - own.keys()}
        return {**reason, "clauses": {**shared, **own}} if shared else reason


def _spelled(parts: Any, conditions: Mapping[str, str], bars: Mapping[str, Any]) -> Any:
    """The same tables and lists, with each name that stands for a condition or a bar replaced by it."""

    def spelled(key: str, text: str) -> Any:
        if key == "not_when":
            return bars.get(text, text)
        if key == "when" or key in CONDITIONS:
            return " and ".join(conditions.get(term.strip(), term) for term in text.split(" and "))
        return text

    return with_texts(parts, spelled)


def with_texts(part: Any, said: Callable[[str, str], Any], key: str = "") -> Any:
    """The same tables and lists, with what is said in place of each text: of the key that it stands under, and it."""
    if isinstance(part, dict):
        return {name: with_texts(value, said, name) for name, value in part.items()}
    if isinstance(part, list):
        return [with_texts(value, said, key) for value in part]
    return said(key, part) if isinstance(part, str) else part


def _texts(part: Any) -> Iterator[str]:
    """All texts within."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, (dict, list)):
        for value in part.values() if isinstance(part, dict) else part:
            yield from _texts(value)


def most_words(text: str) -> int:
    """The words of the longest sentence of a text; a placeholder counts for what its format says."""
    template = Template.parse(text)
    said = template.literals[0]
    for placeholder, literal in zip(template.placeholders, template.literals[1:], strict=True):
        words = max((len(word.split()) for word in placeholder.words), default=0)
        if placeholder.format == "count":
            words += 1
        said += " ".join(["x"] * (words or _WORDS_SAID.get(placeholder.format, 1))) + literal
    return max(map(word_count, sentences_of(said)))


def words_beside(effects: Iterable[str]) -> int:
    """The words that a sentence may have where one of these effects is put before it."""
    return MOST_WORDS - max(word_count(PREFIX[effect]) for effect in effects)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text."""
    return [sentence for sentence in _SENTENCE_ENDS.split(text.strip()) if sentence]


def word_count(sentence: str) -> int:
    """Its words: what stands between blanks and is not a mark alone."""
    return sum(any(letter.isalnum() for letter in word) for word in sentence.split())
