"""From figures to alarms: each test speaks of what is large by its threshold and surely no accident."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from math import copysign, sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from data.feeds.parts import SilentPart
from data.feeds.rhythm import LATE_GAPS, Silence
from data.feeds.sudden import SHORTEST_DAYS
from data.feeds.volume import ColumnLevel, Volume
from models.monitoring.alarms import Alarm, AlarmCode
from models.monitoring.drift import SCORE, weighted, weighted_psi
from models.monitoring.intervals import auc_error, difference_interval
from models.monitoring.settings import MonitorSettings
from models.monitoring.units import say_factor, unit_factor

ALL_TABLES = "all tables"
"""What an alarm about the whole source is about."""


def of_silence(silent: Iterable[Silence]) -> Iterator[Alarm]:
    """The feeds that were late on the day."""
    for silence in silent:
        limit = LATE_GAPS * silence.usual_gap
        text = f"{silence.table} has had no row since {silence.last_day}: {silence.days} days, where {limit} are usual."
        yield Alarm(AlarmCode.FEED_SILENT, silence.table, text, silence.days, limit)


def of_end(last_day: date, today: date, stale_days: int) -> Iterator[Alarm]:
    """The source as a whole, by today's clock: by its own days nothing is late where all of it has stopped."""
    days = (today - last_day).days
    if days > stale_days:
        text = f"No table has had a row since {last_day}: {days} days. Nothing that has come since is known."
        yield Alarm(AlarmCode.FEED_SILENT, ALL_TABLES, text, days, stale_days)


def of_parts(parts: Iterable[SilentPart]) -> Iterator[Alarm]:
    """The parts of the use that had stopped on the day."""
    for part in parts:
        text = (
            f"{part.name} has had next to nothing since {part.last_day}, for {part.days} days: {len(part.accounts):,} "
            "accounts, whose use is not known."
        )
        yield Alarm(AlarmCode.PART_SILENT, part.name, text, part.days, SHORTEST_DAYS)


def of_volume(volumes: Iterable[Volume], settings: MonitorSettings) -> Iterator[Alarm]:
    """The tables whose last period has far more or fewer rows than their usual one."""
    low, high = settings.volume_range
    sure = _deviations(settings)
    for volume in volumes:
        far = abs(volume.rows - volume.usual_rows) > sure * volume.deviation
        if far and volume.is_extreme and not low <= volume.ratio <= high:
            text = (
                f"{volume.table} has {volume.rows:,} rows of the last {volume.period_days} days, where "
                f"{volume.usual_rows:,.0f} are usual."
            )
            threshold = low if volume.ratio < low else high
            yield Alarm(AlarmCode.VOLUME_CHANGED, volume.table, text, volume.ratio, threshold)


def of_columns(levels: Iterable[ColumnLevel], settings: MonitorSettings) -> Iterator[Alarm]:
    """The columns of the source that lost their values, or whose unit changed."""
    for level in levels:
        place = f"{level.table}.{level.column}"
        before, now = level.earlier_nulls / level.earlier_rows, level.nulls / level.rows
        low, high = difference_interval(
            level.nulls, level.rows, level.earlier_nulls, level.earlier_rows, settings.error_rate
        )
        if abs(now - before) > settings.null_share and not low <= 0 <= high:
            text = f"{place} is empty in {now:.0%} of the rows of the last weeks, and was in {before:.0%}."
            threshold = copysign(settings.null_share, now - before)
            yield Alarm(AlarmCode.NULLS_CHANGED, place, text, now - before, threshold)
        factor = unit_factor(level.earlier_quartiles, level.quartiles)
        if factor is not None:
            text = f"{place} is {say_factor(factor)} what it was, in the rows of the last weeks."
            yield Alarm(AlarmCode.UNIT_CHANGED, place, text, factor, 1.0)


def of_drift(rows: pd.DataFrame, settings: MonitorSettings) -> Iterator[Alarm]:
    """The features and scores that moved. ``rows``: the table ``drift``; what a feed explains is not told again."""
    told = rows[rows["because_of"].isna()]
    for row in told[told["unit_factor"].notna()].to_dict("records"):
        text = f"The feature {row['column']} is {say_factor(row['unit_factor'])} what it was {row['since']}."
        yield Alarm(AlarmCode.UNIT_CHANGED, f"feature {row['column']}", text, row["unit_factor"], 1.0)
    moved = told[told["unit_factor"].isna() & (told["psi"] > told["psi_by_chance"])]
    weighs = weighted(moved["psi"], moved["weight"]) > settings.feature_weighted_psi
    for row in moved[weighs & (moved["psi"] > settings.feature_psi)].to_dict("records"):
        yield _moved_feature(row, settings.feature_psi)
    for row in moved[(moved["column"] == SCORE) & (moved["psi"] > settings.score_psi)].to_dict("records"):
        text = f"The propensities moved {row['since']}: PSI {row['psi']:.2f}."
        yield Alarm(AlarmCode.SCORES_MOVED, SCORE, text, row["psi"], settings.score_psi)
    features = told[told["column"] != SCORE]
    together = weighted_psi(rows)
    if together > settings.weighted_psi and len(features):
        text = f"The features moved together: {together:.2f}, each weighted by its share of the attributions."
        yield Alarm(AlarmCode.FEATURES_MOVED, "all features", text, together, settings.weighted_psi)


def _moved_feature(row: Mapping[Any, Any], limit: float) -> Alarm:
    text = (
        f"The feature {row['column']}, {row['weight']:.0%} of the attributions, moved {row['since']}: PSI "
        f"{row['psi']:.2f}; it is missing of {row['missing_now']:.0%} of the accounts, and was of "
        f"{row['missing_before']:.0%}."
    )
    return Alarm(AlarmCode.FEATURE_MOVED, str(row["column"]), text, row["psi"], limit)


def of_rate(now: Mapping[str, Any], before: Mapping[str, Any], settings: MonitorSettings) -> Iterator[Alarm]:
    """A base rate that changed. ``before``: ``expansions`` of ``accounts``, and ``said``: of what."""
    rates = [part["expansions"] / part["accounts"] for part in (now, before)]
    low, high = difference_interval(
        now["expansions"], now["accounts"], before["expansions"], before["accounts"], settings.error_rate
    )
    ratio = rates[0] / rates[1] if rates[1] else np.inf
    if not low <= 0 <= high and not 1 / settings.rate_ratio <= ratio <= settings.rate_ratio:
        text = (
            f"Of the accounts of the list of {now['snapshot_date']} {rates[0]:.1%} expanded, {before['said']} "
            f"{rates[1]:.1%}; the difference lies between {low:+.1%} and {high:+.1%}."
        )
        threshold = settings.rate_ratio if ratio > 1 else 1 / settings.rate_ratio
        yield Alarm(AlarmCode.RATE_CHANGED, "all accounts", text, ratio, threshold)


def of_forecast(now: Mapping[str, Any], variance: float, settings: MonitorSettings) -> Iterator[Alarm]:
    """A forecast that was off. ``variance``: of the expansions where the propensities are right."""
    expected, came = now["expected_expansions"], now["expansions"]
    low, high = settings.forecast_range
    ratio = expected / came if came else np.inf
    if not low <= ratio <= high and abs(came - expected) > _deviations(settings) * sqrt(variance):
        text = f"Of the list of {now['snapshot_date']} {expected:.0f} expansions were forecast and {came} came."
        yield Alarm(AlarmCode.FORECAST_OFF, "all accounts", text, ratio, high if ratio > high else low)


def of_order(now: Mapping[str, Any], auc: float, promised: float, settings: MonitorSettings) -> Iterator[Alarm]:
    """A list in a worse order than its model's backtest. ``auc``: NaN where all or none expanded."""
    misses = now["accounts"] - now["expansions"]
    if not now["expansions"] or not misses or np.isnan(auc):
        return
    error = float(norm.isf(settings.error_rate)) * auc_error(auc, now["expansions"], misses)
    if auc < promised - settings.auc_loss - error:
        text = f"The list of {now['snapshot_date']} has an AUC of {auc:.2f}, where the backtest had {promised:.2f}."
        yield Alarm(AlarmCode.ORDER_WORSE, "all accounts", text, auc, promised - settings.auc_loss)


def _deviations(settings: MonitorSettings) -> float:
    """How many standard deviations are surely no accident."""
    return float(norm.isf(settings.error_rate / 2))
