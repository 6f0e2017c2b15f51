"""What holds for every request and every answer, whoever asks: headers, limits, and under which name we are asked."""

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access import names
from serving.access.refusals import RefusedError, refuse

LARGEST_HEADERS = 16_384
"""Bytes of all headers of a request."""
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # not no-referrer, under which browsers send `Origin: null` with the forms of our own pages
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
WITH_DATA = {"Cache-Control": "private, no-store"}
ENCRYPTED = {"Strict-Transport-Security": "max-age=31536000"}
"""For this host alone: what other hosts of the domain do is not ours to say."""
FAILED = RefusedError(500, "That went wrong", "The page could not be made; the log of the server says why.")


class Shield:
    """The outermost layer. With a ``public_url`` the app is asked under that name, whatever the Host header says."""

    def __init__(self, app: ASGIApp, public_url: str | None) -> None:
        self.app = app
        self.public = None if public_url is None else urlsplit(public_url)
        self.headers = HEADERS | (ENCRYPTED if self.public and self.public.scheme == "https" else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":  # no page has one; 1008 is a breach of policy
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._set_headers(message, scope["path"])
            await send(message)

        try:
            await self.app(self._under_our_name(_within_limits(scope)), receive, send_with_headers)
        except RefusedError as refused:
            await refuse(refused, scope, receive, send_with_headers)
        except Exception:
            if not has_begun:  # what answers for a fault outside of this layer knows nothing of headers
                await refuse(FAILED, scope, receive, send_with_headers)
            raise

    def _set_headers(self, message: Message, path: str) -> None:
        headers = MutableHeaders(scope=message)
        is_file = path.startswith(names.STATIC) and message["status"] in (200, 304)
        for name, value in (self.headers if is_file else self.headers | WITH_DATA).items():
            headers[name] = value

    def _under_our_name(self, scope: Scope) -> Scope:
        """The request under the name of ``public_url``; without one only under a name of this machine.

        A site whose name leads to this machine would otherwise read the pages in a browser that runs on it.
        """
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if self.public is not None:
            named = (b"host", self.public.netloc.encode())
            return {**scope, "scheme": self.public.scheme, "headers": [named, *others]}
        if len(hosts) != 1 or not names.is_loopback(names.host_name(hosts[0]) or ""):
            raise RefusedError(421, "Not under this name", "Open these pages as localhost or 127.0.0.1.")
        return scope


def _within_limits(scope: Scope) -> Scope:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        raise RefusedError(431, "Too long", "The headers of this request are larger than 16 kB.")
    return scope
