"""An ID token that is for us, and signed by the provider, begins a session; nothing else does."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt

from tests.serving.access.browsers import Place, is_signed_in
from tests.serving.access.provider import CLIENT, Claims, encoded, key

Signer = Callable[[Claims], Any]
"""Makes of claims what stands in the place of an ID token."""


def kind(value: object) -> str:
    return type(value).__name__


def status_of(place: Place, sign: Signer) -> int:
    """How a sign-in with such a token is answered; whoever was refused is not signed in."""
    place.provider.sign = sign
    with place.browser() as ada:
        status = ada.get("/").status_code
        assert is_signed_in(ada) is (status == 200)
    return status


# --- what the ID token must say ---

LONG_AGO, FAR_AHEAD = 1_600_000_000, 4_000_000_000
"""Times by themselves, so that the names of the tests are the same in every process."""


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://example.com"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": "another client", "azp": CLIENT},
        {"aud": [CLIENT, "another client"]},
        {"aud": [CLIENT, "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"aud": None},
        {"exp": LONG_AGO},
        {"exp": None},
        {"exp": "never"},
        {"iat": None},
        {"nbf": FAR_AHEAD},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ""},
        {"sub": None},
        {"email": None},
        {"email": ""},
        {"email": ["ada@example.com"]},
        {"email": "\u212aay@example.com"},
        {"email": "ada@example.com,data@example.com"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_is_no_sign_in(place: Place, wrong: Claims) -> None:
    place.provider.claimed = lambda claims: {
        name: value for name, value in {**claims, **wrong}.items() if value is not None
    }
    with place.browser() as ada:
        answer = ada.get("/")
        assert (answer.status_code, "acme" in answer.text) == (400, False)
        assert not is_signed_in(ada)


@pytest.mark.parametrize(
    "right", [{"aud": [CLIENT]}, {"aud": [CLIENT, "another"], "azp": CLIENT}, {"azp": CLIENT}], ids=str
)
def test_a_token_that_is_also_for_others_is_one(place: Place, right: Claims) -> None:
    place.provider.claimed = lambda claims: {**claims, **right}
    with place.browser() as ada:
        assert ada.get("/").status_code == 200


@pytest.mark.parametrize(
    ("confirmed", "status"), [(True, 200), (False, 403), ("false", 403), ("true", 403), (None, 403)]
)
def test_an_e_mail_is_confirmed_where_the_provider_says_so(place: Place, confirmed: object, status: int) -> None:
    place.provider.claims["email_verified"] = confirmed
    with place.browser() as ada:
        assert ada.get("/").status_code == status


def test_a_provider_that_confirms_nothing_is_believed(place: Place) -> None:
    del place.provider.claims["email_verified"]
    with place.browser() as ada:
        assert ada.get("/").status_code == 200


# --- who signed it ---

PUBLIC_KEY = key("first").as_pem(private=False)


def unsigned(claims: Claims) -> str:
    """CVE-2026-28802: such a token was taken for a signed one."""
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}."


def signed_with_the_public_key(claims: Claims) -> str:
    """CVE-2024-37568: what everybody may know was taken for a shared secret."""
    text = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(claims)}"
    return f"{text}.{encoded(hmac.new(PUBLIC_KEY, text.encode(), hashlib.sha256).digest())}"


def signed_with_the_clients_secret(claims: Claims) -> str:
    text = f"{encoded({'alg': 'HS256'})}.{encoded(claims)}"
    return f"{text}.{encoded(hmac.new(b'of the client', text.encode(), hashlib.sha256).digest())}"


def signed_by_another(claims: Claims) -> str:
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, key("another"))


def signed_by_a_key_that_it_brings(claims: Claims) -> str:
    """CVE-2026-27962: the key in the head of a token was believed."""
    brought = key("another").as_dict(private=False)
    return jwt.encode({"alg": "RS256", "kid": "another", "jwk": brought}, claims, key("another"))


def signed_by_a_key_that_it_points_to(claims: Claims) -> str:
    elsewhere = "http://127.0.0.1:9/keys"
    return jwt.encode({"alg": "RS256", "kid": "first", "jku": elsewhere, "x5u": elsewhere}, claims, key("another"))


def changed_after_it_was_signed(claims: Claims) -> str:
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "first"}, claims, key("first")).split(".")
    return f"{head}.{encoded({**claims, 'email': 'data@example.com'})}.{signature}"


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        signed_with_the_public_key,
        signed_with_the_clients_secret,
        signed_by_another,
        signed_by_a_key_that_it_brings,
        signed_by_a_key_that_it_points_to,
        changed_after_it_was_signed,
        lambda claims: "no.token.",
        lambda claims: "",
    ],
)
@pytest.mark.parametrize("offered", [["RS256"], ["RS256", "HS256", "none"]], ids=["strict", "loose"])
def test_a_token_that_the_provider_did_not_sign_is_no_sign_in(place: Place, sign: Any, offered: list[str]) -> None:
    place.provider.sign = sign
    place.provider.says["id_token_signing_alg_values_supported"] = offered
    with place.browser() as ada:
        assert ada.get("/").status_code == 400
        assert not is_signed_in(ada)


def test_a_key_that_was_withdrawn_signs_nobody_in(place: Place) -> None:
    with place.browser() as before:
        assert before.get("/").status_code == 200
    place.provider.keys = [key("second")]
    with place.browser() as ada:
        assert ada.get("/").status_code == 400
    place.provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "second"}, claims, key("second"))
    with place.browser() as ada:
        assert ada.get("/").status_code == 200


# --- flaws of others that became known: what they would let in is refused here ---


def headed(**head: object) -> Callable[[Claims], str]:
    """A token that the provider signed, under a head of its own."""

    def sign(claims: Claims) -> str:
        text = f"{encoded({'alg': 'RS256', 'kid': 'first', **head})}.{encoded(claims)}"
        signature = key("first").private_key.sign(text.encode(), PKCS1v15(), SHA256())
        return f"{text}.{encoded(signature)}"

    return sign


def test_a_head_that_is_no_fault_signs_in(place: Place) -> None:
    """So that the heads below are refused for what is in them."""
    assert status_of(place, headed(typ="JWT")) == 200


@pytest.mark.parametrize("head", [{"crit": ["of-others"], "of-others": 1}, {"crit": ["of-others"]}, {"crit": "kid"}])
def test_what_a_token_calls_critical_is_not_passed_over(place: Place, head: dict[str, object]) -> None:
    """CVE-2025-59420: a head that says it must be understood, and is not."""
    assert status_of(place, headed(**head)) == 400


def test_a_token_whose_content_is_not_encoded_is_none(place: Place) -> None:
    """CVE-2026-48990: such content was read without a limit."""
    assert status_of(place, headed(crit=["b64"], b64=False)) == 400


@pytest.mark.parametrize(
    "sign", [headed(padding="a" * 100_000), lambda claims: headed()({**claims, "padding": "a" * 1_000_000})]
)
def test_a_token_is_not_of_any_length(place: Place, sign: Signer) -> None:
    """CVE-2025-61920, CVE-2026-119284: a token of any length was taken apart before it was refused."""
    assert status_of(place, sign) == 400


@pytest.mark.parametrize("algorithm", ["RS257", "none", ["RS256"], None])
def test_a_signature_that_nobody_knows_is_none(place: Place, algorithm: object) -> None:
    """CVE-2026-28498: what a token said of the access token was taken for right under an unknown signature."""
    sign = headed(alg=algorithm)
    assert status_of(place, sign) == 400
    assert status_of(place, lambda claims: sign({**claims, "at_hash": "another"})) == 400


@pytest.mark.parametrize("said", ["another", "", 5, ["another"], {"a": 1}], ids=str)
def test_a_token_is_of_the_access_token_that_came_with_it(place: Place, said: object) -> None:
    """CVE-2026-28498. An empty one says nothing."""
    assert status_of(place, lambda claims: headed()({**claims, "at_hash": said})) == (400 if said else 200)


@pytest.mark.parametrize("algorithm", ["RSA1_5", "RSA-OAEP", "dir", "A128KW"])
def test_a_token_that_is_encrypted_is_none(place: Place, algorithm: str) -> None:
    """CVE-2026-28490: by the answers to such tokens one could be decrypted. Nothing is decrypted here."""
    head = encoded({"alg": algorithm, "enc": "A128GCM", "kid": "first"})
    assert status_of(place, lambda claims: ".".join([head, *[encoded(b"a" * 16)] * 4])) == 400


@pytest.mark.parametrize("nonce", ["another", None])
def test_a_token_does_not_say_whether_it_must_answer_to_a_sign_in(place: Place, nonce: str | None) -> None:
    """CVE-2026-114617: a token that said its provider knows no nonce was believed."""
    assert status_of(place, lambda claims: headed()({**claims, "nonce_supported": False, "nonce": nonce})) == 400


def test_an_issuer_in_a_row_with_others_is_none(place: Place) -> None:
    """CVE-2026-75509: a list with the right issuer in it was taken for that issuer."""
    for issuers in ([place.provider.address], ["https://example.com", place.provider.address]):
        assert status_of(place, lambda claims, issuers=issuers: headed()({**claims, "iss": issuers})) == 400


@pytest.mark.parametrize("token", [None, 5, True, [], {"payload": "e30"}, "a" * 1_000_000], ids=kind)
def test_what_is_no_token_at_all_is_no_sign_in(place: Place, token: object, caplog: pytest.LogCaptureFixture) -> None:
    assert status_of(place, lambda claims: token) == 400
    assert "a sign-in failed: " in caplog.text
