"""A model without some of its features, against a plain walk down every branch."""

from collections.abc import Set

import lightgbm
import numpy as np
import pandas as pd
import pytest

from models.estimators import boosting
from models.explain.explainer import Explainer
from models.explain.lightgbm_text import CATEGORICAL, DEFAULT_LEFT, Tree, read
from models.scoring.without import booster_without


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    X = pd.DataFrame(rng.normal(size=(1_500, 5)), columns=list("abcde"))
    X.loc[rng.random(len(X)) < 0.2, "c"] = np.nan
    return X.assign(e=rng.integers(0, 6, len(X)).astype(float))


@pytest.fixture(scope="module")
def booster(rows: pd.DataFrame) -> boosting.Booster:
    rng = np.random.default_rng(8)
    margin = rows["a"] + rows["b"] * rows["c"].fillna(-1) + (rows["e"] == 2) + rng.normal(size=len(rows))
    data = lightgbm.Dataset(rows.to_numpy(), (margin > 0).astype(int), feature_name=list(rows), categorical_feature=[4])
    settings = {"objective": "binary", "num_leaves": 12, "verbosity": -1, "num_threads": 1}
    return lightgbm.train(settings, data, 20)


def goes_left(tree: Tree, node: int, value: float) -> bool:
    if tree.decision_type[node] & CATEGORICAL:
        words = tree.category_words[int(tree.threshold[node])]
        word, bit = divmod(int(value), 32)
        return word < len(words) and bool(int(words[word]) >> bit & 1)
    return bool(tree.decision_type[node] & DEFAULT_LEFT) if np.isnan(value) else bool(value <= tree.threshold[node])


def walked(tree: Tree, row: np.ndarray, child: int, unknown: Set[int]) -> float:
    """The value of a tree for a row of which some features are not known: both ways, by their training rows."""
    if child < 0:
        return float(tree.leaf_value[~child])
    left, right, feature = int(tree.left[child]), int(tree.right[child]), int(tree.feature[child])
    if feature not in unknown:
        return walked(tree, row, left if goes_left(tree, child, row[feature]) else right, unknown)
    share = tree.count(left) / tree.count(child)
    return share * walked(tree, row, left, unknown) + (1 - share) * walked(tree, row, right, unknown)


@pytest.mark.parametrize("unknown", ["b", "bc", "e", "abd", "abcde"])
def test_a_split_that_is_not_asked_goes_both_ways(rows: pd.DataFrame, booster: boosting.Booster, unknown: str) -> None:
    some = rows.iloc[:12]
    numbers = {list(rows).index(name) for name in unknown}
    muted = booster_without(booster, set(unknown))
    trees = read(boosting.to_text(booster)).trees
    by_hand = [sum(walked(tree, row, 0, numbers) for tree in trees) for row in some.to_numpy()]
    assert boosting.log_odds(muted, some) == pytest.approx(by_hand, abs=1e-9)
    whole, without = (Explainer.from_text(boosting.to_text(b)) for b in (booster, muted))
    assert without.base == pytest.approx(whole.base, abs=1e-7)
    parts = without.explain(some.to_numpy(), precision="float64").values
    assert not parts[:, sorted(numbers)].any()
    assert parts == pytest.approx(boosting.own_contributions(muted, some)[:, :-1], abs=1e-9)
    spoilt = some.assign(**dict.fromkeys(unknown, np.nan))
    assert (boosting.log_odds(muted, spoilt) == boosting.log_odds(muted, some)).all()


def test_without_nothing_it_is_the_same(booster: boosting.Booster) -> None:
    assert booster_without(booster, {"nobody"}) is booster
