"""The published tables as Parquet: written batch by batch, sorted on disk, read whole or for some accounts.

A table is sorted by account in small row groups, so whoever reads one account reads a few thousand rows, whatever the
size of the base. Sorting spills to disk: a table is never held whole in memory.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.dataset import ParquetFileFormat, ParquetFragmentScanOptions, dataset

from data.contract.outputs import FIRST, TABLES, OutputKind, OutputTable
from serving.published.layout import cannot_be_read

ARROW: dict[OutputKind, pa.DataType] = {
    OutputKind.TEXT: pa.large_string(),
    OutputKind.NUMBER: pa.float64(),
    OutputKind.WHOLE: pa.int64(),
    OutputKind.YES_NO: pa.bool_(),
    OutputKind.DAY: pa.date32(),
    OutputKind.NUMBERS: pa.list_(pa.float64()),
}
ROW_GROUP_ROWS = 10_240
"""Rows read for one account: five of DuckDB's vectors, a few megabytes of attributions."""
ROWS_AT_ONCE = 50_000
SORT_MEMORY = "400MB"
_TURNED = "(account_id, position) in (select (account_id, position) from turned)"
_SHOWN = f"* replace ((choice = '{FIRST}') <> ({_TURNED}) as shown)"
COMPRESSION = "zstd"


class TableWriter:
    """A table that is written batch by batch. The first batch decides the columns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, rows.schema, compression=COMPRESSION)
        self._writer.write_table(rows.cast(self._writer.schema))


def to_arrow(frame: pd.DataFrame, table: OutputTable | None = None, names: Iterable[str] | None = None) -> pa.Table:
    """The frame with the columns and types of a published table, or of ``names``, some of its columns.

    Without a table with those of the frame. Raises KeyError for a column that is not there, an ArrowException for a
    value that is not of the column's kind.
    """
    schema = None
    if table is not None:
        columns = table.columns if names is None else tuple(table.column(name) for name in names)
        features = table.features_of(frame.columns) if table.features else []
        fields = [(column.name, ARROW[column.kind]) for column in columns]
        schema = pa.schema([*fields, *((name, ARROW[OutputKind.NUMBER]) for name in features)])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata()


def sort(rows: Path, path: Path, by: Iterable[str], turned: pd.DataFrame | None = None) -> None:
    """Write ``rows`` to ``path``, sorted by columns that identify a row; equal rows give equal bytes.

    ``turned``: account_id and position of reasons that are shown though not chosen, or chosen and not shown.
    Raises OSError where there is no room.
    """
    import duckdb  # here, since readers of a list do not sort

    spill = rows.with_suffix(".spill")
    try:
        with duckdb.connect(
            config={"memory_limit": SORT_MEMORY, "threads": 1, "temp_directory": str(spill)}
        ) as connection:
            waiting = connection.read_parquet(str(rows))
            if turned is not None:
                connection.register("turned", pa.Table.from_pandas(turned, preserve_index=False))
                waiting = waiting.project(_SHOWN)
            ordered = waiting.order(", ".join(by))
            ordered.write_parquet(str(path), compression=COMPRESSION, row_group_size=ROW_GROUP_ROWS)
    except duckdb.IOException as error:  # to the engine a full disk is an error of its own
        full = os.strerror(errno.ENOSPC) in str(error)
        code, reason = (errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else (errno.EIO, str(error).splitlines()[0])
        raise OSError(code, reason, str(path)) from error


def write(path: Path, rows: pa.Table) -> None:
    """Write a table that is held in memory."""
    pq.write_table(rows, path, compression=COMPRESSION, row_group_size=ROW_GROUP_ROWS)


def without_rows(table: OutputTable) -> pd.DataFrame:
    """The columns of a table without a row."""
    return pd.DataFrame({name: pd.Series(dtype="object") for name in table.names})


def columns_of(path: Path) -> list[str]:
    """The columns of a table. Raises PublishError where it cannot be read."""
    try:
        names: list[str] = pq.read_schema(path).names
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error
    return names


def count_of(path: Path) -> int:
    """The rows of a table. Raises PublishError where it cannot be read."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error


def read(path: Path, accounts: Iterable[str] | None = None, columns: list[str] | None = None) -> pd.DataFrame:
    """A table, whole or of these accounts alone; of the others no more than a few row groups are ever held.

    Raises PublishError where it cannot be read.
    """
    # partitioning=None: the folder's name is no column. Buffering ahead would hold the columns of the whole file.
    options = ParquetFragmentScanOptions(pre_buffer=False)
    asked = None if accounts is None else _are(pa.array(accounts, pa.string()))
    try:
        table = dataset(path, format=ParquetFileFormat(default_fragment_scan_options=options), partitioning=None)
        chosen = table.scanner(
            columns, filter=asked, batch_size=ROW_GROUP_ROWS, batch_readahead=2, fragment_readahead=1
        )
        frame: pd.DataFrame = chosen.to_table().to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error
    return as_declared(frame, TABLES.get(path.stem))


def account_rows(path: Path, account_id: str, columns: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of one account in the order of the table, null as None, with those of the columns that are there.

    Only the row groups that may hold it are read. Raises PublishError where the table cannot be read.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            places = [place for place in range(file.num_row_groups) if _may_hold(file, place, account_id)]
            groups = file.read_row_groups(places, list(dict.fromkeys(["account_id", *columns])), use_threads=False)
        # Compared here and now: a filter given as an expression would wake a pool of threads for a few rows.
        rows: list[dict[str, Any]] = groups.filter(pc.equal(groups["account_id"], account_id)).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error
    return rows


def _may_hold(file: pq.ParquetFile, place: int, account_id: str) -> bool:
    column = file.metadata.row_group(place).column(file.schema.names.index("account_id"))
    ends = column.statistics
    return ends is None or not ends.has_min_max or ends.min <= account_id <= ends.max


def batches(path: Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """All rows of a table, some at a time. Raises PublishError where it cannot be read."""
    try:
        for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(ROWS_AT_ONCE, columns=columns):
            yield as_declared(batch.to_pandas(), TABLES.get(path.stem))
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error


def by_whole_accounts(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same rows, those of one account in one frame: a batch may end within one, and its last are kept back."""
    rest = pd.DataFrame()
    for batch in batches:
        rows = pd.concat([rest, batch], ignore_index=True) if len(rest) else batch
        is_last = rows["account_id"] == rows["account_id"].iloc[-1] if len(rows) else np.zeros(0, dtype=bool)
        rest = rows[is_last]
        yield rows[~is_last]
    if len(rest):
        yield rest


def as_declared(frame: pd.DataFrame, table: OutputTable | None) -> pd.DataFrame:
    """Whole numbers that may be null as such: pandas would read them as fractions. ``table``: None declares nothing."""
    whole = [
        column.name
        for column in (table.columns if table else ())
        if column.kind is OutputKind.WHOLE and column.nullable and column.name in frame
    ]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def _are(accounts: pa.Array) -> pc.Expression:
    """The row groups that cannot hold one of them are passed over by the first and the last of them."""
    column, ends = pc.field("account_id"), pc.min_max(accounts)
    return column.isin(accounts) & (column >= ends["min"]) & (column <= ends["max"])
