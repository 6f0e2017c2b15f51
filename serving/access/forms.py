"""Forms that change something: they come from our own pages, with a token of the session, and are not large."""

import secrets
from hmac import compare_digest
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Message, Receive

from serving.access import names
from serving.access.plain import WayOn
from serving.access.refusals import RefusedError

TOKEN = "form_token"  # noqa: S105  the name of the field, and of the session's value
UNTIL = "until"
"""What a session that a sign-in began calls the time at which it ends."""
LARGEST_FORM, MOST_FIELDS = 65_536, 200
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing; all others are held to what stands here."""
ALLOWED = ("GET", "HEAD", "POST")
AGAIN = "Open the page again, and send the form from there."
OF_THE_PAGE = frozenset({TOKEN, "list_seen", "request_key", "asked"})
"""The hidden fields of all forms: what a page says there, and not who sends it."""


def csrf_token(request: Request) -> str:
    """The token that every form of this session carries in a hidden field named ``TOKEN``.

    A session that no sign-in began has no end of its own: it is kept for its hours after each page with a form.
    """
    session = request.session
    token = str(session.get(TOKEN) or secrets.token_urlsafe(32))
    if TOKEN not in session or UNTIL not in session:
        session[TOKEN] = token
    return token


def checked_form(request: Request) -> FormData:
    """The fields of the form that was sent, all of them text. Where there is one, it has been checked."""
    form: FormData = request.state.form
    return form


def written(form: FormData) -> dict[str, str]:
    """What somebody wrote or chose in a form, by the names of its fields in words: to be given back to them."""
    return {
        name.replace("_", " ").capitalize(): str(value)
        for name, value in form.multi_items()
        if name not in OF_THE_PAGE and str(value).strip()
    }


def asked_path(request: Request) -> str:
    """The path and the query of a request, to lead back to."""
    path, query = request.scope["raw_path"], request.scope["query_string"]  # as written: %2F is no slash
    return names.local_path((path + b"?" + query if query else path).decode("latin-1"))


async def read_form(request: Request, own_origin: str) -> tuple[FormData, Receive]:
    """The fields of a form, and its body once more for whoever reads it after.

    Raises ``RefusedError`` unless it was sent by a page of ``own_origin`` with the token of the session.
    """
    form, body = await _of_own_page(request, own_origin)
    _require_token(request, form)
    return form, _once_more(body, request.receive)


async def read_to_give_back(request: Request, own_origin: str) -> dict[str, str]:
    """What is ``written`` in a form that is refused already; nothing unless a page of ``own_origin`` sent it."""
    try:
        form, _ = await _of_own_page(request, own_origin)
    except RefusedError:
        return {}
    return written(form)


async def _of_own_page(request: Request, own_origin: str) -> tuple[FormData, bytes]:
    """The fields and the body of a form that a page of ours sent, of whatever session."""
    _require_own_page(request, own_origin)
    if request.method != "POST":
        raise RefusedError(405, "Not in this way", "Only a form that is posted changes something here.", allow=ALLOWED)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise RefusedError(415, "Not a form", "Only plain forms are read here.")
    body = await _body(request)
    return _fields(body), body


def _require_own_page(request: Request, own_origin: str) -> None:
    """Browsers say where a form comes from: the origin, or at least whether it is this one."""
    told = request.headers.getlist("origin")
    is_own = told == [own_origin] if told else request.headers.getlist("sec-fetch-site") == ["same-origin"]
    if not is_own:
        raise RefusedError(403, "From another page", f"This form was not sent by a page of this server. {AGAIN}")


def _require_token(request: Request, form: FormData) -> None:
    """Raise ``RefusedError`` for a form without the token of the session. Its sender may send it again with it."""
    expected, given = str(request.session.get(TOKEN, "")), form.getlist(TOKEN)
    if not expected or len(given) != 1 or not compare_digest(expected.encode(), str(given[0]).encode()):
        fields = tuple((name, str(value)) for name, value in form.multi_items() if name != TOKEN)
        again = WayOn(asked_path(request), "Send it again", csrf_token(request), fields)
        text = "Nothing has been recorded: this form belongs to another session. It can be sent again from here."
        raise RefusedError(403, "From an earlier visit", text, again, told=written(form))


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
