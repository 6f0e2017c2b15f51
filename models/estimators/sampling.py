"""The rows that a booster is fitted on: all of them, or above a limit every expansion and a sample of the others.

Rows without an expansion are many and alike, so a large base loses little by learning from some of them. Which ones
follows from account, day and seed alone (a hash), not from the order of the rows. Only fitting sees the sample: past
days are scored, calibrated and judged whole.

If a share ``s`` of the rows without an expansion is kept, the sample's odds are those of the base divided by ``s``, in
every corner of the feature space (case-control sampling; King and Zeng 2001). Adding ``log(s)`` to the booster's
log-odds therefore undoes it exactly. ``boosting.fit`` puts it into the constant of the first tree, where the base rate
is: base value, calibration and forecast stay those of the whole base, and attributions stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.contract.vocabulary import KEY

KEYS = list(KEY)
"""The key of a row."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The step of splitmix64 (Steele, Lea and Flood 2014); pandas hashes whole numbers by the rest of it."""


@dataclass(frozen=True)
class Chosen:
    """Places of rows in the history, ascending; ``share``: how many of those without an expansion are among them."""

    places: np.ndarray
    share: float = 1.0


def rows_to_fit(
    history: pd.DataFrame, label: str, max_rows: int, seed: int, dates: Sequence[pd.Timestamp] | None = None
) -> Chosen:
    """The rows of these snapshots (all, if None) that a booster of ``label`` is fitted on, about ``max_rows`` at most.

    0: no limit. Rows with an expansion are all kept, and at least as many without one.
    """
    inside = np.arange(len(history)) if dates is None else places_of(history, dates)
    y = history[label].to_numpy()[inside]
    return thinned(history, inside, y, max_rows, seed)


def thinned(history: pd.DataFrame, places: np.ndarray, y: np.ndarray, max_rows: int, seed: int) -> Chosen:
    """These places, or above the limit those of a sample; ``y``: 0 or 1 for each of them."""
    positives, negatives = int(y.sum()), int(len(y) - y.sum())
    if not max_rows or len(places) <= max_rows or positives >= negatives:
        return Chosen(places)
    wanted = max(max_rows - positives, positives) / negatives
    drawn = _drawn(history["account_id"], history["snapshot_date"], places, seed)
    kept = (y == 1) | (drawn < wanted)
    return Chosen(places[kept], (int(kept.sum()) - positives) / negatives)


def evenly(history: pd.DataFrame, places: np.ndarray, max_rows: int, seed: int) -> np.ndarray:
    """About ``max_rows`` of these places (0: all), whatever came of them: no level changes, nothing is to correct."""
    if not max_rows or len(places) <= max_rows:
        return places
    drawn = _drawn(history["account_id"], history["snapshot_date"], places, seed)
    return places[drawn < max_rows / len(places)]


def days(column: pd.Series) -> pd.Series:
    """Snapshot dates as timestamps of one resolution, whatever the engine returned."""
    return pd.to_datetime(column).astype("datetime64[us]")


def places_of(history: pd.DataFrame, dates: Sequence[pd.Timestamp]) -> np.ndarray:
    """The places of the rows of these snapshots; ``history`` is sorted by snapshot."""
    days = history["snapshot_date"].to_numpy()
    wanted = np.array(sorted(dates), dtype=days.dtype)
    starts, ends = np.searchsorted(days, wanted, "left"), np.searchsorted(days, wanted, "right")
    spans = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
    return np.concatenate(spans) if spans else np.array([], dtype=np.intp)


def day_of(history: pd.DataFrame, date: pd.Timestamp) -> slice:
    """The rows of one snapshot as a slice, which copies nothing; ``history`` is sorted by snapshot."""
    days = history["snapshot_date"].to_numpy()
    day = np.array(date, dtype=days.dtype)
    return slice(int(np.searchsorted(days, day, "left")), int(np.searchsorted(days, day, "right")))


def matrix(rows: pd.DataFrame, columns: Sequence[str], places: np.ndarray) -> pd.DataFrame:
    """These rows and columns as float64, copied once and column by column: no second copy of a long history."""
    values = np.empty((len(columns), len(places)))
    for at, name in enumerate(columns):
        np.take(rows[name].to_numpy(np.float64), places, out=values[at])
    return pd.DataFrame(values.T, columns=list(columns), copy=False)


def _drawn(accounts: pd.Series, dates: pd.Series, places: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each place, by account, day and seed."""
    codes, names = pd.factorize(accounts.iloc[places].to_numpy(object))
    account = pd.util.hash_array(np.asarray(names, dtype=object))[codes]
    day = dates.to_numpy()[places].astype("datetime64[D]").astype(np.int64).astype(np.uint64)
    mixed = _spread(_spread(account ^ _spread(np.full(1, seed, dtype=np.uint64))) ^ day)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def _spread(values: np.ndarray) -> np.ndarray:
    """splitmix64: whole numbers of 64 bits, each bit of the result from every bit given."""
    return pd.util.hash_array(values + _GOLDEN)
