"""A published table laid down on scratch disk, for pages that show one account after the other.

In Parquet the rows of one account are read with the ten thousand others of their row group, column by column. Here the
same rows stand in small batches, which are read as they lie.
"""

import os
import weakref
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import PublishError
from data.scratch import make_anew
from serving.published.layout import cannot_be_read, damaged

BATCH_ROWS = 128
"""Rows read for one account; of fewer, what stands around a batch would be more than its rows."""
ROWS_AT_ONCE = 80 * BATCH_ROWS
"""Rows read when a table is laid down."""
_CODEC = pa.Codec("lz4")


@dataclass(frozen=True)
class Batches:
    """Where the batches of a file lie, one value each: the account of the first row, the place in the file where the
    batch ends, and its bytes when it is unpacked.
    """

    firsts: list[str] = field(default_factory=list)
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def end(self) -> int:
        return self.ends[-1] if self.ends else 0

    def that_may_hold(self, account_id: str) -> range:
        """Those that begin with an account, and the one before them."""
        return range(max(bisect_left(self.firsts, account_id) - 1, 0), bisect_right(self.firsts, account_id))


class AccountRows:
    """Columns of a table that is sorted by account. What is held is where the batches lie.

    ``columns``: those that were asked for, whether the table has them or not. Safe for several threads.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, batches: Batches, columns: frozenset[str]) -> None:
        self.columns = columns
        self._file, self._schema, self._batches = file.fileno(), schema, batches
        weakref.finalize(self, file.close)

    def of(self, account_id: str) -> list[dict[str, Any]]:
        """The rows of one account in the order of the table, null as None."""
        asked = self._batches.that_may_hold(account_id)
        return [row for place in asked for row in _rows_of(account_id, self._read(place))]

    def _read(self, place: int) -> pa.RecordBatch:
        ends = self._batches.ends
        start = ends[place - 1] if place else 0
        packed = os.pread(self._file, ends[place] - start, start)  # threads share no place in the file
        return pa.ipc.read_record_batch(_CODEC.decompress(packed, self._batches.sizes[place]), self._schema)


def lay_down(table: Path, columns: Iterable[str]) -> AccountRows | None:
    """The accounts of a table and those of the columns that it has; None where it is not sorted by account.

    Raises PublishError where it cannot be read, or there is no room for it.
    """
    asked = frozenset(["account_id", *columns])
    parts = _parts(table, asked)
    schema = next(parts).schema
    try:
        make_anew()
        with ExitStack() as until_read:
            file = until_read.enter_context(TemporaryFile())
            batches = _written(file, parts)
            if batches is not None:
                until_read.pop_all()  # it has no name, and goes with the rows
    except OSError as error:
        raise _no_room(table, error) from error
    return None if batches is None else AccountRows(file, schema, batches, asked)


def _written(file: IO[bytes], parts: Iterable[pa.RecordBatch]) -> Batches | None:
    """Write rows, a few at a time: where they lie; None where their accounts are not in order."""
    batches, last = Batches(), ""
    for rows in parts:
        accounts = rows["account_id"]
        if accounts[0].as_py() < last or pc.any(pc.greater(accounts[:-1], accounts[1:])).as_py():
            return None
        last = accounts[-1].as_py()
        for start in range(0, len(rows), BATCH_ROWS):
            lying = rows.slice(start, BATCH_ROWS).serialize()
            batches.firsts.append(accounts[start].as_py())
            batches.ends.append(batches.end + file.write(_CODEC.compress(lying)))
            batches.sizes.append(lying.size)
    file.flush()
    return batches


def _parts(table: Path, columns: frozenset[str]) -> Iterator[pa.RecordBatch]:
    """Rows of the columns that are there: at first none, then some at a time."""
    try:
        with pq.ParquetFile(table, pre_buffer=False) as file:
            schema = pa.schema(field for field in file.schema_arrow if field.name in columns)
            if "account_id" not in schema.names:
                raise damaged(table, "has no column account_id")
            yield pa.RecordBatch.from_pylist([], schema)
            yield from file.iter_batches(ROWS_AT_ONCE, columns=schema.names, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(table, error) from error


def _rows_of(account_id: str, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    accounts = batch["account_id"].to_pylist()
    start = bisect_left(accounts, account_id)
    rows: list[dict[str, Any]] = batch.slice(start, bisect_right(accounts, account_id) - start).to_pylist()
    return rows


def _no_room(table: Path, error: OSError) -> PublishError:
    return PublishError(
        f"Lay down {table.name} of the list in {table.parent} on scratch disk.",
        f"its folder for temporary files says: {error.strerror}.",
        "Make room there, or name another folder in TMPDIR.",
    )
