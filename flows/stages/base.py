"""The first stage of every run: the base as it was known before the day."""

from datetime import date

from data.checks.report import Report
from flows.run.runner import RETRIES, runner, stage
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.dates import Standing, as_date, stand_on


@stage("base known before the day", retries=RETRIES)
def read_base(settings: Settings, snapshot_date: date | str | None) -> tuple[Standing, Report]:
    """Read and check the source, and stand on the day (default: the day after the data ends). The run is named by it.

    Raises what is wrong with the source, the tables or the day.
    """
    opened = steps.read_source(settings)
    report = steps.check_source(opened)
    standing = stand_on(opened, as_date(snapshot_date))
    runner().name_run(standing.snapshot_date)
    return standing, report
