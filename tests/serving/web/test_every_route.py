"""Whatever address the pages answer to: nobody gets in without a sign-in, and nobody sees or changes another's book.

The addresses are those of the application itself, so that a new one cannot be forgotten.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from io import BytesIO
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from starlette.routing import Route

from serving.access.forms import SAFE_METHODS, TOKEN
from serving.access.names import STATIC
from serving.access.oidc import OPEN_PATHS
from serving.access.settings import OIDC_SECRET, SESSION_SECRET, AccessSettings
from serving.outcomes.outcome import Outcome
from serving.outcomes.vocabulary import ACTIONS
from serving.store.outcomes import OutcomeStore, open_store
from serving.store.views import View, ViewStore
from serving.web.app import Site, create_app
from tests import house
from tests.serving.web.conftest import plain
from tests.serving.web.test_record import fields_of
from tests.serving.web.test_views import ACCESS, SENT

MINE, ANOTHER = "Dana Lee", "Björn Ek"
ANA = {"X-Forwarded-Email": "ana@example.com"} | SENT
PROXY = ("127.0.0.1", 40_000)
READ = {
    "/": "/?owner=Björn+Ek",
    "/export.csv": "/export.csv?owner=Björn+Ek",
    "/export.xlsx": "/export.xlsx?owner=Björn+Ek",
    "/excluded": "/excluded?owner=Björn+Ek",
    "/tasks": "/tasks?owner=Björn+Ek",
    "/accounts": "/accounts?id={account}",
    "/accounts/{account_id:path}": "/accounts/{account}",
    "/views/{number:int}": "/views/{view}",
    "/experiment": "/experiment",
}
"""By address, how somebody asks there for what is another's, or for what is not for a CSM."""
OF_NOBODY = {"/views", "/team", "/model", "/backtest", "/monitoring", "/static/{name}"}
"""Here nobody can ask for another's: they show what their viewer may see, or what is of no account."""
CHANGE = {
    "/accounts": "/accounts?id={account}",
    "/accounts/{account_id:path}": "/accounts/{account}",
    "/views": "/views",
    "/views/{number:int}": "/views/{view}",
}
"""By address of a form, where somebody sends what would change another's."""
FORMS = {"/accounts": ACTIONS, "/accounts/{account_id:path}": ACTIONS, "/views": (), "/views/{number:int}": ("delete",)}


@dataclass(frozen=True)
class Pages:
    """The pages with a record and saved views. ``account``, ``view``: another's; ``own``: an account of the viewer."""

    app: FastAPI
    store: OutcomeStore
    views: ViewStore
    account: str
    view: int
    own: str

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path of all that is answered."""
        routes = [route for route in self.app.routes if isinstance(route, Route)]
        assert len(routes) == len(self.app.routes), "a part of the pages that is no route: which addresses has it?"
        return [(method, route.path) for route in routes for method in sorted(route.methods or ())]

    def paths(self, method: str) -> set[str]:
        return {path for of, path in self.routes if of == method}

    def filled(self, path: str, account: str) -> str:
        """An address of a path: with an account, the view of another, a file that there is."""
        for part, value in {"{account_id:path}": account, "{number:int}": str(self.view), "{name}": "list.css"}.items():
            path = path.replace(part, value)
        return path

    def browser(self, headers: Mapping[str, str] = ANA, peer: tuple[str, int] = PROXY) -> TestClient:
        return TestClient(self.app, SENT["Origin"], client=peer, headers=dict(headers), follow_redirects=False)


@pytest.fixture
def pages(site: Site, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    for secret in (SESSION_SECRET, OIDC_SECRET):
        monkeypatch.setenv(secret, "0123456789abcdef" * 2)
    owners = plain(out, "scores").set_index("account_id")["owner"].filter(like="acc-")
    with open_store(f"sqlite:///{tmp_path / 'outcomes.db'}") as store:
        views = ViewStore(store)
        number = views.add(View(person="bo@example.com", who="Bo", name="His", asked="sort=name"))
        app = create_app(replace(site, work=store, views=views, access=ACCESS))
        yield Pages(app, store, views, owners.index[owners == ANOTHER][0], number, owners.index[owners == MINE][0])


def test_every_address_is_asked_here(pages: Pages) -> None:
    """A new page is named above: how is another's asked for there, and who sees what on it?"""
    assert pages.paths("GET") == pages.paths("HEAD") == READ.keys() | OF_NOBODY
    assert READ.keys().isdisjoint(OF_NOBODY)
    assert pages.paths("POST") == CHANGE.keys() == FORMS.keys()
    assert {method for method, _ in pages.routes} == {"GET", "HEAD", "POST"}


def test_every_page_is_told_of(pages: Pages) -> None:
    """Those that one thing is asked of (`ID`, a file) are told with the page that leads there."""
    told = (house.ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    of_one = {path for path in pages.paths("GET") if "{" in path} | {"/accounts", "/export.csv", "/export.xlsx"}
    assert {path for path in pages.paths("GET") - of_one if f"`{path}`" not in told} == set()


@pytest.mark.parametrize(
    ("headers", "peer"),
    [
        ({}, PROXY),
        (ANA, ("127.0.0.2", 40_000)),
        (ANA, ("::ffff:127.0.0.2", 40_000)),
        (ANA, ("::1", 40_000)),
        (ANA, ("", 0)),
        (ANA | {"X_Forwarded_Email": "kay@example.com"}, PROXY),
        (ANA | {"X-Forwarded_Email": "ana@example.com"}, PROXY),
        (ANA | {"X-Forwarded-Email": "ana@example.com,kay@example.com"}, PROXY),
        (ANA | {"X-Forwarded-Email": "stranger@example.com"}, PROXY),
    ],
)
def test_no_address_answers_to_whom_the_proxy_does_not_name(
    pages: Pages, headers: dict[str, str], peer: tuple[str, int]
) -> None:
    asking = pages.browser(headers, peer)
    answers = {
        (method, path): asking.request(method, pages.filled(path, pages.own)).status_code
        for method, path in pages.routes
    }
    assert answers == dict.fromkeys(pages.routes, 403)


def test_no_address_answers_to_a_header_that_is_there_twice(pages: Pages) -> None:
    twice = [("X-Forwarded-Email", "ana@example.com")] * 2
    for method, path in pages.routes:
        assert pages.browser({}).request(method, pages.filled(path, pages.own), headers=twice).status_code == 403


def test_no_address_answers_without_a_sign_in(pages: Pages, site: Site) -> None:
    """Those of the sign-in itself do, and the files that it is drawn with."""
    asked = {"sign_in": "oidc", "oidc": {"issuer": "https://sign-in.example.com", "client_id": "headroom"}}
    access = AccessSettings.model_validate(ACCESS.model_dump() | asked)
    app = create_app(replace(site, work=pages.store, views=pages.views, access=access))
    signed_out = replace(pages, app=app)
    nobody, asking = [route for route in signed_out.routes if route[1] not in OPEN_PATHS], signed_out.browser(SENT)
    assert {path for _, path in signed_out.routes} - {path for _, path in nobody} == OPEN_PATHS
    for method, path in nobody:
        expected = 200 if path.startswith(STATIC) else 303 if method in SAFE_METHODS else 401
        assert asking.request(method, pages.filled(path, pages.own)).status_code == expected, (method, path)


def test_nobody_reads_what_is_anothers(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    ana = pages.browser()
    for method in ("GET", "HEAD"):
        for path, address in READ.items():
            caplog.clear()
            asked = address.format(account=pages.account, view=pages.view)
            assert (ana.request(method, asked).status_code, path) == (404, path)
            assert "'ana@example.com' asked for" in caplog.text, path


def test_no_page_names_an_account_or_an_owner_of_another_book(pages: Pages, out: Path) -> None:
    columns = ["account_id", "name", "owner"]
    known = pd.concat(plain(out, table)[columns] for table in ("scores", "exclusions"))
    mine, theirs = known[known["owner"] == MINE], known[known["owner"] != MINE]
    others = {*theirs[columns].stack().dropna()} - {*mine[columns].stack().dropna(), "Ana Costa"}  # she is looking
    others = {other for other in others if len(other) > 4}
    assert len(others) > 100
    ana = pages.browser()
    for path in pages.paths("GET") - {"/experiment", "/views/{number:int}"}:
        for more in ("", "?show=all", "?show=all&page=2"):
            answer = ana.get(pages.filled(path, pages.own) + more + ("&" if more else "?") + f"id={pages.own}")
            assert answer.status_code == 200, path
            text = shown(answer)
            assert [other for other in others if other in text] == [], path


def shown(answer: Response) -> str:
    """What an answer says, also in the cells of a workbook."""
    if answer.headers["content-type"].startswith("text/"):
        return unescape(answer.text)
    rows = openpyxl.load_workbook(BytesIO(answer.content), read_only=True).active.iter_rows(values_only=True)
    return "\n".join(str(cell) for row in rows for cell in row)


@pytest.mark.parametrize("correct", ["", "1"])
def test_nobody_changes_what_is_anothers(pages: Pages, caplog: pytest.LogCaptureFixture, correct: str) -> None:
    pages.store.append([Outcome(account_id=pages.account, action="taken", who="Bo", came_from="web")])
    recorded, saved, ana = pages.store.all_rows(), pages.views.of("bo@example.com"), pages.browser()
    token = {TOKEN: fields_of(ana.get(f"/accounts/{pages.own}").text)[TOKEN]}
    for path, address in CHANGE.items():
        for action in FORMS[path] or ("",):
            caplog.clear()
            form = token | {
                "action": action,
                "asked": "owner=Björn+Ek",
                "name": "Theirs",
                "snoozed_until": "2030-01-01",
            }
            asked = address.format(account=pages.account, view=pages.view)
            asked += f"{'&' if '?' in asked else '?'}correct={correct}" if correct else ""
            assert (ana.post(asked, data=form).status_code, path) == (404, path)
            assert "'ana@example.com' asked for" in caplog.text, path
    assert (pages.store.all_rows(), pages.views.of("bo@example.com")) == (recorded, saved)
    assert pages.views.of("ana@example.com") == []


def test_no_form_is_read_that_is_not_of_our_own_page(pages: Pages) -> None:
    ana = pages.browser()
    token = {TOKEN: fields_of(ana.get(f"/accounts/{pages.own}").text)[TOKEN]}
    for path in pages.paths("POST"):
        address = pages.filled(path, pages.own)
        for headers, form in (
            ({"Origin": "https://other.example"}, token),
            ({"Origin": "null"}, token),
            ({"Sec-Fetch-Site": "same-site", "Origin": "https://www.example.com"}, token),
            (SENT, {}),
            (SENT, {TOKEN: "of somebody else"}),
        ):
            sent = ana.post(address, data=form | {"action": "taken", "name": "x"}, headers=headers)
            assert (sent.status_code, path) == (403, path)
        del ana.headers["Origin"]
        assert ana.post(address, data=token | {"action": "taken", "name": "x"}).status_code == 403
        ana.headers.update(SENT)
    assert pages.store.all_rows() == []
