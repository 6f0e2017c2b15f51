"""Whose process is gone: asked of real ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from flows.run.scheduled import processes
from flows.run.scheduled.processes import HOST, NAMESPACE, OF_RUN, PID, is_gone, own_labels

RUN, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that Prefect would have started for ``RUN``."""
    ready = "import time; print(flush=True); time.sleep(60)"
    environment = os.environ | {OF_RUN: str(RUN)}
    with subprocess.Popen([sys.executable, "-c", ready], env=environment, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.kill()


def test_a_process_is_gone_when_it_ended_or_its_number_is_that_of_another(process: subprocess.Popen[bytes]) -> None:
    labels = own_labels() | {PID: process.pid}
    assert is_gone(RUN, labels) is False
    assert is_gone(OTHER, labels) is True
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(RUN, labels) is True, "it ended, and its parent has not asked how"
    process.wait()
    assert is_gone(RUN, labels) is True


def test_what_ran_elsewhere_or_did_not_say_where_is_not_known() -> None:
    assert is_gone(RUN, own_labels() | {HOST: "elsewhere"}) is None
    assert is_gone(RUN, own_labels() | {NAMESPACE: "pid:[1]"}) is None, "a container that has the name of its host"
    assert is_gone(RUN, {}) is None


def test_where_no_process_can_be_looked_into_one_that_is_there_is_taken_for_it(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(processes, "PROCESSES", tmp_path / "proc")  # as on macOS
    labels = own_labels() | {PID: process.pid}
    assert is_gone(OTHER, labels) is False
    process.kill()
    process.wait()
    assert is_gone(OTHER, labels) is True
