"""The simple rules that a model must beat, on the same rows.

A rule ranks accounts by one column, highest or lowest first, accounts without a value last. The best rule of a past
snapshot is chosen on the rows that a model could learn from on that day, and judged on that day's rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from models.metrics import auc, precision_at, ranking_metrics, tenth

First = Literal["highest", "lowest"]
BEST_RULE = "best single column"
BASE_RATE = "base rate"


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
    found: list[tuple[str, First, float]] = []
    for column in columns:
        highest, lowest = both_directions_auc(rows[column].to_numpy(np.float64), y)
        found.append((column, "highest", highest) if highest >= lowest else (column, "lowest", lowest))
    table = pd.DataFrame(found, columns=["column", "first", "auc"])
    return table.sort_values(["auc", "column"], ascending=[False, True], ignore_index=True)


def best_rule(rows: pd.DataFrame, columns: Iterable[str], y: np.ndarray) -> Rule:
    """The single-column rule with the highest AUC on these rows."""
    best = single_columns(rows, columns, y).iloc[0]
    return Rule(BEST_RULE, str(best["column"]), best["first"])


def bench(train: pd.DataFrame, test: pd.DataFrame, columns: Sequence[str], label: str) -> list[dict[str, object]]:
    """The rules judged on ``test``: dicts of rule, column, first and the ranking metrics, ties worst case.

    The best rule is chosen on ``train`` alone. The base rate ranks nobody: its precision is that of a random list.
    """
    y = test[label].to_numpy()
    rules = [best_rule(train, columns, train[label].to_numpy())]
    rules += [rule for rule in NAMED_RULES if rule.column in test.columns]
    lines: list[dict[str, object]] = [
        {"rule": rule.name, "column": rule.column, "first": rule.first, **ranking_metrics(y, rule.ranking(test))}
        for rule in rules
    ]
    return [*lines, {"rule": BASE_RATE, "column": "", "first": "", **random_list(y)}]


def random_list(y: np.ndarray) -> dict[str, float]:
    """What a list in random order is expected to reach."""
    constant = np.zeros(len(y))
    at_20, at_tenth = (precision_at(y, constant, k, "expected") for k in (20, tenth(len(y))))
    rate = float(np.mean(y))
    return {
        "auc": auc(y, constant),
        "average_precision": rate,
        "precision_at_20": at_20,
        "lift_at_20": 1.0 if rate else float("nan"),
        "precision_at_10pct": at_tenth,
        "lift_at_10pct": 1.0 if rate else float("nan"),
    }
