"""Signals that end a process, sent to processes that do nothing else."""

import signal
import subprocess
import sys

import pytest

from tests.house import ROOT

pytestmark = pytest.mark.slow
SECONDS = 60
RUN = """
import time
from flows.run.ending import as_before, ending_in_order

with ending_in_order():
    try:
        {during}
    finally:
        print("clearing up", flush=True)
        time.sleep(1)
        print("cleared up", flush=True)
"""
WORKS = "print('works', flush=True); time.sleep({seconds})"
SERVES = "exec(\"with as_before():\\n print('works', flush=True); time.sleep(60)\")"


def started(during: str, ignored: signal.Signals | None = None) -> subprocess.Popen[str]:
    """Such a process once it works; ``ignored``: what whoever starts it has it ignore."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN.format(during=during)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=None if ignored is None else lambda: signal.signal(ignored, signal.SIG_IGN),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "works\n"
    return process


IN_A_CALLBACK = """
import weakref
class Gone: pass
def callback(_):
    print('works', flush=True)
    time.sleep(60)
gone = Gone()
reference = weakref.ref(gone, callback)
del gone
time.sleep(60)
"""
"""Python calls what a weak reference calls where nothing can be raised."""


def test_a_signal_in_a_callback_ends_the_process_too() -> None:
    with started(f"exec({IN_A_CALLBACK!r}, globals())") as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "clearing up\n"
        assert process.stdout.readline() == "cleared up\n"
        assert process.wait(SECONDS) == 143


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_from_the_start_stays_ignored(ignored: signal.Signals) -> None:
    with started(WORKS.format(seconds=2), ignored) as process:
        process.send_signal(ignored)
        assert process.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("during", "first", "code"),
    [
        (WORKS.format(seconds=60), signal.SIGTERM, 143),
        (WORKS.format(seconds=60), signal.SIGHUP, 129),
        (SERVES, signal.SIGTERM, 143),
        (SERVES, signal.SIGHUP, 143),
    ],
    ids=["a run", "a run, SIGHUP", "a server", "a server, SIGHUP"],
)
def test_a_second_signal_does_not_break_off_what_the_first_one_clears_up(
    during: str, first: signal.Signals, code: int
) -> None:
    with started(during) as process:
        assert process.stdout is not None
        process.send_signal(first)
        assert process.stdout.readline() == "clearing up\n"
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        assert process.stdout.readline() == "cleared up\n"
        assert process.wait(SECONDS) == code
