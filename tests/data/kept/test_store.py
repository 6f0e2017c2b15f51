"""What is kept is read back whole or not at all, whoever was killed, and whoever else is at it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from errno import EPERM
from pathlib import Path

import pytest

from data.atomic import unfinished_of
from data.digests import digest_of
from data.errors import PublishError
from data.kept.settings import StoreSettings
from data.kept.store import DAY_SECONDS, ValueStore
from data.locks import held

KEY = digest_of("what it is made of")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, said: list[str]) -> ValueStore:
    return ValueStore(tmp_path / "kept", StoreSettings(), said.append)


def test_a_value_is_read_back_by_its_key_and_kind_alone(store: ValueStore) -> None:
    store.put("trees", KEY, b"one")
    assert (store.get("trees", KEY), store.get("rows", KEY), store.get("trees", digest_of("else"))) == (
        b"one",
        None,
        None,
    )


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-1], lambda content: content + b"!", lambda content: b"", lambda content: content[::-1]],
    ids=["cut off", "longer", "empty", "others"],
)
def test_a_damaged_value_is_told_once_and_made_anew(
    store: ValueStore, said: list[str], damage: Callable[[bytes], bytes]
) -> None:
    store.put("trees", KEY, b"value")
    path = store.values()[0].path
    path.write_bytes(damage(path.read_bytes()))
    assert [store.get("trees", KEY) for _ in range(2)] == [None, None]
    assert said == [f"warning: {path} is damaged: what it held is made anew."]
    store.put("trees", KEY, b"value")
    assert store.get("trees", KEY) == b"value"


def test_what_cannot_be_kept_is_told_once_and_the_run_goes_on(store: ValueStore, said: list[str]) -> None:
    store.folder.write_text("a file is in its place")
    for number in range(2):
        store.put("trees", digest_of(number), b"value")
    assert len(said) == 1
    assert "nothing more is kept" in said[0]


def test_two_at_once_keep_one_value_and_neither_is_told_of_it(store: ValueStore, said: list[str]) -> None:
    path = store.folder / "trees" / KEY
    path.parent.mkdir(parents=True)
    unfinished_of(path).touch()
    with held(unfinished_of(path)):  # as the other run has it while it writes
        store.put("trees", KEY, b"value")
        assert store.left() == []
    store.put("trees", digest_of("next"), b"value")
    assert (len(store.values()), said) == (1, [])


def test_the_oldest_goes_where_there_is_too_much_and_what_nobody_used_for_long(tmp_path: Path) -> None:
    store = ValueStore(tmp_path, StoreSettings(max_gb=1e-6, max_days=10), print)  # a thousand bytes
    for days, size in ((11, 1), (9, 500), (8, 300), (7, 300)):
        store.put("rows", digest_of(days), bytes(size))
        used = time.time() - days * DAY_SECONDS
        os.utime(tmp_path / "rows" / digest_of(days), (used, used))
    assert store.get("rows", digest_of(9)) is not None  # used again, so it is the youngest
    assert store.trim() == 2  # of 11 days, and of 8: with the hashes 1,196 bytes were left
    assert {value.path.name for value in store.values()} == {digest_of(9), digest_of(7)}


def test_a_folder_of_other_files_keeps_them(store: ValueStore) -> None:
    """As where the setting names a folder that holds something else."""
    others = [store.folder / "reports" / "backtest.html", store.folder / "rows" / "notes.txt"]
    store.put("rows", KEY, b"value")
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ours")
        os.utime(path, (0, 0))
    (store.folder / "rows" / digest_of("a folder")).mkdir()
    assert (store.trim(), store.clear()) == (0, 1)
    assert all(path.exists() for path in others)


def test_what_another_run_trims_is_left_to_it(store: ValueStore) -> None:
    store.put("rows", KEY, b"value")
    old = ValueStore(store.folder, StoreSettings(max_gb=1e-9), print)
    with held(store.folder / "trim.lock"):
        assert old.trim() == 0
    assert old.trim() == 1


def test_what_cannot_be_trimmed_is_told_and_the_run_goes_on(
    store: ValueStore, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder that another user made, or that nobody may write to by now."""
    store.put("rows", KEY, b"value")
    old = ValueStore(store.folder, StoreSettings(max_gb=1e-9), said.append)

    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(EPERM, os.strerror(EPERM), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        assert old.trim() == 0
        with pytest.raises(PublishError, match="Operation not permitted"):
            old.clear()
    (store.folder / "trim.lock").unlink()
    (store.folder / "trim.lock").mkdir()
    assert old.trim() == 0
    assert [line.partition(" was not removed: ")[2].partition(":")[0] for line in said] == [
        "Operation not permitted",
        "Is a directory",
    ]
    assert store.get("rows", KEY) == b"value"


def test_a_value_of_another_user_is_read(store: ValueStore, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of it alone it cannot be noted that it was used."""
    store.put("rows", KEY, b"value")

    def refused(path: Path) -> None:
        raise PermissionError(EPERM, os.strerror(EPERM), str(path))

    monkeypatch.setattr(os, "utime", refused)
    assert (store.get("rows", KEY), said) == (b"value", [])


KILLED = """
import os, sys
from pathlib import Path
from data import atomic
from data.errors import PublishError
from data.kept.settings import StoreSettings
from data.kept.store import ValueStore
atomic._to_disk = lambda path: os._exit(9)  # the power goes before the value is in its place
ValueStore(Path(sys.argv[1]), StoreSettings(), print).put("trees", sys.argv[2], b"half")
"""


def test_who_is_killed_while_writing_leaves_nothing_to_be_read(store: ValueStore, said: list[str]) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, store.folder, KEY], check=False)
    assert ended.returncode == 9
    assert [file.path for file in store.left()] == list(store.folder.glob("trees/.*")) != []
    assert (store.get("trees", KEY), store.values()) == (None, [])
    store.trim()
    assert not list(store.folder.glob("trees/.*"))
    store.put("trees", KEY, b"whole")
    assert (store.get("trees", KEY), said) == (b"whole", [])


def test_cleared_it_is_empty(store: ValueStore) -> None:
    for number in range(3):
        store.put("rows", digest_of(number), b"value")
    assert store.clear() == 3
    assert store.values() == []
