"""Refusals as people read them: plain pages of a heading and a sentence, and a line in the log."""

import logging
from collections.abc import Iterable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.access.plain import USUAL_TITLE, WayOn, plain_page

LOG = logging.getLogger("headroom.access")


class RefusedError(Exception):
    """A request that is not answered. ``heading`` and ``text`` are what is read; they repeat nothing that was sent.

    ``allow``: the methods that would be answered, where it is refused for its own. ``told``: what its sender wrote in a
    form of ours, given back to them so that it is not lost.
    """

    def __init__(
        self,
        status: int,
        heading: str,
        text: str,
        way_on: WayOn | None = None,
        allow: Iterable[str] = (),
        told: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, heading, text)
        self.status, self.heading, self.text, self.way_on = status, heading, text, way_on
        self.allow = ", ".join(allow)
        self.told = told

    def answer(self, title: str) -> Response:
        """The page of it; ``title`` stands at its top."""
        page = plain_page(self.status, self.heading, self.text, self.way_on, told=self.told, title=title)
        if self.allow:
            page.headers["Allow"] = self.allow
        return page


async def refuse(refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page of a refusal, and tell the log."""
    told = logging.WARNING if refused.status >= 400 else logging.DEBUG  # a way to the sign-in is no fault
    LOG.log(told, "%s %r was refused with %d: %s", scope["method"], scope["path"], refused.status, refused.heading)
    await refused.answer(title_of(scope))(scope, receive, send)


def title_of(scope: Scope) -> str:
    """What the app calls itself."""
    return str(getattr(scope.get("app"), "title", USUAL_TITLE))
