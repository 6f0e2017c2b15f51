"""The model as MLflow serves it: from the table that ``headroom features`` writes to what the list says of its rows.

MLflow keeps the name of this module with every version and looks for ``_load_pyfunc`` in it: neither may be renamed.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.contract.vocabulary import REASONS_PARAMETER, SERVED_SCORES
from data.errors import ContractError
from features.catalogue import card_of
from models.estimators.bundle import Bundle
from models.estimators.categories import decode, other_kind
from models.estimators.sampling import KEYS
from models.scoring.attributions import top_contributions
from models.scoring.explain_file import top_columns
from models.scoring.score import model_matrix, propensities, require_features

EXAMPLE_ROWS = 3
_ASKED = "Score feature rows with a served model."


class Predictions(pd.DataFrame):
    """Missing values are null in the JSON of a served model: it would write NaN, which is no JSON."""

    def to_dict(self, *args: Any, **kwargs: Any) -> Any:
        return pd.DataFrame(self).astype(object).where(self.notna(), None).to_dict(*args, **kwargs)


class ServedModel:
    """A bundle with the one method that MLflow calls."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._explain = cache(lambda k: top_contributions(bundle.booster, k, "float64"))

    def predict(self, rows: pd.DataFrame, params: Mapping[str, Any] | None = None) -> Predictions:
        """One row per row of ``rows``, in their order: the keys as given, and ``SERVED_SCORES`` as in the list.

        ``rows``: account_id, snapshot_date and the model's features, text as text; more columns are left aside. With
        ``params={"reasons": k}`` also log_odds and base_log_odds, and feature_1, reason_code_1 and shap_log_odds_1 to
        k: the features of largest absolute SHAP value, the strongest first (all, if the model has fewer than ``k``).

        Raises ModelError if features of the model are missing; ContractError if there are no rows, if a key is missing,
        for numbers in place of text and text in place of numbers, and for a number of reasons below 0.
        """
        wanted = int((params or {}).get(REASONS_PARAMETER, 0))
        self._require_usable(rows, wanted)
        X = model_matrix(self._bundle, _with_nan(rows[list(self._bundle.feature_names)]))
        scores = propensities(self._bundle, rows, X)
        predictions = scores[[*KEYS, *SERVED_SCORES]]
        if wanted:
            predictions = pd.concat([predictions, scores[["log_odds"]], self._reasons(X, wanted)], axis=1)
        return Predictions(predictions.set_axis(rows.index))

    def _reasons(self, X: pd.DataFrame, wanted: int) -> pd.DataFrame:
        names = np.array(self._bundle.feature_names, dtype=object)
        codes = np.array([card_of(name).reason_code for name in names], dtype=object)
        explained = self._explain(min(wanted, len(names)))
        top = explained(X)
        columns = {"base_log_odds": np.full(len(X), top.base)}
        for at, (feature, value) in enumerate(top_columns(top.features.shape[1])):
            places = top.features[:, at]
            columns |= {feature: names[places], f"reason_code_{at + 1}": codes[places], value: top.values[:, at]}
        return pd.DataFrame(columns)

    def _require_usable(self, rows: pd.DataFrame, wanted: int) -> None:
        if wanted < 0:
            raise ContractError(_ASKED, f"{wanted} reasons are wanted.", "Ask for 0 or more.")
        wrong = ["no rows"] * rows.empty + [f"missing: {key}" for key in KEYS if key not in rows.columns]
        require_features(self._bundle, rows.columns, _ASKED)
        wrong += other_kind(rows, self._bundle.feature_names, self._bundle.categories).values()
        if wrong:
            raise ContractError(_ASKED, f"{'; '.join(wrong)}.", "Give the table that `headroom features --out` writes.")


def _with_nan(features: pd.DataFrame) -> pd.DataFrame:
    """The same with NaN for None and NA: MLflow hands over what has several kinds of values as objects."""
    objects = {str(name): column for name, column in features.items() if pd.api.types.is_object_dtype(column)}
    return features.assign(**{name: column.where(column.notna(), np.nan) for name, column in objects.items()})


def example_rows(bundle: Bundle, X: pd.DataFrame) -> pd.DataFrame:
    """A few rows that the served model takes, with made-up keys. ``X``: the model's columns, text encoded."""
    features = decode(X[list(bundle.feature_names)].head(EXAMPLE_ROWS), bundle.categories).reset_index(drop=True)
    ids = [f"account_{at}" for at in range(1, len(features) + 1)]
    keys = pd.DataFrame({"account_id": ids, "snapshot_date": bundle.facts["last_snapshot"]})
    return pd.concat([keys, features], axis=1)


def _load_pyfunc(folder: str) -> ServedModel:
    """What MLflow calls; ``folder`` holds the files of the bundle."""
    return ServedModel(Bundle.from_files({file.name: file.read_text("utf-8") for file in Path(folder).iterdir()}))
