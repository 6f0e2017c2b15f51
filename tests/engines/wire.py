"""A way to a server that can be cut: what is sent over it goes on until then, and ends in the middle."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread


class Wire:
    """A port of this machine that leads to another one. ``cut_after``: so many more bytes come back, and no more."""

    def __init__(self, port: int) -> None:
        self.to, self.cut_after = port, -1
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # the wire is gone
            while True:
                near, _ = self.listening.accept()
                if self.cut_after == 0:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.to))
                Thread(target=self._carry, args=(near, far, False), daemon=True).start()
                Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError), source, sink:
            while sent := source.recv(1 << 16):
                if is_answer and self.cut_after >= 0:
                    sent = sent[: self.cut_after]
                    self.cut_after -= len(sent)
                sink.sendall(sent)
                if is_answer and self.cut_after == 0:
                    for end in (source, sink):
                        end.shutdown(socket.SHUT_RDWR)
                    return


@contextmanager
def wire(port: int) -> Iterator[Wire]:
    """A wire while the context lasts."""
    made = Wire(port)
    try:
        yield made
    finally:
        made.listening.close()
