"""The published tables as Parquet: written part by part, sorted on disk, read whole or for some accounts.

A table is sorted by account in small row groups, so whoever reads one account reads a few thousand rows, whatever the
size of the base. Sorting spills to disk: a table is never held whole in memory.
"""

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.dataset import ParquetFileFormat, ParquetFragmentScanOptions, dataset

from serving.published.layout import cannot_be_read

DAYS = ("snapshot_date", "act_by", "as_of", "previous_snapshot_date")
RANKS = (
    "rank", "owner_rank", "previous_rank", "rank_change", "rank_own", "rank_came", "rank_left", "rank_moved",
)  # fmt: skip
ROW_GROUP_ROWS = 10_240
"""Rows read for one account: five of DuckDB's vectors, a few megabytes of attributions."""
SORT_MEMORY = "400MB"
COMPRESSION = "zstd"


class Parts:
    """A table that is written part by part. The first part decides the types of the columns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, frame: pd.DataFrame) -> None:
        table = to_arrow(frame)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, table.schema, compression=COMPRESSION)
        self._writer.write_table(table.cast(self._writer.schema))


def sort(parts: Path, path: Path, by: Iterable[str]) -> None:
    """Write the rows of ``parts`` to ``path``, sorted by columns that identify a row; equal rows give equal bytes.

    Raises OSError where there is no room.
    """
    spill = parts.with_suffix(".spill")
    try:
        with duckdb.connect(
            config={"memory_limit": SORT_MEMORY, "threads": 1, "temp_directory": str(spill)}
        ) as connection:
            rows = connection.read_parquet(str(parts)).order(", ".join(by))
            rows.write_parquet(str(path), compression=COMPRESSION, row_group_size=ROW_GROUP_ROWS)
    except duckdb.IOException as error:  # to the engine a full disk is an error of its own
        full = os.strerror(errno.ENOSPC) in str(error)
        code, reason = (errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else (errno.EIO, str(error).splitlines()[0])
        raise OSError(code, reason, str(path)) from error


def write(path: Path, frame: pd.DataFrame) -> None:
    """Write a table that is held in memory."""
    pq.write_table(to_arrow(frame), path, compression=COMPRESSION, row_group_size=ROW_GROUP_ROWS)


def read(path: Path, accounts: Iterable[str] | None = None, columns: list[str] | None = None) -> pd.DataFrame:
    """A table, whole or of these accounts alone; of the others no more than a few row groups are ever held.

    Raises PublishError where it cannot be read.
    """
    # partitioning=None: the folder's name is no column. Buffering ahead would hold the columns of the whole file.
    options = ParquetFragmentScanOptions(pre_buffer=False)
    asked = None if accounts is None else _are(pa.array(accounts, pa.string()))
    try:
        table = dataset(path, format=ParquetFileFormat(default_fragment_scan_options=options), partitioning=None)
        found = table.scanner(columns, filter=asked, batch_size=ROW_GROUP_ROWS, batch_readahead=2, fragment_readahead=1)
        frame: pd.DataFrame = found.to_table().to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error
    return frame.astype({name: "Int64" for name in RANKS if name in frame})


def _are(accounts: pa.Array) -> pc.Expression:
    """The row groups that cannot hold one of them are passed over by the first and the last of them."""
    column, ends = pc.field("account_id"), pc.min_max(accounts)
    return column.isin(accounts) & (column >= ends["min"]) & (column <= ends["max"])


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """The frame with one type a column, whatever rows it has: days are dates, text is text even where all is null."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    for name in table.column_names:
        kind = table.schema.field(name).type
        wanted = pa.date32() if name in DAYS else pa.string() if pa.types.is_null(kind) else None
        if wanted is not None and kind != wanted:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(wanted))
    return table
