"""What is shown of URLs and of names from outside."""

import pytest

from data.errors import SourceError
from data.shown.text import for_terminal, on_one_line
from data.shown.urls import holds_secret, shown_url
from data.sources.connect import connect

HIDDEN = [
    ("postgres://me:hunter2@db/crm", "postgres://me:***@db/crm"),
    ("postgres://me:hun@ter2@db/crm", "postgres://me:***@db/crm"),
    ("postgres://me:hun/ter2#x@db/crm?y=1", "postgres://me:***@db/crm?y=1"),
    ("postgres://me@db/crm?password=hunter2&x=1", "postgres://me@db/crm?password=***&x=1"),
    ("postgres://me@db/crm?SSLPassword=hunter2", "postgres://me@db/crm?SSLPassword=***"),
    ("postgres://me@db/crm?p%61ssword=hunter2", "db/crm?***"),
    (
        "databricks://host/main?http_path=/x&access_token=hunter2",
        "databricks://host/main?http_path=/x&access_token=***",
    ),
    (
        "duckdb:///data/tokens/x=1.duckdb?motherduck_token=hunter2/x",
        "duckdb:///data/tokens/x=1.duckdb?motherduck_token=***",
    ),
    ("me:hunter2@db/crm", "me:***@db/crm"),
    ("host=db password=hunter2", "host=db password=***"),
    ("http://me:hunter2@mlflow:5000", "http://me:***@mlflow:5000"),
]
PLAIN = [
    "postgres://me@db:5432/crm",
    "parquet://./data@v2",
    "./warehouse/region=EU",
    "/srv/compass-export/date=2026-07-01",
    "exports/tokens/day=1",
    "duckdb:///data/bypass/x=1.duckdb",
    "http://127.0.0.1:4200/api",
    "snowflake://me@x/db?private_key_file=/k.p8",
]


@pytest.mark.parametrize(("url", "shown"), HIDDEN)
def test_a_password_in_a_url_is_never_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown
    assert "hunter" not in shown
    assert holds_secret(url)
    assert holds_secret(url, is_path=True)


@pytest.mark.parametrize("url", PLAIN)
def test_a_url_without_one_is_shown_as_it_is(url: str) -> None:
    assert shown_url(url) == url
    assert not holds_secret(url, is_path=True)


@pytest.mark.parametrize("scheme", ["parquet://", "duckdb://", "csv://", "record://", "", "postgres:", "postgres:/"])
@pytest.mark.parametrize("rest", ["me:hunter2@db/crm", "db/crm?password=hunter2"])
def test_an_address_with_a_slip_in_its_scheme_is_refused_without_its_password(scheme: str, rest: str) -> None:
    with pytest.raises(SourceError, match="its URL holds a password") as refused:
        connect(scheme + rest)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("letter", ["\x1b", "\x00", "\x07", "\x9b", "\r", "\u202e", "\u2066", "\u2028", "\ud800"])
def test_no_letter_moves_the_cursor_or_turns_the_line(letter: str) -> None:
    assert for_terminal(f"Ac{letter}me\n\tfound: näme") == "Ac\N{REPLACEMENT CHARACTER}me\n\tfound: näme"
    assert letter not in on_one_line(f"Ac{letter}me", 80)


def test_a_name_on_one_line_is_cut() -> None:
    assert on_one_line("x" * 10_000, 80) == "x" * 79 + "\N{HORIZONTAL ELLIPSIS}"
