"""The plots of a model. Each function returns a Figure of its own; no window is opened and no state is shared."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from models.evaluation.backtest import Backtest
from models.report.drawing import BLUE, GREY, blank


def calibration_plot(curve: pd.DataFrame) -> Figure:
    """Forecast against outcome. ``curve``: one row per bin, from metrics.calibration_curve."""
    figure, axes = blank("What was forecast, and what came", "mean propensity", "share that expanded")
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
    hits = np.cumsum(np.asarray(y, dtype=np.float64)[order])
    taken = np.arange(len(hits) + 1) / max(1, len(hits))
    return taken, np.concatenate([[0.0], hits / hits[-1] if len(hits) and hits[-1] else hits])


def gains_plot(predictions: pd.DataFrame) -> Figure:
    """How many of the expansions stand how far up the list, a thin line per snapshot.

    ``predictions``: snapshot_date, y, log_odds.
    """
    figure, axes = blank(
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


def bench_plot(bench: pd.DataFrame, metric: str = "average_precision") -> Figure:
    """How much better the model is than each rival on the same rows, with the interval of the paired difference.

    ``bench``: one row per rival and metric: rival, metric, difference, low, high.
    """
    lines = bench[(bench.metric == metric) & bench.difference.notna()].sort_values("difference", ascending=False)
    figure, axes = blank("The model against its rivals", f"{metric.replace('_', ' ')}: model - rival", "")
    places = np.arange(len(lines))
    error = np.abs(np.vstack([lines.difference - lines.low, lines.high - lines.difference]))
    axes.errorbar(lines.difference, places, xerr=np.nan_to_num(error), fmt="o", color=BLUE, linewidth=1, capsize=2)
    axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(places, lines.rival)
    return figure


def months_plot(months: pd.DataFrame) -> Figure:
    """Expansions forecast and realised, by day. ``months``: snapshot_date, forecast, realised."""
    figure, axes = blank("Forecast and realised", "snapshot", "expansions within the horizon")
    places = np.arange(len(months))
    axes.bar(places - 0.2, months.forecast, width=0.4, color=BLUE, label="forecast")
    axes.bar(places + 0.2, months.realised, width=0.4, color=GREY, label="realised")
    axes.set_xticks(places, [f"{day:%b %Y}" for day in months.snapshot_date], rotation=30)
    axes.legend(frameon=False)
    return figure


def deciles_plot(deciles: pd.DataFrame) -> Figure:
    """Share that expanded in each tenth of the list. ``deciles``: decile, observed_rate, mean_propensity."""
    figure, axes = blank("Tenths of the list, best first", "decile", "share that expanded")
    axes.bar(deciles.decile, deciles.observed_rate, color=GREY, label="came")
    axes.plot(deciles.decile, deciles.mean_propensity, color=BLUE, marker="o", label="forecast")
    axes.legend(frameon=False)
    return figure


def evaluation_plots(backtest: Backtest) -> dict[str, Figure]:
    """File stem to plot."""
    return {
        "calibration": calibration_plot(backtest.calibration),
        "gains": gains_plot(backtest.rows),
        "bench": bench_plot(backtest.bench),
        "months": months_plot(backtest.months),
        "deciles": deciles_plot(backtest.deciles),
    }
