"""The figures of monitoring as a text file for Prometheus, as the textfile collector of its node exporter reads it.

Every figure is a gauge without a time of its own: the collector says when it read the file.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import pandas as pd
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from serving.monitoring.standing import StandingAlarm

PREFIX = "headroom"


def exposition(day: date, frames: Mapping[str, pd.DataFrame], alarms: Sequence[StandingAlarm]) -> str:
    """The text of the file. ``frames``: the tables of monitoring by their names."""
    registry = CollectorRegistry()
    lists, matured = frames["lists"], frames["lists"].query("is_matured")

    def gauge(name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", words, labels, registry=registry)

    gauge("monitored_day_seconds", "The day that was monitored, in seconds since 1970").set(_seconds(day))
    gauge("latest_list_seconds", "The day of the latest list, in seconds since 1970").set(
        _seconds(lists["snapshot_date"].max())
    )
    counted = gauge("lists", "Published lists that were looked at", "state")
    counted.labels("matured").set(len(matured))
    counted.labels("pending").set(len(lists) - len(matured))
    standing = gauge("alarm", "1 for each alarm that stands", "code", "subject", "answered")
    for alarm in alarms:
        standing.labels(alarm.code, alarm.subject, str(alarm.answer is not None).lower()).set(1)
    _matured(gauge("matured", "A figure of the latest matured list", "of", "metric"), frames["figures"])
    _each(gauge("psi", "Population stability index", "column"), frames["drift"], "column", "psi")
    _each(
        gauge("silent_days", "Days without a row of a feed that is late", "table"),
        frames["feeds"],
        "table",
        "silent_days",
    )
    _each(gauge("rows", "Rows of the last period of a table", "table"), frames["feeds"], "table", "rows")
    _each(gauge("usual_rows", "Rows of its usual period", "table"), frames["feeds"], "table", "usual_rows")
    return generate_latest(registry).decode()


def _seconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _matured(gauge: Gauge, figures: pd.DataFrame) -> None:
    latest = figures[figures["snapshot_date"] == figures["snapshot_date"].max()]
    for row in latest[latest["value"].notna()].to_dict("records"):
        gauge.labels(row["of"], row["metric"]).set(row["value"])


def _each(gauge: Gauge, frame: pd.DataFrame, label: str, value: str) -> None:
    for row in frame[frame[value].notna()].to_dict("records"):
        gauge.labels(row[label]).set(float(row[value]))
