"""A form changes something only if one of our own pages sent it, in the session that it was made for."""

import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from serving.access.forms import LARGEST_FORM, TOKEN
from tests.serving.access.pages import ADA, LEAD, PUBLIC, at_home, through_proxy, token_of

ACTIONS = "/accounts/acme/actions"


def send(browser: TestClient, headers: dict[str, str], **fields: str) -> Any:
    return browser.post(ACTIONS, data={"action": "won", **fields}, headers=headers)


def test_a_form_of_our_own_page_is_read_and_its_body_too() -> None:
    with through_proxy(ADA) as ada:
        token = token_of(ada.get("/").text)
        answer = send(ada, {"Origin": PUBLIC}, **{TOKEN: token})
    assert (answer.status_code, answer.text) == (200, f"acme: won, {len(f'action=won&{TOKEN}={token}')} bytes")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": PUBLIC}, 200),
        ({"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": "https://headroom.example.com.evil.test"}, 403),
        ({"Origin": "http://headroom.example.com"}, 403),
        ({"Origin": f"{PUBLIC}:8443"}, 403),
        ({"Origin": "https://example.com", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "https://example.com", "Host": "example.com"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Referer": PUBLIC}, 403),
    ],
)
def test_the_browser_says_where_a_form_comes_from(headers: dict[str, str], status: int) -> None:
    with through_proxy(ADA) as ada:
        token = token_of(ada.get("/").text)
        assert send(ada, headers, **{TOKEN: token}).status_code == status


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_on_one_machine_forms_are_held_to_it_too(host: str) -> None:
    with at_home() as home:
        token = token_of(home.get("/").text)
        named = {"Host": host}
        assert send(home, named | {"Origin": f"http://{host}"}, **{TOKEN: token}).status_code == 200
        assert send(home, named | {"Origin": f"http://{host}"}).status_code == 403
        assert send(home, named | {"Origin": "http://localhost:3000"}, **{TOKEN: token}).status_code == 403
        assert send(home, named | {"Origin": f"https://{host}"}, **{TOKEN: token}).status_code == 403


def test_a_form_without_the_token_of_its_session_is_refused() -> None:
    with through_proxy(ADA) as ada, through_proxy(ADA) as elsewhere:
        ours, others = token_of(ada.get("/").text), token_of(elsewhere.get("/").text)
        assert ours != others
        for given in ({}, {TOKEN: ""}, {TOKEN: others}, {TOKEN: ours[:-1]}, {TOKEN: f"{ours}\u00e9"}):
            assert send(ada, {"Origin": PUBLIC}, **given).status_code == 403
        twice = f"action=won&{TOKEN}={ours}&{TOKEN}={others}"
        kind = {"Origin": PUBLIC, "Content-Type": "application/x-www-form-urlencoded"}
        assert ada.post(ACTIONS, content=twice, headers=kind).status_code == 403


def test_a_session_that_never_made_a_form_has_no_token() -> None:
    with through_proxy(ADA) as ada:
        assert send(ada, {"Origin": PUBLIC}, **{TOKEN: ""}).status_code == 403


def test_a_form_of_an_earlier_visit_is_sent_again_from_where_it_is_refused() -> None:
    said = 'Call <b>"Ada"</b>'
    with through_proxy(ADA) as ada:
        refused = send(ada, {"Origin": PUBLIC}, noted_text=said, asked="", **{TOKEN: "of an earlier visit"})
        assert (refused.status_code, "Nothing has been recorded" in refused.text) == (403, True)
        assert "<dt>Noted text</dt><dd><bdi>Call &lt;b&gt;&#34;Ada&#34;&lt;/b&gt;</bdi></dd>" in refused.text
        path = refused.text.partition('<form method="post" action="')[2].partition('"')[0]
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', refused.text)
        fields = {name: unescape(value) for name, value in hidden}
        again = ada.post(path, data=fields, headers={"Origin": PUBLIC})
    assert (path, fields.keys()) == (ACTIONS, {TOKEN, "action", "noted_text", "asked"})
    assert (fields["noted_text"], again.status_code, again.text[:10]) == (said, 200, "acme: won,")


def test_what_another_site_sends_is_not_given_back() -> None:
    with through_proxy(ADA) as ada:
        answer = send(ada, {"Origin": "https://example.com"}, noted_text="of another site")
    assert (answer.status_code, "of another site" in answer.text) == (403, False)


@pytest.mark.parametrize("opened", [at_home, lambda: through_proxy(ADA)], ids=["none", "proxy"])
def test_a_form_is_good_while_pages_are_opened(
    opened: Callable[[], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody signs in here anew after some hours, so those of a session must not end under an open page."""
    began, tokens = int(time.time()), set()
    with opened() as browser:
        for hours in (0, 5, 10, 15):
            now = began + hours * 3600
            monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _, now=now: now)
            tokens.add(token_of(browser.get("/").text))
    assert len(tokens) == 1


def test_a_token_is_of_one_person() -> None:
    with through_proxy(ADA) as shared:
        token = token_of(shared.get("/").text)
        shared.headers["X-Forwarded-Email"] = LEAD
        assert send(shared, {"Origin": PUBLIC}, **{TOKEN: token}).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "MERGE"])
def test_every_method_that_may_change_something_is_held_to_it(method: str) -> None:
    assert through_proxy(ADA).request(method, ACTIONS).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "MERGE"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_a_method_that_no_form_has_is_refused_for_what_it_is(method: str, kind: str) -> None:
    answer = through_proxy(ADA).request(method, ACTIONS, headers={"Origin": PUBLIC, "Content-Type": kind})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert "Not in this way" in answer.text


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=a", ""])
def test_only_plain_forms_are_read(kind: str) -> None:
    headers = {"Origin": PUBLIC, "Content-Type": kind}
    assert through_proxy(ADA).post(ACTIONS, content=b"{}", headers=headers).status_code == 415


def test_a_form_that_cannot_be_read_is_refused() -> None:
    headers = {"Origin": PUBLIC, "Content-Type": "application/x-www-form-urlencoded"}
    with through_proxy(ADA) as ada:
        for body in (b"action=\xff", b"action=%ff", "&".join(f"a{i}=" for i in range(201)).encode()):
            assert ada.post(ACTIONS, content=body, headers=headers).status_code == 400


def test_a_form_has_64_kb_at_most() -> None:
    headers = {"Origin": PUBLIC, "Content-Type": "application/x-www-form-urlencoded"}
    with through_proxy(ADA) as ada:
        head = f"{TOKEN}={quote(token_of(ada.get('/').text))}&action="
        largest = head + "a" * (LARGEST_FORM - len(head))
        assert ada.post(ACTIONS, content=largest, headers=headers).status_code == 200
        assert ada.post(ACTIONS, content=largest + "a", headers=headers).status_code == 413
        pieces = (b"a" * 1024 for _ in range(100))  # of no length that is told before
        assert ada.post(ACTIONS, content=pieces, headers=headers).status_code == 413
