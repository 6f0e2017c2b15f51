"""A real schedule: server, work pool, worker, a deployment of prefect.yaml on a one-minute cron, a published list."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRES_WITHIN_SECONDS = 300
PREFECT = [str(Path(sys.executable).with_name("prefect"))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path, log: Path) -> Iterator[None]:
    """A program in the background, stopped at the end."""
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def prefect(*arguments: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [*PREFECT, "--no-prompt", *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for(what: str, is_there: Callable[[], object], seconds: float, log: Path) -> None:
    until = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < until, f"no {what} after {seconds} seconds:\n{log.read_text()[-4000:]}"
        time.sleep(1)


@pytest.mark.scheduler
def test_the_weekly_score_fires_on_its_cron_and_publishes(
    warehouse: Path, trained_mlruns: Path, tmp_path: Path
) -> None:
    """The deployment as it stands in prefect.yaml, with only the cron made shorter."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("prefect.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / "flows", project / "flows")
    shutil.copytree(trained_mlruns, project / "mlruns")
    (project / "headroom.toml").write_text(f'[source]\nurl = "parquet://{warehouse}"\n', encoding="utf-8")
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEADROOM_", "PWD"))
    } | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "PWD": str(project),
    }
    server_log, worker_log = tmp_path / "server.log", tmp_path / "worker.log"
    server = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    worker = [*PREFECT, "worker", "start", "--pool", "headroom", "--type", "process"]

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with running(server, environment, tmp_path, server_log):
        wait_for("server", answers, 180, server_log)
        prefect("work-pool", "create", "headroom", "--type", "process", environment=environment, folder=project)
        deployed = ("deploy", "--name", "score-weekly", "--cron", "* * * * *")
        prefect(*deployed, environment=environment, folder=project)
        with running(worker, environment, project, worker_log):
            lists = project / "published"
            wait_for(
                "list", lambda: list(lists.glob("snapshot_date=*/manifest.json")), FIRES_WITHIN_SECONDS, worker_log
            )
    assert (next(lists.glob("snapshot_date=*")) / "list.html").exists()
