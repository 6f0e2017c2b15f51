"""Shards wait for a build of the same code only: whatever file makes rows, and however deep it lies."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from features.build.checkpoint import ROOMS, key_of

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    file.relative_to(ROOT) for room in ("data", "features") for file in (ROOT / room).rglob("*") if file.is_file()
)
SOURCES = [file for file in SOURCES if "__pycache__" not in file.parts]

AT_ANY_DEPTH = ("one.py", "deep/one.py", "deep/er/one.py", "deep/rows.sql", "deep/er/rows.toml", "deep/er/rows")
Rooms = list[Path]


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    """Two rooms of a code root, each with the same files at three depths."""
    made = [tmp_path / "code" / name for name in ("data", "features")]
    for room in made:
        for place in AT_ANY_DEPTH:
            (room / place).parent.mkdir(parents=True, exist_ok=True)
            (room / place).write_text(f"# {place}\n")
    return made


def test_the_rooms_are_those_that_make_rows() -> None:
    assert [room.resolve() for room in ROOMS] == [ROOT / "data", ROOT / "features"]
    assert key_of("monday") == key_of("monday", rooms=ROOMS) != key_of("tuesday")


def test_a_copy_of_the_code_has_its_key(rooms: Rooms, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "code", tmp_path / "copy")
    (rooms[0] / "__pycache__").mkdir()
    (rooms[0] / "__pycache__" / "one.cpython-312.pyc").write_bytes(b"compiled")
    assert key_of(rooms=[tmp_path / "copy" / room.name for room in rooms]) == key_of(rooms=rooms)


@pytest.mark.parametrize("room", [0, 1])
@pytest.mark.parametrize("place", AT_ANY_DEPTH)
@pytest.mark.parametrize(
    "change",
    [
        lambda file, room: file.write_text("# another\n"),
        lambda file, room: file.with_name("another.py").write_text(""),
        lambda file, room: file.unlink(),
        lambda file, room: file.rename(file.with_name("another")),
        lambda file, room: file.rename(room / "moved"),
        lambda file, room: file.rename(room.parent / {"data": "features", "features": "data"}[room.name] / "moved"),
    ],
    ids=["changed", "added beside", "removed", "renamed", "moved up", "moved to the other room"],
)
def test_a_change_of_any_file_at_any_depth_begins_anew(
    rooms: Rooms, room: int, place: str, change: Callable[[Path, Path], object]
) -> None:
    before = key_of(rooms=rooms)
    change(rooms[room] / place, rooms[room])
    assert key_of(rooms=rooms) != before


def test_what_is_moved_from_one_file_to_the_next_begins_anew(rooms: Rooms) -> None:
    first, second = rooms[0] / "deep/one.py", rooms[0] / "deep/rows.sql"
    before = key_of(rooms=rooms)
    texts = first.read_text(), second.read_text()
    first.write_text("".join(texts))
    second.write_text("")
    assert key_of(rooms=rooms) != before


def test_every_file_of_the_code_is_in_the_key(tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(room, tmp_path / room.name, ignore=shutil.ignore_patterns("__pycache__"))
    copied = [tmp_path / room.name for room in ROOMS]
    before = key_of(rooms=copied)
    assert before == key_of()
    assert len(SOURCES) > 40
    for place in SOURCES:
        text = (tmp_path / place).read_bytes()
        (tmp_path / place).write_bytes(text + b"\n")
        assert key_of(rooms=copied) != before, place
        (tmp_path / place).write_bytes(text)
    assert key_of(rooms=copied) == before
