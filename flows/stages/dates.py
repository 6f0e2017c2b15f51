"""Which days a run stands on: today, the snapshot, and the past snapshots that can be learnt from."""

from datetime import UTC, date, datetime, timedelta

from data.errors import NotEnoughHistoryError
from data.feeds.use import first_use_day, use
from data.sources.known import KnownBase, Source, known_before, label_watermark
from data.time_cut import Tables
from features.calendar import QUARTER_DAYS, month_starts
from flows.run.progress import say


def today_utc() -> date:
    return datetime.now(UTC).date()


def as_date(value: date | str | None) -> date | None:
    """A deployment's parameters are JSON: its dates are text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def known_base(source: Source, snapshot_date: date | str | None) -> KnownBase:
    """The base as known before ``snapshot_date`` (default: the day after the data ends); its warnings are told.

    Raises for a day that lies after today. Closing it closes the source.
    """
    base = known_before(source, as_date(snapshot_date), today_utc())
    for warning in base.warnings:
        say(f"warning: {warning}")
    return base


def known_until(base: KnownBase) -> date:
    """The first day whose movements are not known to the base."""
    return min(base.snapshot_date, label_watermark(base.tables, base.snapshot_date) + timedelta(days=1))


def training_dates(base: KnownBase, horizon_days: int) -> list[date]:
    """The month starts whose labels had matured before the day of the base, oldest first.

    A label matures when its whole window ``[s, s + horizon_days)`` lies before that day and before the end of the
    subscriptions (or invoices). The first snapshot has a quarter of usage behind it, since growth needs one to compare.
    """
    first = first_usage_day(base.tables) + timedelta(days=QUARTER_DAYS)
    return month_starts(first, known_until(base) - timedelta(days=horizon_days))


def first_usage_day(tables: Tables) -> date:
    """The first day with usage. Raises ``NotEnoughHistoryError`` if there is none."""
    day = first_use_day(tables)
    if day is None:
        raise NotEnoughHistoryError(
            "Find the first day with usage.",
            f"{use(tables)[0]} has no use before the snapshot date.",
            "Choose a later snapshot date, or load the usage history.",
        )
    return day
