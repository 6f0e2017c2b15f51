"""What a run came to, in lines: the same in the terminal and with the run in Prefect."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.evaluation.metrics import TERMINAL, told_at


def of_training(result: Mapping[str, Any]) -> Iterator[str]:
    """The version, the decision about it, the figures that a reader asks for, and the pages."""
    figures = result["metrics"]
    yield f"model {result['model']} version {result['version']} (run {result['run_id']})"
    yield f"decision: {result['decision']}"
    yield f"  {result['statement']}"
    yield from (f"  {name:<22} {figures[name]:.3f}" for name in told_at(TERMINAL) if name in figures)
    yield from (f"  propensity_{motion} is withheld: {reason}" for motion, reason in result["withheld"].items())
    yield from (f"page: {page}" for page in result["pages"])


def of_backtest(result: Mapping[str, Any]) -> Iterator[str]:
    """Every figure of the whole base with its interval, the verdict, and the page."""
    figures = result["figures"]
    for line in figures[figures.scope == "all"].itertuples():
        yield f"  {line.metric:<28} {line.value:.3f}   95%: {line.low:.3f} to {line.high:.3f}"
    yield f"verdict: {result['verdict'].kind}"
    yield from (f"  {reason}" for reason in result["verdict"].because)
    yield f"page: {result['page']}"
