"""What every CRM is asked for, and how: few things, within its limits, again where it may answer the next time."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Protocol, TypeVar

from data.errors import CrmError

Value = str | float | int | None
Answer = TypeVar("Answer")
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before a call is made again, where the CRM does not say how long."""
LONGEST_WAIT = 120.0
"""Whoever asks for a longer wait is asked again on another day."""
ANSWER_SECONDS = 60
LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class CrmProperty:
    """A property (a field) of the CRM's records: ``longest`` text, ``decimals`` of a number; None: no known limit."""

    name: str
    longest: int | None = None
    decimals: int | None = None
    is_unique: bool = False
    is_writable: bool = True


@dataclass(frozen=True)
class CrmRecord:
    """What the CRM holds of an account: the id of its record, and values by property as the CRM gives them."""

    id: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class RecordChange:
    """An account whose record is to change: by property what the CRM holds and what it is to hold."""

    account_id: str
    record: str
    previous: Mapping[str, Value]
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Rejection:
    """An account that the CRM did not take: its code and what it says."""

    account_id: str
    code: str
    message: str


class Crm(Protocol):
    """A CRM. It is read and updated; no record is ever made. Each raises ``CrmError`` where it cannot be asked."""

    title: str
    records: str
    """What it calls the records that accounts are."""
    at_once: int
    """Accounts that one call reads or updates, at most."""

    def properties(self) -> dict[str, CrmProperty]:
        """The properties of its records by name, in lower case where the CRM does not care."""

    def read(self, accounts: Sequence[str], names: Sequence[str]) -> dict[str, CrmRecord]:
        """What it holds of these accounts, by account; one that it does not know is not among them."""

    def update(self, changes: Sequence[RecordChange]) -> list[Rejection]:
        """Send changes; those that it did not take. The others it took."""

    def close(self) -> None:
        """Close the connections."""


class AgainError(Exception):
    """An answer that may be another one the next time. ``seconds``: how long the CRM wants us to wait."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.why, self.seconds = why, seconds


def patiently(asked: str, call: Callable[[], Answer]) -> Answer:
    """What ``call`` returns; it is made again, after a while, as often as it raises ``AgainError`` and ``WAITS`` lasts.

    Raises CrmError after the last time, because of that ``AgainError``: it may pass yet. Where the CRM asks for a wait
    of more than ``LONGEST_WAIT``, it will not, and the CrmError has no cause.
    """
    for wait in (*WAITS, None):
        try:
            return call()
        except AgainError as error:
            seconds = wait if error.seconds is None else error.seconds
            is_long = seconds is not None and seconds > LONGEST_WAIT
            if wait is None or seconds is None or is_long:
                todo = "Run it again later: what the CRM took is not sent twice."
                raise CrmError(asked, f"{error.why}.", todo) from (None if is_long else error)
            sleep(seconds)
    raise AssertionError("the last time either returns or raises")


def is_another(title: str) -> CrmError:
    """The error for an answer that is none of that CRM's, as that of a proxy, a page to sign in or a wrong url."""
    todo = f"Check `url` under [writeback.{title.lower()}], and what lies between."
    return CrmError(f"Ask {title}.", f"it does not answer as {title} does.", todo)


def list_in(answer: object, name: str, title: str) -> list[Any]:
    """The list that an answer of that CRM has by that name. Raises CrmError where it has none."""
    found = answer.get(name) if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise is_another(title)
    return found


class Pace:
    """Lets through so many calls within so many seconds; the next one waits."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._seconds = seconds
        self._past: deque[float] = deque(maxlen=calls)

    def wait(self) -> None:
        if len(self._past) == self._past.maxlen:
            sleep(max(0.0, self._past[0] + self._seconds - monotonic()))
        self._past.append(monotonic())


def told(message: object) -> str:
    """What a CRM says of an error, on one line and not too long."""
    return " ".join(str(message).split())[:LONGEST_MESSAGE].rstrip(".")
