"""From labelled feature rows to a tested model.

    checks -> past snapshots scored as if each were today (rolling) -> model of today on all matured snapshots

The figures come from the replay alone. Order (AUC, precision, lift) is told for every reported snapshot; probabilities
(Brier skill, log loss, calibration) only for those snapshots that had a matured past to calibrate on, so no figure
rests on a calibration that has seen its own outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.errors import ModelError, NotEnoughHistoryError
from models import baselines, boosting
from models.amounts import fit_amounts
from models.bundle import Bundle, Propensity
from models.categories import encode, learn_categories
from models.metrics import ORDER_METRICS, auc_interval, calibration_curve, probability_metrics, ranking_metrics
from models.motions import TrainedMotions, train_motions
from models.readiness import require_enough
from models.rolling import Progress, Recipe, Replay, replay
from models.settings import TrainSettings
from models.splits import Split, days, origins

KEYS = ["account_id", "snapshot_date"]
MODEL = "model"
ORDER = list(ORDER_METRICS)


@dataclass(frozen=True)
class TrainedModel:
    """A model and what is known about it.

    ``metrics``: flat names, means over the reported snapshots for the order, pooled for the probabilities.
    ``by_origin``: one row per reported snapshot. ``bench``: one row per reported snapshot and rule, with the model.
    ``predictions``: one row per account and replayed snapshot (``reported`` says which count).
    ``calibration``: the pooled calibration curve. ``columns``: one row per feature, its AUC as a rule of its own.
    ``motion_metrics``: motion to figures. ``latest_rows``: the features of the latest matured snapshot, for plots.
    """

    bundle: Bundle
    settings: TrainSettings
    metrics: Mapping[str, float]
    by_origin: pd.DataFrame
    bench: pd.DataFrame
    predictions: pd.DataFrame
    calibration: pd.DataFrame
    columns: pd.DataFrame
    motion_metrics: Mapping[str, Mapping[str, float]]
    latest_rows: pd.DataFrame


def silent(_: str) -> None:
    """Progress that goes nowhere."""


def train(
    history: pd.DataFrame, feature_names: Sequence[str], settings: TrainSettings, *, progress: Progress = silent
) -> TrainedModel:
    """Train, test and describe a model.

    ``history``: one row per account and matured snapshot: account_id, snapshot_date, the features, expanded (0/1),
    expanded_<motion> (0/1) and expansion_arr (currency per year) where there are any. The order of the rows changes
    nothing. Raises NotEnoughHistoryError with what there is and what it takes.
    """
    features = list(feature_names)
    categories = learn_categories(history, [name for name in features if name in history.columns])
    rows = prepare(encode(history, categories), features)
    expansions = require_enough(rows, settings)
    warm_up = settings.origins + settings.warm_up_origins
    splits = origins(rows.snapshot_date.unique(), settings.horizon_days, warm_up, settings.min_train_dates)
    reported = splits[-settings.origins :]
    recipe = _recipe(settings)
    played = replay(rows, features, splits, recipe, progress)
    if not len(played.predictions):
        raise NotEnoughHistoryError(
            asked="test the model on past snapshots",
            found=f"no expansion before any of the last {len(splits)} snapshots to learn from",
            todo="load older history, or come back when more months have passed",
        )
    progress(f"training on all {len(rows)} rows, {played.settled.rounds} trees")
    y = rows["expanded"].to_numpy(np.int8)
    booster = boosting.fit(rows[features], y, recipe.params, played.settled.rounds, recipe.seed)
    motions = train_motions(rows, features, reported, settings, progress)
    columns = baselines.single_columns(rows, features, y)
    bundle = Bundle(
        feature_names=tuple(features),
        categories=categories,
        any_expansion=Propensity(booster, played.settled.calibrator),
        motions=motions.models,
        withheld=motions.withheld,
        all_motions_modelled=motions.complete,
        amounts=fit_amounts(rows[rows.expanded == 1], _arr(rows)),
        facts=_facts(rows, settings, expansions, played, columns),
    )
    return _described(bundle, settings, rows, features, reported, played, motions, columns)


def prepare(history: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """The history with float64 features, comparable dates and sorted rows. Raises ModelError for missing columns."""
    missing = [name for name in [*KEYS, "expanded", *features] if name not in history.columns]
    if missing:
        raise ModelError(
            "train a model", f"a history without {', '.join(missing)}", "build the features and labels again"
        )
    rows = history.assign(snapshot_date=days(history["snapshot_date"]))
    rows = rows.sort_values(["snapshot_date", "account_id"], ignore_index=True)
    if rows.duplicated(KEYS).any():
        raise ModelError("train a model", "an account twice on one snapshot date", "build the features again")
    labels = [name for name in rows.columns if name == "expanded" or name.startswith("expanded_")]
    if not rows[labels].isin([0, 1]).all(axis=None):
        raise ModelError("train a model", "labels that are neither 0 nor 1", "use snapshots with matured labels only")
    return rows.astype(dict.fromkeys(features, "float64"))


def _recipe(settings: TrainSettings) -> Recipe:
    return Recipe(
        label="expanded",
        params=settings.boosting,
        default_rounds=settings.default_rounds,
        max_rounds=settings.max_rounds,
        horizon_days=settings.horizon_days,
        min_calibration_positives=settings.min_calibration_positives,
        seed=settings.seed,
        workers=settings.workers,
    )


def _arr(rows: pd.DataFrame) -> np.ndarray:
    expanded = rows[rows.expanded == 1]
    if "expansion_arr" not in expanded.columns:
        return np.full(len(expanded), np.nan)
    return expanded["expansion_arr"].to_numpy(np.float64)


def _facts(
    rows: pd.DataFrame, settings: TrainSettings, expansions: int, played: Replay, columns: pd.DataFrame
) -> dict[str, Any]:
    return {
        "horizon_days": settings.horizon_days,
        "first_snapshot": f"{rows.snapshot_date.min():%Y-%m-%d}",
        "last_snapshot": f"{rows.snapshot_date.max():%Y-%m-%d}",
        "snapshots": int(rows.snapshot_date.nunique()),
        "accounts": int(rows.account_id.nunique()),
        "rows": len(rows),
        "expansions": expansions,
        "positive_rows": int(rows.expanded.sum()),
        "rounds": played.settled.rounds,
        "seed": settings.seed,
        "suspected_leaks": columns.loc[columns.auc > settings.leak_auc, "column"].tolist(),
    }


def _described(
    bundle: Bundle,
    settings: TrainSettings,
    rows: pd.DataFrame,
    features: list[str],
    reported: Sequence[Split],
    played: Replay,
    motions: TrainedMotions,
    columns: pd.DataFrame,
) -> TrainedModel:
    dates = [split.test_date for split in reported]
    predictions = played.predictions.assign(reported=played.predictions.snapshot_date.isin(dates))
    told = predictions[predictions.reported]
    by_origin = pd.DataFrame([_origin_figures(day, part) for day, part in told.groupby("snapshot_date")])
    bench = _bench(rows, features, reported, by_origin)
    calibrated = told[told.calibrated.astype(bool)]
    return TrainedModel(
        bundle=bundle,
        settings=settings,
        metrics=_metrics(told, calibrated, by_origin, bench, settings),
        by_origin=by_origin,
        bench=bench,
        predictions=predictions,
        calibration=calibration_curve(calibrated.y.to_numpy(), calibrated.propensity.to_numpy()),
        columns=columns,
        motion_metrics={motion: _motion_figures(part) for motion, part in motions.predictions.items()},
        latest_rows=rows.loc[rows.snapshot_date == rows.snapshot_date.max(), features],
    )


def _origin_figures(day: Any, part: pd.DataFrame) -> dict[str, Any]:
    y = part.y.to_numpy()
    counts = {
        "rows": len(y),
        "positives": int(y.sum()),
        "base_rate": float(y.mean()),
        "trees": int(part.rounds.iloc[0]),
    }
    calibrated = bool(part.calibrated.iloc[0])
    told = probability_metrics(y, part.propensity.to_numpy()) if calibrated else {}
    order = ranking_metrics(y, part.log_odds.to_numpy())
    return {"snapshot_date": day, **counts, **order, "calibrated": calibrated, **told}


def _bench(rows: pd.DataFrame, features: list[str], reported: Sequence[Split], by_origin: pd.DataFrame) -> pd.DataFrame:
    lines: list[dict[str, Any]] = []
    for split in reported:
        train = rows[rows.snapshot_date.isin(split.train_dates)]
        test = rows[rows.snapshot_date == split.test_date]
        rules = baselines.bench(train, test, features, "expanded")
        lines += [{"snapshot_date": split.test_date, **rule} for rule in rules]
    model = by_origin[["snapshot_date", *ORDER]].assign(rule=MODEL, column="", first="")
    table = pd.concat([model, pd.DataFrame(lines)], ignore_index=True)
    return table[["snapshot_date", "rule", "column", "first", *ORDER]].sort_values("snapshot_date", kind="stable")


def _metrics(
    told: pd.DataFrame, calibrated: pd.DataFrame, by_origin: pd.DataFrame, bench: pd.DataFrame, settings: TrainSettings
) -> dict[str, float]:
    mean = by_origin[ORDER].mean()
    low, high = auc_interval(
        told.y.to_numpy(np.int8),
        told.log_odds.to_numpy(np.float64),
        told.account_id.to_numpy(),
        told.snapshot_date.to_numpy(),
        settings.resamples,
        settings.seed,
    )
    best = bench[bench.rule == baselines.BEST_RULE]
    named = bench[~bench.rule.isin([MODEL, baselines.BEST_RULE, baselines.BASE_RATE])].groupby("rule").auc.mean()
    result = {
        "reported_snapshots": float(len(by_origin)),
        "calibrated_snapshots": float(by_origin.calibrated.sum()),
        "rows": float(len(told)),
        "positives": float(told.y.sum()),
        "base_rate": float(told.y.mean()),
        **{name: float(mean[name]) for name in ORDER},
        "auc_low": low,
        "auc_high": high,
        **{f"best_rule_{name}": float(best[name].mean()) for name in ORDER},
        **{f"rule_{str(rule).lower().replace(' ', '_')}_auc": float(value) for rule, value in named.items()},
    }
    if len(calibrated):
        result |= probability_metrics(calibrated.y.to_numpy(np.int8), calibrated.propensity.to_numpy(np.float64))
    return result


def _motion_figures(part: pd.DataFrame) -> dict[str, float]:
    figures = [ranking_metrics(p.y.to_numpy(), p.log_odds.to_numpy()) for _, p in part.groupby("snapshot_date")]
    mean = pd.DataFrame(figures).mean()
    return {"positives": float(part.y.sum()), **{name: float(mean[name]) for name in ORDER}}
