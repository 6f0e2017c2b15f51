"""What moved under the model: the features and scores of the latest list against the training and an earlier list."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.errors import ModelError
from data.sources.known import KnownBase
from features.missing_features import as_learnt
from features.muted import muted_features, tables_read
from flows.monitoring.feeds import WatchedFeeds
from flows.monitoring.lists import FrozenList
from flows.run.progress import say
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from flows.stages import inputs as steps
from models.estimators.bundle import Bundle
from models.estimators.categories import encode
from models.estimators.reference import ReferenceBase
from models.monitoring.alarms import Alarm
from models.monitoring.checks import of_drift
from models.monitoring.drift import SCORE, compared, shares_of_weight
from models.registry.mlflow_store import ModelRegistry
from serving.monitoring.contract import BINS, DRIFT
from serving.monitoring.store import frame_of

TRAINING = "since the training"
LATER_KNOWN = ("snapshot_date", "weight", "because_of")
"""The columns of a comparison that the list and the feeds add."""
Frames = tuple[pd.DataFrame, pd.DataFrame]
"""The features of a day, and the scores of its list: a column each, one row an account."""


@dataclass(frozen=True)
class Moved:
    """Tables of monitoring by name, and the alarms about features and scores."""

    frames: dict[str, pd.DataFrame]
    alarms: list[Alarm]


@stage("what moved", retries=RETRIES)
def what_moved(
    lists: list[FrozenList], base: KnownBase, feeds: WatchedFeeds, kept: pd.DataFrame, settings: Settings
) -> Moved:
    """Compare the latest list. ``kept``: the table ``bins`` of the last run; what it saw of a day stays as it was."""
    latest, earlier = lists[-1], _earlier(lists, settings.monitor.compare_days)
    base = as_learnt(base, latest.open().features())
    bundle = _model_of(latest, settings)
    days = [frozen.day for frozen in (earlier, latest) if frozen is not None]
    rows = _columns(bundle, steps.build_rows(base, days, settings), latest)
    by_day = {frozen.day: _on(rows, frozen) for frozen in (earlier, latest) if frozen is not None}
    kept = _with_bins(kept, by_day, latest.day - timedelta(days=settings.monitor.days))
    compare = _Comparison(latest, earlier, bundle, by_day, kept, settings)
    told = pd.DataFrame(compare.rows(), columns=[name for name in DRIFT.names if name not in LATER_KNOWN])
    drift = frame_of(DRIFT, _explained(told, latest, base, feeds).to_dict("records"))
    return Moved({DRIFT.name: drift, BINS.name: kept}, list(of_drift(drift, settings.monitor)))


def _earlier(lists: list[FrozenList], days: int) -> FrozenList | None:
    """The latest list that is so many days older than the last one, or else the first there is; None if it is alone."""
    *before, latest = lists
    far = [frozen for frozen in before if (latest.day - frozen.day).days >= days]
    return far[-1] if far else (before[0] if before else None)


def _model_of(latest: FrozenList, settings: Settings) -> Bundle | None:
    """The model of the list; None where it is gone, which is told: then nothing is compared with the training."""
    try:
        return ModelRegistry(settings.mlruns_folder, settings.model).load(latest.run_id)
    except ModelError as error:
        say(f"warning: the model of the list of {latest.day} is not looked at: {error.clause}")
        return None


def _columns(bundle: Bundle | None, rows: pd.DataFrame, latest: FrozenList) -> pd.DataFrame:
    """The features of the list as numbers, with the keys; without its model those that are numbers themselves."""
    features = [name for name in latest.open().features() if name in rows]
    if bundle is not None:
        rows = encode(rows, bundle.categories)
    numbers = rows[features].select_dtypes(["number", "bool"]).astype("float64")
    days = pd.to_datetime(rows["snapshot_date"]).dt.date
    return pd.concat([days, numbers], axis=1)


def _on(rows: pd.DataFrame, frozen: FrozenList) -> Frames:
    features = rows[rows["snapshot_date"] == frozen.day].drop(columns="snapshot_date")
    return features, frozen.open().scores(SCORE).astype("float64")


def _with_bins(kept: pd.DataFrame, by_day: dict[date, Frames], oldest: date) -> pd.DataFrame:
    """The bins of the days, beside those that are kept; a column of a day that is there stays as it was first seen."""
    there = set(zip(kept["snapshot_date"], kept["column"], strict=True))
    made = [
        {"snapshot_date": day, "column": name, "edges": list(edges), "counts": list(map(float, reference.counts[name]))}
        for day, frames in by_day.items()
        for reference in map(ReferenceBase.of, frames)
        for name, edges in reference.edges.items()
        if (day, name) not in there
    ]
    lasting = kept[kept["snapshot_date"] >= oldest]
    return frame_of(BINS, [*lasting.to_dict("records"), *made])


@dataclass(frozen=True)
class _Comparison:
    """The latest list, and what it is compared with."""

    latest: FrozenList
    earlier: FrozenList | None
    bundle: Bundle | None
    by_day: dict[date, Frames]
    bins: pd.DataFrame
    settings: Settings

    def rows(self) -> list[dict[str, object]]:
        """One row per column that has something to be compared with: the training's bins, or else the earlier day's."""
        told: dict[str, dict[str, object]] = {}
        texts = frozenset(self.bundle.categories if self.bundle else ())
        for reference, since in self._references():
            for place, now in enumerate(self.by_day[self.latest.day]):
                before = None if self.earlier is None else self.by_day[self.earlier.day][place]
                rest = reference.without(told.keys())
                for row in compared(now, rest, since, before, self.settings.monitor.error_rate, texts):
                    told[str(row["column"])] = row
        return list(told.values())

    def _references(self) -> list[tuple[ReferenceBase, str]]:
        references = []
        if self.bundle is not None and self.bundle.reference is not None:
            references.append((self.bundle.reference, TRAINING))
        if self.earlier is not None:
            of_day = self.bins[self.bins["snapshot_date"] == self.earlier.day]
            edges = {row["column"]: tuple(row["edges"]) for row in of_day.to_dict("records")}
            counts = {row["column"]: tuple(map(int, row["counts"])) for row in of_day.to_dict("records")}
            references.append((ReferenceBase(edges, counts), f"since {self.earlier.day}"))
        return references


def _explained(told: pd.DataFrame, latest: FrozenList, base: KnownBase, feeds: WatchedFeeds) -> pd.DataFrame:
    """The rows with the weight of each feature, and with the table whose feed explains that it moved."""
    weights, tables = shares_of_weight(_mean_attributions(latest)), tables_read(base)
    muted = muted_features(base, latest.day)

    def because_of(name: str, factor: float | None) -> str | None:
        read = sorted(tables.get(name, ()))
        if name in muted:
            return ", ".join(read)
        changed = [table for table in read if table in feeds.tables]
        return ", ".join(changed) if changed and pd.isna(factor) else None

    columns = zip(told["column"], told["unit_factor"], strict=True)
    told["because_of"] = [because_of(name, factor) for name, factor in columns]
    told["weight"] = told["column"].map(weights)
    return told.assign(snapshot_date=latest.day)


def _mean_attributions(latest: FrozenList) -> dict[str, float]:
    """The mean absolute attribution of each feature of the list."""
    listing = latest.open()
    features = listing.features()
    total = np.zeros(len(features))
    for part in listing.batches("attributions", features):
        total += np.abs(part.to_numpy(np.float64)).sum(axis=0)
    return dict(zip(features, (total / max(1, latest.accounts)).tolist(), strict=True))
