"""Logistic regression on every column: the plainest model that learns, and a rival that the trees must beat.

Missing values take the median and a column of their own that says so; columns are put on one scale and cut at five
standard deviations, so one huge customer cannot bend the rest. All of it is learnt on the train rows alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

PENALTY = 0.05
"""scikit-learn's C: the inverse of the L2 penalty, on standardised columns."""
FARTHEST = 5.0


def _cut(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -FARTHEST, FARTHEST)


def fit_logistic(X: pd.DataFrame, y: np.ndarray) -> Pipeline:
    """The fitted pipeline; ``y`` has both outcomes."""
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        FunctionTransformer(_cut),
        LogisticRegression(C=PENALTY, max_iter=300, tol=1e-3),
    ).fit(X.to_numpy(np.float64), y)


def logistic_ranking(train: pd.DataFrame, test: pd.DataFrame, columns: Sequence[str], label: str) -> np.ndarray:
    """Log-odds of the test rows by the regression of the train rows."""
    fitted = fit_logistic(train[list(columns)], train[label].to_numpy())
    return np.asarray(fitted.decision_function(test[list(columns)].to_numpy(np.float64)))
