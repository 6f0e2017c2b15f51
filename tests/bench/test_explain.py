"""The peers of the explainer's bench give the same values, and the page is made of the figures that are kept."""

import json

import lightgbm
import numpy as np
import pytest

from models.explain.explainer import Attributions
from tests.bench import explain, page
from tests.bench.__main__ import FIGURES, PAGE


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    random = np.random.default_rng(0)
    X = explain.made_rows(400, seed=0)
    y = np.nan_to_num(X[:, :10]).sum(axis=1) + random.normal(size=400) > 0
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 7}
    return lightgbm.train(params, lightgbm.Dataset(X, y.astype(float)), 5)


@pytest.mark.parametrize("name", ["pred_contrib", "shap", "woodelf", "quadrature_float64"])
def test_a_peer_gives_the_same_values(name: str, booster: lightgbm.Booster) -> None:
    X = explain.made_rows(50, seed=1)
    found = explain.WORK[name](booster, 1)(X)
    values = found.values if isinstance(found, Attributions) else np.asarray(found)[:, : explain.COLUMNS]
    judge = explain.WORK["quadrature_float32"](booster, 1)(X)
    assert isinstance(judge, Attributions)
    assert np.abs(values).max() > 0.01
    assert values == pytest.approx(judge.values, abs=2e-6)


def test_few_rows_are_measured_where_many_take_too_long() -> None:
    X = np.zeros((10_000, 1))
    seen: list[int] = []
    report = explain._in_bulk(lambda rows: seen.append(len(rows)), X)
    assert report["rows"] == 10_000
    assert seen[:4] == [explain.WARM_ROWS, explain.WARM_ROWS, explain.FEW_ROWS, 10_000]


def test_the_page_is_that_of_the_figures() -> None:
    assert PAGE.read_text(encoding="utf-8") == page.rendered(json.loads(FIGURES.read_text(encoding="utf-8")))
