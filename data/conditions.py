"""Conditions on an account's numbers, as playbook and triggers state them.

A condition is comparisons joined by ``and``: ``seats > 1 and nps_last is missing``, ``active_users_28d > seats``.
It is read by a pattern, never evaluated as code. A comparison with a missing value does not hold, unless the condition
says so: ``peers_below_mrr >= 0.5 or missing``.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Columns = Mapping[str, npt.NDArray[Any]]
"""Values by name, aligned to the same rows: numbers (missing is NaN) or texts (missing is null). What is not there is
missing throughout."""


def column(columns: Columns, name: str, size: int) -> npt.NDArray[np.float64]:
    """Values of a feature; all missing if the feature is not there."""
    return columns[name] if name in columns else np.full(size, np.nan)


_COMPARISONS: dict[str, Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.bool_]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_TERM = re.compile(
    r"(?P<left>[a-z_]\w*) "
    r"(?:(?P<missing>is missing)|(?P<sign><=|>=|==|!=|<|>) (?P<right>-?[\w.]+)(?P<too> or missing)?)"
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
OR_MISSING = " or missing"
IS_MISSING = "is missing"


@dataclass(frozen=True)
class Condition:
    """Comparisons that must all hold: (feature, sign or ``is missing``, number or feature).

    A sign with `` or missing`` holds of a missing value too.
    """

    terms: tuple[tuple[str, str, float | str], ...]

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read a condition. Raises ValueError where a part is no comparison."""
        terms: list[tuple[str, str, float | str]] = []
        for part in text.split(" and "):
            match = _TERM.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"`{part.strip()}` is no comparison such as `seats > 1` or `nps_last is missing`")
            right = match["right"] or ""
            terms.append(
                (
                    match["left"],
                    match["missing"] or match["sign"] + (match["too"] or ""),
                    float(right) if _NUMBER.fullmatch(right) else right,
                )
            )
        return cls(tuple(terms))

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are asked for, each once; those that are to be missing come last."""
        terms = sorted(self.terms, key=lambda term: "missing" in term[1])
        names = [name for left, _, right in terms for name in (left, right) if isinstance(name, str) and name]
        return tuple(dict.fromkeys(names))

    @property
    def subject(self) -> str:
        """What the first comparison asks about."""
        return self.terms[0][0]

    @property
    def missing(self) -> frozenset[str]:
        """The features that are to be missing."""
        return frozenset(left for left, sign, _ in self.terms if sign == IS_MISSING)

    def holds(self, columns: Columns, size: int) -> npt.NDArray[np.bool_]:
        """Rows in which every comparison holds."""
        mask = np.ones(size, dtype=bool)
        for left, sign, right in self.terms:
            values = column(columns, left, size)
            if sign == IS_MISSING:
                mask &= np.asarray(pd.isna(values), dtype=bool)
                continue
            other = column(columns, right, size) if isinstance(right, str) else np.full(size, right)
            holds = _COMPARISONS[sign.removesuffix(OR_MISSING)](values, other)
            mask &= np.where(np.isnan(values) | np.isnan(other), sign.endswith(OR_MISSING), holds)
        return mask
