"""Explaining, side by side in one run: CPU time of the quadrature, LightGBM's contributions and its prediction.

    python -m tests.bench.explain [--rows 10000] [--judged 300] [--columns 120] [--models 300x31 depth6 600x63]

Prints a table: microseconds of CPU a row at equal threads. ``pred_contrib`` is measured on ``--judged`` rows, all
others on ``--rows``. woodelf is there if it is installed.
"""

import argparse
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import lightgbm
import numpy as np

from models.treeshap import Explainer

MODELS: dict[str, dict[str, Any]] = {
    "300x31": {"num_leaves": 31, "rounds": 300},
    "depth6": {"num_leaves": 64, "max_depth": 6, "rounds": 300},
    "600x63": {"num_leaves": 63, "rounds": 600},
}
THREADS = (1, 2)
REPEATS = 3
"""The best of so many: what else runs on the machine only adds."""
TRAIN_ROWS = 20_000


def rows(count: int, columns: int, seed: int) -> np.ndarray:
    """Whole and real numbers, one in twenty missing."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(count, columns))
    X[:, : columns // 3] = np.round(X[:, : columns // 3] * 3)
    X[random.random(X.shape) < 0.05] = np.nan
    return X


def grow(name: str, columns: int) -> lightgbm.Booster:
    settings = dict(MODELS[name])
    rounds = settings.pop("rounds")
    X = rows(TRAIN_ROWS, columns, seed=0)
    known = np.nan_to_num(X)
    half = columns // 2
    signal = 0.3 * known[:, 0] + known[:, half] * known[:, half + 1] + 0.3 * known[:, 2 * columns // 3 :].sum(axis=1)
    y = signal + np.random.default_rng(1).normal(size=TRAIN_ROWS) > 0
    params = {"objective": "binary", "verbosity": -1, "num_threads": 2, "learning_rate": 0.05, "feature_fraction": 0.6}
    return lightgbm.train(params | settings, lightgbm.Dataset(X, y.astype(float)), rounds)


def cpu_a_row(work: Callable[[], object], count: int) -> float:
    """Microseconds of CPU a row, all threads added up; the best of some tries, after one that warms up."""
    work()
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / count * 1e6


def peers(booster: lightgbm.Booster, X: np.ndarray, judged: int, threads: int) -> Iterator[tuple[str, float]]:
    """Name and microseconds a row: the plain prediction first, then LightGBM's contributions, then the others."""
    explainer = Explainer.from_text(booster.model_to_string())
    few = X[:judged]
    yield "predict", cpu_a_row(lambda: booster.predict(X, raw_score=True, num_threads=threads), len(X))
    yield "pred_contrib", cpu_a_row(lambda: booster.predict(few, pred_contrib=True, num_threads=threads), len(few))
    for precision in ("float32", "float64"):
        given: dict[str, Any] = {"precision": precision, "threads": threads}
        yield f"quadrature, {precision}", cpu_a_row(lambda g=given: explainer.explain(X, **g), len(X))  # type: ignore[misc]
    yield "quadrature, float32, top 5", cpu_a_row(lambda: explainer.top(X, 5, threads=threads), len(X))
    if threads == 1 and importlib.util.find_spec("woodelf"):
        import pandas as pd
        from woodelf import WoodelfExplainer  # one thread, and only where it is installed

        frame = pd.DataFrame(X, columns=booster.feature_name())
        yield "woodelf", cpu_a_row(lambda: WoodelfExplainer(booster).shap_values(frame), len(X))


def one_row(booster: lightgbm.Booster, X: np.ndarray) -> float:
    """Milliseconds on the clock to explain a single row with a warm explainer."""
    explainer = Explainer.from_text(booster.model_to_string())
    times = []
    for row in range(20):
        start = time.perf_counter()
        explainer.explain(X[row : row + 1])
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def table(names: list[str], count: int, judged: int, columns: int) -> list[str]:
    """The lines of a Markdown table."""
    lines = [
        "| model | threads | work | µs CPU a row | faster than pred_contrib | to predict |",
        "|---|---|---|---|---|---|",
    ]
    X = rows(count, columns, seed=2)
    for name in names:
        booster = grow(name, columns)
        for threads in THREADS:
            figures = dict(peers(booster, X, judged, threads))
            plain, contrib = figures["predict"], figures["pred_contrib"]
            lines += [
                f"| {name} | {threads} | {work} | {cost:,.1f} | {contrib / cost:.0f} | {cost / plain:.2f} |"
                for work, cost in figures.items()
            ]
        lines.append(f"| {name} | 1 | quadrature, float32, one row, ms on the clock | {one_row(booster, X):.1f} | | |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--judged", type=int, default=300)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    asked = parser.parse_args()
    print("\n".join(table(asked.models, asked.rows, asked.judged, asked.columns)))
    print(f"\n{os.cpu_count()} cores; rows: {asked.rows:,}, of pred_contrib {asked.judged:,}; columns: {asked.columns}")


if __name__ == "__main__":
    main()
