"""Pipelines as flows of Prefect, on a real server: runs, tasks, lines, tables and retries, read back from its API."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pytest
from prefect.client.schemas.objects import FlowRun
from psycopg import OperationalError

from data.errors import CrmError, SettingsError, SourceError
from data.sources.kinds.postgres import in_our_words
from flows.run import prefect_server as own_server
from flows.run import under_prefect
from flows.run.progress import say
from flows.run.runner import Pipeline, pipeline, runner, stage
from flows.run.under_prefect import as_flow, as_task
from flows.run.variables import MOST_HOURS
from serving.crm import client
from serving.crm.client import AgainError
from tests.flows.prefect_api import WAIT_SECONDS, flow_runs, lines_of, shown_of, tasks_of

pytestmark = pytest.mark.slow


@stage("add one")
def add_one(number: int) -> int:
    say(f"one more than {number}")
    return number + 1


@pipeline("inner")
def inner(number: int) -> int:
    return add_one(number)


@pipeline("outer")
def outer(number: int, snapshot_date: str | None = None) -> int:
    """Counts."""
    say("counting")
    if snapshot_date is None:
        runner().name_run(date(2026, 7, 1))
    runner().show_table("numbers", [{"number": number}], "Where it began.")
    runner().show_text("verdict", "**good**", "What came of it.")
    return add_one(number) + inner(number)


@pytest.fixture(scope="module")
def counted(prefect_server: None) -> FlowRun:
    """A run of ``outer``."""
    assert as_flow(outer)(1, snapshot_date="2026-10-01") == 4  # 2 + 2
    return flow_runs("outer 2026-10-01")[0]


def test_a_stage_is_a_task_and_a_pipeline_within_is_a_flow(counted: FlowRun) -> None:
    assert tasks_of(counted, 2) == ["add one", "inner"]
    assert tasks_of(flow_runs("inner")[0], 1) == ["add one"]


def test_what_was_told_and_shown_is_kept_with_the_run(counted: FlowRun) -> None:
    assert {"counting", "one more than 1"} <= set(lines_of(counted))
    assert shown_of(counted) == {"numbers": [{"number": 1}], "verdict": "**good**"}


@pytest.mark.usefixtures("prefect_server")
def test_a_line_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    as_flow(inner)(41)
    assert capsys.readouterr().err.count("one more than 41") == 1


@pytest.mark.usefixtures("prefect_server")
def test_a_run_is_named_when_its_day_is_known() -> None:
    as_flow(outer)(1)
    assert len(flow_runs("outer 2026-07-01")) == 1


def test_the_parameters_are_those_of_the_function() -> None:
    assert list(as_flow(outer).parameters.properties) == ["number", "snapshot_date"]
    assert as_flow(outer).description == "Counts."


def lost_connection() -> Exception:
    class OperationalError(Exception):
        """As of psycopg, sqlite3 and SQLAlchemy."""

    error = SourceError("Read the tables.", "the server is gone.", "Wait.")
    error.__cause__ = OperationalError()
    return error


def wrong_password() -> Exception:
    try:
        with in_our_words("Open the database.", "Check PGPASSWORD."):
            raise OperationalError('connection failed: FATAL:  password authentication failed for user "ann"')
    except SourceError as error:
        return error


def not_answered(seconds: float | None) -> Exception:
    """A CRM that answers with an error, and wants so long a wait."""

    def call() -> None:
        raise AgainError("HubSpot answers 503", seconds)

    try:
        with patch.object(client, "WAITS", ()):
            client.patiently("Ask HubSpot.", call)
    except CrmError as error:
        return error
    raise AssertionError("it was not answered")


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("error", "retries", "tries"),
    [
        (wrong_password(), 2, 1),
        (ConnectionError(), 2, 3),
        (lost_connection(), 2, 3),
        (not_answered(None), 2, 3),
        (not_answered(float("inf")), 2, 1),  # its allowance of a day is used up
        (ConnectionError(), 0, 1),  # it touches neither source nor sink
        (FileNotFoundError(), 2, 1),
        (SourceError("Read the tables.", "there is no such folder.", "Correct --source."), 2, 1),
        (KeyError("a fault of ours"), 2, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_only_what_may_pass_is_tried_again(
    error: Exception, retries: int, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_prefect, "BACK_OFF_SECONDS", (0, 0, 0))
    tried = []

    @stage("fail", retries=retries)
    def fail() -> None:
        tried.append(1)
        raise error

    with pytest.raises(type(error)):
        as_task(fail)()
    assert len(tried) == tries


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_of_a_deployment_is_ended_when_its_hours_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    @pipeline("hang")
    def hang() -> None:
        for _ in range(600):
            time.sleep(0.1)

    monkeypatch.setenv(MOST_HOURS, str(1 / 3600))
    with pytest.raises(TimeoutError):
        as_flow(hang)()
    assert [run.state_name for run in flow_runs("hang")] == ["TimedOut"]

    monkeypatch.setenv(MOST_HOURS, "an hour")
    with pytest.raises(SettingsError, match="no number of hours"):
        as_flow(Pipeline("hang too", hang.body))


WAITING = """
import sys, time
from pathlib import Path
from flows.run.under_prefect import _OwnServer, server
with server(Path(sys.argv[1])) as where:
    print(_OwnServer().server_process.pid, flush=True)
    print(where, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a Prefect server of its own, which keeps its runs under ``home``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API")}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(tmp_path / "home")],
        env=environment | {"HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_of_our_own_has_its_own_home_and_ends_when_the_process_is_told_to(
    waiting: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert waiting.stdout is not None
    server, where = int(waiting.stdout.readline()), waiting.stdout.readline()
    home = tmp_path / "home"
    assert f"PREFECT_HOME={home} prefect server start" in where
    assert (home / "prefect.db").exists()
    assert not (tmp_path / ".prefect" / "prefect.db").exists()
    assert is_there(server)
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(WAIT_SECONDS) == 128 + signal.SIGTERM
    assert not is_there(server)


def test_a_server_whose_run_was_killed_while_it_started_ends(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    command = [sys.executable, "-m", own_server.__name__, "0", str(gone.pid)]
    with subprocess.Popen(command, env=os.environ | {"PREFECT_HOME": str(tmp_path)}, stderr=subprocess.DEVNULL) as late:
        try:
            assert late.wait(WAIT_SECONDS) == -signal.SIGTERM
        finally:
            late.kill()
