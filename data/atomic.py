"""Files and folders that are written whole or not at all. The one module that moves what is written into its place.

The new one is written under a hidden name beside its place, flushed to the disk and moved there by renaming. A folder
that is already there is moved aside first. Whoever dies between the two renames leaves the old one aside, whole, and
the next to write there puts it back. A folder's readers may look for it there (``aside_of``).
"""

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EBUSY, EINVAL, ENOTDIR, ENOTSUP
from pathlib import Path

from data.errors import PublishError
from data.locks import taken

ASIDE, UNFINISHED = ".aside-", ".unfinished-"
CANNOT_FLUSH = (EINVAL, ENOTSUP)
"""What a file system says that cannot flush a folder; after a power cut either the old or the new one is whole."""
OTHER_FILE = "Give another file with --out, or make room and rights there."
OTHER_FOLDER = "Give another folder with --out, or make room and rights there."


def aside_of(path: Path) -> Path:
    """Where the old folder of that place stands while the new one is moved in."""
    return path.with_name(f"{ASIDE}{path.name}")


def unfinished_of(path: Path) -> Path:
    """Where the file or folder of that place is written."""
    return path.with_name(f"{UNFINISHED}{path.name}")


@contextmanager
def refusal(asked: str, todo: str) -> Iterator[None]:
    """What the system refuses, as a PublishError: what was asked for, what was found and where, what to do."""
    try:
        yield
    except OSError as error:
        at = f": {error.filename}" if error.filename else ""
        raise PublishError(asked, f"{error.strerror or error}{at}.", todo) from error


@contextmanager
def whole_file(path: Path, asked: str = "", todo: str = OTHER_FILE) -> Iterator[Path]:
    """A file to write to, which becomes ``path`` when all went well and is gone when it did not.

    Raises PublishError (``asked``, ``todo``) where it cannot be written; the old file is then still there.
    """
    with refusal(asked or f"The file {path} is to be written.", todo), made_if_needed(path.parent):
        new = unfinished_of(path)
        new.touch()
        with _alone(new), _removed(new):
            os.truncate(new, 0)  # what a writer that died left
            yield new
            _to_disk(new)
            new.replace(path)
            with suppress(OSError):  # some file systems cannot flush a folder; after a power cut either file is whole
                _to_disk(path.parent)


@contextmanager
def whole_folder(path: Path, asked: str = "", todo: str = OTHER_FOLDER) -> Iterator[Path]:
    """An empty folder to write to, which replaces ``path`` when all went well and is gone when it did not.

    Whatever fails, the old folder is then still there, or there again. Raises PublishError (``asked``, ``todo``) where
    it cannot be written.
    """
    with refusal(asked or f"The folder {path} is to be written.", todo):
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(path))
        new = unfinished_of(place)
        with made_if_needed(place.parent):
            new.mkdir(exist_ok=True)
            with _alone(new), _removed(new):
                _empty(new)
                _put_back(place)
                yield new
                _all_to_disk(new)
                _swap(new, place)


@contextmanager
def made_if_needed(folder: Path) -> Iterator[None]:
    """A folder, and those above it, made if they are not there; what was made and is empty at the end is gone again."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        with suppress(OSError):  # what is not empty stays, with all above it
            for path in made:
                path.rmdir()


@contextmanager
def only_writer(folder: Path, asked: str, todo: str = OTHER_FOLDER) -> Iterator[None]:
    """The folder, made if it is not there, as this process's alone to write to; whoever comes second is refused.

    Raises PublishError (``asked``, ``todo``). The lock goes with the process.
    """
    with refusal(asked, todo):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            yield


def same_files(one: Path, other: Path) -> bool:
    """Do two folders hold the same files, byte for byte? One that is not there is not the same."""
    ours, theirs = (
        {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()} for folder in (one, other)
    )
    return ours == theirs and all(filecmp.cmp(one / name, other / name, shallow=False) for name in sorted(ours))


def recover(folder: Path, pattern: str) -> None:
    """Clear up after writers of such folders that died. For a caller that knows that nobody writes them now."""
    for aside in folder.glob(f"{ASIDE}{pattern}"):
        _put_back(folder / aside.name.removeprefix(ASIDE))
    for new in folder.glob(f"{UNFINISHED}{pattern}"):
        _remove(new)


def settle(path: Path, asked: str, todo: str = OTHER_FOLDER) -> None:
    """Clear up after a writer of that folder that died. Raises PublishError (``asked``, ``todo``) where one lives."""
    with refusal(asked, todo):
        place = Path(os.path.realpath(path))
        new = unfinished_of(place)
        if new.exists() or aside_of(place).exists():
            new.mkdir(exist_ok=True)
            with _alone(new):
                _put_back(place)
                _remove(new)


def remove_left(path: Path) -> bool:
    """Remove what a process that died left, unless somebody has it by now, or has taken it away: was it removed?"""
    with suppress(FileNotFoundError), taken(path) as is_left:
        if is_left:
            _remove(path)
        return is_left
    return False


def remove_folder(folder: Path) -> None:
    """Remove a folder that is there whole until it is gone; what a process that died left of it, ``recover`` clears."""
    going = unfinished_of(folder)
    _remove(going)
    folder.rename(going)
    shutil.rmtree(going)


def _put_back(place: Path) -> None:
    """What a writer that died left aside: put back if nothing is in its place, dropped if the new one is."""
    aside = aside_of(place)
    if not aside.exists():
        return
    if place.exists():
        shutil.rmtree(aside)
    else:
        aside.rename(place)


def _swap(new: Path, place: Path) -> None:
    """The two renames. If the second fails, or cannot be made lasting, the first is undone."""
    aside = aside_of(place)
    if place.exists():
        place.rename(aside)
    try:
        new.rename(place)
        _to_disk(place.parent)
    except BaseException:
        if place.exists():
            place.rename(new)
        if aside.exists():
            aside.rename(place)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _alone(new: Path) -> Iterator[None]:
    """One writer at a time for a place; a second one is refused. The lock goes with the process."""
    with taken(new) as is_ours:
        if not is_ours:
            raise OSError(EBUSY, "another process is writing it", str(new))
        yield


@contextmanager
def _removed(new: Path) -> Iterator[None]:
    """What is written is removed at the end, unless it was moved into its place."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # what went wrong is what is told
            _remove(new)
        raise


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _all_to_disk(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _to_disk(path)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in CANNOT_FLUSH or not path.is_dir():
            raise
    finally:
        os.close(handle)
