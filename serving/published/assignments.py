"""Who has come into an experiment so far, by the lists that are there."""

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd

from data.contract.outputs import ASSIGNMENTS
from data.errors import PublishError
from serving.experiment.record import EXPERIMENT, goes_on
from serving.published.layout import published_dates
from serving.published.read import PublishedList, open_list
from serving.settings import ExperimentSettings

LOG = logging.getLogger("headroom.publish")


def recorded_assignments(
    experiment: ExperimentSettings, day: date, horizon_days: int, previous: PublishedList | None, out: Path
) -> pd.DataFrame | None:
    """The rows of ``assignments`` that the list of a day goes on from; None where it is the first of its experiment.

    They are those of the ``previous`` list, or of the last one before it that is of the experiment, and of the list of
    that day which is to be replaced: who came in with it stays as drawn, whatever another model says today. Raises
    SettingsError where the experiment was set otherwise.
    """
    if not experiment.has_begun_on(day):
        return None

    def is_of(listing: PublishedList | None) -> bool:
        return listing is not None and goes_on(experiment, day, horizon_days, listing.manifest)

    last = previous if is_of(previous) else next(filter(is_of, _earlier(day, out)), None)
    replaced = _read(out, day) if day in published_dates(out) else None
    known = [of.of_all(ASSIGNMENTS.name) for of in (last, replaced) if of is not None and is_of(of)]
    return pd.concat(known, ignore_index=True).drop_duplicates("account_id", ignore_index=True) if known else None


def _earlier(day: date, out: Path) -> Iterator[PublishedList | None]:
    """The lists before the day, the last first: an experiment may have been off for a while."""
    return (_read(out, of) for of in reversed(published_dates(out)) if of < day)


def _read(out: Path, day: date) -> PublishedList | None:
    """The list of that day, if it has an experiment; none that cannot be read: scoring again is how it is mended."""
    try:
        listing = open_list(out, day)
        if listing.manifest.get(EXPERIMENT) is None:
            return None
        listing.require(ASSIGNMENTS.name)
    except PublishError as error:
        LOG.warning("who came into the experiment with the list of %s is drawn again: %s", day, error.clause)
        return None
    return listing
