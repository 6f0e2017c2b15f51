"""Names from outside, as they are compared."""

import pytest

from serving.access.names import as_email, as_written, host_name, is_loopback, listened_on, local_path, origin

KELVIN = "\u212a"
"""A sign that folds to the letter k."""


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.L+list@Example.COM", "ada.l+list@example.com"),
        (f"{KELVIN}ay@example.com", None),
        ("ada@example.com, bob@example.com", None),
        ("ada@example.com,bob", None),
        ("ada@example.com\n", None),
        (" ada@example.com", None),
        ("ada", None),
        ("@example.com", None),
        ("ada@", None),
        ("ada@bob@example.com", None),
        ("a" * 250 + "@example.com", None),
        ("", None),
        (None, None),
        (["ada@example.com"], None),
    ],
)
def test_an_e_mail_is_one_and_in_plain_letters(text: object, email: str | None) -> None:
    assert as_email(text) == email


@pytest.mark.parametrize("path", ["/", "/accounts/a%20b", "/accounts/acme?by=rank&page=2", "/.//example.com"])
def test_a_path_of_this_server_is_gone_on_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        None,
        "",
        "https://example.com",
        "//example.com",
        "///example.com",
        "/\\example.com",
        "\\/example.com",
        "\t//example.com",
        "/\t/example.com",
        "/\n/example.com",
        "javascript:alert(1)",
        "accounts/acme",
        "/a b",
        "/\u00e9",
        "/" + "a" * 1000,
    ],
)
def test_nothing_else_is(elsewhere: str | None) -> None:
    assert local_path(elsewhere) == "/"


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("[::1]:8080", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("localhost@example.com", False),
        ("localhost:8080, example.com", False),
        ("0.0.0.0", False),
        ("10.0.0.5", False),
        ("", False),
    ],
)
def test_a_name_of_this_machine(header: str, is_one: bool) -> None:
    assert is_loopback(host_name(header) or "") is is_one


@pytest.mark.parametrize(
    ("host", "address"), [("::1", "::1"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1"), ("[::1", "[::1")]
)
def test_an_address_is_listened_on_without_the_brackets_of_a_url(host: str, address: str) -> None:
    assert listened_on(host) == address


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada\n\tLovelace\x00 ", "Ada Lovelace"),
        ("A\ud800da", "A da"),
        ("\x1b[2J", "[2J"),
        ("\x07", ""),
        ("\u202e\u200b", ""),
        ("a" * 99 + " bc", "a" * 99),
    ],
)
def test_a_name_of_a_sign_in_is_one_line_that_can_be_recorded(name: str, written: str) -> None:
    assert as_written(name) == written


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://headroom.example.com", "https://headroom.example.com"),
        ("https://Headroom.example.com/", "https://headroom.example.com"),
        ("https://headroom.example.com:443", "https://headroom.example.com"),
        ("https://headroom.example.com:8443", "https://headroom.example.com:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_an_origin_is_told_as_a_browser_tells_it(url: str, told: str) -> None:
    assert origin(url) == told


@pytest.mark.parametrize(
    "url",
    [
        "http://headroom.example.com",
        "ftp://localhost",
        "headroom.example.com",
        "https://headroom.example.com/pages",
        "https://ada@headroom.example.com",
        "https://headroom.example.com?a=1",
        "https://headroom.example.com:99999",
        "https://",
    ],
)
def test_what_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        origin(url)
