"""``headroom writeback``: what a list would change in a CRM, the change if it is asked for, or a run taken back."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import DatabaseError

from data.atomic import only_writer, whole_file
from data.checks.report import many
from data.contract.outputs import CRM_WRITEBACK
from data.errors import CrmError, PublishError, SettingsError, hint
from data.shown.urls import shown_url
from flows.run.printed import print_line, print_table
from flows.run.progress import say
from flows.run.settings import Settings
from serving.crm.client import Crm, Value
from serving.crm.hubspot import HubSpotCrm
from serving.crm.journal import JOURNAL, NOT_FOUND, PLANNED, REJECTED, TAKEN, Journal
from serving.crm.plan import Wanted, one_line, target_of
from serving.crm.run import in_parts, take_back, write_back
from serving.crm.settings import HUBSPOT_TOKEN, SALESFORCE_ID, SALESFORCE_SECRET, CrmName
from serving.published.layout import published_dates
from serving.published.read import PublishedList, open_list
from serving.reasons.formats import say_day

DRY_RUN, UNDO = "dry-run", "undo"
MOMENT = "%Y%m%dT%H%M%S"
"""How the name of a run begins: its second."""
ABOUT = "run.json"
CHANGES, REJECTIONS = "changes.parquet", "rejections.parquet"
SHOWN_ROWS, LONGEST_CELL = 20, 60
ROWS_AT_A_TIME = 10_000
CHANGE_COLUMNS = ("account_id", "property", "before", "after")
REJECTION_COLUMNS = ("account_id", "code", "message")


class RunAbout(NamedTuple):
    """What a run was: ``url`` of the CRM; ``undoes`` names the run that it takes back, if it does.

    ``completed``: it came to its end, and the CRM took all of it.
    """

    to: CrmName
    url: str
    snapshot_date: str
    undoes: str | None = None
    completed: bool = False


def write_list(settings: Settings, to: CrmName | None, day: date | None, *, apply: bool) -> None:
    """Bring a CRM to show what the list of a day says; without ``apply`` say what that would change, and send nothing.

    Raises CrmError where the CRM cannot be asked, and at the end where it did not take all; SettingsError where it is
    not named or what signs in is missing; PublishError for a list that is not there.
    """
    listing = open_list(settings.out_folder, day, "Write back").shown()
    if not listing.has(CRM_WRITEBACK.name):
        raise PublishError(
            f"Write back the list of {listing.snapshot_date}.",
            f"it has no table {CRM_WRITEBACK.name}: an earlier version published it.",
            "Score that day again.",
        )
    listing.require(CRM_WRITEBACK.name)
    to = _named(settings, to)
    columns = settings.writeback.names(to)
    with closing(_open(settings, to)) as crm:
        target = target_of(crm, columns, settings.writeback.id_property)
        about = RunAbout(to, _url(settings, to), listing.snapshot_date.isoformat())
        print_line(f"{crm.title}, list of {say_day(listing.snapshot_date)}")
        with _run(settings, about) if apply else _dry_run(settings) as (folder, journal):
            wanted = _wanted(listing, list(columns), _last_completed(settings, about))
            with _tables(folder, journal):
                unchanged = write_back(crm, wanted, target, journal, send=apply)
            _tell(crm, journal, folder, f"{many(unchanged, 'account')} unchanged", sent=apply)


def undo(settings: Settings, to: CrmName | None, run: str) -> None:
    """Write back what stood in the CRM before a run, wherever it still holds what that run wrote.

    Raises CrmError where there is no such run, it was another CRM's, or the CRM cannot be asked or did not take all.
    """
    about = _about(settings, run)
    if to not in (None, about.to) or _url(settings, about.to) != about.url:
        raise CrmError(
            f"Take back the run {run}.",
            f"it wrote to {about.to} at {shown_url(about.url)}.",
            "Take it back there: name that CRM, and its url under [writeback].",
        )
    with ExitStack() as opened:
        past, *later = [opened.enter_context(_journal(path)) for path in _from(settings, run, about)]
        crm = opened.enter_context(closing(_open(settings, about.to)))
        folder, journal = opened.enter_context(_run(settings, about._replace(undoes=run)))
        print_line(f"{crm.title}, run {run} taken back")
        with _tables(folder, journal):
            left = take_back(crm, past.written(later), journal)
        what = f"{many(left, 'account')} left as they are: changed since, or never reached"
        _tell(crm, journal, folder, what, sent=True)


def _journal(path: Path) -> Journal:
    """The journal of an earlier run. Raises CrmError where it is gone or damaged."""
    try:
        if path.is_file():
            return Journal(path)
        found = "it is not there."
    except DatabaseError:
        found = "it cannot be read."
    raise CrmError(f"Look up what the run {path.parent.name} wrote in {path}.", found, "Put it back.")


def _named(settings: Settings, to: CrmName | None) -> CrmName:
    named = to or settings.writeback.to
    if named is None:
        raise SettingsError(
            "Write a list back to a CRM.",
            "none is named.",
            "Set `to` under [writeback] to hubspot or salesforce, or give --to; docs/writeback.md has examples.",
        )
    return named


def _url(settings: Settings, to: CrmName) -> str:
    """Where that CRM is."""
    url = settings.writeback.hubspot.url if to == "hubspot" else settings.writeback.salesforce.url
    if url is None:
        raise SettingsError(
            "Write a list back to Salesforce.",
            "where it is, is not set.",
            "Set `url` under [writeback.salesforce] to your My Domain, as https://acme.my.salesforce.com.",
        )
    return url


def _open(settings: Settings, to: CrmName) -> Crm:
    """The CRM, with what signs in from the environment."""
    id_property = settings.writeback.id_property
    if to == "hubspot":
        return HubSpotCrm(settings.writeback.hubspot, _secret(HUBSPOT_TOKEN), id_property)
    url, client_id, secret = _url(settings, to), _secret(SALESFORCE_ID), _secret(SALESFORCE_SECRET)
    try:
        from serving.crm.salesforce import SalesforceCrm
    except ModuleNotFoundError as error:
        raise SettingsError(
            "Write a list back to Salesforce.",
            f"{error.name} is not installed.",
            "Install the project with its extra headroom[salesforce].",
        ) from error
    return SalesforceCrm(url, client_id, secret, id_property)


def _secret(name: str) -> str:
    """What signs in, from the environment. Whatever is wrong with it, it is not told."""
    value, asked = os.environ.get(name, "").strip(), "Sign in to the CRM."
    if not value:
        raise SettingsError(asked, f"{name} is not set.", "Set it in the environment.")
    if not (value.isascii() and value.isprintable() and " " not in value):
        found = f"{name} holds a blank, a line end or a letter beyond ASCII."
        raise SettingsError(asked, found, "Set it to the secret alone, as the CRM shows it.")
    return value


def _wanted(listing: PublishedList, columns: list[str], since: str) -> Iterator[tuple[str, Wanted]]:
    """What the CRM is to show of each account of a list; nothing of those that are on lists ``since`` a day alone."""
    for rows in listing.batches(CRM_WRITEBACK.name, ("account_id", *columns)):
        values = [rows[name].tolist() for name in columns]
        for account, *said in zip(rows["account_id"], *values, strict=True):
            yield account, {name: _plain(value) for name, value in zip(columns, said, strict=True)}
    nothing: Wanted = dict.fromkeys(columns) | {"snapshot_date": listing.snapshot_date.isoformat()}
    for account in _gone(listing, since):
        yield account, nothing


def _gone(listing: PublishedList, since: str) -> list[str]:
    """Accounts of the other lists since a day that are not on this one: the CRM may still show them."""
    out, gone = listing.folder.parent, set[str]()
    first = since or listing.manifest["previous_snapshot_date"]
    days = {day for day in published_dates(out) if day.isoformat() >= since}
    days |= {date.fromisoformat(first)} if first else set()
    for day in sorted(days - {listing.snapshot_date}):
        try:
            gone |= set(open_list(out, day).shown().scores("account_id")["account_id"])
        except PublishError as error:
            say(f"warning: what a CRM shows of accounts that are gone may be left there: {error.clause}")
    return sorted(gone - set(listing.scores("account_id")["account_id"]))


def _plain(value: Any) -> Value:
    """A value of the table as it is sent: null as None, a day as text, a whole number as one."""
    if pd.isna(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int | float) else str(value)


@contextmanager
def _run(settings: Settings, about: RunAbout) -> Iterator[tuple[Path, Journal]]:
    """A folder and a journal for a run that sends; one at a time."""
    base = settings.writeback_folder
    asked, todo = "Write a list back.", "Wait until the other run has ended; or make room and rights in that folder."
    with only_writer(base, asked, todo):
        folder = base / f"{_moment(base):{MOMENT}}-{UNDO if about.undoes else about.to}"
        folder.mkdir()
        _keep(folder, about)
        with Journal(folder / JOURNAL) as journal:
            yield folder, journal
        _keep(folder, about._replace(completed=True))


def _moment(base: Path) -> datetime:
    """When a run begins, to the second (UTC), and after all that were begun before it, as runs are read by their names.

    The clock may have been set back since.
    """
    begun = (_begun(path) for path in base.glob(f"{'[0-9]' * 8}T{'[0-9]' * 6}-*"))
    last = max((moment for moment in begun if moment is not None), default=None)
    now = datetime.now(UTC).replace(microsecond=0)
    return now if last is None or last < now else last + timedelta(seconds=1)


def _begun(run: Path) -> datetime | None:
    """When a run began, by the name of its folder; None of another's folder, whose digits are no moment."""
    try:
        return datetime.strptime(run.name.partition("-")[0], MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _keep(folder: Path, about: RunAbout) -> None:
    with whole_file(folder / ABOUT, "Write what a run of the write-back was.") as file:
        file.write_text(json.dumps(about._asdict(), indent=2) + "\n", encoding="utf-8")


@contextmanager
def _dry_run(settings: Settings) -> Iterator[tuple[Path, Journal]]:
    """A folder for the tables of a dry run, and a journal that nobody keeps."""
    with TemporaryDirectory() as scratch, Journal(Path(scratch) / JOURNAL) as journal:
        yield settings.writeback_folder / DRY_RUN, journal


def _about(settings: Settings, run: str) -> RunAbout:
    """What a run of that name was."""
    there = _runs(settings)
    if run not in there:
        found = f"the last ones are {', '.join(there[-5:])}{hint(run, there)}" if there else "nothing was sent yet"
        raise CrmError(f"Take back the run {run}.", f"{found}.", f"Name a folder of {settings.writeback_folder}.")
    return _read(settings, run)


def _runs(settings: Settings) -> list[str]:
    """The names of the runs that there are, the first one first."""
    return sorted(path.parent.name for path in settings.writeback_folder.glob(f"*/{ABOUT}"))


def _read(settings: Settings, run: str) -> RunAbout:
    path = settings.writeback_folder / run / ABOUT
    try:
        return TypeAdapter(RunAbout).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CrmError(
            f"Look up what the run {run} was in {path}.",
            "it cannot be read, or does not say it.",
            "Put the file back, or move the folder of that run away: it cannot be taken back then.",
        ) from error


def _runs_to(settings: Settings, about: RunAbout) -> dict[str, RunAbout]:
    """The runs to the CRM of that run, by name, the first one first."""
    runs = {name: _read(settings, name) for name in _runs(settings)}
    return {name: run for name, run in runs.items() if (run.to, run.url) == (about.to, about.url)}


def _from(settings: Settings, run: str, about: RunAbout) -> Iterator[Path]:
    """The journals of a run and of all later ones that wrote a list to the same CRM."""
    for name, other in _runs_to(settings, about).items():
        if name == run or (name > run and other.undoes is None):
            yield settings.writeback_folder / name / JOURNAL


def _last_completed(settings: Settings, about: RunAbout) -> str:
    """The day of the list that the CRM came to show as a whole the last time; "" where it never did.

    An undo brings back what the CRM showed before the run that it takes back, so that run and those since do not count.
    """
    last, before = "", dict[str, str]()
    for name, run in _runs_to(settings, about).items():
        before[name] = last
        if run.undoes is not None:
            last = min(last, before.get(run.undoes, ""))
        elif run.completed:
            last = run.snapshot_date
    return last


@contextmanager
def _tables(folder: Path, journal: Journal) -> Iterator[None]:
    """When a run ends, also before its time, its journal is written out as two tables."""
    try:
        yield
    finally:
        _write(folder / CHANGES, CHANGE_COLUMNS, _changed(journal))
        rejections = ((row.account_id, row.code, row.message) for row in journal.rows(REJECTED, NOT_FOUND))
        _write(folder / REJECTIONS, REJECTION_COLUMNS, rejections)


def _changed(journal: Journal) -> Iterator[tuple[str, str, Value, Value]]:
    """One row for each property of each account that is to change."""
    for row in journal.rows():
        if row.change is not None:
            for name, value in row.change.values.items():
                yield row.account_id, name, row.change.previous[name], value


def _write(path: Path, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
    schema = pa.schema([(name, pa.string()) for name in columns])
    with whole_file(path, f"Write {path.name} of the write-back.") as file, pq.ParquetWriter(file, schema) as writer:
        for some in in_parts(rows, ROWS_AT_A_TIME):
            texts = [[None if value is None else str(value) for value in values] for values in zip(*some, strict=True)]
            writer.write_table(pa.table(dict(zip(schema.names, texts, strict=True)), schema=schema))


def _tell(crm: Crm, journal: Journal, folder: Path, others: str, *, sent: bool) -> None:
    """Say what became of the accounts. Raises CrmError where the CRM did not take all that was sent."""
    counts = dict.fromkeys((PLANNED, TAKEN, REJECTED, NOT_FOUND), 0) | journal.counts()
    if not sent:
        _print_changes(crm, journal)
    done = f"{many(counts[TAKEN], 'account')} written" if sent else f"{many(counts[PLANNED], 'account')} would change"
    print_line(f"{done}; {others}; {many(counts[NOT_FOUND], 'account')} not in {crm.title}")
    print_line(f"every change: {folder / CHANGES}")
    if counts[NOT_FOUND]:
        print_line(f"what could not be written: {folder / REJECTIONS}")
    if not sent:
        print_line("nothing was sent: --apply sends it")
        return
    print_line(f"to take it back: headroom writeback --undo {folder.name}")
    if counts[REJECTED]:
        raise CrmError(
            f"Write to the {crm.records} of {crm.title}.",
            f"{many(counts[REJECTED], 'account')} not taken, {counts[TAKEN]:,} taken.",
            f"See {folder / REJECTIONS}, put right what it names and run it again: what was taken is not sent twice.",
        )


def _print_changes(crm: Crm, journal: Journal) -> None:
    """The first changes as a table."""
    rows = [map(_cell, row) for row in islice(_changed(journal), SHOWN_ROWS)]
    if rows:
        print_table(("account", "property", f"{crm.title} has", "the list says"), rows, width=160)


def _cell(value: Value) -> str:
    text = "" if value is None else one_line(str(value))
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}\N{HORIZONTAL ELLIPSIS}"
