"""``headroom serve``: what it refuses before it listens, and that the pages are there once it does."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from data.errors import SettingsError
from flows.run.serve import listening
from serving.access.names import listened_on
from tests.flows.conftest import Headroom
from tests.serving.world import publish, snapshot

SECONDS = 60


def test_a_host_that_others_reach_is_refused_while_nobody_signs_in(headroom: Headroom) -> None:
    ran = headroom("serve", "--host", "0.0.0.0")
    assert ran.code == 1
    assert "Serve the list on 0.0.0.0." in ran.err
    assert "nobody would have to sign in" in ran.err


def test_a_folder_without_a_list_is_refused(headroom: Headroom, tmp_path: Path) -> None:
    ran = headroom("serve", "--out", tmp_path / "none")
    assert ran.code == 1
    assert "Serve the latest list" in ran.err
    assert "Run `headroom score`" in ran.err
    assert not (tmp_path / "none").exists()


def test_a_list_that_the_pages_cannot_show_is_refused(headroom: Headroom, tmp_path: Path) -> None:
    publish(tmp_path / "published", snapshot(20))
    manifest = next((tmp_path / "published").glob("*/manifest.json"))
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "horizon_days": None}))
    ran = headroom("serve", "--out", tmp_path / "published")
    assert ran.code == 1
    assert "manifest.json has not what the pages need: horizon_days is not as it should be" in ran.err
    assert "score that day again" in ran.err


def test_a_port_that_is_taken_is_refused(headroom: Headroom, tmp_path: Path) -> None:
    publish(tmp_path / "published", snapshot(20))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = headroom("serve", "--out", tmp_path / "published", "--port", taken.getsockname()[1])
    assert ran.code == 1
    assert "Address already in use" in ran.err
    assert "Give another --port." in ran.err


@contextmanager
def serving(out: Path, *options: str, **told: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address that it says."""
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", "0", "--out", str(out), *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **told}
    with subprocess.Popen(command, cwd=out, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = next(line for line in process.stderr if "http://" in line)
            yield process, re.search(r"http://\S+/", said)[0]
        finally:
            process.kill()


def test_the_pages_are_there_until_it_is_interrupted(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(20))
    before = sorted(tmp_path.rglob("*"))
    with serving(tmp_path) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        with urlopen(address, timeout=SECONDS) as answer:
            assert b"Who is ready to grow" in answer.read()
            assert "server" not in {name.lower() for name in answer.headers}
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert {path.name for path in {*tmp_path.rglob("*")} - {*before}} == {"outcomes.db"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_server_that_is_told_to_end_leaves_nothing_in_the_temporary_folder(tmp_path: Path, number: int) -> None:
    out, temporary = tmp_path / "published", tmp_path / "temporary"
    temporary.mkdir()
    publish(out, snapshot(20))
    home = temporary / f"headroom-{os.getuid()}"
    with serving(out, TMPDIR=str(temporary)) as (process, address):
        with urlopen(address, timeout=SECONDS) as answer:
            answer.read()
        assert len(list(home.glob("run-*"))) == 2, "a folder and its lock"
        process.send_signal(number)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_the_address_of_this_machine_may_be_written_as_in_a_url() -> None:
    for host in ("::1", "[::1]"):
        with listening(listened_on(host), 0) as listener:
            assert listener.getsockname()[0] == "::1"


def test_a_host_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(SettingsError) as refused:
        listening("]::1[", 0)
    assert refused.value.todo == "Give another --host."


def test_the_settings_are_those_of_the_file(tmp_path: Path) -> None:
    publish(tmp_path, snapshot(60))
    (tmp_path / "headroom.toml").write_text(
        'out = "."\n[serve]\ntitle = "Growth <desk>"\npage_rows = 5\nstale_days = 1\n'
    )
    with serving(tmp_path, "--config", "headroom.toml") as (_, address), urlopen(address, timeout=SECONDS) as answer:
        page = answer.read().decode()
    assert "Growth &lt;desk&gt;" in page
    assert page.count('class="place"') == 5
    assert "days old." in page
