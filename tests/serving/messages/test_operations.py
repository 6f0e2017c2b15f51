"""What those who run the system are told of a run: one message, no secret, never in place of the run's error."""

from asyncio import CancelledError
from datetime import date
from pathlib import Path

import pytest

from data.errors import SettingsError, SourceError
from flows.run.scheduled.telling import RunNews, error_said, tell
from flows.run.settings import Settings
from serving.messages.delivery.operations import OperationsChannel, reached, tell_operations
from serving.messages.delivery.recipients import Recipient
from serving.messages.operations import run_message
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL, NotifySettings
from tests.serving.messages import servers

ERROR = SourceError("Score the customers of 2026-10-01.", "the database is gone.", "Start it.")
SECRET = "hunter2-planted"


def test_a_message_has_the_three_parts_and_what_still_holds() -> None:
    message = run_message("score 2026-10-01", "refused", error_said(ERROR), [date(2026, 9, 21), date(2026, 9, 28)])
    assert message.subject == "Headroom: score 2026-10-01 was refused"
    assert message.lead == (
        "Headroom: score 2026-10-01 was refused.",
        "Score the customers of 2026-10-01.",
        "Found: the database is gone.",
        "To do: Start it.",
        "The list of 2026-09-28 still stands.",
    )
    assert run_message("score", "late", (), []).lead == ("Headroom: score is late.", "No list has been published yet.")
    assert run_message("score", "late", (), None).lead == ("Headroom: score is late.",), "where they are is not known"


def test_what_a_bug_says_is_not_told() -> None:
    assert SECRET not in " ".join(error_said(ValueError(SECRET)))
    assert error_said(ValueError(SECRET))[0] == "It ended with ValueError."
    assert "longer under way than HEADROOM_MOST_HOURS" in error_said(CancelledError(SECRET))[0]


def test_it_goes_to_an_address_of_its_own_and_by_e_mail() -> None:
    message = run_message("score", "refused", error_said(ERROR), None)
    with servers.notes() as (address, notes), servers.mail() as mail:
        environment = {OPERATIONS_URL: address, EMAIL_URL: mail.url}
        assert tell_operations(message, environment, ["ops@example.com", "it@example.com"]) == []
        (note,) = notes
        assert note["title"] == message.subject
        assert "Found: the database is gone." in note["message"]
        assert [received["To"] for received in mail.received] == ["ops@example.com", "it@example.com"]


def test_a_channel_that_fails_is_said_without_its_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(OPERATIONS_URL, f"json://me:{SECRET}@127.0.0.1:9/{SECRET}")
    monkeypatch.delenv(EMAIL_URL, raising=False)
    tell(Settings(root=tmp_path), RunNews("score", "refused", error_said(ERROR)))
    monkeypatch.setenv(OPERATIONS_URL, f"nothing://{SECRET}")
    tell(Settings(root=tmp_path), RunNews("score", "refused", error_said(ERROR)))
    first, second = capsys.readouterr().err.splitlines()
    assert "could not be told: operations: " in first
    assert f"could not be told: Open the channel that {OPERATIONS_URL} names: its value is not" in second
    assert SECRET not in first + second


def test_an_address_that_is_none_is_said_without_it_and_stops_no_other() -> None:
    with servers.mail() as mail:
        environment = {OPERATIONS_URL: SECRET, EMAIL_URL: mail.url}
        (failure,) = tell_operations(run_message("score", "failed", (), None), environment, ["ops@example.com"])
        assert [received["To"] for received in mail.received] == ["ops@example.com"]
    fault = failure.why
    assert f"{OPERATIONS_URL} names: its value is not such an address. Set it as" in fault
    assert not failure.may_have_arrived
    with pytest.raises(SettingsError) as refused:
        list(reached(environment, []))
    assert SECRET not in fault + str(refused.value)


def test_what_operations_did_not_answer_may_have_arrived_unless_another_way_refused() -> None:
    message = run_message("score", "failed", (), None)
    with servers.notes((0, 2, 2)) as (address, notes), servers.mail() as mail:
        mail.refuses = "it@example.com"
        for to, unclear in (("ops", None), ("ops", True), ("it", False), ("it", False)):
            environment = {OPERATIONS_URL: f"{address}?rto=1&retry=2", EMAIL_URL: mail.url}
            channel = OperationsChannel(environment, [f"{to}@example.com"])
            (delivery,) = channel.deliveries(message, Recipient())
            failure = delivery.send()
            assert (None if failure is None else failure.may_have_arrived) == unclear
        assert len(notes) == 4


@pytest.mark.parametrize(("asked", "times"), [("", (10, 30)), ("?rto=2.5&cto=1", (1, 2.5))])
def test_operations_have_as_long_to_answer_as_the_others(asked: str, times: tuple[float, float]) -> None:
    ((channel, _),) = reached({OPERATIONS_URL: f"json://127.0.0.1/notes{asked}"}, [])
    assert channel._place.request_timeout == times


def test_the_settings_name_e_mails_and_nothing_else() -> None:
    assert NotifySettings(operations=("ops@example.com",)).operations == ("ops@example.com",)
    with pytest.raises(ValueError, match="no e-mail"):
        NotifySettings(operations=("slack://x",))
