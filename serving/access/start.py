"""What must be there before the first page is served."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from packaging.version import Version

from data.errors import SettingsError
from serving.access import names
from serving.access.settings import OIDC_SECRET, SESSION_SECRET, AccessSettings

SHORTEST_SECRET, FEWEST_SIGNS = 32, 8
"""Characters of the session's secret, and how many different ones: 32 random hexadecimal digits have about 14."""
LEAST_VERSIONS = {"authlib": "1.9.0", "joserfc": "1.7.6", "starlette": "1.3.0"}
"""Older releases have known flaws: of the sign-in, of its tokens, and of what a request can change of its address."""
MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'


@dataclass(frozen=True)
class AccessSecrets:
    """What comes from the environment alone. ``session`` signs the cookies, ``client`` is known to the provider."""

    session: str = field(repr=False)
    client: str = field(default="", repr=False)


def require_ready(settings: AccessSettings) -> AccessSecrets | None:
    """The secrets of a sign-in; None where nobody signs in.

    Raises ``SettingsError`` where others than this machine would see the pages without a sign-in, where what a sign-in
    needs is missing, and for releases of libraries with known flaws.
    """
    asked = f"Serve the list on {settings.host}."
    _require_versions(asked)
    if settings.sign_in == "none":
        _require_loopback(asked, settings)
        return None
    missing = list(_missing(settings))
    if missing:
        found = f'sign_in is "{settings.sign_in}" without {" and ".join(missing)}.'
        raise SettingsError(asked, found, "Set what is missing; docs/access.md has an example.")
    return AccessSecrets(_session_secret(asked), os.environ.get(OIDC_SECRET, ""))


def _require_versions(asked: str) -> None:
    for library, least in LEAST_VERSIONS.items():
        there = version(library)
        if Version(there) < Version(least):
            found = f"{library} {there}, which has known flaws."
            raise SettingsError(asked, found, f"Install {library} {least} or newer.")


def _require_loopback(asked: str, settings: AccessSettings) -> None:
    if not names.is_loopback(settings.host):
        raise SettingsError(
            asked,
            "other machines may reach that address, and nobody would have to sign in.",
            'Set sign_in to "oidc" or "proxy" under [serve] (docs/access.md has examples), or serve on 127.0.0.1.',
        )
    if settings.public_url is not None:
        found = 'public_url is set and sign_in is "none": these pages are for this machine alone.'
        raise SettingsError(asked, found, "Take public_url out, or set sign_in under [serve].")


def _missing(settings: AccessSettings) -> Iterator[str]:
    if settings.public_url is None:
        yield "public_url under [serve]"
    if not settings.people:
        yield "people under [serve.people]"
    if settings.sign_in == "proxy" and not settings.proxy.peers:
        yield "peers under [serve.proxy]"
    if settings.sign_in == "oidc":
        unset = [name for name in ("issuer", "client_id") if getattr(settings.oidc, name) is None]
        yield from (f"{name} under [serve.oidc]" for name in unset)
        if not os.environ.get(OIDC_SECRET):
            yield f"the variable {OIDC_SECRET}"


def _session_secret(asked: str) -> str:
    secret = os.environ.get(SESSION_SECRET, "")
    if len(secret) < SHORTEST_SECRET or len({*secret}) < FEWEST_SIGNS:
        state = "easy to guess" if secret else "missing"
        found = f"the variable {SESSION_SECRET}, which signs the sessions, is {state}."
        raise SettingsError(asked, found, f"Set it to what this prints: {MAKE_ONE}.")
    return secret
