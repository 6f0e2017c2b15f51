"""What Prefect's API says of runs: for tests, which compare it with what a person saw in the terminal."""

import json
import time
from typing import Any

from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.logging.handlers import APILogWorker

WAIT_SECONDS = 60


def flow_runs(name: str) -> list[FlowRun]:
    """The runs of that name. Asked for by it: of all runs Prefect gives 200, in the order of their random ids."""
    asked = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=asked)


def tasks_of(run: FlowRun, count: int) -> list[str]:
    """The names of its tasks, in alphabetical order. The server hears of them a moment later: waits for ``count``."""
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    until = time.monotonic() + WAIT_SECONDS
    while True:
        with get_client(sync_client=True) as client:
            names = [task.name for task in client.read_task_runs(flow_run_filter=of_run)]
        if len(names) >= count or time.monotonic() > until:
            return sorted(name.rsplit("-", 1)[0] for name in names)
        time.sleep(0.2)


def lines_of(run: FlowRun) -> list[str]:
    """What the pipeline told while it ran; Prefect's own lines about its tasks are kept beside them."""
    APILogWorker.drain_all()
    of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    with get_client(sync_client=True) as client:
        return [log.message for log in client.read_logs(of_run) if log.name == "headroom.run"]


def shown_of(run: FlowRun) -> dict[str, Any]:
    """What is shown with it, by key: texts, and tables as lists of rows."""
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(artifact_filter=of_run)
    return {str(one.key): json.loads(str(one.data)) if one.type == "table" else str(one.data) for one in artifacts}
