"""What counts the kills sees what is wrong: a list without one of its files, a command that fails by itself."""

import json
import sys
from hashlib import sha256
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from serving.published.layout import MANIFEST, place_of
from tests.operations.child import _read_files
from tests.operations.processes import killed_after
from tests.serving.world import DAY


@pytest.mark.parametrize(("there", "torn"), [(b"rows", []), (b"other", [["scores"]]), (None, [["scores"]])])
def test_a_list_with_a_file_that_is_another_or_gone_is_torn(
    there: bytes | None, torn: list[list[str]], tmp_path: Path
) -> None:
    place = place_of(tmp_path, DAY)
    place.mkdir()
    (place / MANIFEST).write_text(json.dumps({"files_sha256": {"scores": sha256(b"rows").hexdigest()}}))
    if there is not None:
        (place / "scores").write_bytes(there)
    told: dict[str, Any] = {"reads": 0, "torn": [], "lists": []}
    _read_files(tmp_path, DAY, told)
    assert (told["torn"], told["reads"], len(told["lists"])) == (torn, 1, not torn)


class Process:
    """A command that ends by itself, as a process of its own is asked."""

    def __init__(self, code: int) -> None:
        self._own = Popen([sys.executable, "-c", f"raise SystemExit({code})"])

    def join(self, seconds: float | None = None) -> None:
        self._own.wait(seconds)

    def is_alive(self) -> bool:
        return self._own.poll() is None

    def kill(self) -> None:
        self._own.kill()

    @property
    def exitcode(self) -> int | None:
        return self._own.poll()


def test_a_command_that_fails_by_itself_is_not_taken_for_one_that_ended_too_early_to_be_killed() -> None:
    assert not killed_after(Process(0), 20)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="it ended by itself, with 1"):
        killed_after(Process(1), 20)  # type: ignore[arg-type]
