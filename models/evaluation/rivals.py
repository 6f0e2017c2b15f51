"""The rivals on the rows of a backtest: each past day, each rival ranks with what it could know on that day."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from joblib import cpu_count

from models.estimators.sampling import day_of, evenly, matrix, places_of
from models.evaluation import baselines
from models.evaluation.bootstrap import Figures
from models.evaluation.splits import Split
from models.settings import TrainSettings

FEWER_ROWS = 4
"""Rivals have a parameter or two for each column: above a quarter of ``max_rows`` they learn from a sample."""


def rival_rankings(
    history: pd.DataFrame,
    features: Sequence[str],
    reported: Sequence[Split],
    predictions: pd.DataFrame,
    settings: TrainSettings,
    rows: pd.DataFrame,
) -> dict[str, np.ndarray]:
    """Rival to its ranking of the judged rows. A rival that cannot rank a day ranks its accounts alike."""

    def one(split: Split) -> pd.DataFrame:
        past = places_of(history, split.train_dates)
        past = evenly(history, past, settings.max_rows // FEWER_ROWS, settings.seed)
        train = matrix(history, ["expanded", *features], past)
        test = history.iloc[day_of(history, split.test_date)]
        earlier = predictions[predictions.snapshot_date < split.test_date]
        last = earlier[earlier.snapshot_date == earlier.snapshot_date.max()].set_index("account_id").log_odds
        told = baselines.rankings(train, test, features, "expanded", settings.triggers, last.astype("float64"))
        return test[["account_id", "snapshot_date"]].assign(**told)

    judged = [split for split in reported if (rows.snapshot_date == split.test_date).any()]
    with ThreadPoolExecutor(settings.workers or cpu_count()) as pool:
        ranked = pd.concat(list(pool.map(one, judged)), ignore_index=True)
    aligned = rows[["account_id", "snapshot_date"]].merge(ranked, on=["account_id", "snapshot_date"], how="left")
    return {name: aligned[name].fillna(-np.inf).to_numpy(np.float64) for name in aligned.columns[2:]}


def chance_at(y: np.ndarray) -> Callable[[np.ndarray], Figures]:
    """The figures of a random list of these accounts, from weights."""
    return lambda weights: baselines.random_figures(y, weights)
