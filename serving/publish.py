"""Published snapshots: one folder a day, replaced whole or not at all.

If a run dies while it moves a snapshot into its place (``data.atomic``), the reader finds the old one where it was put
aside, and the next run puts it back. So at every moment either the old or the new list can be read, whole.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from data.atomic import made_if_needed, recover, refusal, same_files, whole_folder
from data.contract.outputs import (
    ACCOUNT_FACTS,
    ACCOUNT_PLAYS,
    ASSIGNMENTS,
    ATTRIBUTIONS,
    CHANGE_REASONS,
    EXCLUSIONS,
    NO_OWNER,
    REASONS,
    SCORES,
    TABLES,
    TRIGGERS,
)
from data.contract.vocabulary import folded
from data.digests import sha256_of_file
from data.errors import NotEnoughHistoryError, PublishError
from data.locks import taken
from serving.crm.table import write_crm_table
from serving.published import tables
from serving.published.assemble import AccountBatch, RankedBase, assemble_base
from serving.published.assignments import recorded_assignments
from serving.published.change_tables import BaseChange, write_changes, write_triggers
from serving.published.checks import check_base, check_batch
from serving.published.context import ListContext
from serving.published.layout import HELD_OUT, MANIFEST, PREFIX, place_of
from serving.published.read import PublishedList
from serving.published.signal_table import PastSignals, write_signals
from serving.render.alike import READ, exchanged, pages_of
from serving.render.excel import write_book, write_workbook
from serving.render.html import write_page
from serving.render.orders import books_of, pick_of_books

OF_BATCHES = (SCORES, EXCLUSIONS)
"""The tables that are held: the ranks are not known before the last account has come."""
OF_THE_BASE = (*OF_BATCHES, ASSIGNMENTS)
"""Those that are known once it has."""
SORTED = (ATTRIBUTIONS, REASONS, CHANGE_REASONS, ACCOUNT_PLAYS, ACCOUNT_FACTS)
"""Those that are too large for it, and are sorted on disk."""
_COMPARED, _AS_BEFORE, _FIRED = "compared", "as_before", "fired"
_WAITING = ".batches"
WAITS_SECONDS, LOOKS_EVERY_SECONDS = 3 * 60 * 60, 0.5
"""How long another publisher is waited for, and how often it is looked whether it is done."""
LOG = logging.getLogger("headroom.publish")
_OURS: set[Path] = set()
"""Folders that this process publishes in. No context variable: under Prefect a list is begun and ended in two tasks."""
OTHER_PLACE = "Give another folder with --out, or make room and rights there; the older list is untouched."


class Writer(NamedTuple):
    """What writes one file that people read, from the list; and what the file is, in words."""

    write: Callable[[Path, PublishedList], None]
    meaning: str


OWNERS_AT_A_TIME = 100
"""Owners whose short lists are read at once: a few thousand accounts."""
SHOWN_TABLES = ("scores", "reasons", "changes", "triggers")
"""What is read of the accounts on a short list."""

OWNER = "OWNER"
"""In the name of a file: it is written once for each owner, and ``write`` gets that owner's book."""

WRITERS: dict[str, Writer] = {
    "list.html": Writer(write_page, "the list as one page: nothing is loaded from elsewhere"),
    "list.xlsx": Writer(
        write_workbook, "the list as an Excel file: both orders, set apart, plays, reasons; to fill in"
    ),
    "books/OWNER.html": Writer(write_page, "an owner's book as a page of its own"),
    "books/OWNER.xlsx": Writer(write_book, "an owner's book as an Excel file"),
}
"""The files beside the tables. A new one is a row here, and its function."""


class _UnchangedError(Exception):
    """What was to be written is there already: the new folder goes, and the old one stays."""


@contextmanager
def publish(
    out: Path, context: ListContext, previous: PublishedList | None = None, past: PastSignals | None = None
) -> Iterator["Publisher"]:
    """A list to add accounts to; on leaving, the base is ranked and the list put in place of an older one of that day.

        with publish(out, context, previous) as publishing:
            for batch in batches:
                publishing.add(batch)
            publishing.describe(warnings=[...])

    ``past`` knows what the signals behind its reasons were before; None where nobody does. Where that list is there
    already, byte for byte, nothing is written and ``publishing.is_unchanged`` says so. Raises
    PublishError where a check fails or the folder cannot be written, and NotEnoughHistoryError where no account came.
    Whatever is raised inside or on leaving, the older list is then still there.
    """
    asked, place = f"Publish the list of {context.snapshot_date} in {out}.", place_of(out, context.snapshot_date)
    with (
        only_publisher(out, context.snapshot_date),
        suppress(_UnchangedError),
        whole_folder(place, asked, OTHER_PLACE) as folder,
    ):
        publisher = Publisher(place, folder, context, previous, past)
        with publisher.files:
            yield publisher
        publisher.put_together()
        publisher.is_unchanged = same_files(folder, place)
        if publisher.is_unchanged:
            raise _UnchangedError


@contextmanager
def only_publisher(out: Path, snapshot_date: date | None = None, asked: str = "") -> Iterator[None]:
    """The folder of the lists as this process's alone to publish in; a second one waits, and says what for.

    ``asked``: what for, where it is not to publish the list of a day.

    What is read of the lists before a publication is read within, or it is not the latest. May be entered again within.
    Raises PublishError where the folder cannot be written, or another process is not done after ``WAITS_SECONDS``.
    """
    place, asked = out.resolve(), asked or f"Publish the list of {snapshot_date} in {out}."
    if place in _OURS:
        yield
        return
    with refusal(asked, OTHER_PLACE), made_if_needed(out), _alone(out, asked):
        recover(out, f"{PREFIX}*")
        _OURS.add(place)
        try:
            yield
        finally:
            _OURS.discard(place)


class Publisher:
    """Takes the accounts of a base batch by batch. ``place``: where the list will be.

    ``is_unchanged``, once it is there: is it the list that was there before?

    What is too large to hold waits on disk till the last batch has come. Then the base is held, and no batch is: what
    is said of it in ``scores`` and ``exclusions``, and how its log-odds changed.
    """

    def __init__(
        self,
        place: Path,
        folder: Path,
        context: ListContext,
        previous: PublishedList | None,
        past: PastSignals | None = None,
    ) -> None:
        self.place, self.is_unchanged = place, False
        self.files = ExitStack()
        self._folder, self._context, self._previous, self._past = folder, context, previous, past
        self._waiting = folder / _WAITING
        self._waiting.mkdir()
        names = (*(table.name for table in (*OF_BATCHES, *SORTED, TRIGGERS)), _COMPARED, _AS_BEFORE)
        self._files = {
            name: self.files.enter_context(tables.TableWriter(self._waiting / f"{name}.parquet")) for name in names
        }
        self._manifest: dict[str, Any] = {}
        self._batches = self._asked_before = 0
        self._not_asked = ""
        self._not_evaluated: tuple[str, ...] | None = None

    def add(self, batch: AccountBatch) -> None:
        """Check some accounts and keep them on disk."""
        for name, rows in check_batch(batch).items():
            self._files[name].add(rows)
        self._files[_COMPARED].add(tables.to_arrow(batch.change.accounts))
        if batch.change.as_before is not None:
            self._files[_AS_BEFORE].add(tables.to_arrow(batch.change.as_before))
            self._asked_before += 1
        self._not_asked = self._not_asked or batch.change.not_asked
        known = batch.not_evaluated if self._not_evaluated is None else self._not_evaluated
        self._not_evaluated = tuple(code for code in known if code in batch.not_evaluated)  # of no account
        self._batches += 1

    def describe(self, **entries: Any) -> None:
        """Add what only the caller knows to the manifest: JSON values or dates.

        Such as input watermarks and row counts, config hash, code version, library versions, ``warnings`` (sentences
        that every form of the list shows).
        """
        self._manifest |= entries

    def put_together(self) -> None:
        """Rank the base, check it, and write all files of the list."""
        if not self._batches:
            raise NotEnoughHistoryError(
                f"Publish the list of {self._context.snapshot_date}.",
                "there is no account.",
                "Choose a day with customers.",
            )
        for table in SORTED:
            if table is not REASONS:
                tables.sort(self._files[table.name].path, self._folder / f"{table.name}.parquet", table.order)
        fired = self._waiting / f"{_FIRED}.parquet"
        tables.sort(self._files[TRIGGERS.name].path, fired, TRIGGERS.order)
        listing, change = self._listing(self._ranked_base()), self._change()
        self._sort_reasons(listing)
        write_triggers(listing, fired, self._previous)
        shutil.rmtree(self._waiting)
        check_base(listing)
        changes = write_changes(listing, self._context, self._previous, change)
        write_crm_table(listing.shown(), self._previous)
        signals = write_signals(listing, self._past, self._context.catalogue)
        write_files(listing.with_manifest(changes=changes, signals=signals, **self._manifest))

    def _ranked_base(self) -> RankedBase:
        scores, exclusions = (tables.read(self._files[table.name].path) for table in OF_BATCHES)
        context, out = self._context, self.place.parent
        recorded = recorded_assignments(
            context.experiment, context.snapshot_date, context.horizon_days, self._previous, out
        )
        return assemble_base(context, scores, exclusions, self._not_evaluated or (), self._previous, recorded)

    def _listing(self, base: RankedBase) -> PublishedList:
        """The list in its unfinished folder, with the tables of the base written."""
        listing = PublishedList(self._folder, self._context.snapshot_date, base.manifest)
        for table in OF_THE_BASE:
            tables.write(listing.path(table.name), tables.to_arrow(getattr(base, table.name), table))
        return listing

    def _sort_reasons(self, listing: PublishedList) -> None:
        """The reasons, of which some are shown in place of others where the rows above show the same."""
        waiting = self._files[REASONS.name].path
        pages = pages_of(listing.shown())
        turned = exchanged(listing, tables.read(waiting, pages, list(READ)), pages)
        tables.sort(waiting, listing.path(REASONS.name), REASONS.order, turned)

    def _change(self) -> BaseChange:
        accounts, all_asked = tables.read(self._files[_COMPARED].path), self._asked_before == self._batches
        as_before = tables.read(self._files[_AS_BEFORE].path) if all_asked else None
        return BaseChange(accounts, as_before, self._not_asked)


def write_files(listing: PublishedList) -> None:
    """The rest of the files: what people read, and the manifest with the hashes of them all."""
    folder, shown = listing.folder, listing.shown()
    for name, writer in WRITERS.items():
        if OWNER not in name:
            writer.write(folder / name, shown)
    _write_books(shown)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = {
        **listing.manifest,
        "rows_out": {name: tables.count_of(listing.path(name)) for name in TABLES if listing.has(name)},
        "ranked": int(listing.scores("rank")["rank"].notna().sum()),
        "excluded": int((listing.exclusions("shown_under")["shown_under"] != "").sum()),
        HELD_OUT: len(listing.held_out()),
        "files_sha256": {name: sha256_of_file(path) for name, path in files.items()},
    }
    (folder / MANIFEST).write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False, default=_json) + "\n", encoding="utf-8"
    )


def _write_books(listing: PublishedList) -> None:
    """The files that are written for each owner. What their short lists say is read for many owners at once."""
    writers = {name: writer for name, writer in WRITERS.items() if OWNER in name}
    taken: set[str] = set()
    names = {}
    for owner in sorted(listing.scores("owner")["owner"].fillna(NO_OWNER).unique()):
        names[owner] = _file_name(owner, taken)
        taken.add(names[owner].casefold())
    drawn = pick_of_books(listing, listing.manifest["serving"]["top"]) if writers else {}
    for start in range(0, len(names), OWNERS_AT_A_TIME):
        some = {owner: drawn.get(folded(owner), {}) for owner in list(names)[start : start + OWNERS_AT_A_TIME]}
        shown = {account for short in some.values() for picked in short.values() for account in picked.places}
        held = listing.holding(shown, *SHOWN_TABLES)
        for owner, book in zip(some, books_of(held, some, shown), strict=True):
            for name, writer in writers.items():
                path = listing.folder / name.replace(OWNER, names[owner])
                path.parent.mkdir(parents=True, exist_ok=True)
                writer.write(path, book)


DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
)
"""What Windows takes for a device, whatever follows the first dot: no file can be called so there."""


def _file_name(owner: str, taken: set[str]) -> str:
    """An owner's name as a part of a file's name: no two have the same, on any system."""
    plain = (
        "".join(letter if letter.isalnum() or letter in " -_.()" else "_" for letter in owner)[:80].strip(" .") or "_"
    )
    if plain.partition(".")[0].strip().casefold() in DEVICES:
        plain = f"_{plain}"
    numbered = (plain if number == 1 else f"{plain} ({number})" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name.casefold() not in taken)


@contextmanager
def _alone(out: Path, asked: str) -> Iterator[None]:
    """One publisher at a time for a folder; the next one waits. The lock goes with the process."""
    until, has_told = time.monotonic() + WAITS_SECONDS, False
    while True:
        out.mkdir(parents=True, exist_ok=True)  # the one that was waited for takes a folder away that it made
        with taken(out) as is_ours:
            if is_ours:
                yield
                return
        if time.monotonic() > until:
            found = f"another run has been publishing there for {WAITS_SECONDS / 60:.0f} minutes."
            raise PublishError(asked, found, "Wait for it, or end it, and run this again.")
        if not has_told:
            LOG.warning("waiting for another run that publishes in %s", out)
        has_told = True
        time.sleep(LOOKS_EVERY_SECONDS)


_JSON: dict[type, Callable[[Any], Any]] = {date: date.isoformat, Path: str}


def _json(value: object) -> object:
    for kind, convert in _JSON.items():
        if isinstance(value, kind):
            return convert(value)
    if hasattr(value, "item"):  # a number of numpy
        return value.item()
    raise TypeError(f"{value!r} cannot be written into the manifest")
