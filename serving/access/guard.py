"""No page without a viewer, and no change without a form of our own."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.forms import SAFE_METHODS, read_form, read_to_give_back
from serving.access.names import STATIC
from serving.access.refusals import RefusedError, refuse
from serving.access.viewer import LAPTOP, Viewer

Who = Callable[[Request], Viewer]
"""Tells who is looking; raises ``RefusedError`` where nobody may be."""


class Guard:
    """The layer around the pages: ``request.state.viewer`` is set, and ``request.state.form`` where one was sent.

    ``open_paths``: the exact paths of the sign-in, which need no viewer; their forms are checked like all others. Where
    there are any, the files under ``STATIC`` need none either: pages of the sign-in are drawn with them.
    """

    def __init__(self, app: ASGIApp, who: Who, public_url: str | None, open_paths: frozenset[str]) -> None:
        self.app, self.who, self.public_url, self.open_paths = app, who, public_url, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, state = Request(scope, receive), dict(scope.get("state", {}))
        try:
            if not self._is_open(scope["path"]):
                state["viewer"] = await self._viewer(request)
            if scope["method"] not in SAFE_METHODS:
                state["form"], receive = await read_form(request, self._own_origin(request))
            await self.app({**scope, "state": state}, receive, send)
        except RefusedError as refused:
            await refuse(refused, scope, receive, send)

    async def _viewer(self, request: Request) -> Viewer:
        """Who is looking. Whoever has to sign in first gets back what they sent."""
        try:
            return self.who(request)
        except RefusedError as refused:
            if refused.status == 401:
                refused.told = await read_to_give_back(request, self._own_origin(request))
            raise

    def _is_open(self, path: str) -> bool:
        return path in self.open_paths or (bool(self.open_paths) and path.startswith(STATIC))

    def _own_origin(self, request: Request) -> str:
        """Where our own pages come from; without a public URL the Host header is a name of this machine by now."""
        return self.public_url or f"http://{request.headers['host'].lower()}"


def peer_of(request: Request) -> IPv4Address | IPv6Address | None:
    """The address at the other end of the connection; None where it has none, as a socket of this machine."""
    try:
        peer = ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    return (peer.ipv4_mapped or peer) if isinstance(peer, IPv6Address) else peer


def at_this_machine(request: Request) -> Viewer:
    """Whoever asks from this machine itself; nobody has to sign in."""
    peer = peer_of(request)
    if peer is None or not peer.is_loopback:
        raise RefusedError(403, "Not from here", "Without a sign-in these pages are for the machine that serves them.")
    return LAPTOP
