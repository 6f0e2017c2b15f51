"""The simple rules that a model must beat, on the same rows.

A rule ranks accounts by one column, highest or lowest first, accounts without a value last. The best rule of a past
snapshot is chosen on the rows that a model could learn from on that day, and judged on that day's rows. Beside the
rules stand rivals that learn; each past day, each rival ranks with what it could know on that day.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from joblib import cpu_count
from scipy.stats import rankdata

from data.contract.trigger_tables import OF_POINTS_RULE
from data.contract.triggers import TRIGGERS, Trigger
from data.digests import digest_of
from data.kept.keeper import Keeper, kept
from models.estimators import boosting
from models.estimators.logistic import logistic_ranking
from models.estimators.sampling import day_of, evenly, matrix, places_of
from models.evaluation.splits import Split
from models.settings import TrainSettings

First = Literal["highest", "lowest"]
BEST_RULE = "best single column"
BASE_RATE = "base rate"
TRIGGER_POINTS = "trigger points"
LOGISTIC = "logistic regression"
LAST_LIST = "last month's own list"
RANKINGS = "rankings"
"""The kind of value that rankings which were learnt are in a store: float64 numbers, one ranking after the other."""
LEARNERS = (LOGISTIC, LAST_LIST)
"""Rivals that learn, as the model does: beating them is good, but they are not rules that one could use instead."""
FEWER_ROWS = 4
"""Rivals have a parameter or two for each column: above a quarter of ``max_rows`` they learn from a sample."""


@dataclass(frozen=True)
class Rule:
    """Rank by one column."""

    name: str
    column: str
    first: First

    def ranking(self, rows: pd.DataFrame) -> np.ndarray:
        """One number per row, higher = earlier in the list; minus infinity where the column is missing."""
        values = rows[self.column].to_numpy(np.float64)
        return np.where(np.isnan(values), -np.inf, values if self.first == "highest" else -values)


NAMED_RULES = (
    Rule("short tenure first", "tenure_days", "lowest"),
    Rule("seat utilisation", "seat_utilization_28d", "highest"),
    Rule("MRR", "mrr", "highest"),
    Rule("latest expansion first", "days_since_expansion", "lowest"),
    Rule("longest without expansion first", "days_since_expansion", "highest"),
)
"""What teams rank by without a model."""


def both_directions_auc(values: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """AUC of ranking by ``values`` highest first and lowest first, missing last in both, from one sort."""
    y = np.asarray(y)
    known = ~np.isnan(values)
    positives, negatives = int(y.sum()), int(len(y) - y.sum())
    if not positives or not negatives:
        return float("nan"), float("nan")
    known_positives = int(y[known].sum())
    known_negatives = int(known.sum()) - known_positives
    missing_negatives = negatives - known_negatives
    ranks = rankdata(values[known])
    wins = ranks[y[known] == 1].sum() - known_positives * (known_positives + 1) / 2
    over_missing = known_positives * missing_negatives + (positives - known_positives) * missing_negatives / 2
    pairs = positives * negatives
    return (
        float((wins + over_missing) / pairs),
        float((known_positives * known_negatives - wins + over_missing) / pairs),
    )


def single_columns(rows: pd.DataFrame, columns: Iterable[str], y: np.ndarray) -> pd.DataFrame:
    """One row per column with its better direction: column, first, auc; best first, equal ones by name."""
    lines: list[tuple[str, First, float]] = []
    for column in columns:
        highest, lowest = both_directions_auc(rows[column].to_numpy(np.float64), y)
        lines.append((column, "highest", highest) if highest >= lowest else (column, "lowest", lowest))
    table = pd.DataFrame(lines, columns=["column", "first", "auc"])
    return table.sort_values(["auc", "column"], ascending=[False, True], ignore_index=True)


def best_rule(rows: pd.DataFrame, columns: Iterable[str], y: np.ndarray) -> Rule:
    """The single-column rule with the highest AUC on these rows."""
    best = single_columns(rows, columns, y).iloc[0]
    return Rule(BEST_RULE, str(best["column"]), best["first"])


def trigger_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of these rows that the points rule reads."""
    return list(dict.fromkeys(name for trigger in _asked(rows).values() for name in trigger.reads))


def _asked(rows: pd.DataFrame) -> dict[str, Trigger]:
    """The triggers of the points rule whose features are all there, by their codes."""
    return {code: TRIGGERS[code] for code in OF_POINTS_RULE if TRIGGERS[code].can_be_asked(rows)}


def trigger_points(rows: pd.DataFrame, thresholds: Mapping[str, float]) -> np.ndarray:
    """The points of each row: each trigger that fires gives its own.

    ``thresholds``: by the code of the trigger; one that is not there has its default.
    """
    total = np.zeros(len(rows))
    for code, trigger in _asked(rows).items():
        values = {name: rows[name].to_numpy(np.float64) for name in trigger.reads}
        total += trigger.points * trigger.fires(values, len(rows), thresholds.get(code))
    return total


def rankings(
    train: pd.DataFrame,
    test: pd.DataFrame,
    columns: Sequence[str],
    label: str,
    thresholds: Mapping[str, float],
    last_list: pd.Series,
    store: Keeper | None = None,
) -> dict[str, np.ndarray]:
    """Rival to its ranking of the test rows: one number per row, higher = earlier.

    ``last_list``: account_id to the log-odds of the list before this one; accounts that were not on it come last. The
    best single column is chosen on ``train`` alone. The base rate ranks nobody and is not among them. What was learnt
    from the same rows before is not learnt again where the ``store`` holds it.
    """
    best, logistic = _learnt_rankings(train, test, columns, label, store)
    by_rival = {BEST_RULE: best}
    by_rival |= {rule.name: rule.ranking(test) for rule in NAMED_RULES if rule.column in test.columns}
    if trigger_columns(test):
        by_rival[TRIGGER_POINTS] = trigger_points(test, thresholds)
    by_rival[LOGISTIC] = logistic
    if len(last_list):
        by_rival[LAST_LIST] = last_list.reindex(test["account_id"]).fillna(-np.inf).to_numpy(np.float64)
    return by_rival


def _learnt_rankings(
    train: pd.DataFrame, test: pd.DataFrame, columns: Sequence[str], label: str, store: Keeper | None
) -> np.ndarray:
    """The rankings of the test rows by the best single column and by the logistic regression of the train rows."""
    names = list(columns)

    def key() -> str:
        rows = (train[[label, *names]].to_numpy(np.float64), test[names].to_numpy(np.float64))
        return digest_of(boosting.made_by(), label, names, *rows)

    def learnt() -> bytes:
        best = best_rule(train, columns, train[label].to_numpy())
        return np.stack([best.ranking(test), logistic_ranking(train, test, columns, label)]).tobytes()

    return np.frombuffer(kept(store, RANKINGS, key, learnt)).reshape(2, len(test))


def past_of(history: pd.DataFrame, split: Split, columns: Sequence[str], settings: TrainSettings) -> pd.DataFrame:
    """What a rival learns from on a day: `expanded` and these columns of the days before, above a limit of a sample."""
    past = places_of(history, split.train_dates)
    past = evenly(history, past, settings.max_rows // FEWER_ROWS, settings.seed)
    return matrix(history, ["expanded", *columns], past)


def rival_rankings(
    history: pd.DataFrame,
    features: Sequence[str],
    reported: Sequence[Split],
    predictions: pd.DataFrame,
    settings: TrainSettings,
    rows: pd.DataFrame,
    store: Keeper | None = None,
) -> dict[str, np.ndarray]:
    """Rival to its ranking of the judged rows. A rival that cannot rank a day ranks its accounts alike."""

    def one(split: Split) -> pd.DataFrame:
        train = past_of(history, split, features, settings)
        test = history.iloc[day_of(history, split.test_date)]
        earlier = predictions[predictions.snapshot_date < split.test_date]
        last = earlier[earlier.snapshot_date == earlier.snapshot_date.max()].set_index("account_id").log_odds
        thresholds, last = settings.triggers.model_dump(), last.astype("float64")
        by_rival = rankings(train, test, features, "expanded", thresholds, last, store)
        return test[["account_id", "snapshot_date"]].assign(**by_rival)

    judged = [split for split in reported if (rows.snapshot_date == split.test_date).any()]
    with ThreadPoolExecutor(settings.workers or cpu_count()) as pool:
        ranked = pd.concat(list(pool.map(one, judged)), ignore_index=True)
    aligned = rows[["account_id", "snapshot_date"]].merge(ranked, on=["account_id", "snapshot_date"], how="left")
    return {name: aligned[name].fillna(-np.inf).to_numpy(np.float64) for name in aligned.columns[2:]}
