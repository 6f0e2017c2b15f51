"""What is known of an experiment so far: the arms as drawn, and the effects, once there is enough to tell one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.errors import ExperimentError
from data.sample_ratio import require_ratio
from models.experiment.effect import LEAST_EXPANSIONS, difference
from models.experiment.moments import moments_of

EXPANDED, EXPANSION_ARR = "expanded", "expansion_arr"
MEASURES = (EXPANSION_ARR, EXPANDED)
"""What is compared: expansion ARR of an account in a window, and the share of accounts that expand in one."""
BEFORE = ("arr", "propensity")
"""What the difference is adjusted by: as it was on the day that the account came in."""
LEAST_BOOKS = 30
"""Fewer clusters tell no error (Cameron, Gelbach and Miller, 2008)."""


@dataclass(frozen=True)
class Effect:
    """Listed minus held out, per account and window: ``value`` is adjusted, the means of the arms are as they came."""

    measure: str
    listed: float
    held_out: float
    value: float
    on_a_day: tuple[float, float]
    on_all_days: tuple[float, float]

    @property
    def is_shown(self) -> bool:
        """Does the interval that holds on all days leave out zero?"""
        low, high = self.on_all_days
        return low > 0 or high < 0


@dataclass(frozen=True)
class ExperimentState:
    """What is known on a day. ``rows``: windows of accounts that are over; ``expansions``: of those that are held out.

    ``effects`` is empty while fewer than ``LEAST_EXPANSIONS`` of those that are held out have expanded.
    """

    units: int
    units_held_out: int
    ratio_p: float
    accounts: int
    rows: int
    rows_held_out: int
    windows: int
    expansions: int
    effects: tuple[Effect, ...]


def state_of(rows: pd.DataFrame, share: float, by: str, planned_rows: int, asked: str) -> ExperimentState:
    """What is known by ``rows``, one per account and window that is over.

    Columns: account_id, unit, owner, window, held_out, ``BEFORE`` and ``MEASURES``. ``by``: the column that is the
    cluster. ``planned_rows``: where the confidence sequence is narrowest. Raises ExperimentError where the arms have
    not the share that was drawn, or there are too few books for the error.
    """
    units = rows.drop_duplicates("unit")
    held = int(units["held_out"].sum())
    p = require_ratio(asked, held, len(units), share)
    expansions = int(rows.loc[rows["held_out"], EXPANDED].sum())
    books = rows[by].fillna("").nunique()
    if by == "owner" and books < LEAST_BOOKS:
        raise ExperimentError(
            asked,
            f"{books} books of owners are too few to tell an error by ({LEAST_BOOKS} are needed).",
            'Set clusters = "group" under [experiment].',
        )
    enough = expansions >= LEAST_EXPANSIONS
    return ExperimentState(
        units=len(units),
        units_held_out=held,
        ratio_p=p,
        accounts=rows["account_id"].nunique(),
        rows=len(rows),
        rows_held_out=int(rows["held_out"].sum()),
        windows=int(rows["window"].nunique()),
        expansions=expansions,
        effects=tuple(map(_effect_of(rows, by, planned_rows), MEASURES)) if enough else (),
    )


def _effect_of(rows: pd.DataFrame, by: str, planned_rows: int) -> Callable[[str], Effect]:
    before = rows[list(BEFORE)].astype("float64")
    before = before.fillna(before.mean()).fillna(0.0)
    scaled = (before / before.std(ddof=0).where(lambda spread: spread > 0, 1.0)).to_numpy(np.float64)
    held_out, cluster = rows["held_out"].to_numpy(bool), rows[by].fillna("").to_numpy(str)

    def effect(measure: str) -> Effect:
        moments = moments_of(rows[measure].to_numpy(np.float64), scaled, held_out, cluster)
        found = difference(moments, in_one_arm=by != "owner")
        intervals = (found.on_a_day(), found.on_all_days(planned_rows))
        (low, high), (lowest, highest) = ((float(one), float(other)) for one, other in intervals)
        value, listed, held = (float(number) for number in (found.value, found.listed, found.held_out))
        return Effect(measure, listed, held, value, (low, high), (lowest, highest))

    return effect
