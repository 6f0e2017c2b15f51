"""The published lists: can the latest one be read, is it of these days, and did the clock go back since?"""

from collections.abc import Iterator
from datetime import UTC, datetime

from data.contract.outputs import SCORES
from flows.doctor.diagnosis import Diagnosis, examination, look, ok, wrong
from flows.run.settings import Settings
from flows.stages.dates import today_utc
from serving.published.layout import MANIFEST, published_dates
from serving.published.read import open_list

CLOCKS_DIFFER_SECONDS = 300
"""As much as the clock of a file server may be ahead."""


@examination("experiment")
def experiment(settings: Settings) -> Iterator[Diagnosis]:
    """Can the ones who are held out be guessed?"""
    if settings.experiment.name is None:
        yield ok("none is set")
    elif settings.experiment.salt.strip():
        yield ok(f"{settings.experiment.name} draws with a salt")
    else:
        yield look(
            f"{settings.experiment.name} draws without a salt: who knows its name can work out who is held out",
            "Set `salt` under [experiment] before its first list; one that has begun keeps what it began with.",
        )


@examination("latest list")
def latest_list(settings: Settings) -> Iterator[Diagnosis]:
    """The list that everybody reads, and how old it is."""
    days, today = published_dates(settings.out_folder), today_utc()
    if not days:
        yield look(f"no list has been published in {settings.out_folder}", "Run `headroom score`.")
        return
    listing = open_list(settings.out_folder)
    listing.require(SCORES.name)
    age = (today - listing.snapshot_date).days
    told = f"the list of {listing.snapshot_date} ({len(days)} there) is {age} days old"
    if age > settings.serve.stale_days:
        yield wrong(
            f"{told}; `stale_days` of [serve] is {settings.serve.stale_days}",
            "See why `headroom score` has not published since.",
        )
    else:
        yield ok(told)
    yield _clock(listing.folder.joinpath(MANIFEST).stat().st_mtime, f"the list of {listing.snapshot_date}")


def _clock(written: float, what: str) -> Diagnosis:
    now = datetime.now(UTC)
    at = datetime.fromtimestamp(written, UTC)
    if written > now.timestamp() + CLOCKS_DIFFER_SECONDS:
        return wrong(
            f"{what} was written at {at:%Y-%m-%d %H:%M} (UTC), and it is {now:%Y-%m-%d %H:%M} now",
            "Set the clock, which went back.",
        )
    return ok(f"{what} was written at {at:%Y-%m-%d %H:%M} (UTC)")
