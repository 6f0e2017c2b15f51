"""The part of docs/bench.md about explaining: which pieces are measured, and what is said of them."""

from collections.abc import Iterator
from typing import Any

from tests.bench.explain import COLUMNS, MODELS, MOST_SECONDS, TOP

LIBRARIES = ("lightgbm", "shap", "woodelf-explainer", "numba", "numpy", "pyarrow")
OURS = {
    "predict": "LightGBM, prediction only",
    "quadrature_float32": "Headroom, all features, float32",
    "quadrature_top": f"Headroom, top {TOP}, float32",
    "quadrature_float64": "Headroom, all features, float64",
}
PEERS = {
    "pred_contrib": "LightGBM, pred_contrib",
    "shap": "shap, TreeExplainer",
    "woodelf": "woodelf, WoodelfExplainer",
}
WORDS = OURS | PEERS
TURNS = ((10_000, 1), (100_000, 2))
"""Rows asked for, and threads."""
MANY = (1_000_000, 2)
"""Also, of the first model: the cost a row does not depend on how many there are."""
PEER_TURNS = {"pred_contrib": ((10_000, 1), (10_000, 2)), "shap": ((10_000, 1),), "woodelf": ((10_000, 1),)}
"""shap asks pred_contrib, and woodelf has no threads."""
TIMES, TIMES_FLOAT64, TO_PREDICT = 80, 55, 1.3
PARQUET_SECONDS, STRETCH_SECONDS, PARQUET_MB = 20, 12, 1_000
ONE_ROW_MS, COMPILE_SECONDS = 5, 10


def pieces() -> Iterator[tuple[str, str, int, int]]:
    """Model, work, rows and threads of each piece; what is compared is measured one right after the other."""
    for at, model in enumerate(MODELS):
        for name, turns in PEER_TURNS.items():
            yield from ((model, name, rows, threads) for rows, threads in turns)
        for rows, threads in (*TURNS, MANY)[: len(TURNS) + (at == 0)]:
            yield from ((model, name, rows, threads) for name in OURS)


def key(model: str, name: str, rows: int, threads: int) -> str:
    """The name of a piece among the figures."""
    return f"{model}, {name}, {rows} rows, {threads} threads"


def section(run: dict[str, Any]) -> list[str]:
    """The lines of the part."""
    figures = run["figures"]
    return [
        "",
        "## What does an explanation cost?",
        "",
        f"Measured {run['date']}, {run['machine']}.",
        "",
        _vectors(figures["vectors"]),
        "",
        f"The SHAP values of every row of {COLUMNS} columns, in log-odds, or the {TOP} strongest of them. The models",
        "are LightGBM's: 300 trees of 31 leaves, 300 of depth 6, 600 of 63 leaves. CPU is user and system time of all",
        "threads; *peak* is of the whole process, with its rows and what comes out. What would take more than about",
        f"{MOST_SECONDS} CPU seconds is measured on fewer rows: *rows* are those measured. Pieces that are compared",
        "run one right after the other, each the best of a few tries. woodelf has no threads.",
        "",
        "| model | threads | rows | work | µs CPU a row | peak MB | times faster than pred_contrib | to predict |",
        "|---|---|---|---|---|---|---|---|",
        *_rows(figures),
        "",
        "Goals, over all models, rows and threads: " + "; ".join(_verdicts(figures)) + ".",
        *_parquet(figures),
        *_starts(figures),
    ]


def _vectors(report: dict[str, Any]) -> str:
    """What the explainer was compiled for."""
    tuned = "" if report["tuned_as"] == report["processor"] else f", tuned as for {report['tuned_as']}"
    return (
        f"The explainer is compiled for {report['processor']}{tuned}, with {', '.join(report['features'])}: vectors of"
        f" {report['bits']} bits."
    )


def _cost(report: dict[str, Any]) -> float:
    """Microseconds of CPU a row."""
    return float(report["work"] / report["rows"] * 1e6)


def _compared(figures: dict[str, Any]) -> Iterator[tuple[str, str, int, dict[str, Any], float, float | None]]:
    """Model, work, threads, report, times faster than pred_contrib, and share of predict on as many rows if any."""
    for model, name, rows, threads in pieces():
        report = figures[key(model, name, rows, threads)]
        contrib = _cost(figures[key(model, "pred_contrib", PEER_TURNS["pred_contrib"][0][0], threads)])
        plain = figures.get(key(model, "predict", rows, threads))
        share = None if plain is None or plain["rows"] != report["rows"] else _cost(report) / _cost(plain)
        yield model, name, threads, report, contrib / _cost(report), share


def _rows(figures: dict[str, Any]) -> Iterator[str]:
    for model, name, threads, report, times, share in _compared(figures):
        shown = "" if share is None else f"{share:.2f}"
        faster = f"{times:.0f}" if times >= 10 else f"{times:.1f}"
        yield (
            f"| {model} | {threads} | {report['rows']:,} | {WORDS[name]} | {_cost(report):,.1f} | "
            f"{report['peak_mb']:,.0f} | {faster} | {shown} |"
        )


def _verdicts(figures: dict[str, Any]) -> Iterator[str]:
    every = list(_compared(figures))
    for name, least in (("quadrature_float32", TIMES), ("quadrature_float64", TIMES_FLOAT64)):
        times = [found for _, its, _, _, found, _ in every if its == name]
        wanted = f"at least {least} times faster than pred_contrib in {name.removeprefix('quadrature_')}"
        yield f"{wanted}: {_met(min(times) >= least)} ({min(times):.0f} to {max(times):.0f})"
    for model in MODELS:
        shares = [
            share for its, name, _, _, _, share in every if its == model and name == "quadrature_float32" and share
        ]
        wanted = f"at most {TO_PREDICT} of the plain prediction, {model} in float32"
        yield f"{wanted}: {_met(max(shares) <= TO_PREDICT)} ({min(shares):.2f} to {max(shares):.2f})"


def _parquet(figures: dict[str, Any]) -> list[str]:
    usual = figures["parquet:float32"]
    seconds, peak = usual["clock"], usual["peak_mb"]
    lines = [
        "",
        f"A Parquet file of {usual['rows']:,} feature rows (one row group) to a Parquet file of scores and the {TOP}"
        " strongest features of each, on two threads, as `headroom explain` does it, with the model 300x31:",
        "",
        "| precision | seconds on the clock | CPU seconds | peak MB |",
        "|---|---|---|---|",
    ]
    for precision in ("float32", "float64"):
        report = figures[f"parquet:{precision}"]
        lines.append(f"| {precision} | {report['clock']:.1f} | {report['work']:.1f} | {report['peak_mb']:,.0f} |")
    verdict = (
        f"Goals: at most {PARQUET_SECONDS} seconds in float32: {_met(seconds <= PARQUET_SECONDS)}; stretch,"
        f" {STRETCH_SECONDS}: {_met(seconds <= STRETCH_SECONDS)}; peak under 1 GB: {_met(peak < PARQUET_MB)}."
        " Seconds on the clock count what else ran on the machine; with two cores to itself it takes at least half of"
        " its CPU seconds."
    )
    return [*lines, "", verdict]


def _starts(figures: dict[str, Any]) -> list[str]:
    one = figures["one_row"]["work"] * 1e3
    first = {precision: figures[f"first:{precision}"]["work"] for precision in ("float32", "float64")}
    again = max(figures[f"again:{precision}"]["work"] for precision in first)
    return [
        "",
        f"A single account takes {one:.1f} ms on the clock with a warm explainer: goal, under {ONE_ROW_MS},"
        f" {_met(one < ONE_ROW_MS)}. Compiling, once for a machine, takes {first['float64']:.1f} CPU seconds for"
        " float64, which is all that training and `headroom score` use, and"
        f" {first['float32']:.1f} for float32, which `headroom explain` uses: goal, under {COMPILE_SECONDS} each,"
        f" {_met(max(first.values()) < COMPILE_SECONDS)}; both together take {sum(first.values()):.1f}:"
        f" {_met(sum(first.values()) < COMPILE_SECONDS)}. A process that finds them compiled needs {again:.1f}.",
    ]


def _met(is_met: bool) -> str:
    return "met" if is_met else "not met"
