"""Two at once, and one that is killed: real processes on one folder."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.errors import PublishError
from data.locks import held
from data.scratch import of_this_run, own_folder
from features.build.checkpoint import checkpoint
from flows.stages import scoring
from models.registry.mlflow_store import ModelRegistry
from models.registry.records import RunRecord
from serving import publish
from serving.publish import only_publisher
from tests.house import ROOT

LOG_A_RUN = """
import sys
from pathlib import Path
from models.registry.mlflow_store import ModelRegistry
from models.registry.records import RunRecord
print("ready", flush=True)
ModelRegistry(Path(sys.argv[1])).log_run(RunRecord("one"))
"""
HOLD = """
import sys, time
from datetime import date
from pathlib import Path
from serving.publish import only_publisher
with only_publisher(Path(sys.argv[1]), date(2026, 1, 1)):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
DAY = date(2026, 1, 1)


def started(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs this code, and has said its first word."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def ended(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(300)


@pytest.mark.slow
def test_two_processes_make_one_store(tmp_path: Path) -> None:
    both = [started(LOG_A_RUN, tmp_path / "mlruns") for _ in range(2)]
    assert [ended(process) for process in both] == [0, 0]
    client = ModelRegistry(tmp_path / "mlruns")._client()
    experiment = client.get_experiment_by_name("headroom").experiment_id
    assert [run.info.status for run in client.search_runs([experiment])] == ["FINISHED"] * 2
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == ["artifacts", "mlflow.db"]


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_makes_the_store_stops_no_other(tmp_path: Path) -> None:
    for _ in range(3):
        process = started(LOG_A_RUN, tmp_path / "mlruns")
        unfinished, until = tmp_path / "mlruns" / ".unfinished-mlflow.db", time.monotonic() + 120
        while not (unfinished.exists() and unfinished.stat().st_size) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        ended(process)
        assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    ModelRegistry(tmp_path / "mlruns").log_run(RunRecord("next"))
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == ["artifacts", "mlflow.db"]


def test_a_second_publisher_says_what_it_waits_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = started(HOLD, tmp_path / "out", 2)
    with only_publisher(tmp_path / "out", DAY), only_publisher(tmp_path / "out", DAY):
        assert (tmp_path / "out").is_dir(), "also where the other took the folder away that it had made"
    assert caplog.messages == [f"waiting for another run that publishes in {tmp_path / 'out'}"]
    assert ended(other) == 0


def test_a_second_publisher_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "WAITS_SECONDS", 0.1)
    other = started(HOLD, tmp_path / "out", 600)
    with pytest.raises(PublishError, match="another run has been publishing there"):
        only_publisher(tmp_path / "out", DAY).__enter__()
    other.kill()
    ended(other)


def test_the_last_list_is_read_when_nobody_else_can_publish_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, tried = tmp_path / "out", []

    def read(*_: object) -> None:
        handle = os.open(out, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            tried.append(error)
        finally:
            os.close(handle)
        raise KeyError("far enough")

    monkeypatch.setattr(scoring, "last_list", read)
    models, base = SimpleNamespace(whole=None), SimpleNamespace(snapshot_date=DAY)
    making = scoring.new_list(models, base, SimpleNamespace(out_folder=out))
    with pytest.raises(KeyError):
        making.__enter__()
    assert len(tried) == 1
    assert not out.exists(), "a folder that was made for a list that failed"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of this user in a temporary folder of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return own_folder()


def test_a_shard_of_a_build_is_not_removed_under_its_holder(home: Path) -> None:
    """The lock lies beside the folder: who comes meanwhile gets no lock of a folder that goes."""
    with checkpoint("key") as first:
        (first.folder / "shard-00000.parquet").write_text("rows")
        with checkpoint("key") as second:
            assert second.folder != first.folder
        assert (first.folder / "shard-00000.parquet").exists()
        assert (home / "features-key.lock").exists()
    assert list(home.iterdir()) == []


def test_a_lock_that_was_taken_away_guards_nothing(home: Path) -> None:
    with held(home / "lock") as first:
        (home / "lock").unlink()
        with held(home / "lock") as second:
            assert (first, second) == (True, True)


def test_each_run_has_a_folder_and_clears_those_of_the_dead(home: Path) -> None:
    dead = home / "run-1-00000000"
    dead.mkdir()
    (dead / "spill").write_text("left")
    dead.with_name("run-1-00000000.lock").touch()
    with of_this_run() as one, of_this_run() as two:
        assert not dead.exists()
        assert {path.name for path in home.iterdir()} == {
            *(one.name, f"{one.name}.lock"),
            *(two.name, f"{two.name}.lock"),
        }
        assert own_folder() == home, "what outlives a run is kept where it was"
    assert list(home.iterdir()) == []
