"""The feature rows of past snapshots that a store keeps, where an account is to be forgotten."""

from collections.abc import Iterator
from datetime import date

from data.contract.vocabulary import Personal
from data.erasure.places import Holding, Subject, present, written_on
from data.kept.store import KeptValue, ValueStore
from features.build.kept import FEATURE_ROWS, names_account


class KeptRowsPlace:
    """The feature rows in a store, and what killed runs left of some.

    What names an account goes as a whole: the next training makes it anew. What a run left that was killed while it
    wrote goes whoever is in it: it may be cut off anywhere, and nobody reads it.

    No user stands in them, and nobody in what else a store holds: trees and amounts know numbers alone.
    """

    name = "kept feature rows"

    def __init__(self, store: ValueStore) -> None:
        self._store = store

    def holdings(self) -> Iterator[Holding]:
        """One for all files."""
        files = [*self._files(), *self._left()]
        if files:
            days = sorted(written_on(file.path) for file in files)
            yield Holding(
                self.name, FEATURE_ROWS, (Personal.ACCOUNT, Personal.TEXT), None, len(files), days[0], days[-1]
            )

    def found(self, subject: Subject) -> dict[str, int]:
        """The files that name it."""
        return present({"snapshots": len(self._naming(subject))})

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Remove them, and what was left unfinished, which is not counted."""
        if subject.is_account:
            self._store.remove(self._left())
        return present({"snapshots": self._store.remove(self._naming(subject))})

    def _naming(self, subject: Subject) -> list[KeptValue]:
        return [file for file in self._files() if names_account(file.path, subject.id)] if subject.is_account else []

    def _files(self) -> list[KeptValue]:
        return [value for value in self._store.values() if value.kind == FEATURE_ROWS]

    def _left(self) -> list[KeptValue]:
        return [file for file in self._store.left() if file.kind == FEATURE_ROWS]
