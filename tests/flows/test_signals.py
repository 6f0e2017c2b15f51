"""What a signal leaves, asked of real processes: one message, an exit code, and nothing of what the run made."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.registry.mlflow_store import ModelRegistry
from models.registry.records import RunRecord
from tests.flows.conftest import END, QUICK
from tests.house import ROOT
from tests.models.mlflow_template import folder_with

pytestmark = pytest.mark.slow
COMES_WITHIN_SECONDS, ENDS_WITHIN_SECONDS = 300, 25
"""Until a run says what is waited for; from the signal to its end, on a machine that has much else to do."""


@dataclass
class Run:
    """A command that is under way, with a temporary folder of its own, by which its processes are known."""

    process: subprocess.Popen[str]
    temporary: Path
    said: str = ""

    def until(self, words: str) -> None:
        """Wait until it says that."""
        assert self.process.stderr is not None
        began = time.monotonic()
        for line in self.process.stderr:
            self.said += line
            if words in line:
                return
            assert time.monotonic() - began < COMES_WITHIN_SECONDS, self.said
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    def end(self, number: int) -> tuple[int, float]:
        """Send the signal as a terminal does, to the whole group; exit code and seconds."""
        began = time.monotonic()
        os.killpg(self.process.pid, number)
        assert self.process.stderr is not None
        self.said += self.process.stderr.read()
        return self.process.wait(COMES_WITHIN_SECONDS), time.monotonic() - began

    def processes(self) -> list[int]:
        """Those that are still there."""
        mine = f"OF_THE_TEST_RUN={self.temporary}".encode()
        return [int(place.parent.name) for place in Path("/proc").glob("[0-9]*/environ") if mine in environment(place)]

    def scratch(self) -> list[str]:
        folder = self.temporary / f"headroom-{os.getuid()}"
        return sorted(path.name for path in folder.iterdir() if path.name.startswith("run-"))


def environment(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def home(tmp_path: Path, mlflow_database: Path) -> Path:
    """A working folder whose model store is made already."""
    folder_with(mlflow_database, tmp_path / "mlruns")
    return tmp_path


@pytest.fixture
def start(home: Path) -> Iterator[object]:
    started: list[Run] = []

    def begin(*arguments: object) -> Run:
        temporary = home / "temporary"
        temporary.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEADROOM_"))}
        told = {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            cwd=home,
            env={**kept, **QUICK, **told, "HOME": str(home), "OF_THE_TEST_RUN": str(temporary)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        started.append(Run(process, temporary))
        return started[-1]

    yield begin
    for run in started:
        for process in run.processes():
            os.kill(process, signal.SIGKILL)
        run.process.wait()
        assert run.process.stderr is not None
        run.process.stderr.close()


def runs_of(home: Path) -> list[str]:
    """The states of the runs in MLflow."""
    client = ModelRegistry(home / "mlruns")._client()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return sorted(run.info.status for run in client.search_runs(experiments))


@pytest.mark.parametrize(
    ("command", "words", "number", "in_mlflow"),
    [
        ("train", "reading parquet", signal.SIGTERM, []),
        ("train", "logging to MLflow", signal.SIGINT, ["KILLED"]),
        ("train --prefect", "reading parquet", signal.SIGINT, []),
        ("train --prefect", "starting", signal.SIGTERM, []),
    ],
)
def test_a_signal_ends_a_run_within_seconds_and_leaves_nothing(
    command: str, words: str, number: int, in_mlflow: list[str], start: object, warehouse: Path, home: Path
) -> None:
    run = start(*command.split(), "--source", f"parquet://{warehouse}", "--snapshot-date", END)
    run.until(words)
    time.sleep(1.5)
    code, seconds = run.end(number)
    assert code == 128 + number, run.said
    assert seconds < ENDS_WITHIN_SECONDS
    assert run.said.count("headroom: ") == 1
    assert f"headroom: ended by {signal.Signals(number).name} before it was done." in run.said
    assert "Traceback" not in run.said
    assert run.processes() == []
    assert run.scratch() == []
    assert set(runs_of(home)) <= set(in_mlflow)


def test_what_a_killed_run_leaves_the_next_one_clears(start: object, warehouse: Path, home: Path) -> None:
    run = start("train", "--prefect", "--source", f"parquet://{warehouse}", "--snapshot-date", END)
    run.until("logging to MLflow")
    time.sleep(0.5)
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    folder, lock = run.scratch()
    assert re.fullmatch(r"run-\d+-[0-9a-f]{8}", folder)
    assert lock == f"{folder}.lock"
    left = time.monotonic() + ENDS_WITHIN_SECONDS
    while run.processes() and time.monotonic() < left:
        time.sleep(0.2)
    assert run.processes() == [], "the server ended with the run that it was for"

    start("features", "--describe").process.wait()
    assert run.scratch() == []
    ModelRegistry(home / "mlruns").log_run(RunRecord("next"))
    assert set(runs_of(home)) <= {"FINISHED", "KILLED"}
    assert not list((home / "mlruns").glob(".running-*"))
