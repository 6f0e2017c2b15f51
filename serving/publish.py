"""Published snapshots: one folder a day, replaced whole or not at all.

If a run dies while it moves a snapshot into its place (``data.atomic``), the reader finds the old one where it was put
aside, and the next run puts it back. So at every moment either the old or the new list can be read, whole.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data.atomic import ASIDE, aside_of, recover, refusal, whole_folder
from data.errors import NotEnoughHistoryError, PublishError
from serving.published import tables
from serving.published.assemble import Part, Snapshot, Terms, whole
from serving.published.change_tables import reasons_of, write_changes
from serving.published.checks import check_base, check_part
from serving.published.layout import MANIFEST, damaged, read_manifest
from serving.ranking.rank import RANK_KEYS
from serving.render.excel import write_workbook
from serving.render.html import write_page

SORTED_BY = {
    "attributions": ("account_id",),
    "reasons": ("account_id", "position"),
    "change_reasons": ("account_id", "reason_code"),
}
"""The tables that are too large to hold, and the columns that identify their rows."""
HELD = ("scores", "exclusions")
TABLES = (*HELD, *SORTED_BY, "changes")
ASKED_OF_SCORES = ("account_id", "run_id", "base_log_odds", "rank", *RANK_KEYS)
"""The columns of an older list's scores that today's are compared with."""
_COMPARED, _AS_BEFORE = "compared", "as_before"
_PREFIX, _PARTS = "snapshot_date=", ".parts"
_TODO = "Give another folder with --out, or make room and rights there; the older list is untouched."


def publish(
    out: Path,
    terms: Terms,
    parts: Iterable[Part],
    previous: Snapshot | None = None,
    manifest: Callable[[], Mapping[str, Any]] = dict,
) -> Path:
    """Check and write the parts as they come, rank the base, and put the list in place of an older one of that day.

    ``manifest`` is asked when all parts have come. It adds what only the caller knows: input watermarks and row counts,
    config hash, code version, library versions, ``warnings`` (sentences that every form of the list shows); JSON values
    or dates. Returns the folder. Raises PublishError where a check fails or the folder cannot be written, and
    NotEnoughHistoryError where no account comes; an older snapshot is then still there.
    """
    asked = f"Publish the list of {terms.snapshot_date} in {out}."
    place = out / f"{_PREFIX}{terms.snapshot_date.isoformat()}"
    with refusal(asked, _TODO), _place(out), _alone(out):
        recover(out, f"{_PREFIX}*")
        with whole_folder(place, asked, _TODO) as folder:
            snapshot = _write_parts(folder, terms, parts, previous)
            _write_list(folder, snapshot.with_manifest(**manifest()))
    return place


def _write_parts(folder: Path, terms: Terms, parts: Iterable[Part], previous: Snapshot | None) -> Snapshot:
    """Write what is too large to hold, and return the list of the base that its parts make.

    All of it waits on disk till the last part has come. Then the base is held, and no part is: what is said of it in
    ``scores`` and ``exclusions``, and how its log-odds changed.
    """
    count = asked = 0
    not_asked = ""
    not_evaluated: tuple[str, ...] = ()
    waiting = folder / _PARTS
    waiting.mkdir()
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(tables.Parts(waiting / f"{name}.parquet"))
            for name in (*HELD, *SORTED_BY, _COMPARED, _AS_BEFORE)
        }
        for part in parts:
            check_part(part)
            for name in (*HELD, "attributions", "reasons"):
                files[name].add(getattr(part, name))
            files["change_reasons"].add(reasons_of(part))
            files[_COMPARED].add(part.change.accounts)
            if part.change.as_before is not None:
                files[_AS_BEFORE].add(part.change.as_before)
                asked += 1
            not_asked = not_asked or part.change.not_asked
            not_evaluated = part.not_evaluated
            count += 1
    if not count:
        raise NotEnoughHistoryError(
            f"Publish the list of {terms.snapshot_date}.", "there is no account", "Choose a day with customers."
        )
    for name, by in SORTED_BY.items():
        tables.sort(files[name].path, folder / f"{name}.parquet", by)
    scores, exclusions, compared = (tables.read(files[name].path) for name in (*HELD, _COMPARED))
    as_before = tables.read(files[_AS_BEFORE].path) if asked == count else None
    shutil.rmtree(waiting)
    made = replace(whole(terms, scores, exclusions, not_evaluated, previous), folder=folder)
    check_base(made)
    told = write_changes(folder, terms, made, previous, compared, as_before, not_asked)
    return made.with_manifest(changes=told)


def _write_list(folder: Path, snapshot: Snapshot) -> None:
    """The rest of the files: ranks, exclusions, what people read, and the manifest with the hashes of them all."""
    for name in HELD:
        tables.write(folder / f"{name}.parquet", getattr(snapshot, name))
    write_page(folder / "list.html", snapshot)
    write_workbook(folder / "list.xlsx", snapshot)
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    rows = {name: pq.read_metadata(folder / f"{name}.parquet").num_rows for name in TABLES}
    counts = {"ranked": int(snapshot.scores["eligible"].sum()), "excluded": len(snapshot.exclusions)}
    manifest = {**snapshot.manifest, "rows_out": rows, **counts, "files_sha256": files}
    (folder / MANIFEST).write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False, default=_json) + "\n", encoding="utf-8"
    )


@contextmanager
def _place(out: Path) -> Iterator[None]:
    """The folder of the snapshots; one that was made for a list that failed is taken away again."""
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if made and not any(out.iterdir()):
            out.rmdir()


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
    days = {_day_of(path) for path in out.glob(f"*{_PREFIX}*") if (path / MANIFEST).exists()}
    return sorted(day for day in days if day)


def _day_of(path: Path) -> date | None:
    """The day that a snapshot's folder is named after; None for any other name."""
    named = re.fullmatch(rf"{_PREFIX}(\d{{4}}-\d\d-\d\d)", path.name.removeprefix(ASIDE))
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:  # digits that are no day
        return None


def read_published(out: Path, snapshot_date: date | None = None) -> Snapshot:
    """Read a published snapshot, the latest where no day is given; reasons and attributions stay on disk.

    Raises PublishError where there is none, or its files cannot be read.
    """
    day = published_day(out, snapshot_date, "Read")
    folder = folder_of(out, day)
    manifest = read_manifest(folder, day)
    held = {table: tables.read(folder / f"{table}.parquet") for table in HELD}
    missing = [name for name in ASKED_OF_SCORES if name not in held["scores"]]
    if missing:
        raise damaged(folder / "scores.parquet", f"has no column {', '.join(missing)}")
    return Snapshot(day, manifest=manifest, folder=folder, **held)


def published_day(out: Path, snapshot_date: date | None, verb: str) -> date:
    """The day asked for, the latest where none is given. Raises PublishError where no list of it was published."""
    days = published_dates(out)
    day = snapshot_date or (days[-1] if days else None)
    if day is None or day not in days:
        there = f"the days there are {', '.join(map(str, days[-5:]))}" if days else "no list has been published there"
        asked = f"{verb} the list of {snapshot_date}" if snapshot_date else f"{verb} the latest list"
        raise PublishError(f"{asked} in {out}.", there, "Run `headroom score` for that day, or give another --out.")
    return day


def folder_of(out: Path, day: date) -> Path:
    """Where the published list of a day stands, also if a run that replaced it died half-way."""
    place = out / f"{_PREFIX}{day.isoformat()}"
    return place if place.exists() else aside_of(place)


def previous(out: Path, before: date) -> Snapshot | None:
    """The latest published snapshot of a day before ``before``; None if there is none."""
    days = [day for day in published_dates(out) if day < before]
    return read_published(out, days[-1]) if days else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_JSON: dict[type, Callable[[Any], Any]] = {date: date.isoformat, Path: str}


def _json(value: object) -> object:
    for kind, convert in _JSON.items():
        if isinstance(value, kind):
            return convert(value)
    if hasattr(value, "item"):  # a number of numpy
        return value.item()
    raise TypeError(f"{value!r} cannot be written into the manifest")
