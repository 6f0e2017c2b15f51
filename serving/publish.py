"""Published snapshots: one folder a day, replaced whole or not at all.

A snapshot is written into a hidden folder beside its place and moved there by renaming. If one is already there, it is
moved aside first; if the run dies between the two renames, the reader finds the old one where it was put aside, and
the next run puts it back. So at every moment either the old or the new list can be read, whole.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import PublishError
from serving.checks import check
from serving.pages import write_page
from serving.snapshot import Snapshot
from serving.workbook import write_workbook

TABLES = ("scores", "attributions", "reasons", "exclusions")
_DATES = ("snapshot_date", "act_by")
_PREFIX, _ASIDE, _UNFINISHED = "snapshot_date=", ".aside-", ".unfinished-"


def publish(out: Path, snapshot: Snapshot, manifest: Mapping[str, Any] | None = None) -> Path:
    """Check the snapshot, write its files and put them in place of an older one of that day; return the folder.

    ``manifest`` adds what only the caller knows: input watermarks and row counts, config hash, code version, library
    versions, ``warnings`` (sentences that every form of the list shows); JSON values or dates. Raises PublishError
    where a check fails or the folder cannot be written; the old snapshot is then still there.
    """
    snapshot = snapshot.with_manifest(**(manifest or {}))
    check(snapshot)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _alone(out):
            _recover(out)
            name = f"{_PREFIX}{snapshot.snapshot_date.isoformat()}"
            unfinished = out / f"{_UNFINISHED}{name}"
            unfinished.mkdir()
            try:
                _write(unfinished, snapshot)
                return _put_in_place(out, name)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise PublishError(
            f"Publish the list of {snapshot.snapshot_date} in {out}.",
            f"{error.strerror or error}: {error.filename or out}",
            "Give another folder with --out, or make room and rights there; the older list is untouched.",
        ) from error


def _write(folder: Path, snapshot: Snapshot) -> None:
    for name in TABLES:
        pq.write_table(_arrow(getattr(snapshot, name)), folder / f"{name}.parquet", compression="zstd")
    write_page(folder / "list.html", snapshot)
    write_workbook(folder / "list.xlsx", snapshot)
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    rows = {name: len(getattr(snapshot, name)) for name in TABLES}
    counts = {"ranked": int(snapshot.scores["eligible"].sum()), "excluded": len(snapshot.exclusions)}
    manifest = {**snapshot.manifest, "rows_out": rows, **counts, "files_sha256": files}
    (folder / "manifest.json").write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False, default=_json) + "\n", encoding="utf-8"
    )
    for path in (*folder.iterdir(), folder):
        _to_disk(path)


def _put_in_place(out: Path, name: str) -> Path:
    """The two renames. If the second fails, the first is undone."""
    place, aside = out / name, out / f"{_ASIDE}{name}"
    if place.exists():
        place.rename(aside)
    try:
        (out / f"{_UNFINISHED}{name}").rename(place)
    except BaseException:
        if aside.exists():
            aside.rename(place)
        raise
    _to_disk(out)
    shutil.rmtree(aside, ignore_errors=True)
    return place


def _recover(out: Path) -> None:
    """Clear up after a run that died: put back what stands aside without a successor, drop what is left over."""
    for aside in out.glob(f"{_ASIDE}{_PREFIX}*"):
        place = out / aside.name.removeprefix(_ASIDE)
        if place.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(place)
    for unfinished in out.glob(f"{_UNFINISHED}{_PREFIX}*"):
        shutil.rmtree(unfinished)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One publisher at a time for a folder; the next one waits. The lock goes with the process."""
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def published_dates(out: Path) -> list[date]:
    """The days of the published snapshots, earliest first."""
    names = {path.name.removeprefix(_ASIDE) for path in out.glob(f"*{_PREFIX}*") if _is_snapshot(path)}
    return sorted(date.fromisoformat(name.removeprefix(_PREFIX)) for name in names)


def _is_snapshot(path: Path) -> bool:
    named = re.fullmatch(rf"{_PREFIX}\d{{4}}-\d\d-\d\d", path.name.removeprefix(_ASIDE))
    return named is not None and (path / "manifest.json").exists()


def read_published(out: Path, snapshot_date: date | None = None, *, attributions: bool = False) -> Snapshot:
    """Read a published snapshot, the latest where no day is given. Raises PublishError where there is none."""
    days = published_dates(out)
    day = snapshot_date or (days[-1] if days else None)
    if day is None or day not in days:
        there = f"the days there are {', '.join(map(str, days[-5:]))}" if days else "no list has been published there"
        asked = f"Read the list of {snapshot_date}" if snapshot_date else "Read the latest list"
        raise PublishError(f"{asked} in {out}.", there, "Run `headroom score` for that day, or give another --out.")
    name = f"{_PREFIX}{day.isoformat()}"
    folder = out / name if (out / name).exists() else out / f"{_ASIDE}{name}"
    tables = {table: _read(folder / f"{table}.parquet") for table in TABLES if table != "attributions" or attributions}
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Snapshot(day, attributions=tables.pop("attributions", None), manifest=manifest, **tables)


def previous(out: Path, before: date) -> Snapshot | None:
    """The latest published snapshot of a day before ``before``, without attributions; None if there is none."""
    days = [day for day in published_dates(out) if day < before]
    return read_published(out, days[-1]) if days else None


def _arrow(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name in table.column_names:
        kind = table.schema.field(name).type
        # A day is a date and text is text even where a column is empty or all null.
        wanted = pa.date32() if name in _DATES else pa.string() if pa.types.is_null(kind) else None
        if wanted is not None and kind != wanted:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(wanted))
    return table


def _read(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pq.ParquetFile(path).read().to_pandas()
    whole: dict[str, str] = {name: "Int64" for name in ("rank", "owner_rank", "previous_rank") if name in frame}
    return frame.astype(whole)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_JSON: dict[type, Callable[[Any], Any]] = {date: date.isoformat, Path: str}


def _json(value: object) -> object:
    for kind, convert in _JSON.items():
        if isinstance(value, kind):
            return convert(value)
    if hasattr(value, "item"):  # a number of numpy
        return value.item()
    raise TypeError(f"{value!r} cannot be written into the manifest")
