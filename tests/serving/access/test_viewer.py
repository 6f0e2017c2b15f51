"""Who sees whose accounts."""

import logging

import pytest

from data.contract.outputs import NO_OWNER
from serving.access.refusals import RefusedError
from serving.access.settings import AccessSettings
from serving.access.viewer import LAPTOP, People, Viewer
from tests.serving.access.pages import ADA, DATA, LEAD, PEOPLE, STRANGER, owners_of, through_proxy

SETTINGS = AccessSettings.model_validate({"people": PEOPLE})
KNOWN = People(SETTINGS.people, owners_of, "Grace")


@pytest.mark.parametrize(
    ("owners", "owner", "sees"),
    [
        (["Ada Lovelace"], "Ada Lovelace", True),
        (["Ada Lovelace"], "  ada   LOVELACE ", True),
        (["Ada Lovelace"], "Ada", False),
        (["Ada Lovelace"], "", False),
        (["Ada Lovelace"], None, False),
        (["Ada Lovelace"], float("nan"), False),
        ([], "Ada Lovelace", False),
        ([NO_OWNER], None, True),
        (None, "Ada Lovelace", True),
        (None, None, True),
    ],
)
def test_owners_are_compared_as_books_are(owners: list[str] | None, owner: str | None, sees: bool) -> None:
    viewer = Viewer("Ada", ADA, "csm", None if owners is None else frozenset(owners))
    assert viewer.may_see(owner) is sees


def test_who_sits_at_the_machine_sees_all() -> None:
    assert LAPTOP.role == "data"
    assert LAPTOP.may_see("anybody")


@pytest.mark.parametrize(
    ("email", "viewer"),
    [
        (ADA, Viewer("Ada", ADA, "csm", frozenset({"Ada Lovelace"}))),
        ("csm@example.com", Viewer("As signed in", "csm@example.com", "csm", frozenset({"csm@example.com"}))),
        (LEAD, Viewer("As signed in", LEAD, "lead", frozenset({"ada  lovelace", "Bob Stone"}))),
        (DATA, Viewer("As signed in", DATA, "data", None)),
    ],
)
def test_the_settings_say_who_somebody_is(email: str, viewer: Viewer) -> None:
    assert KNOWN.viewer(email, "As signed in") == viewer


def test_others_are_told_whom_to_ask() -> None:
    with pytest.raises(RefusedError, match="Ask Grace") as refused:
        KNOWN.viewer(STRANGER)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("email", "told"),
    [
        (ADA, "Ada csm: acme"),
        (LEAD, f"{LEAD} lead: acme bolt"),
        (DATA, f"{DATA} data: acme bolt cart"),
        ("csm@example.com", "csm@example.com csm: "),
    ],
)
def test_a_page_shows_what_its_viewer_may_see(email: str, told: str) -> None:
    assert f"<p>{told}</p>" in through_proxy(email).get("/").text


def test_what_is_not_theirs_looks_as_if_it_were_not_there(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), through_proxy(ADA) as ada:
        theirs, others, nobodys = (ada.get(f"/accounts/{name}") for name in ("acme", "bolt", "none"))
    assert theirs.status_code == 200
    assert (others.status_code, others.text) == (nobodys.status_code, nobodys.text) == (404, '{"detail":"Not Found"}')
    assert f"'{ADA}' asked for 'bolt', which is not theirs to see" in caplog.text


def test_what_is_written_into_the_log_stays_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        through_proxy(ADA).get("/accounts/bolt%0Aforged")
    assert "\\nforged" in caplog.text
    assert "bolt\nforged" not in caplog.text


def test_somebody_unknown_reads_whom_to_ask() -> None:
    answer = through_proxy(STRANGER, contact="Grace <Hopper>").get("/accounts/acme")
    assert answer.status_code == 403
    assert "Ask Grace &lt;Hopper&gt;." in answer.text
    assert "acme" not in answer.text
