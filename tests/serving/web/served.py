"""The pages over real HTTP, for a browser."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from serving.web.app import Site, create_app


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address of the pages while they are served on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(site), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
