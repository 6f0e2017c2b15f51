"""Forms that change something: they come from our own pages, with a token of the session, and are not large."""

import secrets
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Message, Receive

from serving.access.refusals import RefusedError

TOKEN = "form_token"  # noqa: S105  the name of the field, and of the session's value
UNTIL = "until"
"""What a session that a sign-in began calls the time at which it ends."""
LARGEST_FORM, MOST_FIELDS = 65_536, 200
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing; all others are held to what stands here."""
ALLOWED = ("GET", "HEAD", "POST")
AGAIN = "Open the page again, and send the form from there."


def csrf_token(request: Request) -> str:
    """The token that every form of this session carries in a hidden field named ``TOKEN``."""
    if TOKEN not in request.session:
        request.session[TOKEN] = secrets.token_urlsafe(32)
    return str(request.session[TOKEN])


def checked_form(request: Request) -> FormData:
    """The fields of the form that was sent, all of them text. Where there is one, it has been checked."""
    form: FormData = request.state.form
    return form


async def read_form(request: Request, own_origin: str) -> tuple[FormData, Receive]:
    """The fields of a form, and its body once more for whoever reads it after.

    Raises ``RefusedError`` unless it was sent by a page of ``own_origin`` with the token of the session.
    """
    _require_own_page(request, own_origin)
    if request.method != "POST":
        raise RefusedError(405, "Not in this way", "Only a form that is posted changes something here.", allow=ALLOWED)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise RefusedError(415, "Not a form", "Only plain forms are read here.")
    body = await _body(request)
    form = _fields(body)
    _require_token(request.session, form)
    return form, _once_more(body, request.receive)


def _require_own_page(request: Request, own_origin: str) -> None:
    """Browsers say where a form comes from: the origin, or at least whether it is this one."""
    told = request.headers.getlist("origin")
    is_own = told == [own_origin] if told else request.headers.getlist("sec-fetch-site") == ["same-origin"]
    if not is_own:
        raise RefusedError(403, "From another page", f"This form was not sent by a page of this server. {AGAIN}")


def _require_token(session: Mapping[str, Any], form: FormData) -> None:
    expected, given = str(session.get(TOKEN, "")), form.getlist(TOKEN)
    if not expected or len(given) != 1 or not compare_digest(expected.encode(), str(given[0]).encode()):
        raise RefusedError(403, "From an earlier visit", f"This form belongs to another session. {AGAIN}")


async def _body(request: Request) -> bytes:
    """The body of a request, as far as it is read at all."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FORM:
            raise RefusedError(413, "Too long", "This form is larger than 64 kB.")
    return bytes(body)


def _fields(body: bytes) -> FormData:
    try:
        return FormData(
            [*parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)]
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise RefusedError(400, "Not a form", f"This form cannot be read. {AGAIN}") from error


def _once_more(body: bytes, receive: Receive) -> Receive:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return left.pop() if left else await receive()

    return receive_again
