"""Stages and pipelines, and what runs them: this process by itself, or Prefect (``flows.run.under_prefect``).

A pipeline is written once. Called plainly, it and its stages are the functions that they decorate. Called through the
flow that is made of it, each stage is a task of Prefect and each pipeline that it calls a flow, and what is told and
shown is kept with the run. Nothing here imports Prefect, so a command that does not ask for it does not wait for it.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic

from flows.run.log import P, R, measured

RETRIES = 3
"""How often a stage is tried again that reads a source or writes to a sink."""

_OF_THIS_PROCESS = secrets.token_hex(8)


@dataclass(frozen=True)
class Stage(Generic[P, R]):
    """A step of a pipeline.

    ``retries``: how often it is tried again where a source or a sink fails for the moment; 0 where it touches neither,
    since the same memory gives the same error.
    """

    name: str
    body: Callable[P, R]
    retries: int = 0

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return runner().stage(self)(*args, **kwargs)


@dataclass(frozen=True)
class Pipeline(Generic[P, R]):
    """What a flow does, from settings to a result."""

    name: str
    body: Callable[P, R]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return runner().pipeline(self)(*args, **kwargs)


class Runner:
    """In this process: a stage is its function, and what is shown was printed or stands in a file already."""

    def run_id(self) -> str:
        """By which the lines of a run are known."""
        return _OF_THIS_PROCESS

    def stage(self, stage: Stage[P, R]) -> Callable[P, R]:
        return measured(stage.name, stage.body, self.run_id)

    def pipeline(self, pipeline: Pipeline[P, R]) -> Callable[P, R]:
        return pipeline.body

    def tell(self, line: str) -> None:
        """Keep a line of progress."""

    def name_run(self, day: date) -> None:
        """Name the run after its snapshot date, which may not be known when it begins."""

    def show_table(self, key: str, rows: Iterable[Mapping[str, Any]], title: str) -> None:
        """Show a table with the run. ``key``: lower-case letters and dashes, the same in every run."""

    def show_text(self, key: str, markdown: str, title: str) -> None:
        """Show a text with the run."""


_RUNNER: ContextVar[Runner] = ContextVar("runner", default=Runner())  # noqa: B039  it has no state


def runner() -> Runner:
    """What runs the stages here."""
    return _RUNNER.get()


@contextmanager
def running(by: Runner) -> Iterator[None]:
    """Let ``by`` run the stages that are called within."""
    token = _RUNNER.set(by)
    try:
        yield
    finally:
        _RUNNER.reset(token)


def stage(name: str, *, retries: int = 0) -> Callable[[Callable[P, R]], Stage[P, R]]:
    """Make a stage of a function."""
    return lambda body: Stage(name, body, retries)


def each(name: str, items: Iterator[R]) -> Iterator[R]:
    """Items that are made one after the other, the making of each a stage. None is not an item."""
    following: Stage[[], R | None] = Stage(name, lambda: next(items, None))
    while (item := following()) is not None:
        yield item


def pipeline(name: str) -> Callable[[Callable[P, R]], Pipeline[P, R]]:
    """Make a pipeline of a function."""
    return lambda body: Pipeline(name, body)
