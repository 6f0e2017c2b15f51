"""What Prefect's server knows of the runs of the deployments, asked and changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Crashed

from flows.run.scheduled.processes import is_gone, own_labels

TAG = "headroom"
"""Of every deployment in prefect.yaml, and so of its runs: a server may have runs of others."""
SKIPPED = "Skipped"
"""The name of the state of a run whose work another one had done."""
SETTLES_WITHIN = timedelta(minutes=5)
"""A run has its slot before its process has begun."""


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """The server of the settings."""
    with get_client(sync_client=True) as client:
        yield client


def of_state(client: SyncPrefectClient, *types: StateType, deployment: UUID | None = None) -> list[FlowRun]:
    """The runs of our deployments, or of one of them, that are in one of these states."""
    asked = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))),
        tags=None if deployment else FlowRunFilterTags(all_=[TAG]),
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]) if deployment else None,
    )
    return client.read_flow_runs(flow_run_filter=asked)


def note_place(client: SyncPrefectClient, run: FlowRun) -> None:
    """Note with a run where its process is."""
    client.update_flow_run_labels(run.id, own_labels())


def dead_runs(client: SyncPrefectClient) -> list[FlowRun]:
    """The runs that stay `Running` although their process, which was on this machine, has ended."""
    return [run for run in of_state(client, StateType.RUNNING) if is_gone(run.id, run.labels)]


def without_slot(client: SyncPrefectClient, own: FlowRun) -> list[FlowRun]:
    """The runs of the same deployment that stay `Running` or `Pending` although ``own`` has their only slot.

    Prefect takes a slot away from a run that has not been heard of for minutes, and from no other, wherever it ran.
    """
    now = client.read_flow_run(own.id)
    if own.deployment_id is None or now.state is None or not now.state.state_details.deployment_concurrency_lease_id:
        return []
    limit = client.read_deployment(own.deployment_id).global_concurrency_limit
    if limit is None or limit.limit != 1:
        return []
    before = datetime.now(UTC) - SETTLES_WITHIN
    others = of_state(client, StateType.RUNNING, StateType.PENDING, deployment=own.deployment_id)
    return [run for run in others if run.id != own.id and _since(run) < before and not is_alive(run)]


def is_alive(run: FlowRun) -> bool:
    """Is its process surely there?"""
    return is_gone(run.id, run.labels) is False


def _since(run: FlowRun) -> datetime:
    """When it came into its state."""
    assert run.state is not None, "a run that was asked for by its state has one"
    return run.state.timestamp


def mark_crashed(client: SyncPrefectClient, run: FlowRun, message: str) -> bool:
    """Say that a run came to no end, which gives its slot free. False if it came to one meanwhile: that one stays."""
    return client.set_flow_run_state(run.id, Crashed(message=message)).status == SetStateStatus.ACCEPT


def done_since(client: SyncPrefectClient, own: FlowRun) -> FlowRun | None:
    """The run that did the work of ``own`` while its slot was waiting; None if there is none, or somebody asked for it.

    It is of the same deployment, with the same parameters, was completed, and began after the slot was due: it has seen
    all that ``own`` would have seen then.
    """
    if own.deployment_id is None or not own.auto_scheduled or own.expected_start_time is None:
        return None
    asked = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[own.deployment_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED])),
        start_time=FlowRunFilterStartTime(after_=own.expected_start_time),
    )
    there = client.read_flow_runs(flow_run_filter=asked, sort=FlowRunSort.START_TIME_ASC)
    others = (run for run in there if run.id != own.id and run.state_name != SKIPPED)
    return next((run for run in others if run.parameters == own.parameters), None)
