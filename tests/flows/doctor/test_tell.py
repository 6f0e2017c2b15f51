"""What is wrong with an installation, told over the channels for operations; nothing where all is well."""

from pathlib import Path

import pytest

from flows.doctor.diagnosis import Diagnosis, Health
from flows.doctor.doctor import MOST_TOLD, tell_wrong
from flows.run.settings import Settings
from serving.messages.settings import OPERATIONS_URL
from tests.serving.messages import servers


def test_only_what_is_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = Diagnosis(Health.LOOK, "4 GB left", "Make room.", "disk")
    wrong = [Diagnosis(Health.WRONG, f"thing {n} is broken", f"Mend {n}.", "source") for n in range(MOST_TOLD + 1)]
    with servers.notes() as (address, notes):
        monkeypatch.setenv(OPERATIONS_URL, address)
        tell_wrong(Settings(root=tmp_path), [look])
        assert notes == []
        tell_wrong(Settings(root=tmp_path), [look, *wrong])
    (note,) = notes
    assert note["title"] == "Headroom: the installation was found wrong"
    assert "source: thing 0 is broken. Mend 0." in note["message"]
    assert note["message"].count("is broken") == MOST_TOLD
    assert "4 GB" not in note["message"]
