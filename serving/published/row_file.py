"""The attributions of a published list as rows on disk, for parts whose accounts are scattered over the base.

Parquet keeps columns: a few thousand scattered accounts are in every row group, so every part would read the whole
table. It is read once instead, and laid down row by row.
"""

import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.contract.outputs import ATTRIBUTIONS, OutputKind
from serving.published.layout import cannot_be_read, damaged
from serving.published.tables import ROW_GROUP_ROWS

NO_NUMBERS = tuple(column.name for column in ATTRIBUTIONS.columns if column.kind is not OutputKind.NUMBER)


class RowFile:
    """A table of account_id and columns of numbers, one row per account; what is held of it are the ids."""

    def __init__(self, table: Path, scratch: Path) -> None:
        """``scratch``: a folder with room for eight bytes a number; the file there has no name and goes with this.

        Raises PublishError where the table cannot be read, OSError where there is no room.
        """
        self._file = TemporaryFile(dir=scratch)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._names: list[str] = []
        ids = []
        for batch in _batches(table):
            ids.append(batch["account_id"])
            batch = batch.drop_columns("account_id")
            self._names = batch.schema.names
            self._file.write(np.column_stack([column.to_numpy(zero_copy_only=False) for column in batch.columns]).data)
        self._file.flush()
        self._ids = pa.chunked_array(ids, pa.string())

    def read(self, accounts: Iterable[str]) -> pd.DataFrame:
        """The rows of these accounts, in the order of the table."""
        asked = pc.is_in(self._ids, value_set=pa.array(accounts, pa.string()))
        places = np.flatnonzero(asked.to_numpy())
        numbers = self._numbers()[places]
        return pd.DataFrame(numbers, columns=self._names).assign(account_id=self._ids.filter(asked).to_pandas())

    def _numbers(self) -> np.ndarray:
        """All rows, of which those asked for are read. Mapped anew for each reading, or all that were ever read would
        count as this process's memory.
        """
        shape = (len(self._ids), len(self._names))
        return np.memmap(self._file, np.float64, mode="r", shape=shape) if len(self._ids) else np.empty(shape)


def _batches(table: Path) -> Iterator[pa.RecordBatch]:
    """Some rows at a time: account_id as text, all else as float64."""
    try:
        file = pq.ParquetFile(table, pre_buffer=False)
        names = [name for name in file.schema_arrow.names if name not in NO_NUMBERS]
        if "account_id" not in file.schema_arrow.names:
            raise damaged(table, "has no column account_id")
        wanted = pa.schema([("account_id", pa.string()), *((name, pa.float64()) for name in names)])
        for batch in file.iter_batches(ROW_GROUP_ROWS, columns=wanted.names):
            yield batch.select(wanted.names).cast(wanted)
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(table, error) from error
