"""The triggers that fire for an account, as people read them beside the model's reasons."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from data.conditions import Condition
from data.contract.outputs import AGAINST, FOR
from serving.reasons.formats import say_day

FIRING = ("account_id", "trigger_code", "motion", "text", "since", "is_new")
"""What is read of each."""


@dataclass(frozen=True)
class Firing:
    """A trigger that fires. ``motion``: None where it speaks against any. ``said``: the sentence, and since when.

    ``story``: the story of reasons that it is part of; the feature whose value calls for it in lists that do not say.
    """

    code: str
    title: str
    motion: str | None
    said: str
    is_new: bool
    story: str

    @property
    def effect(self) -> str:
        """The effect of the reasons that speak the same way."""
        return FOR if self.motion else AGAINST


def firings(rows: Iterable[Mapping[str, Any]], triggers: Mapping[str, Any], day: date) -> tuple[Firing, ...]:
    """The triggers of one account on the list of ``day``, in the order of ``triggers``, those of its manifest."""
    order = list(triggers)
    made = [
        Firing(
            row["trigger_code"],
            triggers[row["trigger_code"]]["title"],
            row["motion"] if isinstance(row["motion"], str) else None,
            say_firing(row["text"], row["since"], day),
            bool(row["is_new"]),
            _story(triggers[row["trigger_code"]]),
        )
        for row in rows
    ]
    return tuple(sorted(made, key=lambda firing: order.index(firing.code)))


def say_firing(text: str, since: date, day: date) -> str:
    """The sentence of a trigger, with the day since when it fires where that is not the day of the list."""
    return text if since == day else f"{text} On every list since {say_day(since)}."


def _story(trigger: Mapping[str, Any]) -> str:
    return str(trigger.get("story") or Condition.parse(trigger["when"]).subject)
