"""What is wrong with an installation, told over the channels for operations; nothing where all is well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import SettingsError, SourceError
from flows.doctor import doctor
from flows.doctor.diagnosis import Diagnosis, Health, examination, ok
from flows.doctor.doctor import MOST_TOLD, clean, examine, tell_wrong
from flows.run.settings import Settings
from serving.messages.settings import EMAIL_URL, OPERATIONS_URL
from tests.serving.messages import servers


def test_only_what_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Diagnosis(Health.LOOK, "4 GB left", "Make room.", "disk")
    wrong = [Diagnosis(Health.WRONG, f"thing {n} is broken", f"Mend {n}.", "source") for n in range(MOST_TOLD + 2)]
    with servers.notes() as (address, notes):
        monkeypatch.setenv(OPERATIONS_URL, address)
        tell_wrong(Settings(root=tmp_path), [look])
        assert notes == []
        tell_wrong(Settings(root=tmp_path), [look, *wrong])
    (note,) = notes
    assert note["title"] == "Headroom: the installation was found wrong"
    assert "source: thing 0 is broken. Mend 0." in note["message"]
    assert note["message"].count("is broken") == MOST_TOLD
    assert "And 2 more: run `headroom doctor`." in note["message"]
    assert "4 GB" not in note["message"]


def test_without_a_channel_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (OPERATIONS_URL, EMAIL_URL):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SettingsError, match="no channel for operations is set"):
        tell_wrong(Settings(root=tmp_path), [])


def test_an_examination_that_fails_keeps_its_traceback_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @examination("broken")
    def broken(_: Settings) -> Iterator[Diagnosis]:
        yield ok("so far")
        raise PermissionError("hunter2-planted")

    @examination("whole")
    def whole(_: Settings) -> Iterator[Diagnosis]:
        yield ok("well")

    monkeypatch.setattr(doctor, "EXAMINATIONS", (broken, whole))
    told = list(examine(Settings(root=tmp_path)))
    assert [(one.name, str(one.health)) for one in told] == [("broken", "ok"), ("broken", "wrong"), ("whole", "ok")]
    assert told[1].found == "looking at it ended with PermissionError"
    assert "in broken" in capsys.readouterr().err


def test_a_run_that_the_doctor_marks_as_crashed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.notes() as (address, notes):
        monkeypatch.setenv(OPERATIONS_URL, address)
        monkeypatch.setattr("data.scratch._outside", [str(tmp_path)])
        (line,) = clean(Settings(root=tmp_path), lambda _: iter(["score 2026-10-05"]))
    assert line == "score 2026-10-05 was marked as crashed: its process is gone"
    assert [note["title"] for note in notes] == ["Headroom: score 2026-10-05 crashed"]


def test_what_cannot_be_cleared_up_is_a_line_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable(_: Settings) -> Iterator[Path]:
        yield tmp_path / "one"
        raise KeyError("hunter2-planted")

    def refused(_: str) -> Iterator[str]:
        yield "score 2026-10-05"
        raise SourceError("Ask Prefect at http://p.", "it answers 401.", "Check PREFECT_API_URL.")

    monkeypatch.setattr(doctor, "leftovers_removed", unreadable)
    for variable in (OPERATIONS_URL, EMAIL_URL):
        monkeypatch.delenv(variable, raising=False)
    assert list(clean(Settings(root=tmp_path), refused)) == [
        f"cleared up {tmp_path / 'one'}",
        "warning: clearing up ended with KeyError",
        "score 2026-10-05 was marked as crashed: its process is gone",
        "warning: not all is cleared up: Ask Prefect at http://p. Found: it answers 401. Check PREFECT_API_URL.",
    ]
    assert "in unreadable" in capsys.readouterr().err
