import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ModelError
from models.estimators import boosting
from models.explain.explainer import ROWS_A_TASK, Explainer
from models.explain.lightgbm_text import NotCoveredError
from models.report.shap_plot import load_shap
from models.scoring import attributions
from tests.models.exact import shapley

ROOT = Path(__file__).parents[3]
EDGES = [np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-35, 5e-324, np.inf, -np.inf, 1e300, -1.0, -0.5, 3e9, 999.0]
"""Values that decisions are easily wrong about."""


def table(random: np.random.Generator, rows: int, features: int) -> np.ndarray:
    """Rows of every kind: whole and real numbers, many zeros, missing values; the last two columns are categories."""
    X = random.normal(size=(rows, features))
    X[:, ::2] = np.round(X[:, ::2] * 2)
    X[random.random(X.shape) < 0.1] = np.nan
    X[random.random(X.shape) < 0.1] = 0.0
    X[:, -2] = random.integers(0, 6, rows)
    X[:, -1] = random.integers(0, 70, rows)
    X[random.random(rows) < 0.1, -1] = np.nan
    return X


def grow(seed: int, rows: int = 300, features: int = 7, trees: int = 6, **given: Any) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    X = table(random, rows, features)
    known = np.nan_to_num(X)
    y = known[:, 0] + known[:, 1] * known[:, 2] + (X[:, -1] % 3 == 1) + random.normal(size=rows) * 0.3
    params = {
        "objective": "binary",
        "verbosity": -1,
        "num_threads": 1,
        "num_leaves": 15,
        "learning_rate": 0.3,
        "min_data_in_leaf": 5,
        "min_data_per_group": 5,
        "seed": seed,
        **given,
    }
    label = (y > 0.5).astype(float) if params["objective"] == "binary" else y
    data = lightgbm.Dataset(X, label, categorical_feature=[features - 2, features - 1], params=params)
    return lightgbm.train(params, data, num_boost_round=trees)


def rows_for(booster: lightgbm.Booster, seed: int, rows: int = 150) -> np.ndarray:
    """Rows to explain: ordinary ones, values on the thresholds and right beside them, and edges."""
    random = np.random.default_rng(seed + 1000)
    X = table(random, rows, booster.num_feature())
    nodes = booster.trees_to_dataframe().query("decision_type == '<='")
    for name, threshold in zip(nodes["split_feature"], nodes["threshold"].astype(float), strict=True):
        column, row = int(name.removeprefix("Column_")), random.integers(rows)
        X[row, column] = random.choice([threshold, np.nextafter(threshold, np.inf), np.nextafter(threshold, -np.inf)])
    odd = random.random(X.shape) < 0.1
    X[odd] = random.choice(EDGES, odd.sum())
    return X


def explainer_of(booster: lightgbm.Booster) -> Explainer:
    return Explainer.from_text(boosting.to_text(booster))


def assert_as_lightgbm(booster: lightgbm.Booster, X: np.ndarray) -> None:
    judge = booster.predict(X, pred_contrib=True)
    raw = booster.predict(X, raw_score=True)
    for precision, tolerance in (("float64", 1e-9), ("float32", 2e-6)):
        ours = explainer_of(booster).explain(X, precision=precision)  # type: ignore[arg-type]
        assert (ours.log_odds == raw).all()
        assert ours.values == pytest.approx(judge[:, :-1], abs=tolerance)
        assert ours.base == pytest.approx(judge[0, -1], abs=1e-12)
        assert ours.base + ours.values.sum(axis=1) == pytest.approx(raw, abs=tolerance)


kinds = st.fixed_dictionaries(
    {
        "boosting": st.sampled_from(["gbdt", "dart", "rf"]),
        "num_leaves": st.integers(2, 24),
        "max_depth": st.sampled_from([-1, 2, 6]),
        "use_missing": st.booleans(),
        "zero_as_missing": st.booleans(),
        "max_cat_to_onehot": st.sampled_from([1, 4]),
        "max_bin": st.sampled_from([7, 255]),
        "min_gain_to_split": st.sampled_from([0.0, 2.0]),
        "objective": st.sampled_from(["binary", "regression"]),
    }
)


@settings(max_examples=40)
@given(kinds, st.integers(0, 10_000))
def test_random_boosters_and_rows(kind: dict[str, Any], seed: int) -> None:
    if kind["boosting"] == "rf":
        kind |= {"bagging_freq": 1, "bagging_fraction": 0.6}
    booster = grow(seed, **kind)
    assert_as_lightgbm(booster, rows_for(booster, seed))


def test_goss_and_single_leaves_and_continued_training() -> None:
    goss = grow(1, data_sample_strategy="goss", learning_rate=0.5, trees=8)
    assert_as_lightgbm(goss, rows_for(goss, 1))
    leaf = grow(2, min_data_in_leaf=1000)
    assert_as_lightgbm(leaf, table(np.random.default_rng(0), 5, 7))
    X = table(np.random.default_rng(3), 200, 7)
    y = np.nan_to_num(X[:, 0])
    both = lightgbm.train(
        {"objective": "regression", "verbosity": -1, "use_missing": False, "min_data_in_leaf": 5},
        lightgbm.Dataset(np.nan_to_num(X), y, params={"use_missing": False, "verbosity": -1}),
        4,
        init_model=grow(3, objective="regression"),
    )
    assert_as_lightgbm(both, rows_for(both, 3))


def test_the_first_trees_only() -> None:
    booster = grow(4, trees=9)
    X = rows_for(booster, 4)
    ours = Explainer.from_text(boosting.to_text(booster), num_iteration=4).explain(X, precision="float64")
    assert (ours.log_odds == booster.predict(X, raw_score=True, num_iteration=4)).all()
    judge = booster.predict(X, pred_contrib=True, num_iteration=4)
    assert ours.values == pytest.approx(judge[:, :-1], abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_exact_arithmetic_on_deep_trees(seed: int) -> None:
    booster = grow(seed, rows=150, features=7, trees=2, num_leaves=40, min_data_in_leaf=1, min_sum_hessian_in_leaf=0)
    X = rows_for(booster, seed, 12)
    ours = explainer_of(booster).explain(X, precision="float64")
    for row, values in zip(X, ours.values, strict=True):
        exact = [float(part) for part in shapley(booster, row)]
        assert [*values, ours.base] == pytest.approx(exact, abs=1e-13)


def chain(depth: int) -> tuple[lightgbm.Booster, np.ndarray]:
    """A tree of one long arm, with as many features as splits."""
    X = np.tril(np.ones((depth + 1, depth)), -1).repeat(3, axis=0)
    y = np.arange(depth + 1).repeat(3) ** 2.0
    params = {"objective": "regression", "verbosity": -1, "num_leaves": depth + 1, "min_data_in_leaf": 1}
    params |= {"min_data_in_bin": 1, "min_sum_hessian_in_leaf": 0, "feature_pre_filter": False, "num_threads": 1}
    return lightgbm.train(params, lightgbm.Dataset(X, y, params=params), 2), X


@pytest.mark.parametrize("depth", [1, 2, 9, 30, 60])
def test_parts_add_up_at_any_depth(depth: int) -> None:
    booster, X = chain(depth)
    X = np.concatenate([X, np.random.default_rng(0).integers(0, 2, (80, depth)).astype(float)])
    raw = booster.predict(X, raw_score=True)
    scale = np.abs(raw).max()
    for precision, tolerance in (("float64", 1e-12), ("float32", 1e-6)):
        ours = explainer_of(booster).explain(X, precision=precision)  # type: ignore[arg-type]
        assert (ours.log_odds == raw).all()
        assert ours.base + ours.values.sum(axis=1) == pytest.approx(raw, abs=tolerance * scale)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_order_blocks_and_threads_change_no_bit(precision: Any) -> None:
    booster = grow(5)
    X = np.tile(rows_for(booster, 5, 173), (ROWS_A_TASK // 173 + 2, 1))
    explainer = explainer_of(booster)
    whole = explainer.explain(X, precision=precision, threads=1)
    order = np.random.default_rng(0).permutation(len(X))
    for rows, at in ((X[order], order), (np.asfortranarray(X), slice(None)), (X[:67], slice(67)), (X[70:71], [70])):
        for threads in (1, 3):
            again = explainer.explain(rows, precision=precision, threads=threads)
            assert (again.values == whole.values[at]).all()
            assert (again.log_odds == whole.log_odds[at]).all()


def test_callers_at_the_same_time_do_not_disturb_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    booster = grow(6)
    X = rows_for(booster, 6, 400)
    explainer = explainer_of(booster)
    alone = explainer.explain(X).values
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: explainer.explain(X, threads=2).values, range(8)):
            assert (again == alone).all()


FORKED = """
import os, sys
from pathlib import Path
import numpy as np
from models.explain.explainer import ROWS_A_TASK, Explainer
explainer = Explainer.from_text(Path(sys.argv[1]).read_text())
X = np.random.default_rng(0).normal(size=(ROWS_A_TASK + 5, 7))
before = explainer.explain(X, threads=2).values
child = os.fork()
same = (explainer.explain(X, threads=2).values == before).all()
if not child:
    os._exit(0 if same else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), same)
"""


def test_a_forked_process_explains_as_its_parent(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text(boosting.to_text(grow(8)))
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(tmp_path / "model.txt")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["0", "True"]


@given(st.integers(1, 9), st.integers(0, 3))
def test_the_top_are_the_first_of_all(k: int, seed: int) -> None:
    booster = grow(seed, trees=2)
    X = rows_for(booster, seed)
    explainer = explainer_of(booster)
    every, top = explainer.explain(X), explainer.top(X, k)
    first = np.argsort(-np.abs(every.values), axis=1, kind="stable")[:, : min(k, 7)]
    assert (top.features == first).all()
    assert (top.values == np.take_along_axis(every.values, first, axis=1)).all()
    assert (top.log_odds == every.log_odds).all()
    assert top.base == every.base


def test_shap_is_of_the_same_opinion() -> None:
    booster = grow(7, max_depth=6)
    X = rows_for(booster, 7, 60)
    ours = explainer_of(booster).explain(X, precision="float64")
    judge = load_shap().TreeExplainer(booster)
    with pytest.warns(UserWarning, match="list of ndarray"):  # shap tells of a change of 2023 each time
        values = judge.shap_values(X)
    assert ours.values == pytest.approx(values, abs=1e-9)
    assert ours.base == pytest.approx(float(np.ravel(judge.expected_value)[-1]), abs=1e-9)


def test_what_is_not_covered_is_named() -> None:
    X, y = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 3
    params = {"verbosity": -1, "num_threads": 1}
    many = lightgbm.train({**params, "objective": "multiclass", "num_class": 3}, lightgbm.Dataset(X, y), 2)
    with pytest.raises(NotCoveredError, match=r"multi-class model \(3 outputs\)"):
        explainer_of(many)
    linear = {**params, "objective": "regression", "linear_tree": True}
    lines = lightgbm.train(linear, lightgbm.Dataset(X, X[:, 0], params=linear), 3)
    with pytest.raises(NotCoveredError, match="linear trees"):
        explainer_of(lines)
    broken = boosting.to_text(grow(0)).replace("internal_count=300", "internal_count=299")
    with pytest.raises(NotCoveredError, match="do not add up"):
        Explainer.from_text(broken)


def test_lightgbm_serves_what_is_not_covered() -> None:
    booster = grow(0)
    X = pd.DataFrame(rows_for(booster, 0), columns=boosting.feature_names(booster))
    assert attributions.explained_by(booster) == "quadrature"
    broken = boosting.from_text(boosting.to_text(booster).replace("internal_count=300", "internal_count=301"))
    assert attributions.explained_by(broken).startswith("LightGBM pred_contrib (trees whose counts")
    values, base = attributions.contributions(broken, X)
    assert (np.column_stack([values, base]) == broken.predict(X.to_numpy(), pred_contrib=True)).all()


def test_what_nobody_explains_is_refused() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    linear = {"objective": "regression", "linear_tree": True, "verbosity": -1, "num_threads": 1}
    lines = lightgbm.train(linear, lightgbm.Dataset(X.to_numpy(), X["a"], feature_name=["a", "b"], params=linear), 3)
    with pytest.raises(ModelError, match="linear trees, which it does not cover; nor does LightGBM"):
        attributions.contributions(lines, X)
    with pytest.raises(ModelError, match="features"):
        explainer_of(grow(0)).explain(X.to_numpy())


UNKEPT = """
import sys
from pathlib import Path
import numpy as np
from models.explain.explainer import Explainer
from models.explain import kernels as quadrature
text = Path(sys.argv[1]).read_text()
kept = quadrature.put_top.stats.cache_path
features, values = np.zeros(1, np.int32), np.zeros(1)
quadrature.put_top(np.array([[1.0], [-2.0]]), 0, features, values)
print(kept, features[0], values[0])
"""


def test_where_nothing_can_be_kept_it_still_compiles(tmp_path: Path) -> None:
    for room in ("models", "data"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models" / "explain" / "__pycache__").write_text("no folder can be made here")
    (tmp_path / "model.txt").write_text(boosting.to_text(grow(0, trees=1)))
    nowhere = str(tmp_path / "model.txt" / "home")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_"))}
    environment |= {"HOME": nowhere, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", UNKEPT, str(tmp_path / "model.txt")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "1", "-2.0"]


KEPT = """
import numpy as np
from models.explain import kernels
features, values = np.zeros(1, np.int32), np.zeros(1)
kernels.put_top(np.array([[1.0], [-2.0]]), 0, features, values)
print(kernels.put_top._cache._cache_file._index_path, features[0], values[0])
"""


def test_what_was_kept_of_other_code_is_compiled_again(tmp_path: Path) -> None:
    """numba's list of what it kept names the tuples of its arguments: after one is renamed it cannot be read."""
    for room in ("models", "data"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")} | {"PYTHONPATH": str(tmp_path)}

    def run() -> list[str]:
        command = [sys.executable, "-c", KEPT]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.split()

    index, *first = run()
    gone = b"cmodels.explain.layout\nGone\n."  # a pickle of a class that is not there
    Path(index).write_bytes(pickle.dumps(numba.__version__) + gone)
    assert run() == [index, *first] == [index, "1", "-2.0"]


def test_numba_waits_until_it_is_needed() -> None:
    command = "import sys, flows.cli; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
