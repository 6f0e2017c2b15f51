"""Rows of a Parquet file by the value of one column: counted, or left out of a copy."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

COMPRESSION = "zstd"
OfOthers = Mapping[str, Iterable[str]]
"""Columns with the id of another account than the row's: which columns tell of that account."""


def rows_in(path: Path) -> int:
    """The rows of a file."""
    return int(pq.read_metadata(path).num_rows)


def count_of(path: Path, column: str, value: str) -> int:
    """The rows whose column holds a value; none in a file without the column."""
    if column not in pq.read_schema(path).names:
        return 0
    with pq.ParquetFile(path, pre_buffer=False) as file:
        parts = (file.read_row_group(place, columns=[column]) for place in range(file.num_row_groups))
        return sum(int(pc.sum(_is(rows[column], value)).as_py() or 0) for rows in parts)


def mentions_of(path: Path, value: str, of_others: OfOthers) -> int:
    """The rows of others that name it, in any of these columns."""
    return sum(count_of(path, column, value) for column in of_others)


def copy_without(path: Path, target: Path, column: str, value: str, of_others: OfOthers | None = None) -> None:
    """Copy a file without the rows whose column holds a value, in as many row groups.

    What rows of others tell of it becomes null (``of_others``); all else of them stays as it is, bit for bit, and a
    file that knows nothing of it byte for byte.
    """
    if not count_of(path, column, value) + mentions_of(path, value, of_others or {}):
        shutil.copyfile(path, target)
        return
    with (
        pq.ParquetFile(path, pre_buffer=False) as file,
        pq.ParquetWriter(target, file.schema_arrow, compression=COMPRESSION) as writer,
    ):
        for place in range(file.num_row_groups):
            rows = file.read_row_group(place)
            kept = rows.filter(pc.invert(_is(rows[column], value))) if column in rows.column_names else rows
            if len(kept):
                writer.write_table(_without_mention(kept, value, of_others or {}), row_group_size=len(kept))


def _without_mention(rows: pa.Table, value: str, of_others: OfOthers) -> pa.Table:
    for column, told in of_others.items():
        if column not in rows.column_names:
            continue
        named = _is(rows[column], value)
        for name in (name for name in told if name in rows.column_names):
            nothing = pa.scalar(None, rows.schema.field(name).type)
            rows = rows.set_column(
                rows.schema.get_field_index(name), rows.schema.field(name), pc.if_else(named, nothing, rows[name])
            )
    return rows


def _is(values: pa.ChunkedArray, value: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(values.cast(pa.string()), value), False)
