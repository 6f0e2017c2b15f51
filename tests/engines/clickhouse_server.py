"""ClickHouse's own engine behind the part of its HTTP protocol that its driver speaks, as a process of its own.

``python -m tests.engines.clickhouse_server FOLDER`` keeps its data in the folder, listens on a free port of this
machine and prints it. The engine comes from chDB, which has no server. A session is a connection of chDB, so that
temporary tables end with it, as on a server; settings, errors and formats are the engine's.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.engines.server import cannot_run

OF_TRANSPORT = {
    "client_protocol_version",
    "compress",
    "database",
    "query",
    "query_id",
    "session_id",
    "session_timeout",
    "wait_end_of_query",
}
"""Parameters of a request that are no settings of the engine."""


class Sessions:
    """The connections to one folder of data; one query at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lock = folder, Lock()
        self.connections: dict[str, Any] = {}

    def answer(self, told: dict[str, str], body: bytes) -> bytes:
        import chdb

        with self.lock:
            session = told.get("session_id", "")
            if session not in self.connections:
                self.connections[session] = chdb.connect(str(self.folder / "data"))
            con = self.connections[session]
            con.query(f"use `{told['database']}`" if "database" in told else "use default")
            for name in told.keys() - OF_TRANSPORT:
                value = told[name].replace("'", "\\'")
                con.query(f"set {name} = '{value}'")
            given: bytes = con.query(self._sql(told, body), "TabSeparated").bytes()
            return given

    def _sql(self, told: dict[str, str], body: bytes) -> str:
        """The query; rows that come with an insert are read from a file."""
        if "query" not in told:
            return body.decode()
        insert = re.fullmatch(r"(insert into .*) format (\w+)\s*", told["query"], re.IGNORECASE | re.DOTALL)
        if insert is None:
            return told["query"]
        (self.folder / "rows").write_bytes(body)
        return f"{insert[1]} select * from file('{self.folder / 'rows'}', {insert[2]})"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    sessions: Sessions

    def do_POST(self) -> None:
        told = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self._give(200, self.sessions.answer(told, body))
        except RuntimeError as error:  # what chDB raises for whatever ClickHouse refuses
            code = re.match(r"Code: (\d+)", str(error))
            self._give(500, str(error).encode(), code[1] if code else "1001")

    def _give(self, status: int, body: bytes, code: str | None = None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def clickhouse_server(folder: Path) -> Iterator[str]:
    """A server that is started, and gone when the context is left: its address without a database."""
    if find_spec("chdb") is None or find_spec("clickhouse_connect") is None:
        cannot_run("ClickHouse is not installed: pip install chdb-core 'ibis-framework[clickhouse]'")
    command = [sys.executable, "-m", "tests.engines.clickhouse_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdout is not None
        try:
            yield f"clickhouse://default@127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


if __name__ == "__main__":
    Handler.sessions = Sessions(Path(sys.argv[1]))
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(listening.server_port, flush=True)
    listening.serve_forever()
