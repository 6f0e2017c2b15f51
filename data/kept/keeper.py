"""What is asked of a store by whoever makes values that need not be made again."""

from typing import Protocol


class Keeper(Protocol):
    """Holds values by the hash of all that they are made from, see ``data.kept.store``."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The value; None where it is not there."""

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Keep a value."""
