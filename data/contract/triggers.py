"""The triggers: signals that teams act on before any model, each with what it reads, when it fires and what it says.

A trigger is one table of ``triggers.toml``. The points rule of the bench and its settings follow from it, and so do the
triggers beside an account on the list.
"""

from collections.abc import Container, Mapping
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, field_validator, model_validator

from data.conditions import Columns, Condition
from data.contract.trigger_tables import TABLES
from data.contract.vocabulary import MOTIONS

THRESHOLD = "threshold"
"""What the threshold is called in a condition and in a text."""
Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]


class Trigger(BaseModel):
    """One signal about an account on a day.

    ``motion``: how an account expands of which it is true, by the glossary; None where it speaks against any.
    ``title``: what it is called where it is counted. ``when``: a condition on features, in which ``threshold`` and the
    names of ``also`` stand for their numbers. ``means``: what the threshold is. ``points``: what it counts in the
    points rule; 0 where that does not read it. ``texts``: what is said of an account where it fires, in the words of
    the playbook. ``play``: the code of the play that it leads to. ``off``: it does not fire.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    motion: str | None = None
    title: str = Field(min_length=3, max_length=40)
    when: str
    threshold: Number
    also: dict[str, Number] = {}
    means: str = Field(min_length=10)
    points: int = 0
    texts: tuple[Any, ...] = Field(min_length=1)
    play: str
    off: bool = False

    @field_validator("motion")
    @classmethod
    def _known_motion(cls, motion: str | None) -> str | None:
        if motion is not None and motion not in MOTIONS:
            raise ValueError(f"there is no motion `{motion}`; there are {', '.join(MOTIONS)}")
        return motion

    @model_validator(mode="after")
    def _reads_its_thresholds(self) -> Self:
        for name in self.numbers:
            if name not in self.condition.features:
                raise ValueError(f"`when` does not ask for `{name}`: {self.when}")
        return self

    @cached_property
    def condition(self) -> Condition:
        """``when``, read."""
        return Condition.parse(self.when)

    @property
    def numbers(self) -> dict[str, float]:
        """The thresholds by the names that stand for them."""
        return {THRESHOLD: self.threshold, **self.also}

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The names of the features that it reads."""
        return tuple(name for name in self.condition.features if name not in self.numbers)

    def can_be_asked(self, features: Container[str]) -> bool:
        """Are all features there that it reads?"""
        return all(name in features for name in self.reads)

    def stated(self, size: int, threshold: float | None = None) -> Columns:
        """The thresholds as columns of so many accounts. ``threshold``: None is its own."""
        numbers = self.numbers if threshold is None else {**self.numbers, THRESHOLD: threshold}
        return {name: np.full(size, float(number)) for name, number in numbers.items()}

    def fires(self, columns: Columns, size: int, threshold: float | None = None) -> np.ndarray:
        """Whether it fires, one entry per account; never where a value is missing, or it is off.

        ``columns``: values by feature, ``size`` of each. ``threshold``: None is its own.
        """
        if self.off:
            return np.zeros(size, dtype=bool)
        return self.condition.holds({**columns, **self.stated(size, threshold)}, size)


TRIGGERS: Mapping[str, Trigger] = {code: Trigger.model_validate(table) for code, table in TABLES.items()}
"""The shipped triggers by their codes."""
