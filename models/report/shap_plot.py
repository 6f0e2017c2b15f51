"""Pictures of attributions, drawn by shap from our own values.

The one module that knows shap; it is loaded when needed.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from models.estimators.boosting import Booster
from models.scoring.attributions import contributions

LABEL_LETTERS = 44
"""Longer labels go on with a second line."""
MOST_ROWS = 2000
"""Rows drawn; more only hide each other."""


def load_shap() -> Any:
    """shap, which imports numba: seconds that nobody else should wait for."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # shap 0.51 calls what matplotlib 3.11 plans to drop; see again with the next shap
        import shap

    return shap


@contextmanager
def _spread_by(seed: int) -> Iterator[None]:
    """Numpy's global generator, which shap spreads the dots of a row by, from a seed; then as it was."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


def summary_plot(
    booster: Booster, X: pd.DataFrame, labels: Mapping[str, str] | None = None, features: int = 15, seed: int = 0
) -> Figure:
    """The strongest features, one dot an account: where it stands (colour) and what that does to its log-odds (place).

    ``X``: one row per account, the model's columns; ``labels``: feature name to the words shown for it. ``seed`` draws
    the rows if there are more than MOST_ROWS, and spreads the dots: the same model has the same picture.
    """
    shap = load_shap()
    shown = X.sample(MOST_ROWS, random_state=seed) if len(X) > MOST_ROWS else X
    parts, base = contributions(booster, shown)
    values = shown.to_numpy(np.float64)
    known = ~np.isnan(values).all(axis=0)  # a column without a single value has no colour
    words = labels or {}
    explanation = shap.Explanation(
        values=parts[:, known],
        base_values=base,
        data=values[:, known],
        feature_names=[fill(words.get(name, name), LABEL_LETTERS) for name in shown.columns[known]],
    )
    count = min(features, int(known.sum()))
    figure = Figure(figsize=(10, 0.45 * count + 1.6), layout="constrained")
    axes = figure.subplots()
    # shap sums up the rest in one row when there are more features than shown; it would mix stories, so it is left out.
    with _spread_by(seed):
        shap.plots.beeswarm(
            explanation, max_display=count, ax=axes, show=False, plot_size=None, group_remaining_features=False
        )
    axes.tick_params(axis="y", labelsize=10)
    axes.set_xlabel("effect on the log-odds of an expansion")
    return figure
