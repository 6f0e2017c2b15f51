"""A whole sign-in with a provider on this machine, and all that must not become one."""

import json
import socket
import time
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from authlib.integrations.starlette_client import OAuth
from itsdangerous import TimestampSigner

from serving.access.forms import TOKEN
from tests.serving.access.browsers import SHARED, Place, is_signed_in
from tests.serving.access.pages import ADA, LEAD, PEOPLE, SECRET, protected, token_of
from tests.serving.access.provider import CLIENT, port, served


def cookie(secret: str = SECRET, signed_at: float | None = None, **session: Any) -> str:
    """A session as a cookie, signed at a time."""
    signer = TimestampSigner(secret)
    signer.get_timestamp = lambda: int(time.time() if signed_at is None else signed_at)  # type: ignore[method-assign]
    return signer.sign(b64encode(json.dumps(session).encode())).decode()


def test_a_person_signs_in_looks_acts_and_signs_out(place: Place) -> None:
    with place.browser() as ada:
        page = ada.get("/accounts/acme?by=rank")
        assert (page.status_code, page.text) == (200, f"acme at {place.url}/accounts/acme?by=rank")
        assert ada.get("/accounts/bolt").status_code == 404
        first = ada.get("/").text
        assert "Ada csm: acme" in first
        sent = {"action": "won", TOKEN: token_of(first)}
        acted = ada.post("/accounts/acme/actions", data=sent, headers={"Origin": place.url})
        assert acted.text.startswith("acme: won")
        out = ada.post("/sign-out", data={TOKEN: token_of(first)}, headers={"Origin": place.url})
        assert (out.status_code, "Signed out" in out.text) == (200, True)
        assert not is_signed_in(ada)


def test_the_provider_is_asked_with_all_that_it_has_to_answer_to(place: Place) -> None:
    with place.browser() as first, place.browser() as second:
        for browser in (first, second):
            assert browser.get("/").status_code == 200
        asked = place.provider.asked
        assert asked["response_type"] == "code"
        assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
        assert asked["redirect_uri"] == f"{place.url}/sign-in/done"
        assert "openid" in asked["scope"].split()
        others = [sent for sent in place.provider.codes.values() if sent is not asked]
        assert others == [], "every code was given back"
    with place.browser() as one, place.browser() as other:
        sent = [parse_qs(urlsplit(begun(browser)).query) for browser in (one, other)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({ask[name][0] for ask in sent}) == 2
        assert all(len(ask[name][0]) >= 20 for ask in sent)


def begun(browser: httpx2.Client) -> str:
    return str(browser.get("/sign-in", follow_redirects=False).headers["location"])


def test_a_host_header_changes_no_way_back(place: Place) -> None:
    with place.browser() as ada:
        forged = {"Host": "example.com", "X-Forwarded-Host": "example.com", "X-Forwarded-Proto": "https"}
        assert place.way_back(ada, **forged).startswith(f"{place.url}/sign-in/done?code=")
        away = ada.get("/", headers=forged, follow_redirects=False)
        assert away.headers["location"] == "/sign-in?next=/"


@pytest.mark.parametrize("host", ["example.com/signed-out?", "example.com/signed-out#", "a@example.com", "a b"])
def test_a_host_header_with_a_path_in_it_opens_nothing(place: Place, host: str) -> None:
    """CVE-2026-48710: the Host header could change the path of ``request.url``, which decides nothing here."""
    with place.browser(follows=False) as nobody:
        for path in ("/accounts/acme", "/", "/nowhere"):
            answer = nobody.get(path, headers={"Host": host})
            assert answer.status_code in (303, 400)  # 400: of the server itself, for a host that cannot be
            assert answer.headers.get("location") in (f"/sign-in?next={path}", None)


@pytest.mark.parametrize("target", ["@example.com", "example.com/accounts/acme", "https://example.com/accounts/acme"])
def test_a_path_that_begins_without_a_slash_leads_nowhere_else(place: Place, target: str) -> None:
    """PYSEC-2026-248: such a path could change the host of ``request.url``."""
    at = urlsplit(place.url)
    with socket.create_connection((at.hostname, at.port), 20) as asking:
        asking.sendall(f"GET {target} HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: asking.recv(65_536), b"")).decode("latin-1").lower()
    assert answer.startswith("http/1.1 303")
    assert "location: /sign-in?next=/\r\n" in answer
    assert "example.com" not in answer


def test_a_header_does_not_open_a_path(place: Place) -> None:
    with place.browser(follows=False) as nobody:
        for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Email"):
            assert nobody.get("/accounts/acme", headers={name: "/signed-out"}).status_code == 303
        for path in ("/signed-out/", "//signed-out", "/signed-out/../accounts/acme", "/SIGNED-OUT"):
            assert nobody.get(path).status_code in (303, 307)
            assert "acme at" not in nobody.get(path).text


@pytest.mark.parametrize(
    ("asked", "comes_to"),
    [
        ("/accounts/acme", "/accounts/acme"),
        ("https://example.com/", "/"),
        ("https:example.com", "/"),
        ("HTTPS://example.com/", "/"),
        ("//example.com/", "/"),
        ("///example.com/", "/"),
        ("/\\example.com/", "/"),
        ("\\\\example.com/", "/"),
        ("/accounts\\..\\\\example.com", "/"),
        (" //example.com", "/"),
        ("/\t/example.com", "/"),
        ("/\r\nLocation: https://example.com", "/"),
        ("//user@example.com", "/"),
        ("example.com", "/"),
        ("data:text/html,a", "/"),
        ("/@example.com", "/@example.com"),
        ("/%09/example.com", "/%09/example.com"),
        ("\t//example.com", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_sign_in_leads_on_to_a_path_of_this_server(place: Place, asked: str, comes_to: str) -> None:
    """CVE-2026-41479 was such a way to another site, of a server of sign-ins; a client must not be one either."""
    with place.browser(follows=False) as ada:
        leads = ada.get(f"/sign-in?next={quote(asked, safe='')}").headers["location"]
        back = httpx2.get(leads, verify=SHARED).headers["location"]
        assert ada.get(back).headers["location"] == comes_to


@pytest.mark.parametrize(
    "path", ["/accounts/a%2Fb?by=rank", "/accounts/50%25", "/accounts/%C5%8Csaka%20%E6%A0%AA", "/?a=%26b"]
)
def test_a_page_that_needs_a_sign_in_is_come_back_to(place: Place, path: str) -> None:
    with place.browser(follows=False) as ada:
        back = httpx2.get(ada.get(ada.get(path).headers["location"]).headers["location"], verify=SHARED)
        assert ada.get(back.headers["location"]).headers["location"] == path


def test_a_form_that_comes_too_late_is_not_sent_away(place: Place) -> None:
    sent = {"action": "noted", "noted_text": "Call <Ada>", TOKEN: "a" * 43}
    with place.browser(follows=False) as nobody:
        late = nobody.post("/accounts/acme?by=rank", data=sent, headers={"Origin": place.url})
        assert (late.status_code, "no longer signed in" in late.text) == (401, True)
        way_in = 'href="/sign-in?next=/accounts/acme%3Fby%3Drank"'
        for told in ("nothing has been recorded", "Call &lt;Ada&gt;", way_in):
            assert told in late.text
        assert "a" * 43 not in late.text
        elsewhere = nobody.post("/accounts/acme", data=sent, headers={"Origin": "https://example.com"})
        assert (elsewhere.status_code, "Call" in elsewhere.text) == (401, False)


def test_a_sign_out_is_a_form_of_our_own(place: Place) -> None:
    with place.browser() as ada:
        token = token_of(ada.get("/").text)
        assert ada.get("/sign-out").status_code == 405
        assert ada.post("/sign-out", data={TOKEN: token}, headers={"Origin": "https://example.com"}).status_code == 403
        assert ada.post("/sign-out", headers={"Origin": place.url}, data={"a": "b"}).status_code == 403
        assert is_signed_in(ada)


def test_somebody_unknown_reads_whom_to_ask_and_may_sign_out(place: Place) -> None:
    place.provider.claims["email"] = "stranger@example.com"
    with place.browser() as stranger:
        page = stranger.get("/accounts/acme")
        assert page.status_code == 403
        assert "Ask whoever runs Headroom here." in page.text
        sent = {TOKEN: token_of(page.text.partition("hidden")[2])}
        assert "Signed out" in stranger.post("/sign-out", data=sent, headers={"Origin": place.url}).text


def test_who_somebody_is_stands_in_the_settings_and_not_in_the_token(place: Place) -> None:
    place.provider.claims |= {"role": "data", "owners": ["Bob Stone"], "groups": ["data"]}
    with place.browser() as ada:
        assert "Ada csm: acme" in ada.get("/").text


# --- whose browser it is ---


def test_the_state_of_another_browser_ends_no_sign_in(place: Place) -> None:
    """CVE-2025-68158, CVE-2026-41425: a state was believed of whatever browser brought it."""
    with place.browser() as mallory, place.browser() as ada:
        way_back = place.way_back(mallory)
        own = place.way_back(ada)
        assert ada.get(way_back).status_code == 400
        assert not is_signed_in(ada)
        assert mallory.get(way_back).status_code == 200, "nothing of it was used up"
        assert ada.get(own).status_code == 200, "nor of her own"


def test_what_was_begun_is_kept_in_the_browser_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2025-68158, CVE-2026-41425 were of states that all browsers share in a cache of the server."""
    opened, of_authlib = list[OAuth](), OAuth.__init__
    monkeypatch.setattr(OAuth, "__init__", lambda self, *given, **named: (opened.append(self), of_authlib(self))[1])
    with place.browser() as ada, place.browser() as mallory:
        way_back = place.way_back(ada)
        assert [one.cache for one in opened] == [None]
        kept = ada.cookies.pop(place.cookie)
        assert ada.get(way_back).status_code == 400
        mallory.cookies.set(place.cookie, kept, "127.0.0.1", "/")
        assert mallory.get(way_back).status_code == 200, "all of it stands there"


def test_a_sign_in_that_nobody_began_here_does_not_end_here(place: Place) -> None:
    with place.browser() as mallory, place.browser() as ada:
        assert ada.get(place.way_back(mallory)).status_code == 400
        assert ada.get("/sign-in/done?code=a&state=b").status_code == 400
        assert ada.get("/sign-in/done").status_code == 400
        assert not is_signed_in(ada)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)], ids=str)
def test_the_sign_ins_of_several_tabs_end_each_on_its_own_page(place: Place, order: tuple[int, ...]) -> None:
    tabs, tokens = ("/accounts/acme?by=rank", "/export.csv", "/?tab=3"), set()
    with place.browser(follows=False) as ada:
        ways_back = [place.way_back(ada, tab) for tab in tabs]
        for tab in order:
            assert ada.get(ways_back[tab]).headers["location"] == tabs[tab]
            tokens.add(token_of(ada.get("/").text))
    assert len(tokens) == 1, "a form that another tab shows is still good"


def test_a_tab_in_which_somebody_else_signs_in_is_theirs(place: Place) -> None:
    with place.browser() as shared:
        of_ada, of_lead = place.way_back(shared), place.way_back(shared)
        before = shared.get(of_ada).text
        place.provider.claims["email"] = LEAD
        after = shared.get(of_lead).text
    assert ("Ada csm: acme" in before, "lead: acme bolt" in after) == (True, True)
    assert token_of(after) != token_of(before)


def test_who_is_signed_in_meanwhile_is_led_on(place: Place) -> None:
    """Some providers answer with an error to a tab that another one overtook."""
    with place.browser(follows=False) as ada:
        overtaken, way_back = place.way_back(ada, "/accounts/acme"), place.way_back(ada)
        ada.get(way_back)
        failed = ada.get(f"/sign-in/done?error=temporarily_unavailable&state={state_of(overtaken)}")
        assert (failed.status_code, failed.headers["location"]) == (303, "/accounts/acme")
        for unknown in (overtaken, way_back, "/sign-in/done?code=a&state=b", "/sign-in/done"):
            led_on = ada.get(unknown)
            assert (led_on.status_code, led_on.headers["location"]) == (303, "/")
        assert is_signed_in(ada)


def state_of(way_back: str) -> str:
    return parse_qs(urlsplit(way_back).query)["state"][0]


def test_a_cookie_holds_the_latest_of_many_sign_ins(place: Place) -> None:
    with place.browser(follows=False) as ada:
        ways_back = [place.way_back(ada, f"/accounts/{number}?by={'a' * 400}") for number in range(6)]
        assert len(ada.cookies[place.cookie]) < 3_000
        assert ada.get(ways_back[0]).status_code == 400
        assert ada.get(ways_back[-1]).headers["location"].startswith("/accounts/5?by=a")


def test_a_sign_in_that_failed_is_not_kept(place: Place) -> None:
    lengths = set()
    with place.browser() as ada:
        for _ in range(3):
            state = state_of(place.way_back(ada))
            assert ada.get(f"/sign-in/done?error=access_denied&state={state}").status_code == 400
            lengths.add(len(ada.cookies[place.cookie]))
    assert len(lengths) == 1


def test_a_code_is_good_for_one_sign_in(place: Place) -> None:
    with place.browser() as ada, place.browser() as mallory:
        way_back = place.way_back(ada)
        kept = ada.cookies[place.cookie]
        assert ada.get(way_back).status_code == 200
        session = ada.cookies[place.cookie]
        assert ada.get(way_back, follow_redirects=False).headers["location"] == "/"
        mallory.cookies.set(place.cookie, kept, "127.0.0.1")
        assert mallory.get(way_back).status_code == 400
        assert not is_signed_in(mallory)
        assert is_signed_in(ada), "a second try ends no session"
        assert ada.cookies[place.cookie] == session, "and begins none"


def test_a_session_is_new_after_a_sign_in(place: Place) -> None:
    with place.browser() as ada, place.browser() as mallory:
        planted = cookie(**{TOKEN: "known to others", "planted": "kept"})
        ada.cookies.set(place.cookie, planted, "127.0.0.1", "/")
        way_back = place.way_back(ada)
        before = ada.cookies[place.cookie]
        assert ada.get(way_back).status_code == 200
        assert len(ada.cookies) == 1
        assert ada.cookies[place.cookie] not in (planted, before)
        assert token_of(ada.get("/").text) != "known to others"
        for earlier in (planted, before):
            mallory.cookies.set(place.cookie, earlier, "127.0.0.1", "/")
            assert not is_signed_in(mallory)


def test_a_sign_in_takes_a_quarter_of_an_hour_at_most(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.access.oidc.LONGEST_SIGN_IN", -1)
    with place.browser() as ada:
        assert ada.get("/").status_code == 400


def test_a_session_ends_when_it_was_told_to(place: Place) -> None:
    now = time.time()
    ada = {"email": ADA, "name": "", TOKEN: "a" * 43}
    drawn = {
        cookie(until=now + 60, **ada): True,
        cookie(until=now - 1, **ada): False,  # however often it was written anew
        cookie(signed_at=now - 8 * 3600 - 5, until=now + 60, **ada): False,
        cookie(**ada): False,
    }
    for session, holds in drawn.items():
        with place.browser() as browser:
            browser.cookies.set(place.cookie, session, "127.0.0.1", "/")
            assert is_signed_in(browser) is holds


def test_a_session_that_was_changed_is_none(place: Place) -> None:
    data = {"email": "data@example.com", "name": "", "until": time.time() + 60}
    good, forged = cookie(**data), cookie("another secret that is as long as ours", **data)
    payload, rest = good.split(".", 1)
    other = b64encode(json.dumps(data | {"email": ADA}).encode()).decode()
    for session in (forged, f"{other}.{rest}", good[:-1], payload, f"{payload}..", "", "null", "%00"):
        with place.browser() as browser:
            browser.cookies.set(place.cookie, session, "127.0.0.1", "/")
            assert not is_signed_in(browser)
    with place.browser() as browser:
        browser.cookies.set(place.cookie, good, "127.0.0.1", "/")
        assert is_signed_in(browser)


def test_a_cookie_is_out_of_reach_of_scripts_and_other_sites(place: Place) -> None:
    with place.browser(follows=False) as ada:
        written = ada.get("/sign-in").headers["set-cookie"]
    assert "path=/; Max-Age=28800; httponly; samesite=lax" in written


# --- the provider itself ---


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://example.com"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://example.com/token"},
        {"jwks_uri": "http://example.com/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
    ids=str,
)
def test_a_provider_that_is_another_or_speaks_in_the_open_is_not_asked(place: Place, wrong: dict[str, Any]) -> None:
    place.provider.says |= wrong
    with place.browser() as ada:
        answer = ada.get("/")
        assert (answer.status_code, "Try again later" in answer.text) == (502, True)


def test_a_provider_changes_nothing_of_how_it_is_asked(place: Place) -> None:
    place.provider.says |= {"code_challenge_method": None, "scope": "all", "verify": False, "client_id": "another"}
    with place.browser() as ada:
        assert ada.get("/").status_code == 200
        assert place.provider.asked["code_challenge_method"] == "S256"
        assert place.provider.asked["client_id"] == CLIENT


def test_another_provider_does_not_answer_for_ours(place: Place) -> None:
    with place.browser() as ada:
        assert ada.get(f"{place.way_back(ada)}&iss=https%3A%2F%2Fexample.com").status_code == 400
        assert ada.get(f"{place.way_back(ada)}&iss={quote(place.provider.address, safe='')}").status_code == 200


def test_what_a_provider_refuses_is_told_plainly(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    with place.browser() as ada:
        way_back = place.way_back(ada)
        state = state_of(way_back)
        answer = ada.get(f"/sign-in/done?error=access_denied&error_description=%3Cb%3Eforged%0Aline&state={state}")
    assert (answer.status_code, "forged" in answer.text) == (400, False)
    assert "<b>forged\nline" not in caplog.text


def test_a_provider_that_is_not_there_lets_nobody_in() -> None:
    with port() as (closed, issuer), port() as (of_pages, url):
        closed.close()
        app = protected(sign_in="oidc", public_url=url, people=PEOPLE, oidc={"issuer": issuer, "client_id": CLIENT})
        with served(app, of_pages), httpx2.Client(base_url=url, follow_redirects=True, verify=SHARED) as ada:
            assert ada.get("/").status_code == 502
