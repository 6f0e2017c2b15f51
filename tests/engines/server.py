"""A PostgreSQL of the tests' own, which can be stopped and started again."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

BINARIES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin")
SERVER = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c work_mem=64MB -c jit=off"


@dataclass(frozen=True)
class PostgresServer:
    """A server on a port of this machine; it trusts whoever asks. ``folder`` holds its data and its socket."""

    folder: Path
    port: int
    user: str | None

    @property
    def url(self) -> str:
        """Without a database."""
        return f"postgres://headroom@127.0.0.1:{self.port}"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 {SERVER}"
        self._control("-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """At once, as a crash does."""
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        command = [binary("pg_ctl"), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(command, check=True, user=self.user, stdout=subprocess.DEVNULL)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that is started, and gone when the context is left."""
    initdb = binary("initdb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="headroom-postgres-"))
    try:
        if user:
            shutil.chown(folder, user)
        run = [initdb, "-D", folder / "data", "-A", "trust", "-U", "headroom", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(run, check=True, user=user, capture_output=True)
        server = PostgresServer(folder, port, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def cannot_run(why: str) -> NoReturn:
    """The test cannot run here and says why; where every test must run (``HEADROOM_ALL_TESTS``) that is a failure."""
    if os.environ.get("HEADROOM_ALL_TESTS"):
        pytest.fail(why)
    pytest.skip(why)


def binary(name: str) -> str:
    """A program of PostgreSQL, which Debian does not put on the path."""
    there = [str(Path(path)) for pattern in BINARIES for path in sorted(Path("/").glob(f"{pattern[1:]}/{name}"))]
    found = shutil.which(name) or next(reversed(there), None)
    if found is None:
        cannot_run(f"PostgreSQL is not installed: no {name} on the path nor in {' or '.join(BINARIES)}")
    return found
