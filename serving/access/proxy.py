"""Sign-in by a proxy in front: it says who is asking, in a header that is believed from its own address alone."""

from starlette.requests import Request

from serving.access import names
from serving.access.guard import Who, peer_of
from serving.access.refusals import RefusedError
from serving.access.settings import ProxySettings
from serving.access.viewer import People, Viewer


def told_by_proxy(settings: ProxySettings, people: People) -> Who:
    """Who is looking, as the proxy says. A session is of one person: it ends where the proxy names another."""

    def who(request: Request) -> Viewer:
        _require_proxy(request, settings)
        email = _email(request, settings.header)
        if request.session.get("email") != email:
            request.session.clear()
            request.session["email"] = email
        return people.viewer(email)

    return who


def _require_proxy(request: Request, settings: ProxySettings) -> None:
    peer = peer_of(request)
    if peer is None or not any(peer in network for network in settings.peers):
        raise RefusedError(403, "Not this way", "These pages are reached through the sign-in alone.")


def _email(request: Request, header: str) -> str:
    """The e-mail in the one header of that name.

    Servers take ``X_Forwarded_Email`` for ``X-Forwarded-Email``, and a proxy that replaces the one may pass the other
    on: where there is a second header of either name, somebody else than the proxy may have written it.
    """
    wanted = header.lower()
    alike = [(name, value) for name, value in request.headers.items() if name.replace("_", "-") == wanted]
    if len(alike) != 1 or alike[0][0] != wanted:
        raise RefusedError(403, "Nobody is named", "The proxy in front did not say, once, who is asking.")
    email = names.as_email(alike[0][1])
    if email is None:
        raise RefusedError(403, "Nobody is named", "What the proxy in front says is no e-mail in plain ASCII.")
    return email
