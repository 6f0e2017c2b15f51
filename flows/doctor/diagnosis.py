"""What is looked at, and what was found there: a record each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from data.errors import HeadroomError
from flows.run.settings import Settings


class Health(StrEnum):
    """``LOOK``: it works, and somebody should look at it. ``WRONG``: it does not work, or soon will not."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True)
class Diagnosis:
    """One line. ``found`` is what is there, a clause; ``todo`` what to do about it, a sentence, or nothing."""

    health: Health
    found: str
    todo: str = ""
    name: str = ""

    def line(self) -> str:
        """As a person reads it."""
        return f"{self.health:<6} {self.name}: {self.found}" + (f" -> {self.todo}" if self.todo else "")


def ok(found: str) -> Diagnosis:
    return Diagnosis(Health.OK, found)


def look(found: str, todo: str) -> Diagnosis:
    return Diagnosis(Health.LOOK, found, todo)


def wrong(found: str, todo: str) -> Diagnosis:
    return Diagnosis(Health.WRONG, found, todo)


Body = Callable[[Settings], Iterator[Diagnosis]]


@dataclass(frozen=True)
class Examination:
    """One thing that is looked at, by its name. Nothing is written."""

    name: str
    body: Body

    def __call__(self, settings: Settings) -> Iterator[Diagnosis]:
        """What is found. An error that a user can put right is found, too, and what it says is to be done."""
        try:
            for diagnosis in self.body(settings):
                yield Diagnosis(diagnosis.health, diagnosis.found, diagnosis.todo, self.name)
        except HeadroomError as error:
            asked = error.asked.removesuffix(".")
            yield Diagnosis(Health.WRONG, f"{asked}: {error.clause}", error.todo, self.name)


def examination(name: str) -> Callable[[Body], Examination]:
    """Make an examination of a function."""
    return lambda body: Examination(name, body)
