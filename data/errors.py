"""The one exception family for what a user can put right, and how names are told in it.

Everything else is a bug and keeps its traceback.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS

FEW = 5
"""So many names are told; more are counted."""
FULL = (ENOSPC, EDQUOT, EFBIG)
"""What a system says that has no room for what is written, or allows no more of it."""
WITHOUT_RIGHT = (EACCES, EPERM, EROFS)
"""What it says where the user of a run may not read or write."""


class HeadroomError(Exception):
    """A request that cannot be carried out.

    ``asked`` is what the user wanted, ``found`` what is there, ``todo`` what to do next; each one plain sentence.
    Nothing has been written when it is raised.
    """

    def __init__(self, asked: str, found: str, todo: str) -> None:
        super().__init__(asked, found, todo)
        self.asked, self.found, self.todo = asked, found, todo

    @property
    def clause(self) -> str:
        """What was found, to stand within another sentence."""
        return self.found.removesuffix(".")

    def __str__(self) -> str:
        return f"{self.asked}\n  found: {self.found}\n  to do: {self.todo}"


class SourceError(HeadroomError):
    """The source cannot be reached or read."""


class ContractError(HeadroomError):
    """The tables do not keep the contract."""


class SettingsError(HeadroomError):
    """A setting is unknown or has a value that cannot be used."""


class NotEnoughHistoryError(HeadroomError):
    """There is too little to learn from, or nothing to score, on the date asked for."""


class ModelError(HeadroomError):
    """A model that was asked for is not there or does not fit the features."""


class PublishError(HeadroomError):
    """A snapshot failed its checks before publishing."""


class OutcomeError(HeadroomError):
    """What was done with a row cannot be recorded as it is told, or where it is asked to."""


class MachineError(HeadroomError):
    """The machine has no more of what a run needs, memory or room on a disk, or gives it no right to it."""


class CrmError(HeadroomError):
    """A CRM cannot be reached, or refuses what is asked of it. What it took before stays there."""


class NotifyError(HeadroomError):
    """A message did not reach its channel; what reached it is noted, and is not sent again."""


class ExperimentError(HeadroomError):
    """An experiment cannot be judged, or its arms are not as they were drawn."""


NO_ROOM_TO_LOAD = "failed to map segment from shared object"
"""What the loader of the C library says of a compiled module for which there is no more memory."""


def in_words(error: BaseException) -> HeadroomError | None:
    """What ended a run as what a user can put right: an error of the family, or what the machine did not give.

    Libraries may raise an error of their own for that. None for a fault of ours.
    """
    if isinstance(error, HeadroomError):
        return error
    asked = "Finish the run."
    for lack in _with_causes(error):
        if isinstance(lack, MemoryError) or (isinstance(lack, ImportError) and NO_ROOM_TO_LOAD in str(lack)):
            todo = "Give it more memory; or less to do at a time, by `memory_limit` and `threads` of [source]."
            return MachineError(asked, "there is no more memory.", todo)
        if isinstance(lack, OSError) and lack.errno in FULL:
            at = f": {lack.filename}" if lack.filename else ""
            todo = "Make room on that disk, or let TMPDIR lead to another one."
            return MachineError(asked, f"{lack.strerror or lack}{at}.", todo)
        if isinstance(lack, OSError) and lack.errno in WITHOUT_RIGHT and lack.filename:
            todo = "Give whoever runs this the right to it, or name another place."
            return MachineError(asked, f"{lack.strerror}: {lack.filename}.", todo)
    return None


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came of; without one that was handled and set aside (`from None`)."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def near_name(name: str, there: Iterable[str]) -> str | None:
    """The closest of the names that are there, whatever its case."""
    by_lower = {other.lower(): other for other in there}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
    return by_lower[near[0]] if near else None


def hint(name: str, there: Iterable[str]) -> str:
    """`` (there is accounts: did you mean that?)`` where a name that is there comes close, or nothing."""
    near = near_name(name, there)
    return f" (there is {near}: did you mean that?)" if near else ""


def some(names: Sequence[str], most: int = FEW) -> str:
    """The first of these names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
