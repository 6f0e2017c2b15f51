"""A proxy in front says who is asking: it alone, once, and in the header that is agreed on."""

import httpx2
import pytest

from serving.access.settings import AccessSettings
from tests.serving.access.pages import (
    ADA,
    ANYONE,
    BEHIND_A_PROXY,
    DATA,
    PROXY,
    PUBLIC,
    browser,
    protected,
    through_proxy,
)
from tests.serving.access.provider import port, served

HEADER = "X-Forwarded-Email"


def answer(
    headers: list[tuple[str, str]], peer: tuple[str, int] = PROXY, path: str = "/", **proxy: object
) -> tuple[int, str]:
    settings = BEHIND_A_PROXY | {"proxy": {"peers": ["10.0.0.5/32", "fd00::/64"], **proxy}}
    told = browser(protected(**settings), peer, PUBLIC).get(path, headers=headers)
    return told.status_code, told.text


@pytest.mark.parametrize("peer", ["10.0.0.5", "::ffff:10.0.0.5", "fd00::7"])
def test_the_proxy_is_believed(peer: str) -> None:
    status, text = answer([(HEADER, ADA)], (peer, 40_000))
    assert status == 200
    assert "Ada csm: acme" in text


def test_capitals_do_not_matter() -> None:
    assert answer([("x-forwarded-email", "ADA@Example.com")])[0] == 200


@pytest.mark.parametrize("peer", ["10.0.0.6", "203.0.113.9", "127.0.0.1", "::1", "fd01::7", "a-socket", ""])
@pytest.mark.parametrize("headers", [[(HEADER, DATA)], []])
def test_whoever_passes_the_proxy_by_is_refused(peer: str, headers: list[tuple[str, str]]) -> None:
    assert answer(headers, (peer, 40_000))[0] == 403


def test_a_server_that_runs_takes_no_address_from_a_header_either() -> None:
    """uvicorn by itself believes whoever asks from this machine."""
    with port() as (opened, url), served(protected(**BEHIND_A_PROXY), opened):
        for forged in ("10.0.0.5", "10.0.0.5:443", "10.0.0.5, 127.0.0.1"):
            headers = {HEADER: DATA, "X-Forwarded-For": forged, "X-Forwarded-Proto": "https"}
            assert httpx2.get(url, headers=headers, verify=False).status_code == 403


def test_an_address_in_a_header_is_not_the_one_that_asks() -> None:
    headers = [
        (HEADER, DATA),
        ("X-Forwarded-For", "10.0.0.5"),
        ("Forwarded", "for=10.0.0.5"),
        ("X-Real-IP", "10.0.0.5"),
    ]
    assert answer(headers, ANYONE)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(HEADER, "")],
        [(HEADER, "ada")],
        [(HEADER, ADA), (HEADER, DATA)],
        [(HEADER, ADA), (HEADER, ADA)],
        [(HEADER, f"{ADA}, {DATA}")],
        [(HEADER, f"{ADA},{DATA}")],
        [(HEADER, f"{ADA}@example.com")],
        [(HEADER, ADA), ("X_Forwarded_Email", DATA)],
        [("X_Forwarded_Email", DATA), (HEADER, ADA)],
        [(HEADER, ADA), ("X-Forwarded_Email", DATA)],
        [("X_Forwarded_Email", DATA)],
        [("X-Forwarded-User", DATA)],
        [("X-Auth-Request-Email", DATA)],
    ],
)
def test_who_asks_is_said_once_and_under_one_name(headers: list[tuple[str, str]]) -> None:
    """CVE-2026-54763: a twin with underscores passed a proxy; CVE-2026-40574: so did an e-mail of two domains."""
    status, text = answer(headers)
    assert status == 403
    assert "acme" not in text


def test_the_name_of_the_header_is_a_setting() -> None:
    assert answer([("X-Auth-Request-Email", ADA)], header="X-Auth-Request-Email")[0] == 200
    assert answer([(HEADER, ADA)], header="X-Auth-Request-Email")[0] == 403


@pytest.mark.parametrize("name", ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"])
def test_a_path_in_a_header_is_not_the_one_that_is_asked_for(name: str) -> None:
    """CVE-2026-40575, CVE-2026-76835: a proxy let in whoever named a path in a header that needs no sign-in."""
    open_path = [(name, "/sign-in"), (name, "/static/list.css")]
    assert answer(open_path[:1])[0] == 403
    assert answer(open_path[:1], ANYONE)[0] == 403
    status, text = answer([(HEADER, ADA), (name, "/export.csv")], path="/accounts/acme")
    assert (status, text) == (200, f"acme at {PUBLIC}/accounts/acme")
    assert answer([(HEADER, ADA), (name, "/accounts/acme")], path="/accounts/bolt")[0] == 404


def test_a_method_in_a_header_is_not_the_one_that_is_used() -> None:
    told = through_proxy(ADA).post("/", headers={"X-HTTP-Method-Override": "GET"})
    assert told.status_code == 403


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-in/done", "/sign-out", "/signed-out", "/static/list.css", "//", "/."]
)
def test_no_path_is_open(path: str) -> None:
    assert answer([], path=path)[0] == 403


def test_the_cookie_is_for_encrypted_pages_of_this_host_alone() -> None:
    cookie = through_proxy(ADA).get("/").headers["set-cookie"]
    assert cookie.startswith("__Host-headroom=")
    assert "path=/; Max-Age=28800; httponly; samesite=lax; secure" in cookie


def test_nobody_is_a_proxy_unless_it_is_said() -> None:
    assert AccessSettings().sign_in == "none"
    assert AccessSettings().proxy.peers == ()
