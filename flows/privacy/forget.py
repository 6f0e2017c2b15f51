"""``headroom forget``: where personal data lies, and an account or a user taken out of all of it."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from data.atomic import whole_file
from data.erasure.places import USER, Counts, Holding, Place, Subject
from data.errors import SettingsError
from data.shown.urls import shown_url
from flows.privacy.places import places
from flows.run.printed import print_as_is, print_table
from flows.run.progress import say
from flows.run.settings import Settings
from serving.privacy.files import ChecksPlace, ScratchPlace
from serving.privacy.lists import subject_of

RECORD = "erasures.jsonl"
"""What was erased, in the folder of the lists: a line for each place, with counts and without what was erased."""
COMES_BACK = (
    "The source is yours: with the next run it comes back, unless the source forgets it too.",
    "Not reached from here: what stands in the CRM, messages that were sent, files that people keep, backups.",
)


def all_holdings(settings: Settings) -> list[Holding]:
    """Where personal data lies: one for each kind of row or file of each place."""
    return [holding for place in places(settings) for holding in place.holdings()]


def print_holdings(holdings: list[Holding], *, as_json: bool) -> None:
    """Print the report, as a table or as JSON."""
    if as_json:
        print_as_is(json.dumps([asdict(holding) for holding in holdings], indent=2, default=str, ensure_ascii=False))
        return
    print_table(("place", "what", "tells", "rows", "files", "from", "to"), map(_cells, holdings))


def _cells(holding: Holding) -> tuple[object, ...]:
    kinds, rows = ", ".join(holding.kinds), None if holding.rows is None else f"{holding.rows:,}"
    return holding.place, holding.what, kinds, rows, f"{holding.files:,}", holding.first, holding.last


def forget(
    settings: Settings, *, account: str | None = None, user: str | None = None, by: str | None = None, yes: bool = False
) -> Iterator[str]:
    """Take an account or a user out of every place; without ``yes`` say what that would be. In lines, place by place.

    Whoever runs it again after it was broken off finishes it. Raises ``HeadroomError`` where a place cannot be written.
    """
    subject = Subject(USER, user or "") if account is None else subject_of(settings.out_folder, account)
    anywhere = False
    for place in places(settings):
        counts = _erased(place, subject, settings, by) if yes else place.found(subject)
        if counts:
            anywhere = anywhere or not isinstance(place, ScratchPlace)  # which goes whoever is in it
            yield f"{place.name}: {_words(counts)}"
    yield from _end(subject, anywhere=anywhere, yes=yes)


def account_or_user(settings: Settings, known_as: str) -> tuple[str | None, str | None]:
    """An id as that of an account or of a user, whichever is held here. Raises ``SettingsError`` for both or none.

    Rows of checks name it in any column, and what a stopped build holds nobody knows: these two do not tell.
    """
    asked = [place for place in places(settings) if not isinstance(place, ScratchPlace | ChecksPlace)]
    account, user = subject_of(settings.out_folder, known_as), Subject(USER, known_as)
    is_account, is_user = (any(place.found(subject) for place in asked) for subject in (account, user))
    if is_account == is_user:
        found = "an account and a user have" if is_account else "no account and no user has"
        raise SettingsError(
            f"Forget {known_as}.",
            f"{found} that id here.",
            "Check the id, or say what it is of, with --account or --user.",
        )
    return (known_as, None) if is_account else (None, known_as)


def _erased(place: Place, subject: Subject, settings: Settings, by: str | None) -> Counts:
    say(f"erasing from the {place.name}")
    now = datetime.now(UTC)
    counts = place.erase(subject, now.date())
    if counts:
        _note(settings.out_folder, place, subject, counts, by or _environment_user(), now.date())
    return counts


def _environment_user() -> str:
    return os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid {os.getuid()}"


def _note(out: Path, place: Place, subject: Subject, counts: Counts, by: str, day: date) -> None:
    """Add a line to the record: what kind of subject, where, how much, when, by whom; nothing of who it was."""
    file = out / RECORD
    line = {"day": day.isoformat(), "by": by, "erased": subject.kind, "place": place.name, "counts": dict(counts)}
    with whole_file(file, "Note what was erased.") as new:
        before = file.read_text(encoding="utf-8") if file.exists() else ""  # within, or a line of another run is lost
        new.write_text(f"{before}{json.dumps(line, ensure_ascii=False)}\n", encoding="utf-8")


def _words(counts: Counts) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in counts.items())


def _end(subject: Subject, *, anywhere: bool, yes: bool) -> Iterator[str]:
    if not anywhere:
        yield f"nothing of {subject.shown} was found: check the id"
    elif not yes:
        yield f"that is what is held of {subject.shown}; nothing was changed: --yes erases it"
    else:
        yield f"{subject.shown} is erased; the record of it holds counts alone"
    yield from COMES_BACK
    server = os.environ.get("PREFECT_API_URL")
    if server:
        yield f"Prefect at {shown_url(server)} keeps the first accounts of lists as artifacts `top`: delete them there."
