"""The schedules, where PREFECT_API_URL names a server: do they fire, does a worker take the runs, and do runs end?"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterStartTime,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from data.checks.report import many
from data.errors import SourceError, some
from data.shown.urls import shown_url
from flows.doctor.diagnosis import Diagnosis, examination, look, ok, wrong
from flows.run.scheduled.prefect_runs import TAG, connected, dead_runs, mark_crashed, of_state
from flows.run.settings import Settings

LATE_AFTER = timedelta(minutes=5)
"""A worker looks for runs four times a minute; what waits for longer waits for something."""
BAD_ENDS = (StateType.FAILED, StateType.CRASHED)


@examination("schedules")
def schedules(_: Settings) -> Iterator[Diagnosis]:
    """The server, the deployments and how each ended last, the workers, and the runs that stand still."""
    with _server() as client:
        if (error := client.api_healthcheck()) is not None:
            yield wrong(f"no server answers at {_address()} ({type(error).__name__})", "Start it: docs/production.md.")
            return
        yield ok(f"Prefect {client.api_version()} answers at {_address()}")
        deployments = client.read_deployments(deployment_filter=DeploymentFilter(tags=_TAGGED))
        yield from _deployments(client, deployments)
        yield from _workers(client, {there.work_pool_name for there in deployments if there.work_pool_name})
        yield _standing_still(dead_runs(client))
        busy = of_state(client, StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
        having = {run.deployment_id for run in busy}
        late = of_state(client, StateType.SCHEDULED, due_before=datetime.now(UTC) - LATE_AFTER)
        yield _waiting([run for run in late if run.deployment_id not in having])
        yield _slots([there for there in deployments if there.id not in having])


def end_dead_runs(message: str) -> Iterator[str]:
    """Mark the runs as crashed whose process is gone, which frees their slots. Yields their names.

    Where no server answers there are none: that it does not, the examination says.
    """
    with _server() as client:
        if client.api_healthcheck() is not None:
            return
        for run in dead_runs(client):
            if mark_crashed(client, run, message):
                yield run.name


def _address() -> str:
    return shown_url(PREFECT_API_URL.value() or "")


@contextmanager
def _server() -> Iterator[SyncPrefectClient]:
    """The server of the settings, while the context lasts. Raises ``SourceError`` for what it refuses."""
    try:
        with connected() as client:
            yield client
    except PrefectHTTPStatusError as error:
        raise SourceError(
            f"Ask Prefect at {_address()}.",
            f"it answers {error.response.status_code}.",
            "Check PREFECT_API_URL, and PREFECT_API_AUTH_STRING or PREFECT_API_KEY.",
        ) from error


_TAGGED = DeploymentFilterTags(all_=[TAG])


def _deployments(client: SyncPrefectClient, deployments: list[DeploymentResponse]) -> Iterator[Diagnosis]:
    if not deployments:
        yield wrong(f"no deployment has the tag {TAG}", "Run `prefect --no-prompt deploy --all` beside prefect.yaml.")
    for there in sorted(deployments, key=lambda one: one.name):
        is_active = not there.paused and any(schedule.active for schedule in there.schedules)
        last = _last_run(client, there)
        if last is not None and last.state_type in BAD_ENDS:
            yield wrong(
                f"{there.name} ended {str(last.state_name).lower()} the last time ({last.name})",
                "Read the log of the run, put right what it says, and run the deployment again.",
            )
        else:
            ended = "it has not run yet" if last is None else f"the last run is {str(last.state_name).lower()}"
            yield ok(f"{there.name} is {'scheduled' if is_active else 'not scheduled'}; {ended}")


def _last_run(client: SyncPrefectClient, deployment: DeploymentResponse) -> FlowRun | None:
    """The run of a deployment that began last."""
    asked = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
        start_time=FlowRunFilterStartTime(is_null_=False),
    )
    runs = client.read_flow_runs(flow_run_filter=asked, sort=FlowRunSort.START_TIME_DESC, limit=1)
    return runs[0] if runs else None


def _workers(client: SyncPrefectClient, pools: set[str]) -> Iterator[Diagnosis]:
    for pool in sorted(pools):
        workers = client.read_workers_for_work_pool(pool)
        online = [worker.name for worker in workers if worker.status == WorkerStatus.ONLINE]
        if online:
            yield ok(f"{some(online)} takes the runs of the pool {pool}")
        else:
            yield wrong(
                f"no worker takes the runs of the pool {pool}", f"Start it: `prefect worker start --pool {pool}`."
            )


def _standing_still(dead: list[FlowRun]) -> Diagnosis:
    if dead:
        names = some([run.name for run in dead])
        return wrong(f"{names} stays `Running`, and its process is gone", "Run `headroom doctor --clean`.")
    return ok("every run that is `Running` has its process, as far as can be seen from this machine")


def _waiting(late: list[FlowRun]) -> Diagnosis:
    """``late``: the runs that wait, and not for another run of their deployment."""
    if not late:
        return ok("no run is late")
    first = min(run.expected_start_time for run in late if run.expected_start_time)
    return wrong(
        f"{many(len(late), 'late run')}, the first due at {first.astimezone(UTC):%Y-%m-%d %H:%M} (UTC)",
        "See that a worker runs: the first one of a deployment does the work of all.",
    )


def _slots(deployments: list[DeploymentResponse]) -> Diagnosis:
    """A slot that is taken, where no run has it: Prefect gives it free after about five minutes."""
    blocked = [
        limit.name
        for there in deployments
        if (limit := there.global_concurrency_limit) and limit.active_slots >= limit.limit
    ]
    if blocked:
        return look(
            f"{many(len(blocked), 'slot')} taken, and no run has it: {some(blocked)}",
            "Wait five minutes; if it stays: `prefect gcl update NAME --active-slots 0`.",
        )
    return ok("no slot is blocked")
