"""The plots of the company's figures: bridge, cohort triangle, time to expansion, NRR by segment over time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from data.contract.vocabulary import E4, MOVEMENT_CLASSES
from data.figures.accounts.calendar import YEAR_MONTHS
from data.figures.accounts.slices import of_slice
from data.figures.headline import NOT_KNOWN
from models.report.drawing import BLUE, GREY, blank

GAINED, LOST = "#2f7d4f", "#b0472c"
MOST_LINES = 6
"""Segments in one plot: the largest; the tables have all."""
COLOURS = (BLUE, "#c77700", GAINED, "#7d4fa0", "#a05050", "#4f8a8b")


def plots_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, Figure]:
    """File stem to plot, of the tables of the figures."""
    segments = _largest_segments(tables["bridge"])
    return {
        "bridge": bridge_plot(tables["bridge"]),
        "cohorts": cohort_plot(tables["cohorts"]),
        "time_to_expansion": time_plot(tables["time_to_expansion"], segments),
        "nrr_by_segment": nrr_plot(tables["retention"], segments),
    }


def bridge_plot(bridge: pd.DataFrame) -> Figure:
    """The MRR of the last year of the whole company, from its beginning to its end. ``bridge``: the table."""
    year = of_slice(bridge).tail(YEAR_MONTHS)
    start, end = year["mrr_start_e4"].iloc[0] / E4, year["mrr_end_e4"].iloc[-1] / E4
    steps = [(name, year[f"{name}_e4"].sum() / E4) for name in MOVEMENT_CLASSES]
    steps = [(name, step) for name, step in steps if step]
    figure, axes = blank(f"MRR, {year['month'].iloc[0]:%b %Y} to {year['month'].iloc[-1]:%b %Y}", "", "MRR")
    before = start + np.cumsum([0, *(step for _, step in steps)])
    axes.bar(0, start, color=GREY)
    for place, ((_, step), bottom) in enumerate(zip(steps, before, strict=False), 1):
        axes.bar(place, step, bottom=bottom, color=GAINED if step > 0 else LOST)
    axes.bar(len(steps) + 1, end, color=GREY)
    axes.set_xticks(range(len(steps) + 2), ["start", *(name.replace("_", " ") for name, _ in steps), "end"])
    axes.tick_params(axis="x", rotation=45)
    axes.set_ylim(min(0, float(before.min())), 1.05 * max(end, float(before.max())))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return figure


def cohort_plot(cohorts: pd.DataFrame) -> Figure:
    """What the accounts of each quarter pay, of what they paid when they landed. ``cohorts``: the table."""
    triangle = cohorts.pivot_table(index="acquisition_quarter", columns="quarter", values="of_landed", dropna=False)
    figure, axes = blank("Land and expand: MRR of what was landed", "quarters since the first", "came in")
    if triangle.empty:
        return figure  # no quarter is over yet
    shown = axes.imshow(triangle.to_numpy("float64"), cmap="RdYlGn", vmin=0, vmax=2, aspect="auto")
    axes.set_yticks(range(len(triangle)), [f"{day.year} Q{day.quarter}" for day in triangle.index])
    figure.colorbar(shown, ax=axes, format="{x:.0%}")
    return figure


def time_plot(curves: pd.DataFrame, segments: list[str | None]) -> Figure:
    """Share that expanded by day, for the whole and by segment. ``curves``: the table ``time_to_expansion``."""
    figure, axes = blank("Until the first expansion", "days since they came", "share that expanded")
    whole = of_slice(curves)
    axes.step(whole["day"], whole["expanded_share"], where="post", color=GREY, linewidth=2, label="all")
    axes.step(whole["day"], whole["km"], where="post", color=GREY, linestyle="--", label="all, if nobody left")
    if whole["km"].notna().any():
        axes.fill_between(whole["day"], whole["km_low"], whole["km_high"], step="post", color=GREY, alpha=0.2)
    for segment, colour in zip(segments, COLOURS, strict=False):
        line = of_slice(curves, "segment", segment)
        axes.step(line["day"], line["expanded_share"], where="post", color=colour, label=segment or NOT_KNOWN)
    axes.set(ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def nrr_plot(retention: pd.DataFrame, segments: list[str | None]) -> Figure:
    """NRR of the trailing year by month, for the whole and by segment. ``retention``: the table."""
    year = retention[retention["months"] == YEAR_MONTHS]
    figure, axes = blank("NRR of the trailing year", "", "NRR")
    whole = of_slice(year)
    axes.plot(whole["month"], whole["nrr"], color=GREY, linewidth=2, label="all")
    axes.plot(whole["month"], whole["nrr_motions"], color=GREY, linestyle="--", label="all, price apart")
    for segment, colour in zip(segments, COLOURS, strict=False):
        line = of_slice(year, "segment", segment)
        axes.plot(line["month"], line["nrr"], color=colour, label=segment or NOT_KNOWN)
    axes.axhline(1, color=GREY, linewidth=1, linestyle=":")
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(frameon=False)
    return figure


def _largest_segments(bridge: pd.DataFrame) -> list[str | None]:
    """The segments with the most MRR at the end, largest first; None is "not known"."""
    last = bridge[(bridge["dimension"] == "segment") & (bridge["month"] == bridge["month"].max())]
    largest = last.sort_values("mrr_end_e4", ascending=False, kind="stable").head(MOST_LINES)
    return [None if pd.isna(name) else str(name) for name in largest["slice"]]
