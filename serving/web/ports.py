"""What the pages ask of others: who is looking, and what was done about an account."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from fastapi import Request

from serving.outcomes.outcome import Outcome, RecordedOutcome
from serving.outcomes.states import AccountState


class Sight(Protocol):
    """Who is looking, and at whose accounts. ``email``: empty without a sign-in; ``owners``: None for all."""

    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def owners(self) -> frozenset[str] | None: ...
    def may_see(self, owner: str | None) -> bool:
        """May the accounts of this owner be seen; None: those without an owner."""
        ...


class WorkLog(Protocol):
    """The record of what was done, and of what is done now."""

    def state_of(self, accounts: Sequence[str] | None, day: date) -> Mapping[str, AccountState]:
        """The state of these accounts (None: of all that have rows) on a day; one that is not in it is open."""
        ...

    def after(self, number: int) -> Sequence[tuple[int, str]]:
        """Number and account of each row that was recorded after the one of a number, the earliest first."""
        ...

    def history(self, account_id: str) -> Sequence[RecordedOutcome]:
        """What was done about an account, the earliest first."""
        ...

    def append(self, outcomes: Sequence[Outcome]) -> list[int]:
        """Record what is done, all or none. Raises OutcomeError for what cannot be recorded."""
        ...


def viewer(request: Request) -> Sight:
    """The sight of a request: what the sign-in put there."""
    sight: Sight = request.state.viewer
    return sight
