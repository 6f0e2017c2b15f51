"""Splits in time: what was matured on a past day is learnt from, that day is scored.

For a test snapshot ``o`` the train snapshots are those ``s`` with ``s + horizon <= o``: the label window
``[s, s + horizon)`` has closed before ``o`` begins, so no label of a train row touches the test day or a later one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import ceil
from statistics import median

import pandas as pd

from data.errors import NotEnoughHistoryError


@dataclass(frozen=True)
class Split:
    """One past snapshot scored as if it were today, and the snapshots that a training on that day could use."""

    train_dates: tuple[pd.Timestamp, ...]
    test_date: pd.Timestamp


def matured(dates: Iterable[pd.Timestamp], day: pd.Timestamp, horizon_days: int) -> tuple[pd.Timestamp, ...]:
    """The snapshots whose label window ``[s, s + horizon)`` lies before ``day``, oldest first."""
    return tuple(sorted(date for date in set(dates) if date + timedelta(days=horizon_days) <= day))


def origins(dates: Iterable[pd.Timestamp], horizon_days: int, count: int, min_train_dates: int) -> tuple[Split, ...]:
    """The last ``count`` snapshots that have at least ``min_train_dates`` to learn from; fewer if history is short.

    ``dates`` are snapshots with matured labels. Raises NotEnoughHistoryError if not one can be tested.
    """
    every = sorted(set(dates))
    splits = [Split(matured(every, date, horizon_days), date) for date in every]
    usable = tuple(split for split in splits if len(split.train_dates) >= min_train_dates)
    if not usable:
        needed = needed_dates(every, horizon_days, min_train_dates)
        raise NotEnoughHistoryError(
            asked="Train a model and test it on a later snapshot.",
            found=f"{len(every)} snapshot dates whose {horizon_days} days have passed"
            + (f" ({every[0]:%Y-%m-%d} to {every[-1]:%Y-%m-%d})" if every else ""),
            todo=f"It takes {needed}: {min_train_dates} to learn from, a gap of {horizon_days} days, and one to test "
            "on; come back when more months have passed, or load older history.",
        )
    return usable[-count:]


def needed_dates(dates: list[pd.Timestamp], horizon_days: int, min_train_dates: int) -> int:
    """How many snapshots a test takes, at the spacing of these (a month if there are too few to say)."""
    gaps = [(later - earlier).days for earlier, later in pairwise(dates)]
    step_days = median(gaps) if gaps else 30.4
    return min_train_dates + ceil(horizon_days / step_days)
