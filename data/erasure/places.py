"""Who is to be forgotten, what lies in a place, and what every place can be asked."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

from data.contract.vocabulary import Personal

ACCOUNT, USER = "account_id", "user_id"
"""The columns by which a subject is known."""
Counts = Mapping[str, int]
"""Rows, or files where it is said so, by what they are of."""


@dataclass(frozen=True)
class Subject:
    """Who is to be forgotten: an account, or a user of one (``column``), by its ``id``.

    ``names``: what the published lists call the account; ``owners``: CSMs who own no other account on any list.
    """

    column: str
    id: str
    names: frozenset[str] = field(default=frozenset(), compare=False)
    owners: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def is_account(self) -> bool:
        return self.column == ACCOUNT

    @property
    def kind(self) -> str:
        return "account" if self.is_account else "user"

    @property
    def shown(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Holding:
    """Rows of one kind in one place: which personal data they hold, how many there are and of which days.

    ``rows`` is None for files whose rows are not counted, ``first`` and ``last`` where they are of no day.
    """

    place: str
    what: str
    kinds: tuple[Personal, ...]
    rows: int | None
    files: int
    first: date | None = None
    last: date | None = None


class Place(Protocol):
    """Somewhere that personal data may lie, on this machine or in a database of the settings."""

    name: str

    def holdings(self) -> Iterator[Holding]:
        """All personal data there."""

    def found(self, subject: Subject) -> Counts:
        """What of it is of a subject; nothing is changed."""

    def erase(self, subject: Subject, day: date) -> Counts:
        """Take it out, whole or not at all, also where an earlier attempt was broken off: what was removed."""


def written_on(path: Path) -> date:
    """The day (UTC) on which a file or folder was last written."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date()


def present(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are above nothing."""
    return {what: count for what, count in counts.items() if count}


def total(counts: Iterable[Counts]) -> dict[str, int]:
    """The sums of several counts."""
    sums = Counter[str]()
    for each in counts:
        sums.update(each)
    return present(sums)
