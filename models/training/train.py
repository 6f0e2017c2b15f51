"""From labelled feature rows to a model that can be served: an evaluation, then the model on all matured snapshots.

The figures come from the replay alone. Order (AUC, precision, lift) is told for every reported snapshot; probabilities
(Brier skill, log loss, calibration) only for those snapshots that had a matured past to calibrate on, so no figure
rests on a calibration that has seen its own outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from data.kept.keeper import Keeper
from models.estimators.amounts import arr_of, kept_amounts
from models.estimators.bundle import Bundle, Propensity
from models.estimators.cross_sell import CrossSellHistory
from models.estimators.sampling import day_of, rows_to_fit
from models.evaluation import baselines
from models.evaluation.backtest import Backtest
from models.evaluation.evaluation import Evaluation, evaluate, recipe_of, silent
from models.evaluation.metrics import of_order, order_figures
from models.evaluation.replay import Progress, fit_rows, range_of_day
from models.scoring.drift import reference_of
from models.settings import EvaluationSettings
from models.training.motions import calibrator_of_today, day_of_today, train_motions


@dataclass(frozen=True)
class TrainedModel:
    """A model and what is known about it.

    ``evaluation``: what was found out before. ``metrics``: flat names (``Backtest.metrics``, and counts).
    ``motion_metrics``: motion to figures. ``latest_rows``: the features of the latest matured snapshot, for plots.
    """

    bundle: Bundle
    evaluation: Evaluation
    metrics: Mapping[str, float]
    motion_metrics: Mapping[str, Mapping[str, float]]
    latest_rows: pd.DataFrame

    @property
    def settings(self) -> EvaluationSettings:
        return self.evaluation.settings

    @property
    def backtest(self) -> Backtest:
        return self.evaluation.backtest

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per account and replayed snapshot; ``reported`` says which count in the figures."""
        predictions = self.evaluation.replayed.predictions
        dates = [split.test_date for split in self.evaluation.reported]
        return predictions.assign(reported=predictions.snapshot_date.isin(dates))


def train(
    history: pd.DataFrame,
    feature_names: Sequence[str],
    settings: EvaluationSettings,
    *,
    today: pd.DataFrame | None = None,
    people: pd.DataFrame | None = None,
    cross_sells: CrossSellHistory | None = None,
    progress: Progress = silent,
    store: Keeper | None = None,
) -> TrainedModel:
    """Evaluate and fit in one go, whatever the verdict; arguments and errors as in ``evaluate``."""
    about: dict[str, Any] = {"today": today, "people": people, "cross_sells": cross_sells, "store": store}
    return fit_model(evaluate(history, feature_names, settings, **about, progress=progress), progress=progress)


def fit_model(evaluation: Evaluation, *, progress: Progress = silent) -> TrainedModel:
    """The model of today, on all matured snapshots."""
    rows, features, settings = evaluation.rows, list(evaluation.features), evaluation.settings
    recipe, fitted = recipe_of(settings, evaluation.store), evaluation.replayed.fitted
    fitted_on = rows_to_fit(rows, recipe.label, recipe.max_rows, recipe.seed)
    progress(f"training on {len(fitted_on.places)} of {len(rows)} rows, {fitted.rounds} trees")
    booster = fit_rows(rows, features, recipe, fitted.rounds)
    assert booster is not None  # an evaluation has seen both outcomes
    motions = train_motions(rows, features, evaluation.reported, settings, evaluation.today, progress, evaluation.store)
    expanded = rows[rows.expanded == 1]
    latest_rows = rows.iloc[day_of(rows, rows.snapshot_date.iloc[-1])][features]
    amounts = kept_amounts(expanded, arr_of(expanded), features, settings.seed, evaluation.store)
    today = day_of_today(evaluation.today)
    bundle = Bundle(
        feature_names=evaluation.features,
        categories=evaluation.categories,
        any_expansion=Propensity(
            booster,
            calibrator_of_today(fitted, booster, evaluation.today),
            range_of_day(evaluation.replayed.predictions, today, settings.horizon_days),
        ),
        motions=motions.models,
        withheld=motions.withheld,
        all_motions_modelled=motions.complete,
        amounts=amounts,
        expected_arr=None if amounts is None else evaluation.replayed_arr.of_day(today, amounts),
        cross_sell=evaluation.cross_sell,
        facts=_facts(evaluation)
        | {
            "rows_fitted_on": len(fitted_on.places),
            "share_kept_without": fitted_on.share,
            "all_motions_modelled": motions.complete,
        },
    )
    known = latest_rows if evaluation.today is None else evaluation.today[features]
    return TrainedModel(
        bundle=replace(bundle, reference=reference_of(bundle, known.astype("float64"))),
        evaluation=evaluation,
        metrics=_metrics(evaluation),
        motion_metrics={motion: _motion_figures(part) for motion, part in motions.predictions.items()},
        latest_rows=latest_rows,
    )


def _facts(evaluation: Evaluation) -> dict[str, Any]:
    rows = evaluation.rows
    return {
        "horizon_days": evaluation.settings.horizon_days,
        "first_snapshot": f"{rows.snapshot_date.min():%Y-%m-%d}",
        "last_snapshot": f"{rows.snapshot_date.max():%Y-%m-%d}",
        "snapshots": int(rows.snapshot_date.nunique()),
        "accounts": int(rows.account_id.nunique()),
        "rows": len(rows),
        "expansions": evaluation.expansions,
        "positive_rows": int(rows.expanded.sum()),
        "rounds": evaluation.replayed.fitted.rounds,
        "seed": evaluation.settings.seed,
        "suspected_leaks": [leak.name for leak in evaluation.leaks if not leak.signed_off],
        "signed_off": [leak.name for leak in evaluation.leaks if leak.signed_off],
        "verdict": str(evaluation.verdict.kind),
    }


def _metrics(evaluation: Evaluation) -> dict[str, float]:
    rows, bench = evaluation.backtest.rows, evaluation.backtest.bench
    best = bench[bench.rival == baselines.BEST_RULE].set_index("metric").rival_value
    return {
        "reported_snapshots": float(rows.snapshot_date.nunique()),
        "calibrated_snapshots": float(rows.groupby("snapshot_date").calibrated.first().sum()),
        "rows": float(len(rows)),
        "positives": float(rows.y.sum()),
        "base_rate": float(rows.y.mean()),
        **evaluation.metrics(),
        **{f"best_rule_{name}": float(best[name]) for name in of_order()},
    }


def _motion_figures(part: pd.DataFrame) -> dict[str, float]:
    figures = [order_figures(p.y.to_numpy(), p.log_odds.to_numpy()) for _, p in part.groupby("snapshot_date")]
    mean = pd.DataFrame(figures).mean()
    return {"positives": float(part.y.sum()), **{name: float(mean[name]) for name in of_order()}}
