"""The one way to put sign-in, roles and limits around an app."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Route

from serving.access.guard import Guard, Who, at_this_machine
from serving.access.oidc import OPEN_PATHS, OidcSignIn
from serving.access.proxy import told_by_proxy
from serving.access.settings import AccessSettings
from serving.access.shield import Shield
from serving.access.start import AccessSecrets, require_ready
from serving.access.viewer import OwnersOf, People

SERVER_OPTIONS: dict[str, Any] = {
    "proxy_headers": False,
    "server_header": False,
    "h11_max_incomplete_event_size": 32_768,
    "timeout_graceful_shutdown": 5,
}
"""How uvicorn is started. Without the first it takes the address of whoever asks from a header that a proxy on this
machine passes on, and then no address can be believed."""


def protect(app: Starlette, settings: AccessSettings, owners_of: OwnersOf, port: int = 0) -> None:
    """Put sign-in, roles and limits around an app, as its outermost layers.

    A page then finds who is looking in ``request.state.viewer``. ``owners_of`` is asked for the owners of an e-mail
    where ``[serve.people]`` names none; ``port`` is the one that is listened on. Raises ``SettingsError`` where the
    settings let in whoever asks.
    """
    found = require_ready(settings)
    people = People(settings.people, owners_of, settings.contact)
    who, routes = _sign_in(settings, found, people)
    app.router.routes[:0] = routes  # before a page that would answer to every path
    open_paths = OPEN_PATHS if routes else frozenset()
    app.add_middleware(Guard, who=who, public_url=settings.public_url, open_paths=open_paths)
    app.add_middleware(
        SessionMiddleware,
        secret_key=found.session if found else secrets.token_hex(32),
        session_cookie=_cookie(settings, port),
        max_age=settings.session_seconds,
        same_site="lax",
        https_only=settings.is_encrypted,
    )
    app.add_middleware(Shield, public_url=settings.public_url)


def _cookie(settings: AccessSettings, port: int) -> str:
    """The name of the cookie. Browsers give it to every port of a host, so each port has a name of its own."""
    asked = port if settings.public_url is None else urlsplit(settings.public_url).port
    name = "__Host-headroom" if settings.is_encrypted else "headroom"
    return f"{name}-{asked}" if asked else name


def _sign_in(settings: AccessSettings, found: AccessSecrets | None, people: People) -> tuple[Who, list[Route]]:
    if found is None:
        return at_this_machine, []
    if settings.sign_in == "proxy":
        return told_by_proxy(settings.proxy, people), []
    oidc = OidcSignIn(settings, found.client, people)
    return oidc.who, oidc.routes()
