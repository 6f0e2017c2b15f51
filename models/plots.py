"""The plots of a model. Each function returns a Figure of its own; no window is opened and no state is shared."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from models.baselines import BASE_RATE, BEST_RULE

BLUE, GREY = "#1f5fa8", "#8a8a8a"


def _figure(title: str, x_label: str, y_label: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def calibration_plot(curve: pd.DataFrame) -> Figure:
    """Forecast against outcome. ``curve``: one row per bin, from metrics.calibration_curve."""
    figure, axes = _figure("What was forecast, and what came", "mean propensity", "share that expanded")
    largest = max(0.01, float(np.max(curve[["mean_propensity", "observed_rate"]].to_numpy(), initial=0.0))) * 1.05
    axes.plot([0, largest], [0, largest], color=GREY, linewidth=1, linestyle="--")
    rate = curve.observed_rate
    error = np.sqrt(rate * (1 - rate) / curve.rows)
    axes.errorbar(curve.mean_propensity, rate, yerr=error, color=BLUE, marker="o", linewidth=1, capsize=2)
    axes.set(xlim=(0, largest), ylim=(0, None))
    return figure


def gains(y: np.ndarray, ranked_by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of accounts taken from the top, and share of the expansions among them; in a tie negatives come first."""
    order = np.lexsort((np.asarray(y), -np.asarray(ranked_by, dtype=np.float64)))
    found = np.cumsum(np.asarray(y, dtype=np.float64)[order])
    taken = np.arange(len(found) + 1) / max(1, len(found))
    return taken, np.concatenate([[0.0], found / found[-1] if len(found) and found[-1] else found])


def gains_plot(predictions: pd.DataFrame) -> Figure:
    """How many of the expansions stand how far up the list, a thin line per snapshot.

    ``predictions``: snapshot_date, y, log_odds.
    """
    figure, axes = _figure(
        "Expansions found from the top of the list", "share of the accounts", "share of the expansions"
    )
    grid = np.linspace(0, 1, 101)
    lines = []
    for _, part in predictions.groupby("snapshot_date"):
        if part.y.any():
            lines.append(np.interp(grid, *gains(part.y.to_numpy(), part.log_odds.to_numpy())))
            axes.plot(grid, lines[-1], color=BLUE, linewidth=0.6, alpha=0.4)
    if lines:
        axes.plot(grid, np.mean(lines, axis=0), color=BLUE, linewidth=2, label="model, mean of the past snapshots")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="random order")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(frameon=False, loc="lower right")
    return figure


def bench_plot(bench: pd.DataFrame) -> Figure:
    """The model and the simple rules on the same rows: lift at 10% per past snapshot, ties worst case."""
    figure, axes = _figure("The first 10% of the list, by past snapshot", "snapshot", "lift over the base rate")
    for rule, part in bench[bench.rule != BASE_RATE].groupby("rule", sort=False):
        strong = rule == "model"
        axes.plot(
            part.snapshot_date,
            part.lift_at_10pct,
            marker="o" if strong else None,
            color=BLUE if strong else None,
            linewidth=2.2 if strong else 1,
            linestyle="-" if strong or rule == BEST_RULE else ":",
            label=rule,
        )
    axes.axhline(1, color=GREY, linewidth=1, linestyle="--")
    axes.set_ylim(0, None)
    axes.tick_params("x", rotation=30)
    figure.legend(frameon=False, fontsize=8, ncols=3, loc="outside lower center")
    return figure
