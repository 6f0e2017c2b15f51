"""From labelled feature rows to a model that can be served: a study, then the model of today on all matured snapshots.

The figures come from the replay alone. Order (AUC, precision, lift) is told for every reported snapshot; probabilities
(Brier skill, log loss, calibration) only for those snapshots that had a matured past to calibrate on, so no figure
rests on a calibration that has seen its own outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.estimators.amounts import fit_amounts
from models.estimators.bundle import Bundle, Propensity
from models.estimators.cross_sell import Sales
from models.estimators.sampling import day_of, rows_to_fit
from models.evaluation import baselines
from models.evaluation.backtest import Backtest
from models.evaluation.evaluation import Study, recipe_of, silent, study
from models.evaluation.metrics import of_order, order_figures
from models.evaluation.replay import Progress, fit_rows
from models.settings import StudySettings
from models.training.motions import calibrator_of_today, train_motions


@dataclass(frozen=True)
class TrainedModel:
    """A model and what is known about it.

    ``study``: what was found out before. ``metrics``: flat names (``Backtest.metrics``, and counts).
    ``motion_metrics``: motion to figures. ``latest_rows``: the features of the latest matured snapshot, for plots.
    """

    bundle: Bundle
    study: Study
    metrics: Mapping[str, float]
    motion_metrics: Mapping[str, Mapping[str, float]]
    latest_rows: pd.DataFrame

    @property
    def settings(self) -> StudySettings:
        return self.study.settings

    @property
    def backtest(self) -> Backtest:
        return self.study.backtest

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per account and replayed snapshot; ``reported`` says which count in the figures."""
        told = self.study.played.predictions
        dates = [split.test_date for split in self.study.reported]
        return told.assign(reported=told.snapshot_date.isin(dates))


def train(
    history: pd.DataFrame,
    feature_names: Sequence[str],
    settings: StudySettings,
    *,
    today: pd.DataFrame | None = None,
    people: pd.DataFrame | None = None,
    sales: Sales | None = None,
    progress: Progress = silent,
) -> TrainedModel:
    """Study and fit in one go, whatever the verdict; arguments and errors as in ``study``."""
    found = study(history, feature_names, settings, today=today, people=people, sales=sales, progress=progress)
    return fit_model(found, progress=progress)


def fit_model(found: Study, *, progress: Progress = silent) -> TrainedModel:
    """The model of today, on all matured snapshots."""
    rows, features, settings = found.rows, list(found.features), found.settings
    recipe, settled = recipe_of(settings), found.played.settled
    fitted_on = rows_to_fit(rows, recipe.label, recipe.max_rows, recipe.seed)
    progress(f"training on {len(fitted_on.places)} of {len(rows)} rows, {settled.rounds} trees")
    booster = fit_rows(rows, features, recipe, settled.rounds)
    assert booster is not None  # a study has seen both outcomes
    motions = train_motions(rows, features, found.reported, settings, found.today, progress)
    expanded = rows[rows.expanded == 1]
    bundle = Bundle(
        feature_names=found.features,
        categories=found.categories,
        any_expansion=Propensity(booster, calibrator_of_today(settled, booster, found.today)),
        motions=motions.models,
        withheld=motions.withheld,
        all_motions_modelled=motions.complete,
        amounts=fit_amounts(expanded, _arr(expanded), features, settings.seed),
        offers=found.offers,
        facts=_facts(found)
        | {
            "rows_fitted_on": len(fitted_on.places),
            "share_kept_without": fitted_on.share,
            "all_motions_modelled": motions.complete,
        },
    )
    return TrainedModel(
        bundle=bundle,
        study=found,
        metrics=_metrics(found),
        motion_metrics={motion: _motion_figures(part) for motion, part in motions.predictions.items()},
        latest_rows=rows.iloc[day_of(rows, rows.snapshot_date.iloc[-1])][features],
    )


def _arr(expanded: pd.DataFrame) -> np.ndarray:
    if "expansion_arr" not in expanded.columns:
        return np.full(len(expanded), np.nan)
    return expanded["expansion_arr"].to_numpy(np.float64)


def _facts(found: Study) -> dict[str, Any]:
    rows = found.rows
    return {
        "horizon_days": found.settings.horizon_days,
        "first_snapshot": f"{rows.snapshot_date.min():%Y-%m-%d}",
        "last_snapshot": f"{rows.snapshot_date.max():%Y-%m-%d}",
        "snapshots": int(rows.snapshot_date.nunique()),
        "accounts": int(rows.account_id.nunique()),
        "rows": len(rows),
        "expansions": found.expansions,
        "positive_rows": int(rows.expanded.sum()),
        "rounds": found.played.settled.rounds,
        "seed": found.settings.seed,
        "suspected_leaks": [leak.name for leak in found.leaks if not leak.signed_off],
        "signed_off": [leak.name for leak in found.leaks if leak.signed_off],
        "verdict": str(found.verdict.kind),
    }


def _metrics(found: Study) -> dict[str, float]:
    told = found.backtest.rows
    best = found.backtest.bench[found.backtest.bench.rival == baselines.BEST_RULE].set_index("metric").rival_value
    return {
        "reported_snapshots": float(told.snapshot_date.nunique()),
        "calibrated_snapshots": float(told.groupby("snapshot_date").calibrated.first().sum()),
        "rows": float(len(told)),
        "positives": float(told.y.sum()),
        "base_rate": float(told.y.mean()),
        **found.metrics(),
        **{f"best_rule_{name}": float(best[name]) for name in of_order()},
    }


def _motion_figures(part: pd.DataFrame) -> dict[str, float]:
    figures = [order_figures(p.y.to_numpy(), p.log_odds.to_numpy()) for _, p in part.groupby("snapshot_date")]
    mean = pd.DataFrame(figures).mean()
    return {"positives": float(part.y.sum()), **{name: float(mean[name]) for name in of_order()}}
