"""Hyperparameters by Optuna, within a time budget and with splits in time. The one module that knows optuna.

Trials are judged on past days that lie before the reported ones, with labels that had matured before the first of them:
the figures that are told afterwards have not seen the search. The first trial is the settings as they are, and they
stay unless another is better by more than the noise of the comparison, for a search always finds something.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import optuna
import pandas as pd
from joblib import cpu_count

from models.estimators import boosting
from models.estimators.sampling import day_of, matrix, rows_to_fit
from models.evaluation.measures import order_loss
from models.evaluation.splits import Split
from models.settings import EvaluationSettings, Params

MOST_DAYS = 4
"""Past days that a trial is judged on."""


@dataclass(frozen=True)
class Tuned:
    """What the search found: the parameters to use, how many trials there were, and the gain in log loss."""

    params: Params
    trials: int
    gain: float


def tune(
    rows: pd.DataFrame,
    features: list[str],
    splits: Sequence[Split],
    reported: Sequence[Split],
    settings: EvaluationSettings,
    progress: Callable[[str], None],
) -> Tuned:
    """Search for ``settings.tune_trials`` trials or ``settings.tune_seconds``, whichever is over first.

    With the trials as the limit the result follows from the seed; a search that the clock ended says so.
    """
    days = _days(splits, reported, settings)
    if not settings.tune_trials or not days:
        return Tuned(settings.boosting, 0, 0.0)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=settings.seed))
    until = time.monotonic() + settings.tune_seconds
    with ThreadPoolExecutor(settings.workers or cpu_count()) as pool:
        tried: list[Params] = []
        losses: list[np.ndarray] = []

        def judged(params: Params) -> float:
            tried.append(params)
            losses.append(np.array(list(pool.map(lambda day: _loss(rows, features, day, params, settings), days))))
            return float(losses[-1].mean())

        judged(settings.boosting)
        search.optimize(
            lambda trial: judged(settings.boosting.model_copy(update=_suggest(trial))),
            n_trials=settings.tune_trials - 1,
            timeout=max(0.0, until - time.monotonic()),
        )
    if len(tried) < settings.tune_trials:
        progress(f"tuning: out of time after {len(tried)} of {settings.tune_trials} trials")
    best = int(np.argmin([loss.mean() for loss in losses]))
    better = losses[0] - losses[best]
    noise = float(better.std(ddof=1) / np.sqrt(len(better))) if len(better) > 1 else float("inf")
    gain = float(better.mean())
    if gain <= noise:
        progress(f"tuning: {len(tried)} trials, none surely better than the settings")
        return Tuned(settings.boosting, len(tried), 0.0)
    progress(f"tuning: {len(tried)} trials, log loss better by {gain:.5f}")
    return Tuned(tried[best], len(tried), gain)


def _suggest(trial: optuna.Trial) -> dict[str, float | int]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 48, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 10, 160, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50, log=True),
    }


def _days(splits: Sequence[Split], reported: Sequence[Split], settings: EvaluationSettings) -> list[Split]:
    """The last past days whose labels had matured before the first reported one."""
    first = min(split.test_date for split in reported)
    horizon = timedelta(days=settings.horizon_days)
    return [split for split in splits if split.test_date + horizon <= first][-MOST_DAYS:]


def _loss(rows: pd.DataFrame, features: list[str], day: Split, params: Params, settings: EvaluationSettings) -> float:
    """The log loss of the best stage on that day, its level left free."""
    test = rows.iloc[day_of(rows, day.test_date)]
    came = test["expanded"].to_numpy(np.int8)
    chosen = rows_to_fit(rows, "expanded", settings.max_rows, settings.seed, day.train_dates)
    y = rows["expanded"].to_numpy(np.int8)[chosen.places]
    if not 0 < y.sum() < len(y) or not 0 < came.sum() < len(came):
        return 0.0  # the same for every trial: this day decides nothing
    X = matrix(rows, features, chosen.places)
    booster = boosting.fit(X, y, params, settings.max_rounds, settings.seed, chosen.share)
    stages = boosting.stages(booster, test[features], settings.max_rounds, boosting.STAGE)
    return min(order_loss(came, log_odds) for _, log_odds in stages)
