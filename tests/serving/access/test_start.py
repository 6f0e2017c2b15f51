"""A server that would show the pages to whoever asks does not start, and says what to do."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version
from pydantic import ValidationError

from data.errors import SettingsError
from serving.access import start
from serving.access.settings import OIDC_SECRET, SESSION_SECRET, AccessSettings
from serving.access.start import LEAST_VERSIONS, require_ready
from serving.outcomes.outcome import Outcome, checked
from tests import house
from tests.serving.access.pages import BEHIND_A_PROXY, PEOPLE, PUBLIC, SECRET, protected

WITH_A_PROVIDER = {
    "sign_in": "oidc",
    "public_url": PUBLIC,
    "people": PEOPLE,
    "oidc": {"issuer": "https://sign-in.example.com", "client_id": "headroom"},
}


def refusal(settings: Mapping[str, Any]) -> str:
    """Why it does not start."""
    with pytest.raises(SettingsError) as refused:
        protected(**settings)
    return str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_this_machine_alone_needs_no_sign_in(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SESSION_SECRET)
    assert require_ready(AccessSettings(host=host)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "headroom.example.com", "127.0.0.1.example.com", "*"])
def test_nothing_else_is_served_without_one(host: str) -> None:
    assert refusal({"host": host}) == (
        f"Serve the list on {host}.\n"
        "  found: other machines may reach that address, and nobody would have to sign in.\n"
        '  to do: Set sign_in to "oidc" or "proxy" under [serve] (docs/access.md has examples), or serve on 127.0.0.1.'
    )


def test_a_public_url_without_a_sign_in_is_a_slip() -> None:
    assert "these pages are for this machine alone" in refusal({"public_url": PUBLIC})


@pytest.mark.parametrize("settings", [WITH_A_PROVIDER, BEHIND_A_PROXY], ids=["oidc", "proxy"])
def test_with_a_sign_in_any_address_is_served(settings: dict[str, Any]) -> None:
    secrets = require_ready(AccessSettings.model_validate({**settings, "host": "0.0.0.0"}))
    assert secrets is not None
    assert secrets.session == SECRET
    assert SECRET not in repr(secrets)


@pytest.mark.parametrize(
    ("settings", "lacks", "told"),
    [
        (WITH_A_PROVIDER, "public_url", "without public_url under [serve]."),
        (WITH_A_PROVIDER, "people", "without people under [serve.people]."),
        (WITH_A_PROVIDER, "oidc", "without issuer under [serve.oidc] and client_id under [serve.oidc]."),
        (BEHIND_A_PROXY, "public_url", "without public_url under [serve]."),
        (BEHIND_A_PROXY, "proxy", "without peers under [serve.proxy]."),
    ],
)
def test_what_a_sign_in_lacks_is_named(settings: dict[str, Any], lacks: str, told: str) -> None:
    assert told in refusal({key: value for key, value in settings.items() if key != lacks})


@pytest.mark.parametrize("settings", [WITH_A_PROVIDER, BEHIND_A_PROXY], ids=["oidc", "proxy"])
@pytest.mark.parametrize(
    ("secret", "told"),
    [
        (None, "is missing"),
        ("", "is missing"),
        ("changeme", "is easy to guess"),
        ("a" * 64, "is easy to guess"),
        ("0123456" * 10, "is easy to guess"),
        ("0123456789abcdef" * 2, None),
    ],
)
def test_a_secret_that_could_be_guessed_is_refused(
    settings: dict[str, Any], secret: str | None, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SESSION_SECRET)
    if secret is not None:
        monkeypatch.setenv(SESSION_SECRET, secret)
    if told is None:
        assert require_ready(AccessSettings.model_validate(settings))
        return
    message = refusal(settings)
    assert f"the variable {SESSION_SECRET}, which signs the sessions, {told}." in message
    assert not secret or secret not in message


def test_the_clients_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OIDC_SECRET)
    assert f"without the variable {OIDC_SECRET}." in refusal(WITH_A_PROVIDER)


@pytest.mark.parametrize(
    ("library", "there", "is_refused"),
    [
        ("authlib", "1.8.9", True),
        ("authlib", "1.9.0", False),
        ("authlib", "1.10.0", False),
        ("joserfc", "1.7.5", True),
        ("joserfc", "1.7.6", False),
        ("starlette", "1.2.1", True),
        ("starlette", "0.52.1", True),
        ("starlette", "1.3.0rc1", True),
        ("starlette", "1.3.0", False),
    ],
)
def test_releases_with_known_flaws_are_refused(
    library: str, there: str, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "version", lambda name: there if name == library else LEAST_VERSIONS[name])
    if not is_refused:
        assert require_ready(AccessSettings()) is None
        return
    assert f"found: {library} {there}, which has known flaws." in refusal({})


def test_an_installation_asks_for_what_a_start_asks_for() -> None:
    asked = map(
        Requirement, tomllib.loads((house.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    )
    least = {of.name: Version(bound.version) for of in asked for bound in of.specifier if bound.operator == ">="}
    assert {name: least[name] for name in LEAST_VERSIONS} == {
        name: Version(version) for name, version in LEAST_VERSIONS.items()
    }


def test_each_flaw_that_the_docs_name_has_its_test() -> None:
    named = re.compile(r"(?:CVE|PYSEC)-\d+-\d+")
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert {*named.findall((house.ROOT / "docs" / "access.md").read_text("utf-8"))} == {*named.findall(tests)} != set()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sign_on": "oidc"}, "Extra inputs are not permitted"),
        ({"sign_in": "basic"}, "'none', 'oidc' or 'proxy'"),
        ({"public_url": "http://headroom.example.com"}, "it must begin with https://"),
        ({"public_url": "https://headroom.example.com/list"}, "write the scheme and the host alone"),
        ({"session_hours": 0}, "greater than 0"),
        ({"session_hours": 200}, "less than or equal to 168"),
        ({"oidc": {"issuer": "http://sign-in.example.com"}}, "it must begin with https://"),
        ({"oidc": {"client_secret": "a"}}, "Extra inputs are not permitted"),
        ({"proxy": {"peers": ["0.0.0.0/0"]}}, "that is every address"),
        ({"proxy": {"peers": ["::/0"]}}, "that is every address"),
        ({"proxy": {"peers": ["10.0.0.5/24"]}}, "not a valid IPv4 or IPv6 network"),
        ({"proxy": {"peers": ["proxy.example.com"]}}, "not a valid IPv4 or IPv6 network"),
        ({"proxy": {"header": "X_Forwarded_Email"}}, "should match pattern"),
        ({"people": {"ada": {}}}, "person 1 is not named by an e-mail"),
        ({"people": {"ada@example.com": {}, "\u212aay@example.com": {}}}, "person 2 is not named by an e-mail"),
        ({"people": {"ada@example.com": {}, "Ada@example.com": {}}}, "an e-mail stands there twice"),
        ({"people": {"ada@example.com": {"role": "lead"}}}, "a lead needs owners"),
        ({"people": {"ada@example.com": {"role": "data", "owners": ["Ada"]}}}, "the role data sees all accounts"),
        ({"people": {"ada@example.com": {"role": "admin"}}}, "'csm', 'lead' or 'data'"),
        ({"people": {"ada@example.com": {"owners": [" "]}}}, "should match pattern"),
        ({"people": {"ada@example.com": {"owner": "Ada"}}}, "Extra inputs are not permitted"),
        ({"people": {"ada@example.com": "Ada"}}, "valid dictionary"),
        ({"people": {"ada@example.com": {"name": "A\nda"}}}, "people.`ada@example.com`.name"),
        ({"people": {"ada@example.com": {"name": "A\x00da"}}}, "the name has the control character U+0000"),
        ({"people": {"ada@example.com": {"name": " \t "}}}, "what they do could not be recorded"),
        ({"people": {"ada@example.com": {"name": "a" * 101}}}, "at most 100 characters"),
        ({"people": {f"{'a' * 200}@example.com": {}}}, "the e-mail aaaaaaaaaaaaaaaaaaaa... has 212 characters"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        AccessSettings.model_validate(settings)


@pytest.mark.parametrize("way", ["oidc", "proxy"])
def test_the_settings_of_the_page_are_ones_to_start_with(way: str) -> None:
    page = (house.ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    tables = [
        tomllib.loads(text)["serve"] for text in re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    ]
    people, *ways = tables
    settings = AccessSettings.model_validate(people | next(table for table in ways if table["sign_in"] == way))
    assert require_ready(settings)
    assert {person.role for person in settings.people.values()} == {"csm", "lead", "data"}


@given(name=st.text(max_size=120))
def test_who_may_sign_in_can_be_recorded(name: str) -> None:
    """A name that a server starts with is one that what its bearer does is recorded under."""
    try:
        people = AccessSettings.model_validate({"people": {"ada@example.com": {"name": name}}}).people
    except ValidationError:
        return
    assert checked(Outcome(account_id="acme", action="taken", who=people["ada@example.com"].name or ""), date.today())


def test_people_are_named_whatever_their_capitals() -> None:
    people = AccessSettings.model_validate({"people": {"Ada@Example.com": {"owners": ["Ada Lovelace"]}}}).people
    assert list(people) == ["ada@example.com"]
