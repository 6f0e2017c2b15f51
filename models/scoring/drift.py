"""How far the base has moved since the model was trained: its propensities, and the features that matter most."""

import numpy as np
import pandas as pd

from models.estimators import boosting
from models.estimators.bundle import Bundle
from models.estimators.categories import encode
from models.estimators.reference import ReferenceBase
from models.scoring.attributions import contributions

MOST_IMPORTANT = 10
"""Features that are compared: those of the largest mean absolute SHAP value on the day of the training."""
PROPENSITY = "propensity"


def reference_of(bundle: Bundle, X: pd.DataFrame) -> ReferenceBase:
    """What later bases are compared with. ``X``: the model's columns of a whole base, not learnt from if possible."""
    values, _ = contributions(bundle.booster, X)
    important = X.columns[np.argsort(-np.abs(values).mean(axis=0), kind="stable")]
    compared = important[important != PROPENSITY][:MOST_IMPORTANT]  # the team may have a feature of that name
    propensity = bundle.any_expansion.calibrator.propensity(boosting.log_odds(bundle.booster, X))
    return ReferenceBase.of(pd.concat([_named(propensity, X.index), X[compared]], axis=1))


class DriftCounter:
    """Counts the accounts of a base part by part. A model without a reference has no figures."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._counts = bundle, dict[str, np.ndarray]()

    def add(self, rows: pd.DataFrame, scores: pd.DataFrame) -> None:
        """Some accounts: their feature rows and, in the same order, their ``scores``."""
        reference = self._bundle.reference
        if reference is None:
            return
        features = [name for name in reference.edges if name != PROPENSITY]
        X = encode(rows[features], self._bundle.categories).astype("float64")
        columns = pd.concat([_named(scores[PROPENSITY].to_numpy(), X.index), X], axis=1)
        for name, counts in reference.count(columns).items():
            self._counts[name] = self._counts.get(name, 0) + counts

    def figures(self) -> dict[str, float]:
        """The population stability index by column, propensity first, then the most important features."""
        reference = self._bundle.reference
        return {} if reference is None or not self._counts else reference.stability(self._counts)


def _named(propensity: np.ndarray, index: pd.Index) -> pd.Series:
    return pd.Series(propensity, index=index, name=PROPENSITY)
