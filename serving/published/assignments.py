"""Who has come into an experiment so far, by the lists that are there."""

import logging
from collections.abc import Iterator
from datetime import date
from itertools import islice
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
    experiment: ExperimentSettings, day: date, previous: PublishedList | None, out: Path
) -> pd.DataFrame | None:
    """The rows of ``assignments`` that the list of a day goes on from; None where it is the first of its experiment.

    They are those of the ``previous`` list, or of the last one before it that is of the experiment, and of the list of
    that day which is to be replaced: who came in with it stays as drawn, whatever another model says today. Raises
    SettingsError where the experiment was set otherwise.
    """
    if not experiment.has_begun_on(day):
        return None
    lists = [previous] if _is_of(experiment, day, previous) else list(_earlier(experiment, day, out))
    replaced = _read(out, day) if day in published_dates(out) else None
    known = [of.of_all(ASSIGNMENTS.name) for of in (*lists, replaced) if of and _is_of(experiment, day, of)]
    return pd.concat(known, ignore_index=True).drop_duplicates("account_id", ignore_index=True) if known else None


def _is_of(experiment: ExperimentSettings, day: date, listing: PublishedList | None) -> bool:
    return listing is not None and goes_on(experiment, day, listing.manifest)


def _earlier(experiment: ExperimentSettings, day: date, out: Path) -> Iterator[PublishedList]:
    """The last list before the day that is of the experiment, if there is one: it was off for a while."""
    lists = (_read(out, of) for of in reversed(published_dates(out)) if of < day)
    return islice((of for of in lists if of is not None and _is_of(experiment, day, of)), 1)


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
