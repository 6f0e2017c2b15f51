"""What makes accounts alike, and how many others it takes to compare one with them. Defined once, for all rooms."""

from dataclasses import dataclass

SIZE_BANDS = (10, 50, 200, 1000, 5000)
"""Employees at the upper end of each size: the bands that company registers and professional networks use."""


@dataclass(frozen=True)
class Alike:
    """One thing by which accounts are alike, where a base knows it.

    ``column`` of ``accounts`` as staged, ``name`` of what is compared, ``word`` for it in a sentence. ``bands``: upper
    ends of the bands in which a number is alike; a text is compared as it is. ``of_peers``: peers share it as
    look-alikes do, else look-alikes alone.
    """

    column: str
    name: str
    word: str
    bands: tuple[int, ...] = ()
    of_peers: bool = True


LIKENESS = (
    Alike("segment", "segment", "segment"),
    Alike("employees", "size_band", "size", bands=SIZE_BANDS),
    Alike("industry", "industry", "industry", of_peers=False),
)
"""What makes accounts alike, in the order in which sentences name it."""

FEWEST_PEERS = 10
"""Among fewer others a position says nothing."""

PROFILE = tuple(part.name for part in LIKENESS if part.of_peers)
"""What peers have in common."""
