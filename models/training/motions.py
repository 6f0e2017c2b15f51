"""A model per motion, where there is enough to learn one from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.contract.vocabulary import MOTIONS
from models.estimators import boosting
from models.estimators.bundle import Propensity
from models.estimators.calibration import IDENTITY, Calibrator
from models.evaluation.replay import FittedRecipe, LabelRecipe, Progress, fit_rows, replay
from models.evaluation.splits import Split
from models.evaluation.verdict import count_expansions
from models.settings import EvaluationSettings


@dataclass(frozen=True)
class TrainedMotions:
    """``predictions``: out-of-time rows per motion, as in Replay. ``complete``: nothing that occurs was withheld."""

    models: Mapping[str, Propensity]
    withheld: Mapping[str, str]
    predictions: Mapping[str, pd.DataFrame]
    complete: bool


def train_motions(
    history: pd.DataFrame,
    features: list[str],
    splits: Sequence[Split],
    settings: EvaluationSettings,
    today: pd.DataFrame | None,
    progress: Progress,
) -> TrainedMotions:
    """One model per motion with enough expansions; the others are withheld with the reason. ``history`` is sorted.

    ``today``: the rows of the day that is scored, whose season the propensities are calibrated to.
    """
    models: dict[str, Propensity] = {}
    withheld: dict[str, str] = {}
    predictions: dict[str, pd.DataFrame] = {}
    complete = True
    for motion in MOTIONS:
        label = f"expanded_{motion}"
        if label not in history.columns or not history[label].any():
            withheld[motion] = "no expansion of this motion in the history"
        elif np.array_equal(history[label], history["expanded"]):
            models[motion] = Propensity(None, IDENTITY)
        elif (expansions := count_expansions(history, label, settings.horizon_days)) < settings.min_expansions_motion:
            withheld[motion] = f"{expansions} past expansions of this motion; it takes {settings.min_expansions_motion}"
            complete = False
        else:
            models[motion], predictions[motion] = _train(history, features, splits, motion, settings, today, progress)
    return TrainedMotions(models, withheld, predictions, complete)


def _train(
    history: pd.DataFrame,
    features: list[str],
    splits: Sequence[Split],
    motion: str,
    settings: EvaluationSettings,
    today: pd.DataFrame | None,
    progress: Progress,
) -> tuple[Propensity, pd.DataFrame]:
    recipe = LabelRecipe(
        label=f"expanded_{motion}",
        params=settings.motion_boosting,
        default_rounds=settings.motion_default_rounds,
        max_rounds=settings.motion_max_rounds,
        horizon_days=settings.horizon_days,
        min_calibration_positives=settings.min_calibration_positives,
        seed=settings.seed,
        workers=settings.workers,
        max_rows=settings.max_rows,
    )
    replayed = replay(history, features, splits, recipe, progress)
    booster = fit_rows(history, features, recipe, replayed.fitted.rounds)
    assert booster is not None  # with enough expansions, and not in every row
    return Propensity(booster, calibrator_of_today(replayed.fitted, booster, today)), replayed.predictions


def calibrator_of_today(fitted: FittedRecipe, booster: boosting.Booster, today: pd.DataFrame | None) -> Calibrator:
    """The map for the day that is scored; without its rows, for a day without a season."""
    if today is None or today.empty:
        return fitted.calibrator(day_of_today(today), None)
    X = today[boosting.feature_names(booster)].astype("float64")
    return fitted.calibrator(day_of_today(today), boosting.log_odds(booster, X))


def day_of_today(today: pd.DataFrame | None) -> pd.Timestamp:
    """The day of the rows of today; without rows one after all others, which has no season."""
    return pd.Timestamp.max if today is None or today.empty else today["snapshot_date"].iloc[0]
