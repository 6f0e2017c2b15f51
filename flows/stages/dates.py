"""Which days a run stands on: today, the snapshot, and the past snapshots that can be learnt from."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from data.errors import NotEnoughHistoryError
from data.sources.connect import Source, Tables, as_of, data_end, label_watermark, next_snapshot
from features.build.build import absent_columns
from features.calendar import QUARTER_DAYS, month_starts
from features.views.account import usage, use
from flows.run.progress import say

FIRST_YEAR = 1900
OLD_DAYS = 7
"""Data that ends more than a week before the day stood on (by default: today) is told: a feed may be dead."""


def today_utc() -> date:
    return datetime.now(UTC).date()


def as_date(value: date | str | None) -> date | None:
    """A deployment's parameters are JSON: its dates are text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Standing:
    """A base as known before ``snapshot_date``: what a run on that day could have seen, and no more.

    ``absent`` are the optional columns that the source lacks. ``state`` names what the tables hold, if that can be told
    without reading them.
    """

    snapshot_date: date
    tables: Tables
    warnings: tuple[str, ...] = ()
    absent: frozenset[str] = frozenset()
    state: str | None = None


def stand_on(source: Source, snapshot_date: date | None) -> Standing:
    """Stand on ``snapshot_date`` (default: the day after the data ends). Raises for a day that lies after today."""
    today = today_utc()
    day = snapshot_date or next_snapshot(source.tables, today)
    if day.year < FIRST_YEAR:
        raise NotEnoughHistoryError(
            f"The snapshot date {day} is to be stood on.",
            f"it lies before {FIRST_YEAR}.",
            "Choose a day with customers.",
        )
    if day > today + timedelta(days=1):
        raise NotEnoughHistoryError(
            f"The snapshot date {day} is to be stood on.",
            f"today is {today} (UTC): nothing is known of later days.",
            "Choose a day that has come.",
        )
    known = as_of(source.tables, day)
    last = data_end(known, day)
    wanted = day if snapshot_date is not None else today
    told = []
    if (wanted - last).days > OLD_DAYS:
        told.append(
            f"The data ends on {last}, {(wanted - last).days} days before {wanted}: what fell may not have come in."
        )
    for warning in told:
        say(f"warning: {warning}")
    state = None if source.state is None else f"{source.state} as of {day}"
    return Standing(day, known, tuple(told), absent_columns(source.raw), state)


def training_dates(standing: Standing, horizon_days: int) -> list[date]:
    """The month starts whose labels had matured before the day stood on, oldest first.

    A label matures when its whole window ``[s, s + horizon_days)`` lies before that day and before the end of the
    subscriptions (or invoices). The first snapshot has a quarter of usage behind it, since growth needs one to compare.
    """
    last_known = label_watermark(standing.tables, standing.snapshot_date)
    end = min(standing.snapshot_date, last_known + timedelta(days=1))
    first = first_usage_day(standing.tables) + timedelta(days=QUARTER_DAYS)
    return month_starts(first, end - timedelta(days=horizon_days))


def first_usage_day(tables: Tables) -> date:
    """The first day with usage. Raises ``NotEnoughHistoryError`` if there is none."""
    name, _ = use(tables)
    day = usage(tables).day.min().to_pyarrow().as_py()
    if day is None:
        raise NotEnoughHistoryError(
            "The first day with usage is to be found.",
            f"{name} has no use before the snapshot date.",
            "Choose a later snapshot date, or load the usage history.",
        )
    return day
