"""What comes of deployed runs when worker and run are killed and slots are missed: a real server and real workers."""

import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flows.scheduling import WORKER, prefect, running, served, wait_for
from tests.house import ROOT
from tests.serving.messages.servers import notes

COMES_WITHIN_SECONDS = 600
WORK = """
import time
from pathlib import Path
from data.errors import SourceError
from flows.run.runner import pipeline
from flows.run.under_prefect import as_flow

@pipeline("work")
def work_pipeline(seconds: float = 0, fails: bool = False, config: str | None = None):
    with Path("work.txt").open("a") as file:
        file.write(f"{seconds}\\n")
    if fails:
        raise SourceError("Read the tables.", "the database is gone.", "Start it.")
    time.sleep(seconds)

work = as_flow(work_pipeline)
"""
DEPLOYED = """
deployments:
{deployments}
"""
DEPLOYMENT = """
  - name: {name}
    entrypoint: work.py:work
    tags: [headroom]
    concurrency_limit: {{limit: 1, collision_strategy: ENQUEUE}}
    work_pool: {{name: headroom}}
    schedules: [{{cron: "{minute} * * * *", timezone: UTC, active: {active}}}]
"""


def processes_of(run_id: object) -> list[int]:
    mine = f"PREFECT__FLOW_RUN_ID={run_id}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mine in place.read_bytes():
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.scheduler
def test_killed_runs_are_marked_and_of_missed_slots_one_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.doctor.schedules import schedules
    from flows.run.settings import Settings

    project = tmp_path / "project"
    project.mkdir()
    (project / "work.py").write_text(WORK, encoding="utf-8")
    now = datetime.now(UTC)
    minute = (now.minute + 30) % 60  # no slot of its own falls due while this runs
    deployments = "".join(
        DEPLOYMENT.format(name=name, minute=minute, active=str(name == "work").lower()) for name in ("work", "other")
    )
    (project / "prefect.yaml").write_text(DEPLOYED.format(deployments=deployments), encoding="utf-8")
    worker_log = tmp_path / "worker.log"
    with (
        notes() as (address, received),
        served(
            project,
            tmp_path,
            HEADROOM_NOTIFY_OPERATIONS=address,
            PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS="3",
            PREFECT_WORKER_QUERY_SECONDS="2",
            PYTHONPATH=str(ROOT),
            TMPDIR=str(tmp_path),
        ) as environment,
        temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        prefect("deploy", "--all", environment=environment, folder=project)
        work = client.read_deployment_by_name("work/work")
        other = client.read_deployment_by_name("work/other")

        def states() -> list[tuple[str, str]]:
            runs = client.read_flow_runs()
            return [(str(run.deployment_id), str(run.state_name)) for run in runs]

        def doctor() -> dict[str, list[str]]:
            told: dict[str, list[str]] = {}
            for line in schedules(Settings()):
                told.setdefault(str(line.health), []).append(line.found)
            return told

        killed = client.create_flow_run_from_deployment(work.id, parameters={"seconds": 600})
        with running(WORKER, environment, project, worker_log) as worker:
            wait_for("run", lambda: (project / "work.txt").exists(), COMES_WITHIN_SECONDS, worker_log, of=worker)
            worker.send_signal(signal.SIGKILL)
            for process in processes_of(killed.id):
                os.kill(process, signal.SIGKILL)
            wait_for("death", lambda: not processes_of(killed.id), COMES_WITHIN_SECONDS, worker_log)
        assert client.read_flow_run(killed.id).state_name == "Running", "nobody told Prefect"
        assert "work stays `Running`, and its process is gone" in doctor()["wrong"]  # later also: no worker

        # The worker is down over three slots; whichever of them does the work, it begins more than an hour late.
        since, until = ((now - timedelta(hours=hours)).isoformat() for hours in (4, 1))
        body = {"start_time": since, "end_time": until, "min_runs": 3, "max_runs": 3}
        client._client.post(f"/deployments/{work.id}/schedule", json=body).raise_for_status()
        failing = client.create_flow_run_from_deployment(other.id, parameters={"fails": True})  # it sweeps before
        with running(WORKER, environment, project, worker_log) as worker:
            wait_for(
                "end of all",
                lambda: (
                    Counter(name for _, name in states() if name != "Scheduled")
                    == {"Crashed": 1, "Failed": 1, "Completed": 1, "Skipped": 2}
                ),
                COMES_WITHIN_SECONDS,
                worker_log,
                of=worker,
            )
            assert doctor()["wrong"] == ["other ended failed the last time (work)"]
        assert client.read_flow_run(failing.id).state_name == "Failed"
        crashed = client.read_flow_run(killed.id)
        assert crashed.state is not None
        assert "its process is gone" in str(crashed.state.message)
        assert (project / "work.txt").read_text() == "600\n0\n0\n", (
            "the killed one, the one that fails, one of three slots"
        )
        assert Counter(note["title"].split()[-1] for note in received) == {
            "crashed": 1,
            "refused": 1,
            "late": 1,
            "skipped": 2,
        }
