"""Explaining: one piece of work in a process of its own.

    python -m tests.bench.explain prepare FOLDER
    python -m tests.bench.explain WORK FOLDER MODEL ROWS THREADS

``prepare`` writes the models and the rows of all pieces into the folder. The last line of the output is JSON: CPU
seconds of the ``work``, the best of some tries after one that warms up, and the ``rows`` it was measured on. Those are
fewer than asked for where all would take more than ``MOST_SECONDS``.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

MODELS: dict[str, dict[str, Any]] = {
    "300x31": {"num_leaves": 31, "rounds": 300},
    "depth6": {"num_leaves": 64, "max_depth": 6, "rounds": 300},
    "600x63": {"num_leaves": 63, "rounds": 600},
}
COLUMNS, MOST_ROWS, TRAIN_ROWS = 120, 1_000_000, 20_000
TOP = 5
REPEATS, REPEAT_SECONDS = 5, 3
"""Tries of one piece, and the CPU seconds after which no other is begun: what else runs on the machine only adds."""
MOST_SECONDS = 35
WARM_ROWS, FEW_ROWS = 256, 1_000

VECTORS = {"zmm": 512, "ymm": 256, "xmm": 128}
"""Bits of the registers of x86, the widest first."""

Explain = Callable[[np.ndarray], object]


def made_rows(count: int, seed: int) -> np.ndarray:
    """Whole and real numbers, one in twenty missing."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(count, COLUMNS))
    X[:, : COLUMNS // 3] = np.round(X[:, : COLUMNS // 3] * 3)
    X[random.random(X.shape) < 0.05] = np.nan
    return X


def grow(name: str, train_rows: int = TRAIN_ROWS) -> lightgbm.Booster:
    settings = dict(MODELS[name])
    rounds = settings.pop("rounds")
    X = made_rows(train_rows, seed=0)
    known = np.nan_to_num(X)
    half = COLUMNS // 2
    signal = 0.3 * known[:, 0] + known[:, half] * known[:, half + 1] + 0.3 * known[:, 2 * COLUMNS // 3 :].sum(axis=1)
    y = signal + np.random.default_rng(1).normal(size=train_rows) > 0
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "learning_rate": 0.05, "feature_fraction": 0.6}
    return lightgbm.train(params | settings, lightgbm.Dataset(X, y.astype(float)), rounds)


def prepare(folder: Path) -> None:
    """The models as text, the rows as an array, and the same rows as a Parquet file of one row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        grow(name).save_model(folder / f"{name}.txt")
    X = made_rows(MOST_ROWS, seed=2)
    np.save(folder / "rows.npy", X)
    columns = {
        "account_id": [f"a{row:07}" for row in range(MOST_ROWS)],
        "snapshot_date": np.full(MOST_ROWS, np.datetime64("2026-10-01", "us")),
        **{f"Column_{column}": X[:, column] for column in range(COLUMNS)},
    }
    pq.write_table(pa.table(columns), folder / "rows.parquet")


def _predict(booster: lightgbm.Booster, threads: int) -> Explain:
    return lambda X: booster.predict(X, raw_score=True, num_threads=threads)


def _pred_contrib(booster: lightgbm.Booster, threads: int) -> Explain:
    return lambda X: booster.predict(X, pred_contrib=True, num_threads=threads)


def _shap(booster: lightgbm.Booster, threads: int) -> Explain:
    from models.report.shap_plot import load_shap

    booster.params["num_threads"] = threads  # shap asks the booster itself, and does not know of threads
    explainer = load_shap().TreeExplainer(booster)

    def values(X: np.ndarray) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells of a change of 2023 each time
            return explainer.shap_values(X)

    return values


def _woodelf(booster: lightgbm.Booster, _: int) -> Explain:
    """As its page says: built once, path-dependent without a background; a data frame in, one thread."""
    import pandas as pd
    from woodelf import WoodelfExplainer

    explainer = WoodelfExplainer(booster)
    return lambda X: explainer.shap_values(pd.DataFrame(X, columns=booster.feature_name()), verbose=False)


def _quadrature(precision: Any) -> Callable[[lightgbm.Booster, int], Explain]:
    def prepared(booster: lightgbm.Booster, threads: int) -> Explain:
        from models.explain.explainer import Explainer

        explainer = Explainer.from_text(booster.model_to_string())
        return lambda X: explainer.explain(X, precision=precision, threads=threads)

    return prepared


def _top(booster: lightgbm.Booster, threads: int) -> Explain:
    from models.explain.explainer import Explainer

    explainer = Explainer.from_text(booster.model_to_string())
    return lambda X: explainer.top(X, TOP, threads=threads)


WORK: dict[str, Callable[[lightgbm.Booster, int], Explain]] = {
    "predict": _predict,
    "quadrature_float32": _quadrature("float32"),
    "quadrature_top": _top,
    "quadrature_float64": _quadrature("float64"),
    "pred_contrib": _pred_contrib,
    "shap": _shap,
    "woodelf": _woodelf,
}


def _in_bulk(explain: Explain, X: np.ndarray) -> dict[str, float]:
    """The best of some tries on all rows, or on fewer if they would take too long."""

    def seconds(count: int) -> float:
        start = time.process_time()
        explain(X[:count])
        return time.process_time() - start

    explain(X[:WARM_ROWS])
    before, count = min(WARM_ROWS, len(X)), min(FEW_ROWS, len(X))
    taken_before, taken = seconds(before), [seconds(count)]
    while count < len(X):
        # What a call costs whatever the rows says nothing about more of them.
        a_row = max(0.0, taken[0] - taken_before) / (count - before)
        if taken[0] + a_row * 9 * count > MOST_SECONDS:
            break
        before, taken_before, count = count, taken[0], 10 * count
        taken = [seconds(count)]
    while len(taken) < REPEATS and sum(taken) < REPEAT_SECONDS:
        taken.append(seconds(count))
    return {"work": min(taken), "rows": count}


def _one_row(booster: lightgbm.Booster, X: np.ndarray) -> dict[str, float]:
    """Seconds on the clock to explain a single row with a warm explainer: the median of many."""
    explain = _quadrature("float32")(booster, 1)
    explain(X[:1])
    took = []
    for row in range(200):
        start = time.perf_counter()
        explain(X[row : row + 1])
        took.append(time.perf_counter() - start)
    return {"work": float(np.median(took)), "rows": 1}


def _first(precision: Any, booster: lightgbm.Booster, X: np.ndarray) -> dict[str, float]:
    """CPU seconds of the first row that a process explains: compiling, or reading what was compiled."""
    import numba  # noqa: F401  (its import is not what is measured)

    explain = _quadrature(precision)(booster, 1)
    start = time.process_time()
    explain(X[:1])
    return {"work": time.process_time() - start, "rows": 1}


def _vectors(booster: lightgbm.Booster) -> dict[str, Any]:
    """What the explainer was compiled for, and the widest vectors in it: to be asked where nothing is kept on disk."""
    from numba.core import registry

    from models.explain import kernels

    _quadrature("float32")(booster, 1)(np.zeros((1, COLUMNS)))
    usual = registry.cpu_target.target_context.codegen().magic_tuple()
    compiled = kernels.explain_blocks
    instructions = "".join(compiled.inspect_asm().values())
    bits = next((bits for register, bits in VECTORS.items() if register in instructions), 0)
    return {
        "work": time.process_time(),
        "processor": usual[1],
        "tuned_as": compiled.targetdescr.target_context.codegen().magic_tuple()[1],
        "features": sorted(name[1:] for name in usual[2].split(",") if name.startswith(("+avx", "+fma", "+neon"))),
        "bits": bits,
    }


def _parquet(booster: lightgbm.Booster, folder: Path, precision: Any) -> dict[str, float]:
    """CPU seconds, and seconds on the clock, from a Parquet file of feature rows to one of scores and top reasons."""
    from models.estimators.bundle import Bundle, Propensity
    from models.estimators.calibration import IDENTITY
    from models.scoring.explain_file import explain_file

    names = tuple(booster.feature_name())
    bundle = Bundle(names, Propensity(booster, IDENTITY), {}, {}, all_motions_modelled=False, amounts=None)
    _quadrature(precision)(booster, 1)(np.zeros((1, COLUMNS)))
    clock, start = time.perf_counter(), time.process_time()
    rows = explain_file(bundle, folder / "rows.parquet", folder / "explained.parquet", TOP, precision=precision)
    return {"work": time.process_time() - start, "clock": time.perf_counter() - clock, "rows": rows}


def main(name: str, folder: Path, model: str, rows: int, threads: int) -> dict[str, Any]:
    booster = lightgbm.Booster(model_file=folder / f"{model}.txt")
    kind, _, precision = name.partition(":")
    if kind == "parquet":
        return _parquet(booster, folder, precision)
    if kind == "vectors":
        return _vectors(booster)
    X = np.array(np.load(folder / "rows.npy", mmap_mode="r")[:rows])
    if kind == "first":
        return _first(precision, booster, X)
    if kind == "one_row":
        return _one_row(booster, X)
    return _in_bulk(WORK[name](booster, threads), X)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
        print(json.dumps({"work": time.process_time(), "cores": os.cpu_count()}))
    else:
        print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))))
