"""Exact SHAP values of a LightGBM model, fast: path-dependent TreeSHAP by Gauss-Legendre quadrature.

The method is that of Wettenstein, Mitchell and Yu, "Quadrature TreeSHAP" (arXiv 2605.04497); layout.py has the
formula, kernels.py the compiled loops. Values are those of LightGBM's ``pred_contrib`` and of shap's
TreeExplainer without a background: features that do not take part are averaged over the training rows of each node. On
deep trees they are more exact than ``pred_contrib``, whose own sums cancel there. The raw score is LightGBM's, bit for
bit.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from joblib import cpu_count

from data.errors import ModelError
from models.explain import lightgbm_text as trees
from models.explain.layout import Layout, lay_out

Precision = Literal["float32", "float64"]
ROWS_A_TASK = 2048
"""Rows that one thread explains before it takes the next ones: a multiple of what the kernels take at once."""


@dataclass(frozen=True)
class Attributions:
    """SHAP values in log-odds: ``values`` is rows x features; ``base`` + sum of a row's values = its ``log_odds``."""

    values: np.ndarray
    base: float
    log_odds: np.ndarray


@dataclass(frozen=True)
class TopAttributions:
    """The k SHAP values of largest absolute value per row, largest first, ties in the order of the columns.

    ``features`` (rows x k) are column numbers, ``values`` (rows x k) their SHAP values in log-odds.
    """

    features: np.ndarray
    values: np.ndarray
    log_odds: np.ndarray
    base: float


def strongest(explained: Attributions, k: int) -> TopAttributions:
    """The same from the values of all features."""
    features = np.argsort(-np.abs(explained.values), axis=1, kind="stable")[:, :k]
    values = np.take_along_axis(explained.values, features, axis=1)
    return TopAttributions(features.astype(np.int32), values, explained.log_odds, explained.base)


@dataclass(frozen=True)
class Explainer:
    """Explains the rows of one model. Build it once: it holds the model's trees, laid out for the compiled loops.

    ``precision`` of its methods is that of the products on the paths; sums are always float64. In float32 the values
    are within about 1e-6 of those in float64. ``threads``: by default all cores that this process may use.
    """

    base: float
    features: int
    _layouts: dict[str, Layout] = field(repr=False)

    @classmethod
    def from_text(cls, model_text: str, num_iteration: int | None = None) -> "Explainer":
        """Of LightGBM's text (``model_to_string``), of its first ``num_iteration`` trees if given.

        Raises NotCoveredError (a ModelError) for what is not covered: linear trees, multi-class models, and trees
        without counts of training rows.
        """
        model = trees.read(model_text, num_iteration)
        base = sum((tree.expected_value() for tree in model.trees), 0.0)
        return cls(base, model.features, {"float64": lay_out(model)})

    def explain(self, X: np.ndarray, *, precision: Precision = "float32", threads: int | None = None) -> Attributions:
        """SHAP values of every feature. ``X``: rows x the model's features, float64, NaN for missing."""
        values, none = np.empty((len(X), self.features)), np.empty((len(X), 0))
        log_odds = self._run(X, values, none.astype(np.int32), none, precision, threads)
        return Attributions(values, self.base, log_odds)

    def top(
        self, X: np.ndarray, k: int, *, precision: Precision = "float32", threads: int | None = None
    ) -> TopAttributions:
        """The ``k`` strongest features of each row (all, if the model has fewer), without the values of the others."""
        if k < 1:
            raise ValueError(f"k is {k}; at least one feature can be asked for")
        k = min(k, self.features)
        features, values = np.empty((len(X), k), np.int32), np.empty((len(X), k))
        log_odds = self._run(X, np.empty((len(X), 0)), features, values, precision, threads)
        return TopAttributions(features, values, log_odds, self.base)

    def _run(
        self,
        X: np.ndarray,
        values: np.ndarray,
        top_features: np.ndarray,
        top_values: np.ndarray,
        precision: Precision,
        threads: int | None,
    ) -> np.ndarray:
        """Fill in what has columns, and return the raw scores."""
        if X.ndim != 2 or X.shape[1] != self.features:
            raise ModelError(
                asked=f"Explain rows with a model of {self.features} features.",
                found=f"rows of shape {X.shape}.",
                todo="Give a table of one row per account and the model's columns.",
            )
        layout, kernel = self._layout(precision), _kernel()
        log_odds = np.empty(len(X))

        def task(start: int) -> None:
            part = slice(start, start + ROWS_A_TASK)
            rows = np.array(X[part], dtype=np.float64, order="C")  # one kind of array, so that one kernel is compiled
            kernel(layout, rows, log_odds[part], values[part], top_features[part], top_values[part])

        starts = range(0, len(X), ROWS_A_TASK)
        workers = min(threads or cpu_count(), len(starts))
        if workers <= 1:
            for start in starts:
                task(start)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(task, starts))
        return log_odds

    def _layout(self, precision: Precision) -> Layout:
        if precision not in ("float32", "float64"):
            raise ValueError(f"precision is {precision!r}; it is float32 or float64")
        if precision not in self._layouts:
            self._layouts[precision] = self._layouts["float64"].in_precision(np.dtype(precision).type)
        return self._layouts[precision]


def _kernel() -> Callable[..., None]:
    """The compiled loops; numba is imported when the first row is explained, not before."""
    from models.explain.buffers import explain_rows

    kernel: Callable[..., None] = explain_rows
    return kernel
