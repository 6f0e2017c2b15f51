"""Monitoring: alarms, what came of the lists whose horizon has passed, what moved since, how the feeds do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from data.contract.outputs import NO_OWNER
from serving.monitoring.contract import CALIBRATION, DRIFT, FEEDS, FIGURES, LISTS, SLICES
from serving.monitoring.standing import StandingAlarm, answers_in, as_answered
from serving.monitoring.store import Monitoring, read_monitoring
from serving.published.read import PublishedList
from serving.render.entries import MOTION_WORDS
from serving.web.drawing import line
from serving.web.ports import Sight

MOST_COLUMNS = 15
"""So many features are shown, those that moved farthest by their weight first."""
SLICE_WORDS = {"owner": "Owner", "motion": "Motion", "play": "Play", "story": "Strongest reason"}


@dataclass(frozen=True)
class ListOutcome:
    """A published list. The figures are None where it is pending, or has none of them."""

    day: date
    matures_on: date
    share_come: float
    is_matured: bool
    learnt_ahead: bool
    accounts: int
    expansions: int | None
    rate: float | None
    first: int | None
    hits: int | None
    lift: float | None
    forecast: float | None
    expected_arr: float | None
    realised_arr: float | None

    @property
    def precision(self) -> float | None:
        """Share of the first of the owners' books that expanded."""
        return self.hits / self.first if self.first and self.hits is not None else None


@dataclass(frozen=True)
class SlicedBy:
    """What came of the accounts of one list, by owner, motion, play or reason: rows of the table, as people read it."""

    words: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class MonitoringPage:
    """What the last run found; ``day`` is None where there was none.

    ``drawn``: the corners of two lines over the matured lists, base rate and precision of the first of the books, by
    one scale. ``latest``: the day of the latest matured list, which ``slices`` and ``calibration`` are of.
    """

    day: date | None
    alarms: tuple[StandingAlarm, ...] = ()
    lists: tuple[ListOutcome, ...] = ()
    drawn: tuple[Sequence[tuple[float, float]], ...] = ()
    latest: date | None = None
    slices: tuple[SlicedBy, ...] = ()
    calibration: tuple[Mapping[str, Any], ...] = ()
    drift: tuple[Mapping[str, Any], ...] = ()
    feeds: tuple[Mapping[str, Any], ...] = ()


def monitoring_page(out: Path, listing: PublishedList, sight: Sight) -> MonitoringPage:
    """The page; of single owners those alone whose accounts may be seen."""
    found = read_monitoring(out)
    if found is None:
        return MonitoringPage(None)
    lists = tuple(_lists(found))
    matured = [of for of in reversed(lists) if of.is_matured and of.rate is not None]
    latest = matured[-1].day if matured else None
    return MonitoringPage(
        found.day,
        as_answered(found.alarms, answers_in(out), found.day),
        lists,
        _drawn(matured),
        latest,
        tuple(_slices(found, latest, listing, sight)),
        _rows(_of(found.frames[CALIBRATION.name], latest)),
        _rows(_farthest(found.frames[DRIFT.name])),
        _rows(found.frames[FEEDS.name]),
    )


def _lists(found: Monitoring) -> Iterator[ListOutcome]:
    """The lists, the latest first."""
    figures = found.frames[FIGURES.name]
    values = {(row["snapshot_date"], row["of"], row["metric"]): row["value"] for row in _rows(figures)}
    for row in reversed(_rows(found.frames[LISTS.name])):
        day = row["snapshot_date"]
        yield ListOutcome(
            day,
            row["matures_on"],
            row["share_come"],
            row["is_matured"],
            row["learnt_ahead"],
            row["accounts"],
            row["expansions"],
            row["rate"],
            row["first_of_books"],
            row["hits_in_books"],
            values.get((day, "list", "lift_at_20")),
            values.get((day, "model", "forecast_over_realised")),
            row["expected_arr"],
            row["realised_arr"],
        )


def _rows(frame: pd.DataFrame) -> tuple[Mapping[str, Any], ...]:
    """The rows as plain values, null as None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return tuple({str(name): value for name, value in row.items()} for row in plain.to_dict("records"))


def _drawn(matured: Sequence[ListOutcome]) -> tuple[Sequence[tuple[float, float]], ...]:
    if len(matured) < 2:  # one point is no line
        return ()
    days = [of.day for of in matured]
    rates, firsts = [of.rate or 0.0 for of in matured], [of.precision or 0.0 for of in matured]
    most = max(*rates, *firsts)
    return line(days, rates, most), line(days, firsts, most)


def _slices(found: Monitoring, latest: date | None, listing: PublishedList, sight: Sight) -> Iterator[SlicedBy]:
    """The parts of the latest matured list, those with the most expansions first."""
    of_day = _of(found.frames[SLICES.name], latest)
    words = {"motion": MOTION_WORDS, "play": {code: play["name"] for code, play in listing.manifest["plays"].items()}}
    for by, heading in SLICE_WORDS.items():
        part = of_day[of_day["by"] == by].sort_values(["expansions", "value"], ascending=[False, True])
        if by == "owner":
            seen = [row for row in _rows(part) if sight.may_see(None if row["value"] == NO_OWNER else row["value"])]
            rows = tuple({**row, "words": row["value"]} for row in seen)
        else:
            said = words.get(by, {})
            rows = tuple(
                {**row, "words": said.get(row["value"], row["value"].replace("_", " "))} for row in _rows(part)
            )
        if rows:
            yield SlicedBy(heading, rows)


def _of(frame: pd.DataFrame, day: date | None) -> pd.DataFrame:
    return frame[frame["snapshot_date"] == day]


def _farthest(drift: pd.DataFrame) -> pd.DataFrame:
    """The scores, and the features that moved farthest by their weight."""
    moved = (drift["psi"].clip(upper=1.0) * drift["weight"].fillna(1.0)).sort_values(ascending=False, kind="stable")
    return drift.loc[moved.index].head(MOST_COLUMNS)
