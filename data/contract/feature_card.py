"""How a feature is described to people: the words that go with every number, from features up to the page."""

from dataclasses import dataclass
from enum import StrEnum

OWN_TABLE = "account_features"
"""The table of the team's own features."""


class Direction(StrEnum):
    """Does more of it raise the propensity?"""

    UP = "yes"
    DOWN = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FeatureCard:
    """What one feature means.

    ``missing`` says what a missing value means; ``reason_code`` names what it tells, shared by features that tell the
    same; ``window_days`` is the lookback (None: all of the history, or no window); ``tables`` are the contract
    tables without which the feature is absent.
    """

    name: str
    label: str
    unit: str
    direction: Direction
    missing: str
    reason_code: str
    actionable: bool
    tables: tuple[str, ...]
    window_days: int | None = None

    @property
    def is_own(self) -> bool:
        """Did the team bring it? Then only its name and its values are known: a number or a text, without a unit."""
        return self.tables == (OWN_TABLE,)
