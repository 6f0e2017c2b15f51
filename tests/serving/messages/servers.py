"""Slack's incoming webhook and a mail server, on ports of this machine, with the limits of the real ones."""

import asyncio
import email
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from apprise.plugins.slack import NotifySlack
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from tests.serving.access.provider import port, served

TOKENS = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
WEBHOOK = f"https://hooks.slack.com/services/{TOKENS}"
PASSWORD = "of-the-mail-server"
Blocks = list[dict[str, Any]]


@dataclass
class Slack:
    """What a webhook received and refuses. ``kills``: the number of a message, and the process that it ends.

    ``answers_after``: seconds in which a message is there, and not yet answered.
    """

    address: str
    received: list[Blocks] = field(default_factory=list)
    is_gone: bool = False
    refuses: str = ""
    kills: tuple[int, int] | None = None
    answers_after: float = 0

    def answer(self, payload: dict[str, Any]) -> tuple[int, str]:
        """As Slack does; all of what a message shows counts towards its length."""
        blocks = [block for attachment in payload["attachments"] for block in attachment["blocks"]]
        texts = [block["text"]["text"] for block in blocks]
        if self.is_gone:
            return 404, "no_service"
        if len(blocks) > 50 or any(not 0 < len(text) <= 3000 for text in texts):
            return 400, "invalid_blocks"
        if any(block["type"] == "header" and len(block["text"]["text"]) > 150 for block in blocks):
            return 400, "invalid_blocks"
        if len(json.dumps(blocks, ensure_ascii=False)) > 13_200:
            return 400, "msg_blocks_too_long"
        if self.refuses and self.refuses in texts[0]:
            return 500, f"rollup_error {TOKENS}"
        self.received.append(blocks)
        if self.kills and len(self.received) == self.kills[0]:
            os.kill(self.kills[1], signal.SIGKILL)
        return 200, "ok"

    @property
    def titles(self) -> list[str]:
        return [blocks[0]["text"]["text"] for blocks in self.received]

    def texts(self, number: int = -1) -> str:
        return "\n".join(block["text"]["text"] for block in self.received[number])


@contextmanager
def slack() -> Iterator[Slack]:
    """A webhook that is served."""
    app = FastAPI()
    with port() as (opened, address):
        server = Slack(f"{address}/services")

        @app.post("/services/{tokens:path}")
        async def post(tokens: str, request: Request) -> PlainTextResponse:
            if tokens != TOKENS:
                return PlainTextResponse("invalid_token", 403)
            code, said = server.answer(await request.json())
            await asyncio.sleep(server.answers_after)
            return PlainTextResponse(said, code)

        with served(app, opened):
            yield server


@contextmanager
def notes(answers_after: Sequence[float] = ()) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A service that takes plain messages: its address for Apprise, and each ``title`` and ``message`` that came.

    ``answers_after``: the seconds in which the first messages, each in turn, are there and not yet answered.
    """
    app, received = FastAPI(), list[dict[str, str]]()
    with port() as (opened, address):

        @app.post("/notes")
        async def post(request: Request) -> PlainTextResponse:
            received.append(await request.json())
            await asyncio.sleep(dict(enumerate(answers_after, start=1)).get(len(received), 0))
            return PlainTextResponse("ok")

        with served(app, opened):
            yield f"{address.replace('http://', 'json://')}/notes", received


def lead_to(server: Slack, patch: pytest.MonkeyPatch) -> None:
    """Let Apprise find Slack on this machine, and not wait between two messages."""
    patch.setattr(NotifySlack, "webhook_url", server.address)
    patch.setattr(NotifySlack, "request_rate_per_sec", 0)


@dataclass
class Mail:
    """What a mail server received; it refuses what is for ``refuses``, and answers after so many seconds."""

    received: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""
    url: str = ""
    answers_after: float = 0

    async def handle_RCPT(  # noqa: N802  its name in aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.refuses:
            return f"550 no such person, {PASSWORD}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        await asyncio.sleep(self.answers_after)
        return "250 OK"

    def bodies(self, number: int = -1) -> tuple[str, str]:
        """The plain and the HTML part of a message."""
        message = self.received[number]
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert html is not None
        return plain.get_content(), html.get_content()


@contextmanager
def mail() -> Iterator[Mail]:
    """A mail server on a free port."""
    received = Mail()
    with port() as (_, address):
        number = int(address.rpartition(":")[2])
    controller = Controller(received, hostname="127.0.0.1", port=number)
    controller.start()
    try:
        received.url = f"mailto://127.0.0.1:{number}/?from=headroom@example.com&reply=team@example.com&pw={PASSWORD}"
        yield received
    finally:
        controller.stop()
