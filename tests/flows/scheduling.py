"""A Prefect server, a pool and a worker as users start them, for the tests of what is deployed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PREFECT = [str(Path(sys.executable).with_name("prefect"))]
WORKER = [*PREFECT, "worker", "start", "--pool", "headroom", "--type", "process"]
STARTS_WITHIN_SECONDS = 180
ENDS_WITHIN_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: list[str], environment: dict[str, str], folder: Path, log: Path
) -> Iterator[subprocess.Popen[str]]:
    """A program in the background, stopped at the end."""
    with log.open("a") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=out, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:  # what it was to show was shown; nothing of it may outlive the test
                process.kill()
                process.wait()


def prefect(*arguments: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [*PREFECT, "--no-prompt", *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wait_for(
    what: str, is_there: Callable[[], object], seconds: float, log: Path, *, of: subprocess.Popen[str] | None = None
) -> None:
    """``of``: the process that it is to come of; once that has ended it is waited for no longer."""
    until = time.monotonic() + seconds
    while not is_there():
        assert of is None or of.poll() is None, f"no {what}, of what has ended:\n{log.read_text()[-4000:]}"
        assert time.monotonic() < until, f"no {what} after {seconds} seconds:\n{log.read_text()[-4000:]}"
        time.sleep(0.2)


@contextmanager
def served(project: Path, home: Path, **variables: str) -> Iterator[dict[str, str]]:
    """A server with the pool ``headroom``; gives the environment to ask it in, ``variables`` among it."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEADROOM_", "PWD"))}
    environment = kept | {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "PWD": str(project),
        **variables,
    }
    log = home / "server.log"
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, environment, home, log) as server:
        wait_for("server", lambda: answers(port), STARTS_WITHIN_SECONDS, log, of=server)
        prefect("work-pool", "create", "headroom", "--type", "process", environment=environment, folder=project)
        yield environment
