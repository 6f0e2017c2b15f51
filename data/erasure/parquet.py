"""Rows of a Parquet file by the value of one column: counted, or left out of a copy."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import SourceError

COMPRESSION = "zstd"
OfOthers = Mapping[str, Iterable[str]]
"""Columns with the id of another account than the row's: which columns tell of that account."""


def rows_in(path: Path) -> int:
    """The rows of a file. Raises SourceError, naming it, where it cannot be read, as all that follows."""
    with _in_words(path):
        return int(pq.read_metadata(path).num_rows)


def is_cut_off(path: Path) -> bool:
    """Can it not be read, as where its writer died?"""
    try:
        rows_in(path)
    except SourceError:
        return True
    return False


def count_of(path: Path, column: str, value: str) -> int:
    """The rows whose column holds a value; none in a file without the column."""
    with _in_words(path), pq.ParquetFile(path, pre_buffer=False) as file:
        if column not in file.schema_arrow.names:
            return 0
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
            with _in_words(path):
                rows = file.read_row_group(place)
            kept = rows.filter(pc.invert(_is(rows[column], value))) if column in rows.column_names else rows
            if len(kept):
                writer.write_table(_without_mention(kept, value, of_others or {}), row_group_size=len(kept))


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"Look for rows of an account or a user in {path}.",
            f"it cannot be read: {error}.",
            "If a run is writing it, wait for it; or put the file back, or remove it. Then run this again.",
        ) from error


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
