"""Runs that stay `Running` on a real server: which are dead, by their process or by the slot that they have lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Pending, Running

from data.errors import PublishError
from flows.doctor.schedules import schedules
from flows.run.scheduled import prefect_runs
from flows.run.scheduled.on_schedule import on_schedule
from flows.run.scheduled.prefect_runs import (
    TAG,
    connected,
    dead_runs,
    done_since,
    mark_crashed,
    note_place,
    of_state,
    without_slot,
)
from flows.run.scheduled.processes import HOST, PID, own_labels
from flows.run.settings import Settings
from serving.messages.settings import OPERATIONS_URL
from tests.flows.conftest import Headroom
from tests.serving.messages import servers

pytestmark = pytest.mark.slow


@flow
def nothing() -> None:
    """Does nothing."""


@pytest.fixture
def client(prefect_server: None) -> Iterator[SyncPrefectClient]:
    with connected() as asked:
        yield asked


@pytest.fixture
def deployment(client: SyncPrefectClient, request: pytest.FixtureRequest) -> UUID:
    """A deployment of ours with one slot."""
    return client.create_deployment(client.create_flow(nothing), request.node.name, tags=[TAG], concurrency_limit=1)


def begun(client: SyncPrefectClient, deployment: UUID) -> FlowRun:
    """A run that has taken the slot and runs, somewhere."""
    run = client.create_flow_run_from_deployment(deployment)
    assert client.set_flow_run_state(run.id, Pending()).state is not None
    client.set_flow_run_state(run.id, Running())
    return client.read_flow_run(run.id)


def state_of(client: SyncPrefectClient, run: FlowRun) -> str:
    return str(client.read_flow_run(run.id).state_name)


def test_a_run_is_dead_when_its_process_here_is_gone_and_then_its_slot_is_free(
    client: SyncPrefectClient, deployment: UUID
) -> None:
    run = begun(client, deployment)
    assert run.id not in [dead.id for dead in dead_runs(client)], "where it runs is not known"
    client.update_flow_run_labels(run.id, own_labels() | {HOST: "elsewhere"})
    assert run.id not in [dead.id for dead in dead_runs(client)]
    note_place(client, run)  # this process, which is not that of the run
    assert run.id in [dead.id for dead in dead_runs(client)]

    waiting = client.create_flow_run_from_deployment(deployment)
    client.set_flow_run_state(waiting.id, Pending())
    assert state_of(client, waiting) == "AwaitingConcurrencySlot"
    assert mark_crashed(client, run, "its process is gone")
    assert state_of(client, run) == "Crashed"
    assert not mark_crashed(client, run, "once more"), "it came to an end meanwhile"
    assert begun(client, deployment).state_name == "Running"


def test_a_run_is_dead_when_another_one_has_its_only_slot(
    client: SyncPrefectClient, deployment: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = begun(client, deployment)
    client.update_flow_run_labels(lost.id, {HOST: "elsewhere", PID: 1})
    assert lost.state is not None
    lease = lost.state.state_details.deployment_concurrency_lease_id
    assert lease is not None
    client.release_concurrency_slots_with_lease(lease)  # as the server does after minutes without a sign of life
    assert lost.id not in [dead.id for dead in dead_runs(client)], "it may only just have begun"
    with monkeypatch.context() as later:
        later.setattr(prefect_runs, "SETTLES_WITHIN", timedelta())
        assert lost.id in [dead.id for dead in dead_runs(client)], "nobody has the slot that it took"
    own = begun(client, deployment)
    assert without_slot(client, own) == [], "it may only just have begun"
    monkeypatch.setattr(prefect_runs, "SETTLES_WITHIN", timedelta())
    assert [run.id for run in without_slot(client, own)] == [lost.id]


def test_a_late_run_is_found_among_all_that_are_planned(
    client: SyncPrefectClient, request: pytest.FixtureRequest
) -> None:
    cron = CronSchedule(cron="0 2 * * *", timezone="UTC")
    planned = [DeploymentScheduleCreate(schedule=cron)]
    flow_id, now = client.create_flow(nothing), datetime.now(UTC)
    asked = client.create_deployment(flow_id, request.node.name, tags=[TAG], schedules=planned)
    for begin, end, runs in ((-1, 0, 1), (1, 300, 220)):  # days; the missed one was planned first
        days = {"start_time": (now + timedelta(begin)).isoformat(), "end_time": (now + timedelta(end)).isoformat()}
        body = days | {"min_runs": runs, "max_runs": runs}
        client._client.post(f"/deployments/{asked}/schedule", json=body).raise_for_status()
    late = of_state(client, StateType.SCHEDULED, due_before=now)
    assert [run.deployment_id for run in late].count(asked) == 1
    assert "late run" in " ".join(line.found for line in schedules(Settings()) if line.health == "wrong")


def test_where_prefect_refuses_the_sign_in_nothing_is_cleared_up_there_and_all_else_is_examined(
    headroom: Headroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Prefect does, which asks nobody who they are at /health."""
    url = "http://prefect.example/api"

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.url.path.endswith("/health") else 401, json=True)

    def signed_out() -> SyncPrefectClient:
        return SyncPrefectClient(url, httpx_settings={"transport": httpx.MockTransport(answer)})

    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setattr("flows.doctor.schedules.connected", signed_out)
    monkeypatch.setattr("data.scratch._outside", [str(tmp_path)])
    with temporary_settings({PREFECT_API_URL: url}):
        ran = headroom("doctor", "--clean")
    refused = f"Ask Prefect at {url}", "it answers 401", "Check PREFECT_API_URL"
    assert ran.code == 1
    assert "not all is cleared up: {}. Found: {}. {}".format(*refused) in ran.err
    assert "wrong  schedules: {}: {} -> {}".format(*refused) in ran.out
    assert "disk: " in ran.out
    assert "Traceback" not in ran.err


def test_a_slot_is_done_by_a_run_that_began_after_it_was_due_and_did_the_same(
    client: SyncPrefectClient, deployment: UUID
) -> None:
    done = begun(client, deployment)
    client.set_flow_run_state(done.id, Completed())
    began = client.read_flow_run(done.id).start_time
    assert began is not None

    def missed(**changed: object) -> FlowRun:
        usual = {"auto_scheduled": True, "expected_start_time": began - timedelta(days=7)}
        return begun(client, deployment).model_copy(update=usual | changed)

    own = missed()
    assert own.parameters == done.parameters
    found = done_since(client, own)
    assert found is not None
    assert found.id == done.id
    assert done_since(client, own.model_copy(update={"auto_scheduled": False})) is None, "somebody asked for it"
    assert done_since(client, own.model_copy(update={"parameters": {"out": "elsewhere"}})) is None
    assert done_since(client, own.model_copy(update={"expected_start_time": datetime.now(UTC)})) is None


def test_what_goes_wrong_before_the_work_begins_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "headroom.toml").write_text("no settings", encoding="utf-8")
    monkeypatch.setattr("data.scratch._outside", [str(tmp_path / "file")])  # nothing can be written there
    run = FlowRun(flow_id=UUID(int=1), name="score", parameters={"config": str(tmp_path / "headroom.toml")})
    with servers.notes() as (address, notes):
        monkeypatch.setenv(OPERATIONS_URL, address)
        with pytest.raises(PublishError):
            on_schedule(run, lambda: pytest.fail("it has no folder to work in"))
    (note,) = notes
    assert note["title"] == "Headroom: score was refused"
    assert "Make room and rights there" in note["message"]
    assert "list" not in note["message"], "where the lists are, the settings do not say"


def test_a_run_without_memory_failed_and_what_to_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "headroom.toml").write_text("", encoding="utf-8")
    monkeypatch.setattr("flows.run.scheduled.on_schedule._looked_after", lambda *_: bytearray(1 << 60))
    run = FlowRun(flow_id=UUID(int=1), name="score", parameters={"config": str(tmp_path / "headroom.toml")})
    with servers.notes() as (address, notes):
        monkeypatch.setenv(OPERATIONS_URL, address)
        with pytest.raises(MemoryError):
            on_schedule(run, lambda: None)
    (note,) = notes
    assert note["title"] == "Headroom: score failed"
    assert "To do: Give it more memory" in note["message"]
