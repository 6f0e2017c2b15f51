"""What a table is worth: how much worse accounts are ordered by a model that does without it.

A small booster learns from the earlier days and orders the accounts of the later ones, once with all features and once
without those of the table. Both are resampled alike, so the difference has an interval of its own. What another table
tells as well costs nothing: it is what would be lost if this one alone were gone.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from data.contract.feature_card import FeatureCard
from models.estimators import boosting
from models.estimators.sampling import matrix
from models.evaluation.bootstrap import interval
from models.settings import Params
from models.signals.days import SignalDays

ROUNDS = 80
WHOLE = "all tables"


def worth_of_tables(
    days: SignalDays, cards: Mapping[str, FeatureCard], tables: Sequence[str], params: Params
) -> pd.DataFrame:
    """One row per table that features come from: ``table, auc, auc_without, worth, worth_low, worth_high``."""
    features = [name for name in cards if pd.api.types.is_numeric_dtype(days.rows[name])]
    kept = {table: [name for name in features if table not in cards[name].tables] for table in tables}
    kept = {table: names for table, names in kept.items() if 0 < len(names) < len(features)}
    scores = {name: _scores(days, names, params) for name, names in {WHOLE: features, **kept}.items()}
    order = days.order(lambda day: {name: values[day] for name, values in scores.items()})
    lost = {table: order[WHOLE] - order[table] for table in kept}
    return pd.DataFrame(
        [
            (table, float(order[WHOLE][0]), float(order[table][0]), float(lost[table][0]), *interval(lost[table]))
            for table in kept
        ],
        columns=["table", "auc", "auc_without", "worth", "worth_low", "worth_high"],
    )


def _scores(days: SignalDays, features: Sequence[str], params: Params) -> np.ndarray:
    """The log-odds of each row of the later days by a booster that learnt from the earlier ones; NaN for the others."""
    learnt = matrix(days.rows, features, days.early)
    booster = boosting.fit(learnt, days.expanded[days.early], params, ROUNDS, days.seed)
    scores = np.full(len(days.rows), np.nan)
    for day in days.late:
        places = np.arange(day.start, day.stop)
        scores[day] = boosting.log_odds(booster, matrix(days.rows, features, places))
    return scores
