"""The source: can it be read, and does its time agree with the clock of this machine?"""

from collections.abc import Iterator
from datetime import date, timedelta

from data.sources.connect import open_source
from data.sources.known import OLD_DAYS, Source, data_end, last_days_of_use
from flows.doctor.diagnosis import Diagnosis, examination, look, ok, wrong
from flows.run.settings import Settings
from flows.stages.dates import today_utc

YEARS_AHEAD = timedelta(days=3660)


@examination("source")
def source(settings: Settings) -> Iterator[Diagnosis]:
    """Open it as a run does, and compare its newest days with today's date (UTC)."""
    address, today = settings.address, today_utc()
    address.require()
    with open_source(address) as tables:
        yield ok(f"{address.shown} has {', '.join(sorted(tables.tables))}")
        yield _newest(tables, today)


def _newest(tables: Source, today: date) -> Diagnosis:
    last_days = last_days_of_use(tables.tables, today + YEARS_AHEAD)
    ahead = {name: day for name, day in last_days.items() if day and day > today}
    if any((day - today).days > 1 for day in ahead.values()):
        told = ", ".join(f"{name} has rows of {day}" for name, day in ahead.items())
        return wrong(f"today is {today} (UTC) here, and {told}", "Set the clock, or correct the time zone of the rows.")
    last = data_end(tables.tables, today)
    days = (today - last).days
    if days > OLD_DAYS:
        return look(f"the data ends on {last}, {days} days ago", "See whether the load of the tables has stopped.")
    return ok(f"the data ends on {last}, today is {today} (UTC)")
