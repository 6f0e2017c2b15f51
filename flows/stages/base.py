"""The first stage of every run: the base as it was known before the day."""

from datetime import date

from data.checks.report import Report
from data.sources.engine import closed_on_error
from data.sources.known import KnownBase
from flows.run.runner import RETRIES, runner, stage
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.dates import known_base


@stage("base known before the day", retries=RETRIES)
def read_base(settings: Settings, snapshot_date: date | str | None) -> tuple[KnownBase, Report]:
    """Read and check the source, as known before the day (default: the day after the data ends), which names the run.

    The base is the caller's to close. Raises what is wrong with the source, the tables or the day.
    """
    source = steps.read_source(settings)
    with closed_on_error(source.engine):
        report = steps.check_source(source)
        base = known_base(source, snapshot_date)
        runner().name_run(base.snapshot_date)
        return base, report
