"""The use of some accounts as codes in memory, sorted by account and day: what the compiled loops walk through."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from data.time_cut import first_counting
from features.passes.kernels import NONE, Ints, SortedUse, order_by

LARGEST_SUM = 2.0**62
"""Sums below it fit into 64 bits, in whatever order their parts are added up."""
CODED = ("account_id", "user_id", "feature")
ADDED_UP = ("quantity", "events")
UNKNOWN = -1


@dataclass(frozen=True)
class CodedUse:
    """The use of some accounts; ``names``: by column of ``CODED`` what each code stands for."""

    rows: SortedUse
    names: dict[str, pa.Array]

    @property
    def accounts(self) -> int:
        return len(self.rows.begins) - 1


def coded_use(batches: Iterable[pa.RecordBatch], dates: Sequence[date]) -> CodedUse | None:
    """The rows of ``UsageViews.rows_to_count``, coded and sorted; ``dates`` are the snapshots, the earliest first.

    None where no row is there. Raises ``OverflowError`` if their numbers may add up to more than fits into 64 bits.
    """
    columns = _columns(batches)
    if not columns:
        return None
    names = {name: columns[name].chunk(0).dictionary for name in CODED}
    whole = {name: _whole(columns.pop(name)) for name in list(columns)}
    if any(np.abs(whole[name]).sum(dtype=np.float64) >= LARGEST_SUM for name in ADDED_UP if name in whole):
        raise OverflowError
    # A row without a feature is of one that has no name.
    names["feature"] = pa.concat_arrays([names["feature"], pa.nulls(1, names["feature"].type)])
    whole["feature"][whole["feature"] == UNKNOWN] = len(names["feature"]) - 1
    order = _order(whole.pop("account_id"), len(names["account_id"]), whole["day"])
    return CodedUse(_sorted(whole, *order, dates), names)


def _columns(batches: Iterable[pa.RecordBatch]) -> dict[str, pa.ChunkedArray]:
    """The columns, those of ``CODED`` as codes of one dictionary each, so that no text is kept but once.

    None of them where no row is there.
    """
    coded = [
        {name: batch[name].dictionary_encode() if name in CODED else batch[name] for name in batch.schema.names}
        for batch in batches
        if batch.num_rows
    ]
    columns = {name: pa.chunked_array([part[name] for part in coded]) for name in (coded[0] if coded else ())}
    return {name: column.unify_dictionaries() if name in CODED else column for name, column in columns.items()}


def _whole(column: pa.ChunkedArray) -> np.ndarray:
    """A column as one array of numbers, with what stands for a value that is not known."""
    missing = NONE if column.type == pa.int64() else UNKNOWN
    parts = [chunk.indices if pa.types.is_dictionary(chunk.type) else chunk for chunk in column.chunks]
    numbers = [part.cast(pa.int32()) if pa.types.is_date(part.type) else part for part in parts]
    return np.concatenate([part.fill_null(missing).to_numpy(zero_copy_only=False) for part in numbers])


def _order(account: np.ndarray, accounts: int, day: np.ndarray) -> tuple[Ints, Ints]:
    """The order of the rows by account and day, and where each account begins in it, and the end."""
    since = day - day.min()
    by_day = order_by(np.arange(len(day), dtype=np.int32), since, int(since.max()) + 1)
    begins = np.concatenate([[0], np.cumsum(np.bincount(account, minlength=accounts))])
    return order_by(by_day, account, accounts), begins


def _sorted(whole: dict[str, np.ndarray], order: Ints, begins: Ints, dates: Sequence[date]) -> SortedUse:
    """The columns in the order, one after the other, so that no more than one of them is there twice."""
    whole["seen"] = first_counting(whole.pop("since"), dates)
    nothing = np.empty(0, np.int64)
    names = ("user_id", *SortedUse._fields[2:])
    return SortedUse(begins, *(whole.pop(name)[order] if name in whole else nothing for name in names))
