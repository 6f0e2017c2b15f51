"""What each feature adds to the log-odds of a row (its SHAP value): by the explainer, else by LightGBM itself."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from data.errors import ModelError
from models.estimators.boosting import Booster, check_columns, feature_names, log_odds, own_contributions, to_text
from models.explain import lightgbm_text as trees
from models.explain.explainer import Attributions, Explainer, Precision, TopAttributions, strongest
from models.explain.lightgbm_text import NotCoveredError


def contributions(booster: Booster, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Exact SHAP values in log-odds: rows x features, and the base value per row. They add up to ``log_odds``.

    By quadrature in float64; of boosters that it does not cover by LightGBM itself. ``explained_by`` says which.
    Raises ModelError for boosters that neither explains: linear trees, more than one output.
    """
    check_columns(feature_names(booster), list(X.columns))
    try:
        explainer = Explainer.from_text(to_text(booster))
    except NotCoveredError as refused:
        if booster.num_model_per_iteration() != 1:
            raise
        try:
            values = own_contributions(booster, X)
        except ModelError as error:
            raise ModelError(error.asked, f"{refused.clause}; nor does LightGBM: {error.found}", error.todo) from error
        return values[:, :-1], values[:, -1]
    explained = explainer.explain(X.to_numpy(np.float64), precision="float64")
    return explained.values, np.full(len(X), explained.base)


def deepest_path(booster: Booster) -> int:
    """Splits on the longest path from a root to a leaf; 0 for a booster that the quadrature does not cover."""
    try:
        model = trees.read(to_text(booster))
    except NotCoveredError:
        return 0
    return max((tree.depth() for tree in model.trees), default=0)


def top_contributions(
    booster: Booster, k: int, precision: Precision = "float32", threads: int | None = None
) -> Callable[[pd.DataFrame], TopAttributions]:
    """A function that gives the log-odds and the ``k`` strongest SHAP values of each row, for many calls.

    It takes the booster's columns, as ``contributions`` does; boosters that the quadrature does not cover are explained
    by it, in float64.
    """
    try:
        explainer = Explainer.from_text(to_text(booster))
    except NotCoveredError:

        def by_lightgbm(X: pd.DataFrame) -> TopAttributions:
            values, base = contributions(booster, X)
            return strongest(Attributions(values, float(base[0]), log_odds(booster, X)), k)

        return by_lightgbm
    return lambda X: explainer.top(X.to_numpy(np.float64), k, precision=precision, threads=threads)


def explained_by(booster: Booster) -> str:
    """What serves ``contributions`` of this booster, and why if it is not the quadrature."""
    try:
        trees.read(to_text(booster))
    except NotCoveredError as error:
        return f"LightGBM pred_contrib ({error.clause})"
    return "quadrature"
