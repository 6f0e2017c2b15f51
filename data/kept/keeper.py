"""What is asked of a store by whoever makes values that need not be made again."""

from collections.abc import Callable
from typing import Protocol


class Keeper(Protocol):
    """Holds values by the hash of all that they are made from, see ``data.kept.store``."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The value; None where it is not there."""

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Keep a value."""


def kept(store: Keeper | None, kind: str, key: Callable[[], str], make: Callable[[], bytes]) -> bytes:
    """A value as the store holds it by its key, or as it is made, and then kept; without a store it is made."""
    if store is None:
        return make()
    name = key()
    value = store.get(kind, name)
    if value is None:
        value = make()
        store.put(kind, name, value)
    return value
