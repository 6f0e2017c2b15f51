"""The one exception family for what a user can put right, and how names are told in it.

Everything else is a bug and keeps its traceback.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

FEW = 5
"""So many names are told; more are counted."""


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


class CrmError(HeadroomError):
    """A CRM cannot be reached, or refuses what is asked of it. What it took before stays there."""


class NotifyError(HeadroomError):
    """A message did not reach its channel; what reached it is noted, and is not sent again."""


class ExperimentError(HeadroomError):
    """An experiment cannot be judged, or its arms are not as they were drawn."""


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
