"""What was done, held: where each account stands, so that a page of many accounts need not ask the record for each."""

from collections.abc import Mapping, Sequence
from datetime import date
from threading import Lock

from serving.outcomes.outcome import Outcome, RecordedOutcome
from serving.outcomes.states import AccountState
from serving.web.ports import WorkLog


class HeldWork:
    """A record with the state of its accounts in memory; of what was added since, the accounts are asked for anew.

    Others may write to the same record. Safe for several threads.
    """

    def __init__(self, work: WorkLog) -> None:
        self._work = work
        self._lock = Lock()
        self._day: date | None = None
        self._last = 0
        self._states: Mapping[str, AccountState] = {}

    def states(self, day: date) -> Mapping[str, AccountState]:
        """Where the accounts that have rows stand at the end of a day: the same object while nothing was added."""
        with self._lock:
            added = self._work.after(self._last)
            if day != self._day:
                self._states = self._work.state_of(None, day)
            elif added:
                accounts = list(dict.fromkeys(account for _, account in added))
                self._states = {**self._states, **self._work.state_of(accounts, day)}
            self._day, self._last = day, max([self._last, *(number for number, _ in added)])
            return self._states

    def history(self, account_id: str) -> Sequence[RecordedOutcome]:
        """What was done about an account, the earliest first."""
        return self._work.history(account_id)

    def append(self, outcomes: Sequence[Outcome]) -> list[int]:
        """Record what is done, all or none. Raises OutcomeError for what cannot be recorded."""
        return self._work.append(outcomes)
