"""Sign-in with a provider by OpenID Connect: the code flow with PKCE, state and nonce, as Authlib does it."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving.access import names
from serving.access.forms import SAFE_METHODS, TOKEN, UNTIL, asked_path, csrf_token
from serving.access.plain import WayOn, plain_page
from serving.access.refusals import LOG, RefusedError, title_of
from serving.access.settings import AccessSettings
from serving.access.viewer import People, Viewer

SIGN_IN, DONE, SIGN_OUT, SIGNED_OUT = "/sign-in", "/sign-in/done", "/sign-out", "/signed-out"
OPEN_PATHS = frozenset({SIGN_IN, DONE, SIGN_OUT, SIGNED_OUT})
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures with a key of the provider's own. One by a shared secret could be made with what it publishes."""
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
UNREADABLE = (AuthlibBaseError, JoseError, httpx2.HTTPError, ValueError, KeyError, TypeError)
"""Raised for what a provider answers, also where it is nothing that a provider should answer."""
LONGEST_SIGN_IN, LONGEST_WAIT, LEEWAY = 900, 10, 60
"""Seconds: from the begin of a sign-in to its end, for an answer of the provider, between its clock and ours."""
BEGUN = "begun"
"""What a session calls the sign-ins that were begun in its browser, one for each tab, by their state."""
LONGEST_BEGUN = 1_800
"""Letters of them all, as the session keeps them: a cookie holds 4 kB."""
AGAIN = WayOn(SIGN_IN, "Sign in again")


class SignInNeededError(RefusedError):
    """Nobody is signed in: a page leads to the sign-in and back. A form would be lost on the way, and is given back."""

    def __init__(self, request: Request) -> None:
        is_page = request.method in SAFE_METHODS
        text = "You are no longer signed in: nothing has been recorded. Sign in, and send it from the page once more."
        self.way_in = WayOn(f"{SIGN_IN}?next={quote(asked_path(request), safe='/')}", AGAIN.words)
        super().__init__(303 if is_page else 401, "Sign in", text, self.way_in)

    def answer(self, title: str) -> Response:
        return RedirectResponse(self.way_in.path, 303) if self.status == 303 else super().answer(title)


class OidcSignIn:
    """Who is looking, by a session that a sign-in began. It holds the e-mail, the name, and when it ends."""

    def __init__(self, settings: AccessSettings, client_secret: str, people: People) -> None:
        self.settings, self.people = settings, people
        self.issuer, self.client_id = str(settings.oidc.issuer), str(settings.oidc.client_id)
        self._client_secret = client_secret
        self._encryption = httpx2.create_ssl_context()  # a tenth of a second each: one for all that is asked

    def who(self, request: Request) -> Viewer:
        session = request.session
        if not _is_on(session):
            raise SignInNeededError(request)
        return self.people.viewer(session["email"], session["name"], WayOn(SIGN_OUT, "Sign out", csrf_token(request)))

    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN, self.begin, methods=["GET"]),
            Route(DONE, self.end, methods=["GET"]),
            Route(SIGN_OUT, self.sign_out, methods=["POST"]),
            Route(SIGNED_OUT, self.signed_out, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """Lead to the provider. What it has to answer to is kept in the browser's own session and nowhere else."""
        client = await self._client()
        asked = await client.create_authorization_url(self._way_back)
        begun = {
            "to": names.local_path(request.query_params.get("next")),
            "since": round(time.time()),
            "nonce": asked["nonce"],
            "code_verifier": asked["code_verifier"],
        }
        request.session[BEGUN] = _that_fit({**_begun(request.session), asked["state"]: begun})
        return RedirectResponse(asked["url"], 302)

    async def end(self, request: Request) -> Response:
        """Begin a session with whom the provider names, and lead to the page that this sign-in was begun for.

        Of the session before nothing is kept but what other tabs have begun and, where it is of the same person, the
        token of their forms.
        """
        session, others = request.session, _begun(request.session)
        begun = others.pop(request.query_params.get("state", ""), None)
        if begun is None:
            if _is_on(session):  # this address once more, or what another tab has overtaken
                return RedirectResponse("/", 303)
            raise _failed("it was not begun in this browser, or too long ago")
        client = await self._client()
        session[BEGUN] = others  # this one is used up, whatever comes of it
        try:
            claims = await self._claims(client, request, begun)
        except RefusedError:
            if _is_on(session):
                return RedirectResponse(begun["to"], 303)
            raise
        email = _email(claims)
        name = names.as_written(str(claims.get("name") or ""))
        kept: dict[str, Any] = {BEGUN: others}
        if _is_on(session) and session["email"] == email:
            kept[TOKEN] = csrf_token(request)
        session.clear()
        session.update(kept, email=email, name=name)
        session[UNTIL] = time.time() + self.settings.session_seconds
        csrf_token(request)
        LOG.info("%r signed in", email)
        return RedirectResponse(begun["to"], 303)

    async def sign_out(self, request: Request) -> Response:
        request.session.clear()
        return RedirectResponse(SIGNED_OUT, 303)

    async def signed_out(self, request: Request) -> Response:
        text = "You are signed out here, though not at your provider."
        return plain_page(200, "Signed out", text, AGAIN, title=title_of(request.scope))

    @property
    def _way_back(self) -> str:
        return f"{self.settings.public_url}{DONE}"

    async def _client(self) -> Any:
        """Authlib's client, with what the provider says of itself today: keys that it withdrew are not believed."""
        client = OAuth().register(
            "oidc",
            client_id=self.client_id,
            client_secret=self._client_secret,
            server_metadata_url=f"{self.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                "timeout": LONGEST_WAIT,
                "verify": self._encryption,
            },
        )
        try:
            told = await client.load_server_metadata()
            client.server_metadata = self._believed(told)
        except UNREADABLE as error:
            LOG.error("the provider %s cannot be asked: %r", self.issuer, error)
            text = f"The sign-in cannot be reached. Try again later, or ask {self.settings.contact}."
            raise RefusedError(502, "No sign-in", text, AGAIN) from error
        return client

    def _believed(self, told: dict[str, Any]) -> dict[str, Any]:
        """What is used of what the provider says of itself: its issuer is the one of the settings, nothing is plain
        text, and nothing else of it changes how it is asked.
        """
        if told["issuer"] != self.issuer:
            raise ValueError(f"it calls itself {told['issuer']!r}")
        signatures = [
            name for name in told.get("id_token_signing_alg_values_supported", ["RS256"]) if name in SIGNATURES
        ]
        if not signatures:
            raise ValueError("it signs with none of the signatures that are believed")
        for name in NEEDED:
            names.require_encryption(urlsplit(str(told[name])))
        kept = ("issuer", "_loaded_at", *NEEDED)
        return {name: told[name] for name in kept} | {"id_token_signing_alg_values_supported": signatures}

    async def _claims(self, client: Any, request: Request, begun: Mapping[str, Any]) -> dict[str, Any]:
        """What the ID token says: its signature, issuer, audience, times and nonce are checked.

        Authlib knows one sign-in of a session: the one that this is the answer to, and none when it is done with.
        """
        if request.query_params.get("iss", self.issuer) != self.issuer:
            raise _failed("another provider answered")
        expected = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
            "nonce": {"essential": True},
        }
        state = request.query_params["state"]
        await client.framework.set_state_data(request.session, state, {**begun, "redirect_uri": self._way_back})
        try:
            token = await client.authorize_access_token(request, claims_options=expected, leeway=LEEWAY)
        except UNREADABLE as error:
            raise _failed(repr(error)) from error
        finally:
            await client.framework.clear_state_data(request.session, state)
        if not token.get("userinfo"):
            raise _failed("the provider sent no ID token")
        claims: dict[str, Any] = token["userinfo"]
        return claims


def _failed(because: str) -> RefusedError:
    """The log says why; the page does not, since what a provider's answer says may be anybody's words."""
    LOG.warning("a sign-in failed: %s", because)
    return RefusedError(400, "Not signed in", "The sign-in did not come to its end.", AGAIN)


def _is_on(session: Mapping[str, Any]) -> bool:
    """Is somebody signed in, whose hours are not over?"""
    return bool(session.get(UNTIL, 0) >= time.time())


def _begun(session: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The sign-ins of a browser that may still come to their end, by their state, the earliest first."""
    earliest = time.time() - LONGEST_SIGN_IN
    return {state: begun for state, begun in session.get(BEGUN, {}).items() if begun["since"] >= earliest}


def _that_fit(begun: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """As many of them as a cookie holds: the latest one in any case, and those before it."""
    kept = list(begun.items())
    while len(kept) > 1 and len(json.dumps(dict(kept))) > LONGEST_BEGUN:
        del kept[0]
    return dict(kept)


def _email(claims: dict[str, Any]) -> str:
    email = names.as_email(claims.get("email"))
    if email is None:
        raise _failed("the ID token names no e-mail in plain ASCII")
    if claims.get("email_verified", True) is not True:
        raise RefusedError(403, "E-mail not confirmed", "Confirm your e-mail with your provider first.", AGAIN)
    return email
