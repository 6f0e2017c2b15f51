"""What every answer carries, which requests are too large, and under which name the pages are asked."""

import logging

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.serving.access.pages import ADA, ANYONE, HERE, PUBLIC, STRANGER, at_home, browser, protected, through_proxy

CARRIED = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-store",
}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/accounts/acme", 200),
        ("/export.csv", 200),
        ("/accounts/bolt", 404),
        ("/none", 404),
        ("/fails", 500),
    ],
)
def test_every_answer_carries_them(path: str, status: int) -> None:
    answer = through_proxy(ADA).get(path)
    assert answer.status_code == status
    assert CARRIED.items() <= dict(answer.headers).items()


def test_a_refusal_carries_them_too() -> None:
    assert CARRIED.items() <= dict(through_proxy(STRANGER).get("/").headers).items()
    assert CARRIED.items() <= dict(at_home().get("/", headers={"Host": "example.com"}).headers).items()


def test_files_of_the_pages_may_be_kept() -> None:
    answer = through_proxy(ADA).get("/static/list.css")
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_refusal_in_place_of_a_file_may_not_be_kept() -> None:
    assert through_proxy(STRANGER).get("/static/list.css").headers["cache-control"] == "private, no-store"


def test_encryption_is_asked_for_where_there_is_any() -> None:
    assert through_proxy(ADA).get("/").headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in at_home().get("/").headers


def test_a_fault_tells_nothing_and_reaches_the_log_of_the_server() -> None:
    answer = through_proxy(ADA).get("/fails")
    assert "That went wrong" in answer.text
    assert "of the page" not in answer.text
    with (
        pytest.raises(ValueError, match="of the page"),
        TestClient(protected(), "http://localhost", client=HERE) as home,
    ):
        home.get("/fails")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080"])
def test_this_machine_is_served_under_its_own_names(host: str) -> None:
    assert at_home().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["headroom.example.com", "localhost.example.com:8080", "10.0.0.5", "0.0.0.0", "a/b", ""]
)
def test_a_name_that_leads_here_from_elsewhere_is_refused(host: str) -> None:
    answer = at_home().get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "acme" not in answer.text


def test_a_second_name_is_refused() -> None:
    answer = at_home().get("/", headers=[("Host", "localhost"), ("Host", "example.com")])
    assert answer.status_code == 421


def test_without_a_sign_in_another_machine_is_refused() -> None:
    assert browser(protected(), ANYONE, "http://localhost:8080").get("/").status_code == 403


def test_a_host_header_changes_no_address_that_a_page_makes() -> None:
    answer = through_proxy(ADA).get(
        "/accounts/acme", headers={"Host": "example.com", "X-Forwarded-Host": "example.com"}
    )
    assert answer.text == f"acme at {PUBLIC}/accounts/acme"
    moved = through_proxy(ADA).get("/accounts/acme/", headers={"Host": "example.com"}, follow_redirects=False)
    assert moved.headers["location"] == f"{PUBLIC}/accounts/acme"


def test_headers_that_are_too_large_are_refused() -> None:
    assert through_proxy(ADA).get("/", headers={"X-Long": "a" * 16_384}).status_code == 431


def test_nothing_but_pages_is_served(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(WebSocketDisconnect), at_home().websocket_connect("/"):
        pass
