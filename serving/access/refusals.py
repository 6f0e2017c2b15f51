"""Refusals as people read them: plain pages of a heading and a sentence, and a line in the log."""

import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

LOG = logging.getLogger("headroom.access")


@dataclass(frozen=True)
class WayOn:
    """Where a plain page leads: a path of this server, in words. With a token it is a form that is sent there."""

    path: str
    words: str
    token: str | None = None


class RefusedError(Exception):
    """A request that is not answered. ``heading`` and ``text`` are what is read; they repeat nothing that was sent."""

    def __init__(self, status: int, heading: str, text: str, way_on: WayOn | None = None) -> None:
        super().__init__(status, heading, text)
        self.status, self.heading, self.text, self.way_on = status, heading, text, way_on

    def answer(self) -> Response:
        return plain_page(self.status, self.heading, self.text, self.way_on)


async def refuse(refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page of a refusal, and tell the log."""
    told = logging.WARNING if refused.status >= 400 else logging.DEBUG  # a way to the sign-in is no fault
    LOG.log(told, "%s %r was refused with %d: %s", scope["method"], scope["path"], refused.status, refused.heading)
    await refused.answer()(scope, receive, send)


def plain_page(status: int, heading: str, text: str, way_on: WayOn | None = None) -> HTMLResponse:
    """A page of a heading and a sentence; what is given is escaped."""
    page = _templates().get_template("plain.html.j2")
    return HTMLResponse(page.render(heading=heading, text=text, way_on=way_on), status)


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
