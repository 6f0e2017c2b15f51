"""A model per motion, where there is enough to learn one from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.contract.vocabulary import MOTIONS
from data.kept.keeper import Keeper
from models.estimators import boosting
from models.estimators.bundle import Propensity
from models.estimators.calibration import IDENTITY, Calibrator
from models.evaluation.replay import FittedRecipe, LabelRecipe, Progress, fit_labels, replay_labels
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
    store: Keeper | None = None,
) -> TrainedMotions:
    """One model per motion with enough expansions; the others are withheld with the reason. ``history`` is sorted.

    ``today``: the rows of the day that is scored, whose season the propensities are calibrated to. ``store``: what
    earlier runs have kept.
    """
    models: dict[str, Propensity] = {}
    withheld: dict[str, str] = {}
    recipes: dict[str, LabelRecipe] = {}
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
            recipes[motion] = _recipe(label, settings, store)
    learnt, predictions = _train(history, features, splits, recipes, today, progress)
    models |= learnt
    unseen = f"no expansion of this motion before any of the last {len(splits)} snapshots to learn from"
    withheld |= {motion: unseen for motion in recipes if motion not in learnt}
    complete = complete and learnt.keys() == recipes.keys()
    in_order = {motion: models[motion] for motion in MOTIONS if motion in models}
    return TrainedMotions(in_order, withheld, predictions, complete)


def _recipe(label: str, settings: EvaluationSettings, store: Keeper | None) -> LabelRecipe:
    return LabelRecipe(
        label=label,
        params=settings.motion_boosting,
        default_rounds=settings.motion_default_rounds,
        max_rounds=settings.motion_max_rounds,
        horizon_days=settings.horizon_days,
        min_calibration_positives=settings.min_calibration_positives,
        seed=settings.seed,
        workers=settings.workers,
        max_rows=settings.max_rows,
        store=store,
    )


def _train(
    history: pd.DataFrame,
    features: list[str],
    splits: Sequence[Split],
    recipes: Mapping[str, LabelRecipe],
    today: pd.DataFrame | None,
    progress: Progress,
) -> tuple[dict[str, Propensity], dict[str, pd.DataFrame]]:
    """The model of each motion, and what its replay said; none of one that no past day had learnt."""
    if not recipes:
        return {}, {}
    replayed = zip(recipes, replay_labels(history, features, splits, list(recipes.values()), progress), strict=True)
    replays = {motion: of_motion for motion, of_motion in replayed if len(of_motion.predictions)}
    rounds = [of_motion.fitted.rounds for of_motion in replays.values()]
    boosters = fit_labels(history, features, [recipes[motion] for motion in replays], rounds)
    models: dict[str, Propensity] = {}
    for (motion, of_motion), booster in zip(replays.items(), boosters, strict=True):
        assert booster is not None  # with enough expansions, and not in every row
        models[motion] = Propensity(booster, calibrator_of_today(of_motion.fitted, booster, today))
    return models, {motion: of_motion.predictions for motion, of_motion in replays.items()}


def calibrator_of_today(fitted: FittedRecipe, booster: boosting.Booster, today: pd.DataFrame | None) -> Calibrator:
    """The map for the day that is scored; without its rows, for a day without a season."""
    if today is None or today.empty:
        return fitted.calibrator(day_of_today(today), None)
    X = today[boosting.feature_names(booster)].astype("float64")
    return fitted.calibrator(day_of_today(today), boosting.log_odds(booster, X))


def day_of_today(today: pd.DataFrame | None) -> pd.Timestamp:
    """The day of the rows of today; without rows one after all others, which has no season."""
    return pd.Timestamp.max if today is None or today.empty else today["snapshot_date"].iloc[0]
