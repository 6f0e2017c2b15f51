"""A provider of OpenID Connect on a port of this machine, and servers that run beside the test."""

import base64
import hashlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.types import ASGIApp

from serving.access.protect import SERVER_OPTIONS

CLIENT, CLIENT_SECRET = "headroom", "of the client"
Claims = dict[str, Any]


@contextmanager
def port() -> Iterator[tuple[socket.socket, str]]:
    """A free port of this machine, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened, f"http://127.0.0.1:{opened.getsockname()[1]}"


@contextmanager
def served(app: ASGIApp, opened: socket.socket, **options: Any) -> Iterator[None]:
    """The app as a server on a port, until the test is done with it; ``options`` beside the usual ones."""
    asked = {"log_level": "critical", "lifespan": "off", "ws": "none", **SERVER_OPTIONS, **options}
    server = uvicorn.Server(uvicorn.Config(app, **asked))
    running = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    running.start()
    try:
        ends = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < ends, "the server did not start"
            time.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        running.join(20)


@cache
def key(kid: str) -> RSAKey:
    """A key of that name; making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def encoded(part: bytes | dict[str, Any]) -> str:
    """A part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Provider:
    """A provider that believes everybody to be ``claims``. What a test changes of it, it then says.

    ``says`` is its description of itself, ``claimed`` changes what an ID token says, ``sign`` makes one of it, and
    ``asked`` keeps what it was asked for.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be as a provider should be."""
        address = self.address
        self.claims: Claims = {"email": "ada@example.com", "email_verified": True, "name": "Ada of the provider"}
        self.says: dict[str, Any] = {
            "issuer": address,
            "authorization_endpoint": f"{address}/authorize",
            "token_endpoint": f"{address}/token",
            "jwks_uri": f"{address}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        self.keys = [key("first")]
        self.claimed: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], Any] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "first"}, claims, key("first")
        )
        self.asked: dict[str, str] = {}
        self.codes: dict[str, dict[str, str]] = {}

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.get("/.well-known/openid-configuration")(lambda: JSONResponse(self.says))
        app.get("/keys")(lambda: JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]}))
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        return app

    def _authorize(self, request: Request) -> Response:
        self.asked = dict(request.query_params)
        code = secrets.token_hex(8)
        self.codes[code] = self.asked
        back = urlencode({"code": code, "state": self.asked["state"]})
        return RedirectResponse(f"{self.asked['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(sent["code"], None)
        if asked is None or not self._is_the_client(request) or not _fits(asked, sent):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self.sign(self._said(asked))})

    def _said(self, asked: dict[str, str]) -> Claims:
        now = int(time.time())
        own = {"iss": self.address, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        return self.claimed({**own, **self.claims})

    def _is_the_client(self, request: Request) -> bool:
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        return kind == "Basic" and unquote(base64.b64decode(told).decode()) == f"{CLIENT}:{CLIENT_SECRET}"


def _fits(asked: dict[str, str], sent: dict[str, str]) -> bool:
    """Is it the same browser that ends what it began, as PKCE proves it?"""
    challenge = encoded(hashlib.sha256(sent["code_verifier"].encode()).digest())
    return challenge == asked["code_challenge"] and sent["redirect_uri"] == asked["redirect_uri"]
