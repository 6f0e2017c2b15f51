"""The first stage of every run: the base as it was known before the day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from data.checks.report import Report
from data.sources.engine import closed_on_error
from data.sources.known import KnownBase
from flows.run.runner import RETRIES, runner, stage
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.dates import known_base


@contextmanager
def read_base(settings: Settings, snapshot_date: date | str | None) -> Iterator[tuple[KnownBase, Report]]:
    """The base as known before the day (default: the day after the data ends), and what its check found.

    The source is closed with the context. Raises what is wrong with the source, the tables or the day.
    """
    base, report = _read_and_check(settings, snapshot_date)
    with base:
        yield base, report


@stage("base known before the day", retries=RETRIES)
def _read_and_check(settings: Settings, snapshot_date: date | str | None) -> tuple[KnownBase, Report]:
    """Read and check the source. The run is named by the day; the source is closed where anything is wrong."""
    source = steps.read_source(settings)
    with closed_on_error(source.engine):
        report = steps.check_source(source)
        base = known_base(source, snapshot_date)
        runner().name_run(base.snapshot_date)
    return base, report
