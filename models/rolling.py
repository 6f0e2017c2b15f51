"""The monthly retrain, replayed: for each past snapshot, train on what was matured then and score that day.

How many trees to grow and how to calibrate is settled on each day from the earlier snapshots of the same replay whose
labels had matured by then, and for the model of today from all of them: one definition (``settle``) for both.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from models import boosting
from models.boosting import Booster, Params
from models.calibration import IDENTITY, Calibrator, fit_platt
from models.cores import cores
from models.splits import Split

Progress = Callable[[str], None]
MIN_ROUNDS = 10


@dataclass(frozen=True)
class Recipe:
    """How one label is learnt."""

    label: str
    params: Params
    default_rounds: int
    max_rounds: int
    horizon_days: int
    min_calibration_positives: int
    seed: int
    workers: int


@dataclass(frozen=True)
class Fold:
    """One past snapshot: the booster trained for it, its rows, and the log loss on them after each round."""

    split: Split
    booster: Booster
    X: pd.DataFrame
    y: np.ndarray
    keys: pd.DataFrame
    curve: np.ndarray


@dataclass(frozen=True)
class Settled:
    """What the matured past says about how to train: number of trees, and the map to propensities.

    ``folds`` is the number of past snapshots behind it; with none, rounds are the default and the map the identity.
    """

    rounds: int
    calibrator: Calibrator
    folds: int


@dataclass(frozen=True)
class Replay:
    """``predictions``: one row per account and past snapshot: account_id, snapshot_date, y, log_odds, propensity,
    calibrated (was there a matured past to calibrate on), rounds. ``settled`` is for the model of today.
    """

    predictions: pd.DataFrame
    settled: Settled


def settle(folds: Sequence[Fold], recipe: Recipe) -> Settled:
    """Rounds with the least mean log loss over these folds, and Platt scaling of their log-odds at these rounds."""
    if not folds:
        return Settled(recipe.default_rounds, IDENTITY, 0)
    rounds = max(MIN_ROUNDS, int(np.argmin(np.mean([fold.curve for fold in folds], axis=0))) + 1)
    raw = np.concatenate([_log_odds(fold, rounds) for fold in folds])
    y = np.concatenate([fold.y for fold in folds])
    return Settled(rounds, fit_platt(raw, y, recipe.min_calibration_positives), len(folds))


def replay(
    history: pd.DataFrame, features: list[str], splits: Sequence[Split], recipe: Recipe, progress: Progress
) -> Replay:
    """Train and score each split, oldest first; splits without both outcomes to learn from are left out.

    ``history`` is sorted by snapshot and account.
    """
    folds: list[Fold] = []
    scored: list[pd.DataFrame] = []
    in_order = sorted(splits, key=lambda split: split.test_date)
    with ThreadPoolExecutor(recipe.workers or cores()) as pool:
        trained = pool.map(lambda split: _fold(history, features, split, recipe), in_order)
        for number, (split, fold) in enumerate(zip(in_order, trained, strict=True), start=1):
            told = f"{recipe.label}: {split.test_date:%Y-%m-%d} ({number} of {len(in_order)})"
            if fold is None:
                progress(f"{told} left out, one outcome only before it")
                continue
            settled = settle([earlier for earlier in folds if _matured(earlier, split, recipe)], recipe)
            scored.append(_scored(fold, settled))
            folds.append(fold)
            progress(f"{told} replayed, {settled.rounds} trees")
    empty = pd.DataFrame(columns=["account_id", "snapshot_date", "y", "log_odds", "propensity", "calibrated", "rounds"])
    return Replay(pd.concat(scored, ignore_index=True) if scored else empty, settle(folds, recipe))


def _fold(history: pd.DataFrame, features: list[str], split: Split, recipe: Recipe) -> Fold | None:
    train = history[history.snapshot_date.isin(split.train_dates)]
    y = train[recipe.label].to_numpy(np.int8)
    if y.min() == y.max():
        return None
    test = history[history.snapshot_date == split.test_date]
    later = (test[features], test[recipe.label].to_numpy(np.int8))
    booster, curve = boosting.fit_watched(train[features], y, recipe.params, recipe.max_rounds, later, recipe.seed)
    return Fold(split, booster, *later, keys=test[["account_id", "snapshot_date"]], curve=curve)


def _matured(earlier: Fold, split: Split, recipe: Recipe) -> bool:
    return earlier.split.test_date + timedelta(days=recipe.horizon_days) <= split.test_date


def _log_odds(fold: Fold, rounds: int) -> np.ndarray:
    return boosting.log_odds(fold.booster, fold.X, rounds)


def _scored(fold: Fold, settled: Settled) -> pd.DataFrame:
    raw = _log_odds(fold, settled.rounds)
    return fold.keys.assign(
        y=fold.y,
        log_odds=raw,
        propensity=settled.calibrator.propensity(raw),
        calibrated=settled.folds > 0,
        rounds=settled.rounds,
    )
