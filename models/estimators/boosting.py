"""Gradient-boosted trees: the one module that knows LightGBM.

Frames hold one row per account and snapshot and the model's columns, in the model's order, as float64; a missing value
stays NaN and goes its own way in each tree. Nothing is weighted, and what sampling of a long history does to the level
(``models.estimators.sampling``) is undone in the booster itself, so probabilities stay probabilities.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from joblib import cpu_count
from threadpoolctl import threadpool_info

import data
import models
from data.digests import code_of, digest_of
from data.errors import ModelError, some
from data.kept.keeper import Keeper
from models.settings import Params

Booster = lightgbm.Booster
STAGE = 10
"""The number of trees is chosen in steps of so many."""
TWEEDIE_POWER = 1.5
"""Between a Poisson (1: every unit of money counts alike, and sums come true) and a gamma (2: every amount does)."""
BLOCK_ROWS = 1024
"""Rows predicted at a time by one core."""

BOOSTERS = "boosters"
"""The kind of value that a booster is in a store: its text."""

_NOT_IN_NAMES = set('[]{}":,')
"""LightGBM refuses names with these, and turns white space into underscores."""


@cache
def made_by() -> str:
    """The hash of what makes a fitted value: the code, the libraries that compute, and what adds up for them.

    Sums of linear algebra may have other last bits on another processor, or with another number of threads.
    """
    rooms = (Path(room.__path__[0]) for room in (data, models))
    code = code_of(rooms, ("lightgbm", "scikit-learn", "scipy", "numpy", "pandas"))
    # Not every library says its version, or which processor it takes this one for.
    told = ("internal_api", "version", "architecture", "num_threads")
    algebra = sorted({repr([pool.get(name) for name in told]) for pool in _linear_algebra()})
    return digest_of(code, algebra)


def _linear_algebra() -> list[dict[str, Any]]:
    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]


class Binned:
    """Rows laid out for LightGBM once, for boosters of several outcomes; the layout follows from the rows alone.

    ``params``: of all boosters that are fitted on it. ``store``: a booster that it holds is not grown again, and one
    that is grown is kept there; it is the same to the letter of its text.
    """

    def __init__(self, X: pd.DataFrame, params: Params, seed: int, store: Keeper | None = None) -> None:
        self._params, self._seed, self._store = params, seed, store
        self._rows: pd.DataFrame | None = X
        self._digest = "" if store is None else digest_of(made_by(), list(X.columns), X.to_numpy(np.float64))

    @cached_property
    def _dataset(self) -> lightgbm.Dataset:
        assert self._rows is not None
        laid_out = _dataset(self._rows, np.zeros(len(self._rows)))
        self._rows = None  # or there would be a second copy of a long history
        return laid_out

    def fit(self, y: np.ndarray, rounds: int, share: float = 1.0) -> Booster:
        """A booster of ``rounds`` trees; ``y`` is 0 or 1 per row.

        ``share``: how many of the rows without an expansion were kept; below 1 the first tree, whose leaves hold the
        base rate, takes log(share), so that log-odds are those of the whole base.
        """
        settings = self._params.for_lightgbm(self._seed, int(y.sum()))
        if self._store is None:
            return self._grown(y, settings, rounds, share)
        key = digest_of(self._digest, np.asarray(y, np.int8), settings, rounds, share)
        kept = self._store.get(BOOSTERS, key)
        if kept is not None:
            return from_text(kept.decode())
        booster = self._grown(y, settings, rounds, share)
        self._store.put(BOOSTERS, key, to_text(booster).encode())
        return booster

    def _grown(self, y: np.ndarray, settings: dict[str, object], rounds: int, share: float) -> Booster:
        self._dataset.set_label(np.asarray(y, dtype=np.float64))
        booster = lightgbm.train(settings, self._dataset, num_boost_round=rounds)
        if share < 1:
            leaves = int(booster.dump_model(num_iteration=1)["tree_info"][0]["num_leaves"])
            for leaf in range(leaves):
                booster.set_leaf_output(0, leaf, booster.get_leaf_output(0, leaf) + float(np.log(share)))
        return booster


def fit(X: pd.DataFrame, y: np.ndarray, params: Params, rounds: int, seed: int = 0, share: float = 1.0) -> Booster:
    """One booster of these rows: see ``Binned.fit``."""
    return Binned(X, params, seed).fit(y, rounds, share)


def fit_tweedie(
    X: pd.DataFrame, arr: np.ndarray, means: np.ndarray, params: Params, rounds: int, seed: int = 0
) -> Booster:
    """A booster of ``rounds`` trees whose raw prediction is to be added to log(``means``): amounts > 0.

    Tweedie loss with a variance of mean^TWEEDIE_POWER.
    """
    size = float(arr.mean())  # the loss has a unit, and so have LightGBM's penalties
    made = _dataset(X, arr / size, np.log(means / size))
    loss = {"objective": "tweedie", "tweedie_variance_power": TWEEDIE_POWER}
    return lightgbm.train(params.for_lightgbm(seed, len(arr)) | loss, made, num_boost_round=rounds)


def fit_shares(X: pd.DataFrame, share: np.ndarray, params: Params, rounds: int, seed: int = 0) -> Booster:
    """A booster of ``rounds`` trees that follows shares between 0 and 1 instead of outcomes."""
    loss = {"objective": "cross_entropy", "max_bin": 1023, "min_data_in_bin": 1}
    settings = params.for_lightgbm(seed, int(share.sum())) | loss
    return lightgbm.train(settings, _dataset(X, share), num_boost_round=rounds)


def stages(booster: Booster, X: pd.DataFrame, rounds: int, every: int) -> Iterator[tuple[int, np.ndarray]]:
    """``(trees, log-odds per row)`` of the first ``every`` trees, twice as many, and so on up to ``rounds``.

    ``rounds``: as many as the booster was asked for. A round that finds no split, as of few rows, grows no tree, so it
    may have fewer; stages beyond its last tree have all of them.
    """
    check_columns(feature_names(booster), list(X.columns))
    values, trees = X.to_numpy(np.float64), booster.num_trees()
    total = np.zeros(len(values))
    for start in range(0, rounds, every):
        if start < trees:
            total = total + booster.predict(
                values, raw_score=True, start_iteration=start, num_iteration=every, num_threads=1
            )
        yield min(start + every, rounds), total


def _dataset(X: pd.DataFrame, y: np.ndarray, start: np.ndarray | None = None) -> lightgbm.Dataset:
    """Rows that ``lightgbm.train`` lays out when it is first given them, by its own settings."""
    names = [str(name) for name in X.columns]
    unfit = [name for name in names if _NOT_IN_NAMES & set(name) or any(c.isspace() for c in name)]
    if unfit:
        raise ModelError(
            asked="Train on the feature columns.",
            found=f'names with white space or one of [ ] {{ }} " : , - {", ".join(map(repr, unfit))}.',
            todo="Rename these features.",
        )
    return lightgbm.Dataset(
        X.to_numpy(np.float64), np.asarray(y, dtype=np.float64), init_score=start, feature_name=names
    )


def feature_names(booster: Booster) -> list[str]:
    """The columns of the booster, in its order."""
    return booster.feature_name()


def check_columns(expected: list[str], given: list[str]) -> None:
    """Raise ModelError unless the columns are the model's, in the model's order."""
    if given == expected:
        return
    missing = [name for name in expected if name not in given]
    extra = [name for name in given if name not in expected]
    moved = [f"{g} in place of {e}" for g, e in zip(given, expected, strict=False) if g != e]
    wrong = [
        f"missing: {some(missing)}" * bool(missing),
        f"not the model's: {some(extra)}" * bool(extra),
        f"in another order: {', '.join(moved)}" * (not missing and not extra),
    ]
    raise ModelError(
        asked=f"Score rows with a model of {len(expected)} features.",
        found="; ".join(part for part in wrong if part),
        todo="Build the rows with the tables and features that the model was trained on, or train again.",
    )


def log_odds(booster: Booster, X: pd.DataFrame, rounds: int | None = None) -> np.ndarray:
    """The raw prediction per row, in log-odds; of the first ``rounds`` trees if given."""
    check_columns(feature_names(booster), list(X.columns))
    return _in_blocks(lambda block: booster.predict(block, raw_score=True, num_iteration=rounds, num_threads=1), X)


def own_contributions(booster: Booster, X: pd.DataFrame) -> np.ndarray:
    """SHAP values by LightGBM itself, rows x features, and the base value in one more column: slow.

    Raises ModelError for boosters that it does not explain, such as those of linear trees.
    """
    try:
        return _in_blocks(lambda block: booster.predict(block, pred_contrib=True, num_threads=1), X)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError("Explain a booster.", str(error), "Train again.") from error


def _in_blocks(predict: Callable[[np.ndarray], Any], X: pd.DataFrame) -> np.ndarray:
    """The same as predicting all rows at once, block by block on every core."""
    values = X.to_numpy(np.float64)
    blocks = [values[start : start + BLOCK_ROWS] for start in range(0, len(values), BLOCK_ROWS)]
    if len(blocks) <= 1:
        return np.asarray(predict(values))
    with ThreadPoolExecutor(cpu_count()) as pool:
        return np.concatenate(list(pool.map(predict, blocks)))


def to_text(booster: Booster) -> str:
    """The booster as LightGBM's own text: no pickle, and bit-equal scores when read back."""
    return booster.model_to_string()


def from_text(text: str) -> Booster:
    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError("Read a stored booster.", f"text that is no booster ({error}).", "Train again.") from error
