"""A folder of Parquet or CSV files, read with DuckDB.

A table is ``NAME.parquet``, ``NAME.csv``, ``NAME.csv.gz`` or a folder ``NAME/`` of Parquet files (plain or hive).
A folder in the folder is also a schema: SQL reaches its files as ``FOLDER.NAME``.
CSV files are read strictly: one line that cannot be read is an error that names it, never a row less.
"""

import csv
import gzip
import hashlib
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import ContractError, HeadroomError, SourceError

DELIMITERS = ",;\t|"
SHOWN_CHARACTERS = 200
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class TableFiles:
    """The files of one table. ``shown`` is how messages name them; ``root`` is the folder whose parts they are."""

    name: str
    shown: str
    paths: tuple[Path, ...]
    is_csv: bool
    root: Path | None = None

    def partition(self, path: Path) -> dict[str, str | None]:
        """The columns of a part that stand in its path, as hive writes them: ``day=2024-01-05/part-0.parquet``."""
        if self.root is None:
            return {}
        folders = [part.partition("=") for part in path.relative_to(self.root).parts[:-1] if "=" in part]
        return {name: None if value == NO_VALUE else unquote(value) for name, _, value in folders}


def list_tables(folder: Path) -> list[TableFiles]:
    """Every table of a folder, by name. Hidden entries and other kinds of file are passed over."""
    tables = []
    for entry in _shown(folder):
        if entry.is_dir():
            parts = _parts(entry)
            if parts:
                tables.append(TableFiles(entry.name, f"{entry.name}/", parts, is_csv=False, root=entry))
        else:
            tables += _file(entry)
    return tables


def list_files(folder: Path) -> list[TableFiles]:
    """The tables of a folder that are one file each, by name."""
    return [files for entry in _shown(folder) if entry.is_file() for files in _file(entry)]


def _folders(folder: Path) -> list[TableFiles]:
    """The tables of a folder that are folders of Parquet files, by name."""
    parts = {entry: _parts(entry) for entry in _shown(folder) if entry.is_dir() and "=" not in entry.name}
    return [
        TableFiles(entry.name, f"{entry.name}/", files, is_csv=False, root=entry)
        for entry, files in parts.items()
        if files
    ]


def _shown(folder: Path) -> list[Path]:
    """What is in a folder, by name, without what is hidden."""
    return sorted(entry for entry in folder.iterdir() if not _is_hidden(entry.name))


def _is_hidden(name: str) -> bool:
    """Is an entry none of the data, but what a tool keeps beside it, such as the parts of a run that never ended?

    A folder of a partition may be named after a column that begins with `_`: ``_loaded=2024-01-05``.
    """
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _parts(folder: Path) -> tuple[Path, ...]:
    """The Parquet files below a folder, at any depth, without what is hidden.

    Raises OSError for a folder that may not be looked into: its rows would be missing without a word.
    """
    parts: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        parts += [Path(place, name) for name in names if name.endswith(".parquet") and not _is_hidden(name)]
    for path in parts:
        _require_plain(path)
    return tuple(sorted(parts))


def _raise(error: OSError) -> NoReturn:
    raise error


def _require_plain(path: Path) -> None:
    """Raise SourceError for a pipe, a device or a link to nothing: to read it might never end."""
    if not path.is_file():
        raise SourceError(
            f"Read the file {path.name}.", f"{path} is no plain file.", "Take it out of the folder, or write it anew."
        )


def _file(entry: Path) -> list[TableFiles]:
    """The table that a file is; none for other kinds of file."""
    if entry.name.endswith((".csv", ".csv.gz", ".parquet")):
        _require_plain(entry)
    if entry.name.endswith((".csv", ".csv.gz")):
        stem = entry.name.removesuffix(".gz").removesuffix(".csv")
        return [TableFiles(stem, entry.name, (entry,), is_csv=True)]
    return [TableFiles(entry.stem, entry.name, (entry,), is_csv=False)] if entry.suffix == ".parquet" else []


def list_schemas(folder: Path, reserved: tuple[str, ...]) -> dict[tuple[str, str], TableFiles]:
    """The tables of the folders in a folder, as loaders lay them out: one folder a tool."""
    found: dict[tuple[str, str], TableFiles] = {}
    for schema in filter(Path.is_dir, _shown(folder)):
        if schema.name in reserved or "=" in schema.name:
            continue
        for files in (*list_files(schema), *_folders(schema)):
            found.setdefault((schema.name, files.name), replace(files, shown=f"{schema.name}/{files.shown}"))
    return found


def columns_of(files: TableFiles) -> tuple[str, ...]:
    """The column names of a table, from its first file."""
    if files.is_csv:
        return tuple(csv_header(files.paths[0])[1])
    return tuple(pq.read_schema(files.paths[0]).names)


def one_per_name(tables: list[TableFiles], names: set[str]) -> dict[str, TableFiles]:
    """The files of ``names``. Two files for one of them are refused, since either may be the stale one.

    So are Delta and Iceberg folders.
    """
    chosen: dict[str, TableFiles] = {}
    for files in tables:
        if files.name in chosen and files.name in names:
            raise ContractError(
                f"Read the table {files.name}.",
                f"it is there twice: {chosen[files.name].shown} and {files.shown}.",
                "Keep one of them.",
            )
        if files.root is not None and files.name in names:
            _refuse_table_formats(files.root)
        chosen.setdefault(files.name, files)
    return {name: files for name, files in chosen.items() if name in names}


def _refuse_table_formats(folder: Path) -> None:
    """Delta and Iceberg folders also hold files of deleted rows: reading them all would be wrong, and look right."""
    for mark in ("_delta_log", "metadata"):
        if (folder / mark).is_dir():
            raise SourceError(
                f"Read the folder {folder.name}/ as Parquet.",
                f"it has a folder {mark}/, so it is a Delta or Iceberg table, whose files also hold deleted rows.",
                "Export the current rows to plain Parquet.",
            )


def reader(files: TableFiles) -> str:
    """The SQL that reads a table's files; the columns of a CSV file, and those that stand in a path, as text."""
    # No user input but file names gets into this SQL, and they are quoted.
    paths = "[" + ", ".join(quoted(str(path)) for path in files.paths) + "]"
    if not files.is_csv:
        refuse_repeated_columns(files)
        # A single file may lie under a folder named like a partition, which is not one of its columns.
        hive = f"hive_partitioning={files.root is not None}, hive_types_autocast=false"
        return f"select * from read_parquet({paths}, {hive}, union_by_name=true)"  # noqa: S608
    delimiter, columns = csv_header(files.paths[0])
    options = f"header=true, delim={quoted(delimiter)}, quote='\"', escape='\"', nullstr='', strict_mode=true"
    texts = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    return f"select * from read_csv({paths}, {options}, auto_detect=false, columns={{{texts}}})"  # noqa: S608


def state_of(paths: list[Path]) -> str:
    """The files' names, sizes and times of change: another state means that a file may have changed."""
    states = [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in sorted(paths)]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def quoted(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"


def csv_header(path: Path) -> tuple[str, list[str]]:
    """The delimiter and the column names of a CSV file, from its first line."""
    asked = f"Read the file {path.name} as CSV."
    try:
        open_as = gzip.open if path.suffix == ".gz" else open
        with open_as(path, "rb") as file:
            line = file.readline().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(asked, f"it is not UTF-8: {error.reason}.", "Save it as UTF-8.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(asked, f"it cannot be opened: {error}.", "Write the file again.") from error
    delimiter = max(DELIMITERS, key=line.count)
    columns = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    if not any(columns):
        raise ContractError(asked, "it has no header line.", "Write the column names on the first line.")
    require_once(columns, asked)
    return delimiter, columns


def refuse_repeated_columns(files: TableFiles) -> None:
    """Raise ContractError for a Parquet file in which a column name occurs twice."""
    for path in files.paths:
        require_once(parquet_columns(path), f"Read the file {path.name} as Parquet.")


def parquet_columns(path: Path) -> list[str]:
    """The column names of a Parquet file; none where it cannot be read, of which the reader tells."""
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return []


def require_once(columns: Iterable[str], asked: str) -> None:
    """Raise ContractError for names that occur more than once, as the engine sees them: `MRR` and `mrr` are one."""
    given = list(columns)
    times = Counter(name.lower() for name in given)
    twice = sorted({name for name in given if times[name.lower()] > 1})
    if twice:
        raise ContractError(asked, f"columns occur twice: {', '.join(twice)}.", "Give every column its own name.")


def read_error(shown: str, message: str) -> HeadroomError:
    """What is wrong with a file, from the engine's ``message``: for CSV the line and its text."""
    named = re.search(r"^\s*file = (.+)$", message, re.MULTILINE)
    shown = Path(named[1]).name if named else shown
    asked = f"Read the file {shown}."
    at_line = re.search(r"CSV Error on Line: (\d+)\nOriginal Line: ([^\n]*)", message)
    if at_line:
        line, text = at_line[1], at_line[2].strip()
        return ContractError(
            asked,
            f"line {line} of {shown} {_cause(message)}: {text[:SHOWN_CHARACTERS]}",
            "Mend that line (quote a value that holds the separator), or write the file again.",
        )
    if "invalid state" in message:
        return ContractError(
            asked, "it mixes two kinds of line end, or quotes in the middle of a value.", "Write it again."
        )
    return SourceError(asked, first_line(message), "Write the file again, or leave it out if its table is optional.")


def _cause(message: str) -> str:
    counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if counts:
        return f"has {counts[2]} values where the header has {counts[1]}"
    if "unterminated quote" in message:
        return "has a quote that is not closed"
    if "Invalid unicode" in message:
        return "is not UTF-8"
    return "cannot be read"


def first_line(message: str) -> str:
    """The first line of an engine's message, as part of ours."""
    return message.strip().splitlines()[0][:300]
