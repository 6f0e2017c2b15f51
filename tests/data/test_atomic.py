"""What is written whole or not at all: stopped at every step on the disk, by an error and by death."""

import ast
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from data.atomic import recover, settle, unfinished_of, whole_file, whole_folder
from data.errors import PublishError

ROOT = Path(__file__).parents[2]
STEPS = [(Path, "rename"), (Path, "replace"), (Path, "mkdir"), (Path, "touch"), (os, "truncate"), (os, "fsync")]
"""Everything that a writer does on the disk; ``rmtree`` and ``unlink`` only die, for a failure must be cleared up."""
REMOVALS = [(shutil, "rmtree"), (Path, "unlink")]
MOST_STEPS = 40


class Killed(BaseException):
    """The process dies here."""


def write_file(path: Path, text: str) -> None:
    with whole_file(path) as new:
        new.write_text(text)


def write_folder(path: Path, text: str) -> None:
    with whole_folder(path) as new:
        (new / "deep").mkdir()
        (new / "one.txt").write_text(text)
        (new / "deep" / "two.txt").write_text(text)


def read_file(path: Path) -> set[str]:
    return {path.read_text()} if path.exists() else set()


def read_folder(path: Path) -> set[str]:
    files = [path / "one.txt", path / "deep" / "two.txt"] if path.exists() else []
    assert sorted(file for file in path.rglob("*.txt")) == sorted(files)
    return {file.read_text() for file in files}


KINDS = [pytest.param(write_file, read_file, id="file"), pytest.param(write_folder, read_folder, id="folder")]
Write, Read = Callable[[Path, str], None], Callable[[Path], set[str]]


@contextmanager
def stopped_at(step: int, by: BaseException, *, for_good: bool) -> Iterator[list[str]]:
    """The step of this number fails by ``by``; ``for_good``: so does everything after it, as when a process dies."""
    done: list[str] = []

    def mortal(name: str, function: Callable) -> Callable:
        def run(*given: object, **named: object) -> object:
            done.append(name)
            if len(done) == step or (for_good and len(done) > step):
                raise by
            return function(*given, **named)

        return run

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in [*STEPS, *(REMOVALS if for_good else [])]:
            patch.setattr(owner, name, mortal(name, getattr(owner, name)))
        yield done


@pytest.mark.parametrize(("write", "read"), KINDS)
@pytest.mark.parametrize("there", [True, False], ids=["over an old one", "new"])
def test_a_failure_at_any_step_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, write: Write, read: Read, there: bool
) -> None:
    failed = []
    for step in range(1, MOST_STEPS):
        place = tmp_path / str(step) / "place"
        place.parent.mkdir()
        if there:
            write(place, "old")
        try:
            with stopped_at(step, OSError(28, "No space left on device"), for_good=False) as done:
                write(place, "new")
        except PublishError:
            assert read(place) == ({"old"} if there else set())
            failed.append(done[step - 1])
        else:  # only a file's folder may fail to be flushed: the file is in place by then
            assert read(place) == {"new"}
        assert [path.name for path in place.parent.iterdir()] == (["place"] if read(place) else [])
        if len(done) < step:
            break
    assert len(done) < step
    assert {"fsync", "rename" if write is write_folder else "replace"} <= set(failed)


@pytest.mark.parametrize(("write", "read"), KINDS)
@pytest.mark.parametrize("there", [True, False], ids=["over an old one", "new"])
def test_a_death_at_any_step_is_mended_by_the_next_writer(
    tmp_path: Path, write: Write, read: Read, there: bool
) -> None:
    """One that fails on its own account, so that what it finds is what is left; and then one that goes well."""
    for step in range(1, MOST_STEPS):
        place = tmp_path / str(step) / "place"
        place.parent.mkdir()
        if there:
            write(place, "old")
        try:
            with stopped_at(step, Killed(), for_good=True) as done:
                write(place, "new")
        except Killed:
            pass
        kept = with_a_fault(write, place)
        assert read(place) in ([{"old"}, {"new"}] if there else [set(), {"new"}])
        assert [path.name for path in place.parent.iterdir()] == (["place"] if read(place) else []), kept
        write(place, "newer")
        assert read(place) == {"newer"}
        assert [path.name for path in place.parent.iterdir()] == ["place"]
        if len(done) < step:
            break
    assert len(done) < step


def with_a_fault(write: Write, place: Path) -> None:
    """A writer that begins, and fails before anything is moved."""
    whole: Callable[[Path], AbstractContextManager[Path]] = whole_file if write is write_file else whole_folder
    with pytest.raises(ZeroDivisionError), whole(place):
        1 / 0  # noqa: B018


@pytest.mark.parametrize(("write", "read"), KINDS)
def test_what_a_writer_that_died_left_is_not_in_the_new_one(tmp_path: Path, write: Write, read: Read) -> None:
    with stopped_at(1, Killed(), for_good=True), pytest.raises(Killed):
        write(tmp_path / "place", "old")
    if write is write_folder:
        (unfinished_of(tmp_path / "place") / "deep").mkdir(parents=True)
        (unfinished_of(tmp_path / "place") / "deep" / "left.txt").write_text("left")
    else:
        unfinished_of(tmp_path / "place").write_text("left, and longer than the new one")
    write(tmp_path / "place", "new")
    assert read(tmp_path / "place") == {"new"}


@pytest.mark.parametrize(("write", "read"), KINDS)
def test_a_full_disk_is_told_with_what_was_asked_and_what_to_do(tmp_path: Path, write: Write, read: Read) -> None:
    full = stopped_at(2, OSError(28, "No space left on device"), for_good=False)
    said = r"place is to be written\.\n  found: No space left on device\.\n  to do: Give another .* make room"
    with full, pytest.raises(PublishError, match=said):
        write(tmp_path / "place", "new")


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_second_writer_of_the_same_place_is_refused_and_the_first_goes_on(tmp_path: Path, whole: Callable) -> None:
    with whole(tmp_path / "place") as first:
        with pytest.raises(PublishError, match="another process is writing it"), whole(tmp_path / "place"):
            pytest.fail("two writers")
        (first / "one.txt" if first.is_dir() else first).write_text("first")
    assert read_file(tmp_path / "place" / "one.txt" if whole is whole_folder else tmp_path / "place") == {"first"}


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder(tmp_path / "link", "new")
    assert read_folder(tmp_path / "real") == {"new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_folder_does_not_take_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("notes")
    with pytest.raises(PublishError, match=r"found: Not a directory: .*place"):
        write_folder(tmp_path / "place", "new")
    assert read_file(tmp_path / "place") == {"notes"}
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_folders_made_for_what_is_not_written_go_again(tmp_path: Path, write: Write) -> None:
    (tmp_path / "there").mkdir()
    with_a_fault(write, tmp_path / "there" / "new" / "deep" / "place")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    write(tmp_path / "there" / "new" / "deep" / "place", "text")
    assert (tmp_path / "there" / "new" / "deep" / "place").exists()


def test_recovery_is_of_the_folders_named(tmp_path: Path) -> None:
    for name in (".aside-day=1", ".aside-day=2", "day=2", ".unfinished-day=3", ".unfinished-mine"):
        (tmp_path / name).mkdir()
    recover(tmp_path, "day=*")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".unfinished-mine", "day=1", "day=2"]


@pytest.mark.parametrize(
    ("left", "is_there"),
    [
        ((".unfinished-place",), False),
        ((".aside-place",), True),
        ((".unfinished-place", ".aside-place"), True),
        ((), False),
    ],
)
def test_a_folder_is_settled_whatever_its_writer_left(tmp_path: Path, left: tuple[str, ...], is_there: bool) -> None:
    for name in left:
        (tmp_path / name).mkdir()
    settle(tmp_path / "place", "Settle it.")
    assert [path.name for path in tmp_path.iterdir()] == ["place"] * is_there
    with whole_folder(tmp_path / "place"), pytest.raises(PublishError, match="another process is writing it"):
        settle(tmp_path / "place", "Settle it.")


MOVERS = {("os", "rename"), ("os", "renames"), ("os", "replace"), ("shutil", "move")}
METHODS = {"rename", "replace", "move"}


def moved(source: str) -> list[int]:
    """The lines that move a file: functions of os and shutil under any name, and a method with one plain argument.

    ``text.replace`` has two arguments; dates, tables and ``dataclasses`` name theirs.
    """
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.ImportFrom) and any((node.module, alias.name) in MOVERS for alias in node.names))
        or (isinstance(node, ast.Attribute) and tuple(ast.unparse(node).split(".")) in MOVERS)
        or (isinstance(node, ast.Call) and _is_a_move(node))
    ]


def _is_a_move(call: ast.Call) -> bool:
    """One argument without a name, or ``target``, as of ``Path.rename``; or ``Path.rename`` itself."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in METHODS:
        return False
    of_path = isinstance(call.func.value, ast.Name) and call.func.value.id in ("Path", "PurePath")
    named = [keyword.arg for keyword in call.keywords]
    return of_path or (len(call.args) == 1 and not named) or named == ["target"]


@pytest.mark.parametrize(
    ("source", "is_a_move"),
    [
        ("a.rename(b)", True),
        ("(out / 'x').replace(out / 'y')", True),
        ("a.rename(target=b)", True),
        ("Path.replace(a, b)", True),
        ("os.replace(a, b)", True),
        ("f = os.rename", True),
        ("from shutil import move", True),
        ("shutil.move(a, b)", True),
        ("text.replace('a', 'b')", False),
        ("frame.rename(columns={'a': 'b'})", False),
        ("day.replace(day=1)", False),
        ("replace(made, folder=folder)", False),
    ],
)
def test_a_move_is_recognised(source: str, is_a_move: bool) -> None:
    assert bool(moved(source)) is is_a_move


ROOMS = ("data", "features", "models", "serving", "flows", "tests/bench")
MODULES = sorted(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("module", [name for name in MODULES if name != "data/atomic.py"])
def test_nothing_else_moves_what_it_wrote_into_place(module: str) -> None:
    assert moved((ROOT / module).read_text(encoding="utf-8")) == []


def test_the_one_module_is_seen_to_move() -> None:
    assert moved((ROOT / "data" / "atomic.py").read_text(encoding="utf-8"))
