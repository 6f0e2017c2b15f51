"""Pipelines under Prefect: named runs, a task for each stage, what was told and shown. Prefect is imported here only.

train = as_flow(pipelines.train)        a flow for deployments and for ``headroom train --prefect``
"""

import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, cast

from prefect import Flow, Task, flow, get_client, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler, APILogWorker
from prefect.runtime import flow_run
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    get_current_settings,
    temporary_settings,
)

from data.errors import SettingsError
from data.shown.urls import shown_url
from flows.run import prefect_server
from flows.run.ending import ending_in_order, told_to_end
from flows.run.log import P, R, measured
from flows.run.runner import Pipeline, Runner, Stage, runner, running
from flows.run.scheduled.on_schedule import on_schedule
from flows.run.variables import MOST_HOURS

BACK_OFF_SECONDS = (10, 60, 300)
"""How long a source or a sink is left alone before it is tried again, the first, the second, every further time."""
DRAIN_SECONDS = 10
"""How long the lines and events of a run may take to reach the server after its end."""
PASSING = frozenset(
    {"OperationalError", "InterfaceError", "IOException", "HTTPException", "Py4JNetworkError", "AgainError"}
)
"""What databases call a fault of the connection, the disk or a lock, and our own word for a CRM that does not answer
now; by name, since their libraries are heavy."""
LASTING = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What the system refuses today and in a minute."""

_TOLD = logging.getLogger("headroom.run")  # of its own, so that a line that was printed is not printed again
_TOLD.setLevel(logging.INFO)
_TOLD.propagate = False
_TOLD.addHandler(APILogHandler())


class UnderPrefect(Runner):
    """A stage is a task, a pipeline a flow. Tables and models go from hand to hand in memory: nothing is stored."""

    def run_id(self) -> str:
        return str(flow_run.id)

    def stage(self, stage: Stage[P, R]) -> Callable[P, R]:
        return cast("Callable[P, R]", as_task(stage))

    def pipeline(self, pipeline: Pipeline[P, R]) -> Callable[P, R]:
        return cast("Callable[P, R]", as_flow(pipeline))

    def tell(self, line: str) -> None:
        logger = get_run_logger()
        _TOLD.info(line, extra=logger.extra if isinstance(logger, logging.LoggerAdapter) else None)

    def name_run(self, day: date) -> None:
        context = FlowRunContext.get()
        assert context is not None, "a pipeline under Prefect has a run"
        assert context.flow is not None, "a pipeline under Prefect is a flow"
        assert context.flow_run is not None, "a pipeline under Prefect has a run"
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(context.flow_run.id, f"{context.flow.name} {day}")

    def show_table(self, key: str, rows: Iterable[Mapping[str, Any]], title: str) -> None:
        create_table_artifact([dict(row) for row in rows], key=key, description=title)

    def show_text(self, key: str, markdown: str, title: str) -> None:
        create_markdown_artifact(markdown, key=key, description=title)


def as_task(stage: Stage[P, R]) -> Task[P, R]:
    """The task of a stage."""
    return _task(stage)


@cache
def _task(stage: Stage[..., Any]) -> Any:
    return task(
        name=stage.name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=stage.retries,
        retry_delay_seconds=list(BACK_OFF_SECONDS[: stage.retries]) or None,
        retry_condition_fn=_may_pass,
    )(measured(stage.name, stage.body, lambda: runner().run_id()))


def as_flow(pipeline: Pipeline[P, R]) -> Flow[P, R]:
    """The flow of a pipeline: its parameters are those of the function."""
    return _flow(pipeline)


@cache
def _flow(pipeline: Pipeline[..., Any]) -> Any:
    @wraps(pipeline.body)
    def body(*args: Any, **kwargs: Any) -> Any:
        with running(UnderPrefect()):
            own = _deployed_run()
            return (
                pipeline.body(*args, **kwargs)
                if own is None
                else on_schedule(own, partial(pipeline.body, *args, **kwargs))
            )

    def run_name() -> str:
        day = flow_run.parameters.get("snapshot_date")
        return f"{pipeline.name} {day}" if day else pipeline.name

    return flow(
        name=pipeline.name,
        flow_run_name=run_name,
        timeout_seconds=_most_seconds(),
        validate_parameters=False,
        persist_result=False,
    )(body)


def _most_seconds() -> float | None:
    """How long a flow may run; None where the environment does not say it."""
    hours = os.environ.get(MOST_HOURS)
    try:
        return None if hours is None else float(hours) * 3600
    except ValueError:
        raise SettingsError(
            f"Read {MOST_HOURS}.", "it is no number of hours.", "Correct it in prefect.yaml, and deploy again."
        ) from None


def _deployed_run() -> FlowRun | None:
    """The run of a deployment that is begun here; None for a flow that was called, by a person or by another flow."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run if run is not None and run.deployment_id is not None else None


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Is it worth while to try again? Not where a person must put something right, or where the code is wrong."""
    error = state.data
    while isinstance(error, BaseException):
        if isinstance(error, OSError):
            return not isinstance(error, LASTING)
        if PASSING & {kind.__name__ for kind in type(error).__mro__}:
            return True
        error = error.__cause__
    return False


class _OwnServer(SubprocessASGIServer):
    """Prefect's own, in a process that ends when this one is gone and that Ctrl-C does not reach."""

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        environment = {
            **os.environ,
            "PREFECT_UI_ENABLED": "0",
            "PREFECT__SERVER_EPHEMERAL": "1",
            "PREFECT__SERVER_FINAL": "1",
            **get_current_settings().to_environment_variables(exclude_unset=True),
        }
        command = [sys.executable, "-m", prefect_server.__name__, str(self.port), str(os.getpid())]
        return subprocess.Popen(command, env=environment, cwd=Path(prefect_server.__file__).parents[2])  # noqa: S603


@contextmanager
def server(home: Path) -> Iterator[str]:
    """A Prefect server while it is needed: the one of the settings, or else one of our own that keeps runs in ``home``.

    Gives the words that say where the runs can be looked at. Our own ends with the context, also where the process is
    told to end, and shares no database with another.
    """
    url = PREFECT_API_URL.value()
    if url:
        yield f"the runs are kept by Prefect at {shown_url(url)}"
        return
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    database = f"sqlite+aiosqlite:///{home / 'prefect.db'}"
    own = _OwnServer()
    with (
        ending_in_order(),
        temporary_settings({PREFECT_HOME: home, PREFECT_SERVER_DATABASE_CONNECTION_URL: database}),
    ):
        try:
            own.start()
            with temporary_settings({PREFECT_API_URL: own.api_url}):
                try:
                    yield f"the runs can be looked at with: PREFECT_HOME={shlex.quote(str(home))} prefect server start"
                finally:
                    seconds = 1 if told_to_end() else DRAIN_SECONDS
                    APILogWorker.drain_all(timeout=seconds)
                    EventsWorker.drain_all(timeout=seconds)
        finally:
            own.stop()
