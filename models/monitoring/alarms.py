"""Alarms: what monitoring says aloud, each with its test, its threshold, who is asked and what to do next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.monitoring.settings import MonitorSettings


class AlarmCode(StrEnum):
    """What an alarm is about."""

    FEED_SILENT = "feed_silent"
    PART_SILENT = "part_silent"
    VOLUME_CHANGED = "volume_changed"
    NULLS_CHANGED = "nulls_changed"
    UNIT_CHANGED = "unit_changed"
    FEATURE_MOVED = "feature_moved"
    FEATURES_MOVED = "features_moved"
    SCORES_MOVED = "scores_moved"
    RATE_CHANGED = "rate_changed"
    FORECAST_OFF = "forecast_off"
    ORDER_WORSE = "order_worse"


DATA, MODEL = "data", "model"
"""Whose an alarm is: the owners of the settings."""


@dataclass(frozen=True)
class AlarmKind:
    """One kind of alarm. ``test``: what is asked, ``next_step``: what to do; both as people read them."""

    title: str
    test: str
    of: str
    next_step: str


KINDS: Mapping[AlarmCode, AlarmKind] = {
    AlarmCode.FEED_SILENT: AlarmKind(
        "A feed fell silent",
        "days without a row, against two of the table's own usual gaps; for all tables together, before today, against "
        "`stale_days` of [serve]",
        DATA,
        "Mend the feed. Until then what it would have told is not known, and no reason and no gate rests on it.",
    ),
    AlarmCode.PART_SILENT: AlarmKind(
        "A part of the use stopped",
        "days without a product feature, or a region, segment or industry, for nearly all accounts that used it, from "
        "one day to the next, while the rest went on; against two of its own longest pauses",
        DATA,
        "Mend what loads this part. Until then the use of its accounts is not known, and not judged.",
    ),
    AlarmCode.VOLUME_CHANGED: AlarmKind(
        "A table has far more or fewer rows",
        "rows of the last period over the usual ones, outside `volume_range`, beyond its own spread and beyond any "
        "period of a year",
        DATA,
        "Ask whether a part of the source is missing or was loaded twice; load that time again.",
    ),
    AlarmCode.NULLS_CHANGED: AlarmKind(
        "A column lost or gained its values",
        "share of rows without a value in 28 days against the year before, by more than `null_share` and than chance",
        DATA,
        "Ask what changed in the export of that column; load that time again once it is mended.",
    ),
    AlarmCode.UNIT_CHANGED: AlarmKind(
        "A unit changed",
        "every quantile became 10, 60, 100 or 1000 times what it was, or that part of it",
        DATA,
        "Put the unit back, or convert it in the SQL of [source.tables]; then score again.",
    ),
    AlarmCode.FEATURE_MOVED: AlarmKind(
        "A feature moved",
        "its PSI is above `feature_psi` and above what chance gives, and by its weight above `feature_weighted_psi`",
        MODEL,
        "Look at what is known of it: a new product, price or export explains it, or the model is to be trained again.",
    ),
    AlarmCode.FEATURES_MOVED: AlarmKind(
        "The features moved together",
        "the PSI of all features that moved beyond chance, each by its weight and 1 at most, is above `weighted_psi`",
        MODEL,
        "Train again, and read the decision about the challenger.",
    ),
    AlarmCode.SCORES_MOVED: AlarmKind(
        "The scores moved",
        "the PSI of the propensities is above `score_psi` and above what chance gives",
        MODEL,
        "Look at the features that moved first. Where none explains it, train again.",
    ),
    AlarmCode.RATE_CHANGED: AlarmKind(
        "The base rate changed",
        "expansions of a matured list, by account, over those of an earlier list or of the training: beyond "
        "`rate_ratio`, and the interval of the difference excludes none",
        MODEL,
        "Ask what sells more or less than before; train again, so that the percentages follow.",
    ),
    AlarmCode.FORECAST_OFF: AlarmKind(
        "The forecast was off",
        "forecast over realised expansions of a matured list, outside `forecast_range` and beyond chance",
        MODEL,
        "Trust the order of the lists, not their percentages, until the model is trained again.",
    ),
    AlarmCode.ORDER_WORSE: AlarmKind(
        "The list is in a worse order than the backtest promised",
        "AUC of a matured list, more than `auc_loss` and than chance below the backtest's",
        MODEL,
        "Look for features that are filled later than on past days; run `headroom backtest`.",
    ),
}
"""Every kind of alarm."""


@dataclass(frozen=True)
class Alarm:
    """One thing that is the matter now. ``subject``: the table, column, feature or day; ``text``: with its figures."""

    code: AlarmCode
    subject: str
    text: str
    value: float
    threshold: float

    @property
    def key(self) -> str:
        """What it is answered by, and known by again: ``unit_changed:subscriptions.mrr``."""
        return f"{self.code}:{self.subject}"


def owner_of(code: AlarmCode, settings: MonitorSettings) -> str:
    """Who is asked to act on it."""
    return settings.data_owner if KINDS[code].of == DATA else settings.model_owner


def in_order(alarms: Iterable[Alarm]) -> list[Alarm]:
    """The alarms as they are told: by kind, those of the data first, since they explain the others; then by subject."""
    return sorted(alarms, key=lambda alarm: (list(AlarmCode).index(alarm.code), alarm.subject))
