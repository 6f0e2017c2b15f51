"""What Prefect's server knows of the runs of the deployments, asked and changed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
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


def connected() -> SyncPrefectClient:
    """The server of the settings, while the context lasts."""
    return get_client(sync_client=True)


def of_state(
    client: SyncPrefectClient, *types: StateType, deployment: UUID | None = None, due_before: datetime | None = None
) -> list[FlowRun]:
    """The runs of our deployments, or of one of them, that are in one of these states, the first due first.

    Prefect gives 200 of them, and plans more ahead: ask for those that wait by when they were due.
    """
    asked = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))),
        tags=None if deployment else FlowRunFilterTags(all_=[TAG]),
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]) if deployment else None,
        expected_start_time=FlowRunFilterExpectedStartTime(before_=due_before) if due_before else None,
    )
    return client.read_flow_runs(flow_run_filter=asked, sort=FlowRunSort.EXPECTED_START_TIME_ASC)


def note_place(client: SyncPrefectClient, run: FlowRun) -> None:
    """Note with a run where its process is."""
    client.update_flow_run_labels(run.id, own_labels())


def dead_runs(client: SyncPrefectClient) -> list[FlowRun]:
    """The runs that stay `Running` although their process has ended: it was on this machine, or their slot is lost."""
    return [
        run for run in of_state(client, StateType.RUNNING) if is_gone(run.id, run.labels) or _lost_slot(client, run)
    ]


def _lost_slot(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Did it take a slot of its deployment, and none is taken any more?

    Prefect gives one free that has not been heard of for minutes, wherever it ran; a process that still lives it ends.
    """
    began_lately = _since(run) >= datetime.now(UTC) - SETTLES_WITHIN
    if run.deployment_id is None or _lease(run) is None or began_lately or is_alive(run):
        return False
    limit = client.read_deployment(run.deployment_id).global_concurrency_limit
    return limit is not None and limit.active_slots == 0


def without_slot(client: SyncPrefectClient, own: FlowRun) -> list[FlowRun]:
    """The runs of the same deployment that stay `Running` or `Pending` although ``own`` has their only slot.

    Prefect takes a slot away from a run that has not been heard of for minutes, and from no other, wherever it ran.
    """
    if own.deployment_id is None or _lease(client.read_flow_run(own.id)) is None:
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


def _lease(run: FlowRun) -> UUID | None:
    """By which it has, or had, its slot."""
    return run.state.state_details.deployment_concurrency_lease_id if run.state else None


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
