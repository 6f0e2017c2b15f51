"""A small app of the form that the pages have, and browsers that ask it."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.testclient import TestClient

from serving.access.forms import TOKEN, checked_form, csrf_token
from serving.access.protect import protect
from serving.access.settings import AccessSettings
from serving.access.viewer import log_not_yours

ACCOUNTS = {"acme": "Ada Lovelace", "bolt": "Bob Stone", "cart": None}
PROXY, ANYONE, HERE = ("10.0.0.5", 40_000), ("203.0.113.9", 40_000), ("127.0.0.1", 40_000)
PUBLIC = "https://headroom.example.com"
ADA, LEAD, DATA, STRANGER = "ada@example.com", "lead@example.com", "data@example.com", "stranger@example.com"
PEOPLE = {
    ADA: {"owners": ["Ada Lovelace"], "name": "Ada"},
    "csm@example.com": {},
    LEAD: {"role": "lead", "owners": ["ada  lovelace", "Bob Stone"]},
    DATA: {"role": "data"},
}
SECRET = "0123456789abcdef" * 2 + "of the tests"
BEHIND_A_PROXY = {"sign_in": "proxy", "public_url": PUBLIC, "proxy": {"peers": ["10.0.0.5/32"]}, "people": PEOPLE}


def pages() -> FastAPI:
    """Four pages; they ask the viewer which accounts to show."""
    app = FastAPI(openapi_url=None)

    @app.get("/", response_class=HTMLResponse)
    def first(request: Request) -> str:
        seen = " ".join(name for name, owner in ACCOUNTS.items() if request.state.viewer.may_see(owner))
        form = f'<input type="hidden" name="{TOKEN}" value="{csrf_token(request)}">'
        return f"<p>{escape(request.state.viewer.name)} {request.state.viewer.role}: {seen}</p>{form}"

    @app.get("/accounts/{account}")
    def account(request: Request, account: str) -> PlainTextResponse:
        if not request.state.viewer.may_see(ACCOUNTS.get(account)):
            log_not_yours(request, account)
            raise HTTPException(404)
        return PlainTextResponse(f"{account} at {request.url}", headers={"Cache-Control": "public, max-age=60"})

    @app.get("/export.csv")
    def export(request: Request) -> PlainTextResponse:
        return PlainTextResponse("account_id\n")

    @app.post("/accounts/{account}/actions")
    async def act(request: Request, account: str) -> PlainTextResponse:
        body = await request.body()
        return PlainTextResponse(f"{account}: {checked_form(request)['action']}, {len(body)} bytes")

    @app.get("/static/list.css")
    def style() -> PlainTextResponse:
        return PlainTextResponse("p {}", headers={"Cache-Control": "private, max-age=60"})

    @app.get("/fails")
    def fails() -> None:
        raise ValueError("of the page")

    return app


def owners_of(email: str) -> Iterable[str]:
    return [email]


def protected(**settings: Any) -> FastAPI:
    app = pages()
    protect(app, AccessSettings.model_validate(settings), owners_of)
    return app


def browser(
    app: FastAPI, client: tuple[str, int], base_url: str, headers: Mapping[str, str] | None = None
) -> TestClient:
    return TestClient(app, base_url, client=client, headers=dict(headers or {}), raise_server_exceptions=False)


def at_home(**settings: Any) -> TestClient:
    """A browser on the machine that serves the pages to itself."""
    return browser(protected(**settings), HERE, "http://localhost:8080")


def through_proxy(email: str, **settings: Any) -> TestClient:
    """A browser behind the proxy, which says that it is of this e-mail."""
    return browser(protected(**(BEHIND_A_PROXY | settings)), PROXY, PUBLIC, {"X-Forwarded-Email": email})


def token_of(page: str) -> str:
    """The token in the form of a page."""
    return page.partition('value="')[2].partition('"')[0]
