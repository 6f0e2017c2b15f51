"""How the flows make a task of a plain function."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")


def in_memory(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task whose tables and models go from hand to hand in memory: nothing to cache, nothing to store."""

    def made(function: Callable[P, R]) -> Task[P, R]:
        return task(name=name, cache_policy=NO_CACHE)(function)

    return made
