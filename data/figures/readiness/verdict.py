"""Build, wait, or not enough data: each criterion with its value, its threshold, and what would change the verdict.

The criteria are asked in their order, and the first that is not met decides; one that cannot be told says that data is
lacking, whatever it asks. What says that data is lacking comes before what is measured with it; a leak comes before
what an expansion motion would gain.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from data.figures.readiness.state import CompanyState
from data.figures.settings import ReadinessSettings


class ReadinessVerdict(StrEnum):
    """What to do about an expansion motion."""

    BUILD = "build"
    WAIT = "wait"
    NOT_ENOUGH_DATA = "not enough data"


BUILD, WAIT, NO_DATA = ReadinessVerdict
SHARE, MONTHS, COUNTED = "share", "months", "`headroom figures` counts them"
NOT_TOLD = "it cannot be told yet of so few, or of so short a history: load a longer one, or ask again later"
YEARLY_CHURN = "yearly_churn"
NOTHING_TO_GAIN = "none of the reasons to build holds: little would be gained"


@dataclass(frozen=True)
class Criterion:
    """One question. ``value``: None where it cannot be told. ``threshold``: the name of its setting.

    ``otherwise``: the verdict where it is not met; None for a reason to build, one of which must hold.
    """

    name: str
    words: str
    unit: str
    value: Callable[[CompanyState], float | None]
    threshold: str
    at_least: bool
    otherwise: ReadinessVerdict | None
    todo: str


CRITERIA = (
    Criterion(
        "history", "history of lines and use", MONTHS, lambda c: c.history_months, "history_months", True, NO_DATA,
        "load a longer history, or ask again later",
    ),
    Criterion(
        "in_use", "paying accounts with known use", SHARE, lambda c: c.in_use, "in_use", True, NO_DATA,
        "load the usage of all products, by the ids of the accounts",
    ),
    Criterion(
        "customers", "paying accounts", "accounts", lambda c: c.customers, "fewest_customers", True, WAIT,
        "win customers first: each of so few is known by heart",
    ),
    Criterion(
        "median_tenure", "median tenure", MONTHS, lambda c: c.median_tenure_months, "median_tenure_months", True,
        WAIT, "wait until customers have seen the value of what they bought",
    ),
    Criterion(
        YEARLY_CHURN, "accounts lost in a year", SHARE, lambda c: c.yearly_churn, "yearly_churn", False, WAIT,
        "fix the leak first: expansion on a leaky base is noise",
    ),
    Criterion(
        "expansions", "past expansions", "expansions", lambda c: sum(c.expansions.values()), "expansions", True,
        NO_DATA, "a model needs more of them to learn from; rules do not",
    ),
    Criterion(
        "tenured", "paying accounts of long standing", "accounts", lambda c: c.tenured_customers, "tenured_customers",
        True, WAIT, "wait until so many customers have stayed",
    ),
    Criterion(
        "signals", "signals that went with past expansions", "signals", lambda c: c.signals, "signals", True, WAIT,
        "record more of what customers do: what is known does not tell who expands",
    ),
    Criterion(
        "nrr", "NRR of the year while health is good", SHARE, lambda c: c.nrr, "nrr", False, None,
        "there is room to grow below it, if GRR is good",
    ),
    Criterion(
        "reactive", "expansion without a play, of ARR", SHARE, lambda c: c.reactive_share, "reactive_share", True, None,
        "above it customers ask by themselves",
    ),
    Criterion(
        "payback", "payback of new customers", MONTHS, lambda c: c.payback_months, "payback_months", True, None,
        "above it new customers are dear",
    ),
)  # fmt: skip
"""In the order in which they are asked."""


@dataclass(frozen=True)
class AskedCriterion:
    """A criterion with what was found. ``met``: None where its value cannot be told, or nobody counted it."""

    criterion: Criterion
    value: float | None
    threshold: float
    met: bool | None
    is_counted: bool = True

    @property
    def todo(self) -> str:
        """What to do where it is not met, or cannot be told."""
        if self.value is not None or self.criterion.otherwise is None:
            return self.criterion.todo
        return NOT_TOLD if self.is_counted else COUNTED

    @property
    def change(self) -> str:
        """What would change the verdict, in words."""
        asked = self.criterion
        if asked.otherwise is None:
            return asked.todo
        if self.met:
            return f"{'under' if asked.at_least else 'over'} {in_unit(self.threshold, asked.unit)}: {asked.otherwise}"
        if self.value is None:
            return self.todo
        gap = abs(self.threshold - self.value)
        by = f"{gap * 100:.1f} percentage points" if asked.unit == SHARE else in_unit(gap, asked.unit)
        return f"{by} {'more' if asked.at_least else 'less'}; {asked.todo}"

    def __str__(self) -> str:
        asked = self.criterion
        value = "not known" if self.value is None else in_unit(self.value, asked.unit)
        bound = f"{'at least' if asked.at_least else 'at most'} {in_unit(self.threshold, asked.unit)}"
        return f"{asked.words}: {value} ({bound})"


@dataclass(frozen=True)
class Readiness:
    """The verdict, why, and every criterion. ``if_signals``: it holds if so many signals are found, not asked yet."""

    verdict: ReadinessVerdict
    because: str
    criteria: tuple[AskedCriterion, ...]
    state: CompanyState
    if_signals: bool = False

    def lines(self) -> Iterator[str]:
        """The verdict with its criteria and the past expansions by motion, as plain lines of text."""
        on = f", if enough signals went with past expansions ({COUNTED})" if self.if_signals else ""
        yield f"ready for an expansion motion: {self.verdict}{on}: {self.because}"
        for asked in self.criteria:
            if asked.value is not None or asked.criterion.otherwise is not None:
                mark = {True: "yes", False: "no", None: "?"}[asked.met]
                yield f"  {mark:<4}{asked}; {asked.change}"
        by_motion = ", ".join(f"{motion} {count:,}" for motion, count in self.state.expansions.items())
        yield f"  past expansions: {by_motion}"

    def table(self) -> pd.DataFrame:
        """One row per criterion, as the table ``readiness`` is declared."""
        rows = [
            {
                "place": place,
                "criterion": asked.criterion.name,
                "words": asked.criterion.words,
                "value": asked.value,
                "at_least": asked.criterion.at_least,
                "threshold": float(asked.threshold),
                "unit": asked.criterion.unit,
                "met": asked.met,
                "otherwise": asked.criterion.otherwise,
                "change": asked.change,
            }
            for place, asked in enumerate(self.criteria, 1)
        ]
        return pd.DataFrame(rows).astype({"value": "float64", "met": "boolean", "otherwise": "str"})


def readiness(state: CompanyState, settings: ReadinessSettings, min_expansions: int) -> Readiness:
    """The verdict on a company. ``min_expansions``: past expansions that it takes to train a model."""
    asked = tuple(_asked(criterion, state, settings, min_expansions) for criterion in CRITERIA)
    verdict, because, if_signals = _decided(asked)
    return Readiness(verdict, because, asked, state, if_signals)


def _asked(
    criterion: Criterion, state: CompanyState, settings: ReadinessSettings, min_expansions: int
) -> AskedCriterion:
    bound = min_expansions if criterion.name == "expansions" else getattr(settings, criterion.threshold)
    value = criterion.value(state)
    if criterion.name == YEARLY_CHURN and state.customers_a_year_ago < settings.fewest_customers:
        value = None  # one more of so few would be another verdict
    if value is None:
        is_counted = criterion.name != "signals" or state.signals_asked
        return AskedCriterion(criterion, None, bound, None, is_counted)
    met = value >= bound if criterion.at_least else value <= bound
    if criterion.name == "nrr":
        met = met and state.grr is not None and state.grr >= settings.grr
    return AskedCriterion(criterion, float(value), bound, met)


def _decided(asked: Sequence[AskedCriterion]) -> tuple[ReadinessVerdict, str, bool]:
    """The verdict, why, and whether it stands on signals that nobody counted."""
    needed = [one for one in asked if one.criterion.otherwise is not None]
    for one in needed:
        if not one.met and one.is_counted:
            assert one.criterion.otherwise is not None
            return one.criterion.otherwise if one.met is False else NO_DATA, f"{one}: {one.todo}", False
    reasons = [one for one in asked if one.criterion.otherwise is None and one.met]
    if not reasons:
        return WAIT, NOTHING_TO_GAIN, False
    return BUILD, "; ".join(map(str, reasons)), not all(one.is_counted for one in needed)


def in_unit(value: float, unit: str) -> str:
    """``8.2%``, ``4.5 months``, or a count, ``1,200``."""
    if unit == SHARE:
        return f"{value:.1%}"
    return f"{value:,.1f} {unit}" if unit == MONTHS else f"{value:,.0f}"
