"""The ways to tell a reason: sentences with clauses, spelled out once when the playbook is read.

    text = "{active_users_28d:count} of {seats:count seat/seats} in use{=period}{+trend}{+peers}"

``{+trend}`` is a clause that is said where it holds and is left out where it does not, or where the sentence would be
too long; ``{=period}`` is one of the clause's ways, always. A way holds where its ``when`` does, where all that it
states is known, and where one of the features of its ``because`` pushes the way that the sentence tells.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from data.conditions import Condition
from data.contract.details import DETAILS
from data.contract.outputs import AGAINST, CONTRADICTS, FOR, NEUTRAL
from serving.reasons.templates import ABOUT_THE_SOURCE, Template

MOST_WORDS = 22
"""Words of a sentence, at most."""
PREFIX = {FOR: "", AGAINST: "Against: ", NEUTRAL: "For context: ", CONTRADICTS: "Unexpected: "}
"""What an effect is called at the head of a sentence, so that a sentence alone is never read the wrong way round."""
_CLAUSE = re.compile(r"\{(?P<kind>[+=])(?P<name>\w+)\}")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")
_WORDS_SAID = {
    "part": 2, "name": 2, "feature": 4, "span": 2, "days": 2, "points": 2, "times": 2, "fold": 2, "day": 2, "date": 3,
    "monthyear": 2, "noun": 2, "unit": 2, "of": 3,
}  # fmt: skip
"""How many words a format says, where it is not one; of those that follow a number without a blank, with the number."""


@dataclass(frozen=True)
class Way:
    """One way to say something: the text, when it holds, and the features of which one must push that way."""

    text: str
    when: str | None = None
    because: tuple[str, ...] = ()


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
    ways: Sequence[Way], clauses: Mapping[str, Sequence[Way]], *, shown: bool, most: int = MOST_WORDS
) -> tuple[Telling, ...]:
    """All ways to tell a reason, those that say most first. Raises ValueError for a text that cannot be read.

    A way that would be too long with a clause is left out; one that is too long without is an error. ``most``: the
    words of a sentence, where what is put before it is to have its place.
    """
    return tuple(telling for way in ways for telling in _spelled_out(way, clauses, shown, most))


def _spelled_out(way: Way, clauses: Mapping[str, Sequence[Way]], shown: bool, most: int) -> Iterator[Telling]:
    asked = list(_CLAUSE.finditer(way.text))
    for clause in asked:
        if clause["name"] not in clauses:
            raise ValueError(f"there is no clause `{clause['name']}` for: {way.text}")
    choices = [[*clauses[clause["name"]], *([None] if clause["kind"] == "+" else [])] for clause in asked]
    for chosen in product(*choices):
        said = iter(chosen)
        text = _CLAUSE.sub(lambda _, said=said: getattr(next(said), "text", ""), way.text)  # type: ignore[misc]
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
