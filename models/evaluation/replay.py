"""The monthly retrain, replayed: for each past snapshot, train on what was matured then and score that day.

How many trees to grow and how to calibrate is found on each day from the earlier snapshots of the same replay whose
labels had matured by then, and for the model of today from all of them: one definition (``fit_recipe``) for both. The
level of the probabilities is that of the day: the matured past, and the season (``models.estimators.base_rate``).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pandas as pd
from joblib import cpu_count
from scipy.special import expit, logit

from data.digests import digest_of
from data.kept.keeper import Keeper, kept
from models.estimators import boosting
from models.estimators.amounts import Amounts, arr_of, is_paid_known, kept_amounts
from models.estimators.base_rate import Rates, calibrate
from models.estimators.boosting import Booster, Params
from models.estimators.calibration import Calibrator, Levels, fit_levels, independent
from models.estimators.expected_arr import ExpectedArr, fit_doubt, fit_lean, say_arr
from models.estimators.sampling import KEYS, day_of, matrix, places_of, rows_to_fit
from models.estimators.year_before import own_variance
from models.evaluation.measures import order_loss
from models.evaluation.splits import Split
from models.venn_abers import FARTHEST, PropensityRange, fit_range

Progress = Callable[[str], None]
CURVES = "curves"
"""The kind of value that the losses of a fold are in a store: float64 numbers."""


@dataclass(frozen=True)
class LabelRecipe:
    """How one label is learnt; boosters that the ``store`` holds are not grown again."""

    label: str
    params: Params
    default_rounds: int
    max_rounds: int
    horizon_days: int
    min_calibration_positives: int
    seed: int
    workers: int
    max_rows: int
    store: Keeper | None = None


@dataclass(frozen=True)
class Fold:
    """One past snapshot: the booster trained for it, its rows (all of them, none copied), and the log loss on them
    after each stage of trees.

    The loss is that of the order: the level is left free at each stage, for seasons move it and not the order.
    """

    split: Split
    booster: Booster
    X: pd.DataFrame
    y: np.ndarray
    keys: pd.DataFrame
    curve: np.ndarray


@dataclass(frozen=True)
class FittedRecipe:
    """What the matured past says about how to train: number of trees, and how their log-odds are to be read.

    ``folds`` is the number of past snapshots behind it; with none, rounds are the default and the slope 1.
    """

    rounds: int
    levels: Levels
    rates: Rates
    horizon_days: int
    folds: int

    def calibrator(self, day: pd.Timestamp, log_odds: np.ndarray | None) -> Calibrator:
        """The map from raw log-odds to propensities for the rows of ``day``, whose ``log_odds`` these are."""
        return calibrate(self.levels, self.rates, day, log_odds, self.horizon_days)


@dataclass(frozen=True)
class Replay:
    """``predictions``: one row per account and past snapshot: account_id, snapshot_date, y, log_odds, propensity,
    calibrated (was there a matured past to calibrate on), rounds. ``fitted`` is for the model of today.
    """

    predictions: pd.DataFrame
    fitted: FittedRecipe


def fit_recipe(folds: Sequence[Fold], rates: Rates, recipe: LabelRecipe) -> FittedRecipe:
    """Rounds with the least mean log loss over these folds, and the slope and levels of their log-odds."""
    if not folds:
        return FittedRecipe(
            recipe.default_rounds, fit_levels([], recipe.min_calibration_positives), rates, recipe.horizon_days, 0
        )
    rounds = boosting.STAGE * (1 + int(np.argmin(np.mean([fold.curve for fold in folds], axis=0))))
    samples = [(fold.split.test_date, _log_odds(fold, rounds), fold.y) for fold in folds]
    levels = fit_levels(samples, recipe.min_calibration_positives)
    return FittedRecipe(rounds, levels, rates, recipe.horizon_days, len(folds))


def replay(
    history: pd.DataFrame, features: list[str], splits: Sequence[Split], recipe: LabelRecipe, progress: Progress
) -> Replay:
    """Train and score each split, oldest first; splits without both outcomes to learn from are left out.

    ``history`` is sorted by snapshot and account.
    """
    return replay_labels(history, features, splits, [recipe], progress)[0]


def replay_labels(
    history: pd.DataFrame,
    features: list[str],
    splits: Sequence[Split],
    recipes: Sequence[LabelRecipe],
    progress: Progress,
) -> list[Replay]:
    """The replay of each label, as ``replay``; what the labels have in common is done once a split.

    ``recipes`` differ in their labels and rounds alone.
    """
    in_order = sorted(splits, key=lambda split: split.test_date)
    with ThreadPoolExecutor(recipes[0].workers or cpu_count()) as pool:
        trained = pool.map(lambda split: _folds(history, features, split, recipes), in_order)
        labels = [_LabelReplay(recipe, Rates.of(history, recipe.label)) for recipe in recipes]
        for number, (split, folds) in enumerate(zip(in_order, trained, strict=True), start=1):
            for of_label, fold in zip(labels, folds, strict=True):
                day = f"{of_label.recipe.label}: {split.test_date:%Y-%m-%d} ({number} of {len(in_order)})"
                progress(f"{day} {of_label.add(split, fold)}")
    return [of_label.replayed() for of_label in labels]


class _LabelReplay:
    """What the days of one label have shown so far, oldest first."""

    def __init__(self, recipe: LabelRecipe, rates: Rates) -> None:
        self.recipe, self.rates = recipe, rates
        self.folds: list[Fold] = []
        self.scored: list[pd.DataFrame] = []

    def add(self, split: Split, fold: Fold | None) -> str:
        """One more day, and what is to be said of it."""
        if fold is None:
            return "left out, one outcome only before it"
        matured = [earlier for earlier in self.folds if _matured(earlier, split, self.recipe)]
        fitted = fit_recipe(matured, self.rates, self.recipe)
        self.scored.append(_scored(fold, fitted))
        self.folds.append(fold)
        return f"replayed, {fitted.rounds} trees"

    def replayed(self) -> Replay:
        columns = ["account_id", "snapshot_date", "y", "log_odds", "propensity", "calibrated", "rounds"]
        predictions = pd.concat(self.scored, ignore_index=True) if self.scored else pd.DataFrame(columns=columns)
        return Replay(predictions, fit_recipe(self.folds, self.rates, self.recipe))


def _folds(
    history: pd.DataFrame, features: list[str], split: Split, recipes: Sequence[LabelRecipe]
) -> list[Fold | None]:
    """The fold of each label; None without both outcomes to learn from."""
    test = history.iloc[day_of(history, split.test_date)]
    X, keys = test[features], test[["account_id", "snapshot_date"]]
    rounds = [recipe.max_rounds for recipe in recipes]
    boosters = fit_labels(history, features, recipes, rounds, split.train_dates)
    return [
        None if booster is None else _fold(split, booster, X, test[recipe.label].to_numpy(np.int8), keys, recipe)
        for recipe, booster in zip(recipes, boosters, strict=True)
    ]


def _fold(
    split: Split, booster: Booster, X: pd.DataFrame, came: np.ndarray, keys: pd.DataFrame, recipe: LabelRecipe
) -> Fold:
    rounds = recipe.max_rounds

    def key() -> str:
        return digest_of(boosting.made_by(), boosting.to_text(booster), X.to_numpy(np.float64), came, rounds)

    def curve() -> bytes:
        losses = [order_loss(came, log_odds) for _, log_odds in boosting.stages(booster, X, rounds, boosting.STAGE)]
        return np.array(losses, np.float64).tobytes()

    return Fold(split, booster, X, came, keys, np.frombuffer(kept(recipe.store, CURVES, key, curve)))


def fit_rows(
    history: pd.DataFrame,
    features: list[str],
    recipe: LabelRecipe,
    rounds: int,
    dates: Sequence[pd.Timestamp] | None = None,
) -> Booster | None:
    """A booster of the label on these snapshots (all, if None); None if they show one outcome only."""
    return fit_labels(history, features, [recipe], [rounds], dates)[0]


def fit_labels(
    history: pd.DataFrame,
    features: list[str],
    recipes: Sequence[LabelRecipe],
    rounds: Sequence[int],
    dates: Sequence[pd.Timestamp] | None = None,
) -> list[Booster | None]:
    """A booster of each label, with its rounds, as ``fit_rows``; rows that several learn from are laid out once.

    ``recipes`` differ in their labels and rounds alone.
    """
    boosters: list[Booster | None] = []
    binned, its_places = None, np.array([], dtype=np.intp)
    for recipe, trees in zip(recipes, rounds, strict=True):
        chosen = rows_to_fit(history, recipe.label, recipe.max_rows, recipe.seed, dates)
        y = history[recipe.label].to_numpy(np.int8)[chosen.places]
        if not 0 < y.sum() < len(y):
            boosters.append(None)
            continue
        if binned is None or not np.array_equal(chosen.places, its_places):  # of a sample each label has its own rows
            binned = boosting.Binned(matrix(history, features, chosen.places), recipe.params, recipe.seed, recipe.store)
            its_places = chosen.places
        boosters.append(binned.fit(y, trees, chosen.share))
    return boosters


def _matured(earlier: Fold, split: Split, recipe: LabelRecipe) -> bool:
    return earlier.split.test_date + timedelta(days=recipe.horizon_days) <= split.test_date


def _log_odds(fold: Fold, rounds: int) -> np.ndarray:
    return boosting.log_odds(fold.booster, fold.X, rounds)


def _scored(fold: Fold, fitted: FittedRecipe) -> pd.DataFrame:
    raw = _log_odds(fold, fitted.rounds)
    return fold.keys.assign(
        y=fold.y,
        log_odds=raw,
        propensity=fitted.calibrator(fold.split.test_date, raw).propensity(raw),
        calibrated=fitted.folds > 0,
        rounds=fitted.rounds,
    )


@dataclass(frozen=True)
class ArrReplay:
    """What would have been said of expected ARR on past days.

    ``rows``: one row per account and replayed day on which an amount could be told: account_id, snapshot_date, y,
    propensity, calibrated, arr (came), mean (amount before lean and season), seasonal (was a season foretold), what
    ``say_arr`` says, chance, and total_low and total_high, between which the ARR of the day was said to lie.
    """

    rows: pd.DataFrame
    rates: Rates
    horizon_days: int

    def of_day(self, day: pd.Timestamp, amounts: Amounts) -> ExpectedArr:
        """What the past that had matured before ``day`` says of it; ``amounts``: as learnt on that day."""
        season = amounts.season(day, self.horizon_days)
        if self.rows.empty:
            return replace(ExpectedArr.unseen(amounts.square), season=season)
        ended = self.rows.snapshot_date + timedelta(days=self.horizon_days) <= day
        past = self.rows[ended & self.rows.arr.notna()]
        told = past[past.calibrated.astype(bool) & (past.seasonal == self.is_seasonal(day))]
        doubt = fit_doubt(told, amounts.square, self.horizon_days)
        return ExpectedArr(fit_lean(past, self.horizon_days), doubt, season)

    def is_seasonal(self, day: pd.Timestamp) -> bool:
        return self.rates.foretell(day, self.horizon_days) is not None


def replay_arr(
    history: pd.DataFrame,
    features: Sequence[str],
    splits: Sequence[Split],
    replayed: Replay,
    seed: int,
    store: Keeper | None = None,
) -> ArrReplay:
    """Amounts and expected ARR of every replayed day, oldest first, each learnt from what had matured before it.

    On a day on which nobody's pay is known, since the bills had stopped coming, all are told the mean amount. Amounts
    that the ``store`` holds are not fitted again.
    """
    replays = ArrReplay(pd.DataFrame(), replayed.fitted.rates, replayed.fitted.horizon_days)
    scored = dict(list(replayed.predictions.groupby("snapshot_date")))
    for split in sorted(splits, key=lambda split: split.test_date):
        day, past = split.test_date, places_of(history, split.train_dates)
        train = history.iloc[past[history.expanded.to_numpy()[past] == 1]]
        test = history.iloc[day_of(history, day)]
        told_by = features if is_paid_known(test, features).any() else ()
        amounts = kept_amounts(train, arr_of(train), told_by, seed, store)
        if amounts is None or day not in scored:
            continue
        expected = replays.of_day(day, amounts)
        mean, propensity = amounts.predict(test), scored[day].propensity.to_numpy(np.float64)
        said = say_arr(propensity, mean, amounts, expected)
        low, high = expected.doubt.of_sum(said["expected_arr"], said["arr_if_expands"])
        told = scored[day][[*KEYS, "y", "propensity", "calibrated"]].assign(
            arr=arr_of(test),
            mean=mean,
            seasonal=replays.is_seasonal(day),
            **said,
            chance=expected.doubt.chance(said["expected_arr"], said["arr_if_expands"]),
            total_low=low,
            total_high=high,
        )
        replays = replace(replays, rows=pd.concat([replays.rows, told], ignore_index=True))
    return replays


def range_of_day(predictions: pd.DataFrame, day: pd.Timestamp, horizon_days: int) -> PropensityRange:
    """How sure a propensity of ``day`` is, by what came of those that were told on days matured before it.

    ``predictions``: of a replay. Days count that had a past to calibrate on. How wrong their levels were beyond chance,
    in all accounts alike, is how wrong that of ``day`` may be.
    """
    ended = predictions.snapshot_date + timedelta(days=horizon_days) <= day
    told = predictions[ended & predictions.calibrated.astype(bool)]
    log_odds = np.clip(logit(told.propensity.to_numpy(np.float64)), -FARTHEST, FARTHEST)
    y, days, day_of_row = told.y.to_numpy(np.int8), list(told.snapshot_date.unique()), told.snapshot_date.to_numpy()
    samples = [(date, log_odds[day_of_row == date], y[day_of_row == date]) for date in days]
    levels = fit_levels(samples, min_positives=1)
    told_of = samples if levels.days else []  # where there was one outcome only no day has a level
    wrong = levels.levels + (levels.slope - 1) * np.array([_middle(log_odds) for _, log_odds, _ in told_of])
    error = own_variance(levels.days, wrong, levels.variances, 0.0, horizon_days)
    copies = len(days) / independent(days, horizon_days) if days else 1.0
    return fit_range(log_odds, y, copies, float(np.sqrt(error)))


def _middle(log_odds: np.ndarray) -> float:
    """Where outcomes tell most of a level: a slope that is off as well moves it elsewhere, and is none of its fault."""
    return float(np.average(log_odds, weights=expit(log_odds) * expit(-log_odds)))
