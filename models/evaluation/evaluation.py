"""Everything that is found out about a base before a model of it is believed: replay, backtest, probes, verdict.

    checks -> past days scored as if each were today (replay) -> held against what came and against the rivals
    (backtest) -> leak probes -> verdict

``headroom backtest`` shows an evaluation; ``headroom train`` makes a model of one whose verdict allows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.errors import ModelError, NotEnoughHistoryError
from data.kept.keeper import Keeper
from models.estimators.categories import Categories, encode, learn_categories
from models.estimators.cross_sell import CrossSellHistory, CrossSellModel, fit_cross_sell
from models.estimators.sampling import KEYS, days
from models.evaluation import baselines
from models.evaluation.backtest import Backtest, judge
from models.evaluation.cross_sell import CrossSellBacktest, judge_cross_sell
from models.evaluation.leak_probes import Leak, find_leaks
from models.evaluation.replay import ArrReplay, LabelRecipe, Progress, Replay, replay, replay_arr
from models.evaluation.splits import Split, origins
from models.evaluation.verdict import Verdict, judge_base, require_enough
from models.settings import EvaluationSettings


@dataclass(frozen=True)
class Evaluation:
    """What was found out.

    ``rows``: the labelled history, sorted; text as the number of its value in ``categories``. ``today``: the feature
    rows of the day that is scored, or None. ``reported``: the replayed days whose figures are told; ``replayed`` also
    holds those before them, and so does ``replayed_arr``, of expected ARR. ``columns``: one row per feature, its AUC as
    a rule of its own. ``cross_sell``: which product a cross-sell would be of; ``cross_sell_backtest``: how that did on
    past days. ``store``: what earlier runs have kept, and this one keeps.
    """

    rows: pd.DataFrame
    features: tuple[str, ...]
    categories: Categories
    today: pd.DataFrame | None
    settings: EvaluationSettings
    expansions: int
    reported: tuple[Split, ...]
    replayed: Replay
    replayed_arr: ArrReplay
    backtest: Backtest
    columns: pd.DataFrame
    leaks: tuple[Leak, ...]
    verdict: Verdict
    cross_sell: CrossSellModel | None = None
    cross_sell_backtest: CrossSellBacktest | None = None
    store: Keeper | None = None

    def metrics(self) -> dict[str, float]:
        """Flat names for MLflow: those of the backtest, and of the product for a cross-sell."""
        of_products = {} if self.cross_sell_backtest is None else self.cross_sell_backtest.metrics()
        return self.backtest.metrics() | of_products


def silent(_: str) -> None:
    """Progress that goes nowhere."""


def evaluate(
    history: pd.DataFrame,
    feature_names: Sequence[str],
    settings: EvaluationSettings,
    *,
    today: pd.DataFrame | None = None,
    people: pd.DataFrame | None = None,
    cross_sells: CrossSellHistory | None = None,
    progress: Progress = silent,
    store: Keeper | None = None,
) -> Evaluation:
    """Find out whether a base can be learnt.

    ``history``: one row per account and matured snapshot: account_id, snapshot_date, the features, expanded (0/1),
    expanded_<motion> (0/1) and expansion_arr (currency per year) where there are any. ``today``: the same features of
    the day that is scored. ``people``: account_id, owner, segment. ``cross_sells``: which products were sold across.
    ``store``: what earlier runs have kept in it is not made again. It changes nothing, and neither does the order of
    the rows.
    Raises NotEnoughHistoryError with what there is and what it takes.
    """
    features = list(feature_names)
    rows = prepare(history, features)
    categories = learn_categories(history, features)
    expansions = require_enough(rows, settings)
    warm_up = settings.origins + settings.warm_up_origins
    splits = origins(rows.snapshot_date.unique(), settings.horizon_days, warm_up, settings.min_train_dates)
    reported = splits[-settings.origins :]
    if settings.tune_trials:
        from models.evaluation.tuning import tune  # optuna takes a second to import

        tuned = tune(rows, features, splits, reported, settings, progress)
        settings = settings.model_copy(update={"boosting": tuned.params})
    replayed = replay(rows, features, splits, recipe_of(settings, store), progress)
    if not replayed.predictions.snapshot_date.isin([split.test_date for split in reported]).any():
        raise NotEnoughHistoryError(
            asked="Test the model on past snapshots.",
            found=f"no expansion before any of the last {len(splits)} snapshots to learn from.",
            todo="Load older history, or come back when more months have passed.",
        )
    progress("rivals and intervals")
    replayed_arr = replay_arr(rows, features, splits, replayed, settings.seed, store)
    backtest = judge(rows, features, reported, replayed.predictions, replayed_arr.rows, settings, people, store)
    progress("leak probes")
    columns = baselines.single_columns(rows, features, rows["expanded"].to_numpy())
    known = None if today is None else encode(today.assign(snapshot_date=days(today["snapshot_date"])), categories)
    cross_sell_backtest = None if cross_sells is None else judge_cross_sell(rows, reported, cross_sells, settings)
    leaks = find_leaks(rows, features, reported, columns, settings, known)
    return Evaluation(
        rows=rows,
        features=tuple(features),
        categories=categories,
        today=known,
        settings=settings,
        expansions=expansions,
        reported=reported,
        replayed=replayed,
        replayed_arr=replayed_arr,
        backtest=backtest,
        columns=columns,
        leaks=tuple(leaks),
        verdict=judge_base(backtest, leaks, settings.without_model),
        cross_sell=None if cross_sells is None else fit_cross_sell(rows, cross_sells),
        cross_sell_backtest=cross_sell_backtest,
        store=store,
    )


def recipe_of(settings: EvaluationSettings, store: Keeper | None = None) -> LabelRecipe:
    """How any expansion is learnt."""
    return LabelRecipe(
        label="expanded",
        params=settings.boosting,
        default_rounds=settings.default_rounds,
        max_rounds=settings.max_rounds,
        horizon_days=settings.horizon_days,
        min_calibration_positives=settings.min_calibration_positives,
        seed=settings.seed,
        workers=settings.workers,
        max_rows=settings.max_rows,
        store=store,
    )


def prepare(history: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """The history with float64 features (text as the number of its value), comparable dates and sorted rows.

    Raises ModelError for missing columns.
    """
    missing = [name for name in [*KEYS, "expanded", *features] if name not in history.columns]
    if missing:
        raise ModelError(
            "Train a model.", f"a history without {', '.join(missing)}.", "Build the features and labels again."
        )
    rows = encode(history, learn_categories(history, features))
    rows = rows.assign(snapshot_date=days(history["snapshot_date"]))
    if not _is_sorted(rows):  # sorting copies a long history
        rows = rows.sort_values(["snapshot_date", "account_id"], ignore_index=True)
    if rows.duplicated(KEYS).any():
        raise ModelError("Train a model.", "an account twice on one snapshot date.", "Build the features again.")
    labels = [name for name in rows.columns if name == "expanded" or name.startswith("expanded_")]
    if not rows[labels].isin([0, 1]).all(axis=None):
        raise ModelError(
            "Train a model.", "labels that are neither 0 nor 1.", "Use snapshots with matured labels only."
        )
    others = {name: rows[name].astype("float64") for name in features if rows[name].dtype != np.float64}
    return rows.assign(**others)


def _is_sorted(rows: pd.DataFrame) -> bool:
    """Are the rows in the order of snapshot and account, and numbered so?"""
    if not rows.snapshot_date.is_monotonic_increasing or not rows.index.equals(pd.RangeIndex(len(rows))):
        return False
    account, day = rows.account_id, rows.snapshot_date.to_numpy()
    ahead = (account.iloc[1:].to_numpy(object) > account.iloc[:-1].to_numpy(object)).astype(bool)
    return bool((ahead | (day[1:] > day[:-1])).all())
