"""Parquet files for Spark, as forgiving as DuckDB reads them.

Spark stops at a column that it cannot read, also where nobody asks for it, and at parts whose types drift. So the files
are looked into first: each group of parts of one shape is read with its own types, columns that nobody asks for are not
read, and a column whose types differ from part to part gets the type that holds them all.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import SourceError
from data.sources.files import TableFiles

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

INT96 = "INT96"
"""How Spark itself long wrote timestamps; Arrow shows them as nanoseconds."""
LARGEST_DECIMAL = 38


@dataclass(frozen=True)
class PartColumn:
    """A column of one part: what Spark reads it as, and the SQL that makes its ``type`` of that.

    ``stored`` is None for what does not stand in the file; so is ``type`` where there is nothing but nulls.
    """

    stored: "DataType | None"
    type: "DataType | None"
    sql: str


@dataclass(frozen=True)
class Parts:
    """The parts of a table. ``unreadable`` columns, and where: ``usage_daily/part-0.parquet (time64[us])``."""

    columns: Mapping[Path, Mapping[str, PartColumn]]
    unreadable: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Every column that some part has, in the order in which they come."""
        return list(dict.fromkeys(name for columns in self.columns.values() for name in columns))


def look_into(files: TableFiles) -> Parts:
    """The columns of every part. Raises ``SourceError`` for a file that is no Parquet."""
    columns: dict[Path, Mapping[str, PartColumn]] = {}
    unreadable: dict[str, str] = {}
    for path in files.paths:
        there, not_there = _columns_of(files, path)
        columns[path] = there
        unreadable |= not_there
    return Parts(columns, unreadable)


def read(session: "SparkSession", parts: Parts, wanted: Collection[str]) -> "DataFrame":
    """The ``wanted`` columns of all parts, by name."""
    from pyspark.sql.types import StringType, StructField, StructType

    names = [name for name in parts.names if name in wanted]
    types = {name: common_type([c[name].type for c in parts.columns.values() if name in c]) for name in names}
    shapes: dict[tuple[Any, ...], list[Path]] = {}
    for path, columns in parts.columns.items():
        shapes.setdefault(tuple((name, columns.get(name)) for name in names), []).append(path)
    frames = []
    for shape, paths in shapes.items():
        fields = [StructField(name, column.stored) for name, column in shape if column and column.stored]
        # A file without any of the columns still has its rows.
        schema = StructType(fields or [StructField("headroom_none", StringType())])
        frame = session.read.schema(schema).option("recursiveFileLookup", "true").parquet(*map(str, paths))
        frames.append(frame.selectExpr(*[f"{_as(column, types[name])} as `{name}`" for name, column in shape]))
    return reduce(lambda one, other: one.unionByName(other), frames)


def common_type(types: Collection["DataType | None"]) -> "DataType":
    """The type that holds the values of all; text where nothing else does."""
    from pyspark.sql import types as st

    kinds = {kind for kind in types if kind is not None}
    if len(kinds) == 1:
        return next(iter(kinds))
    numbers = {kind for kind in kinds if isinstance(kind, st.NumericType | st.BooleanType)}
    if kinds and kinds == numbers:
        decimals = [kind for kind in kinds if isinstance(kind, st.DecimalType)]
        if any(isinstance(kind, st.FractionalType) and not isinstance(kind, st.DecimalType) for kind in kinds):
            return st.DoubleType()
        return st.DecimalType(LARGEST_DECIMAL, max(kind.scale for kind in decimals)) if decimals else st.LongType()
    if kinds and all(isinstance(kind, st.DateType | st.TimestampType | st.TimestampNTZType) for kind in kinds):
        has_zone = any(isinstance(kind, st.TimestampType) for kind in kinds)
        return st.TimestampType() if has_zone else st.TimestampNTZType()
    return st.StringType()


def _as(column: PartColumn | None, kind: "DataType") -> str:
    """The SQL of a column as the type of all parts."""
    from pyspark.sql import types as st

    if column is None or column.type is None:
        return f"cast(null as {kind.simpleString()})"
    if column.type == kind:
        return column.sql
    if isinstance(kind, st.StringType) and isinstance(column.type, st.DoubleType | st.FloatType):
        # Spark would write 17850000.0 as 1.785E7, which is another id.
        whole = f"{column.sql} = floor({column.sql}) and abs({column.sql}) < 9e15"
        return (
            f"case when {whole} then concat(cast(cast({column.sql} as bigint) as string), '.0') "
            f"else cast({column.sql} as string) end"
        )
    if isinstance(column.type, st.BooleanType) and isinstance(kind, st.DecimalType):
        return f"cast(cast({column.sql} as int) as {kind.simpleString()})"
    return f"cast({column.sql} as {kind.simpleString()})"


def _columns_of(files: TableFiles, path: Path) -> tuple[dict[str, PartColumn], dict[str, str]]:
    """The columns of a part that Spark can read, and the others with where they are and what."""
    shown = files.shown if files.root is None else f"{files.shown}{path.relative_to(files.root)}"
    try:
        with pq.ParquetFile(path) as part:
            fields = list(part.schema_arrow)
            physical = {
                part.schema.column(i).path: part.schema.column(i).physical_type for i in range(len(part.schema))
            }
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"Read the file {shown}.",
            f"{str(error).splitlines()[0].rstrip('.')}.",
            "Write the file again, or leave it out if its table is optional.",
        ) from error
    columns, unreadable = {}, {}
    for field in fields:
        column = _column(field, physical.get(field.name))
        if column is None:
            unreadable[field.name] = f"{shown} ({field.type})"
        else:
            columns[field.name] = column
    for name, value in files.partition(path).items():
        columns[name] = _of_the_path(value)
    return columns, unreadable


def _of_the_path(value: str | None) -> PartColumn:
    from pyspark.sql.types import StringType

    text = "null" if value is None else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return PartColumn(None, StringType(), f"cast({text} as string)")


def _column(field: pa.Field, physical: str | None) -> PartColumn | None:
    """How Spark reads a column; None if it does not."""
    from pyspark.sql import types as st

    name, kind = f"`{field.name}`", _plain(field.type)
    if pa.types.is_null(kind):
        return PartColumn(None, None, "null")
    if physical == INT96:
        return PartColumn(st.TimestampNTZType(), st.TimestampNTZType(), name)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        day = f"timestamp_micros(({name} - pmod({name}, 1000)) div 1000)"
        zoned = kind.tz is not None
        made = day if zoned else f"cast({day} as timestamp_ntz)"
        return PartColumn(st.LongType(), st.TimestampType() if zoned else st.TimestampNTZType(), made)
    if isinstance(field.type, pa.UuidType):
        text = f"lower(hex({name}))"
        cuts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        made = ", '-', ".join(f"substr({text}, {start}, {length})" for start, length in cuts)
        return PartColumn(st.BinaryType(), st.StringType(), f"concat({made})")
    read = _read_as(kind)
    return None if read is None else PartColumn(read, read, name)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, however Arrow holds them."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def _read_as(kind: pa.DataType) -> "DataType | None":
    from pyspark.errors import PySparkException
    from pyspark.sql import types as st
    from pyspark.sql.pandas.types import from_arrow_type

    unsigned = {
        pa.uint8(): st.ShortType(),
        pa.uint16(): st.IntegerType(),
        pa.uint32(): st.LongType(),
        pa.uint64(): st.DecimalType(20, 0),
    }
    if kind in unsigned:
        return unsigned[kind]
    if pa.types.is_float16(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        return None  # what Spark makes of them depends on its release, or is an error
    try:
        return from_arrow_type(kind, prefer_timestamp_ntz=True)
    except PySparkException:
        return None
