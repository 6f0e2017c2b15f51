"""Who was the champion on a past day: the terms of the champions of a registered model, as its tags keep them.

A term begins on the day that its model was trained as of, so that a list of a past day finds the model that served
then. A version that is made the champion by hand, or after one of a later day, serves from today on.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from data.errors import ModelError

_TAG = re.compile(r"headroom\.champion\.(\d+)")


class Term(NamedTuple):
    """A version is the champion from that day on, until the next term begins."""

    since: date
    version: str

    @property
    def text(self) -> str:
        """It as a tag keeps it."""
        return f"{self.since} {self.version}"


def tag_of(number: int) -> str:
    """The tag that keeps the term with this number, the first of which is 1."""
    return f"headroom.champion.{number}"


def terms_in(tags: Mapping[str, str]) -> list[Term]:
    """The terms that are kept in tags, the first one first. Raises ModelError for one that somebody wrote otherwise."""
    kept = {int(found[1]): text for tag, text in tags.items() if (found := _TAG.fullmatch(tag))}
    return [_term(number, kept[number]) for number in sorted(kept)]


def _term(number: int, text: str) -> Term:
    since, _, version = text.partition(" ")
    try:
        return Term(date.fromisoformat(since), version)
    except ValueError as error:
        raise ModelError(
            "Read who was the champion when.",
            f"the tag {tag_of(number)} of the registered model is `{text}`: no day and version.",
            "Write it in MLflow as `2026-08-01 5`.",
        ) from error


def next_term(terms: Sequence[Term], version: str, trained_as_of: date | None, today: date) -> Term:
    """The term of a version that follows these, whose days never go back."""
    last = terms[-1].since if terms else date.min
    is_later = trained_as_of is not None and last <= trained_as_of
    return Term(trained_as_of if trained_as_of is not None and is_later else max(today, last), version)


def champion_on(terms: Sequence[Term], day: date, name: str) -> str:
    """The version that was the champion of a model on a day. Raises ModelError, naming the first, if none was."""
    versions = [term.version for term in terms if term.since <= day]
    if versions:
        return versions[-1]
    first = f"the first, version {terms[0].version}, has been since {terms[0].since}" if terms else "none ever was"
    raise ModelError(
        f"Find the model that served on {day}.",
        f"no version of {name} was the champion then: {first}.",
        "Choose a later day, or name a version with --model, which the list then says.",
    )
