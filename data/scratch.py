"""Where a run keeps what nobody needs after it: one folder, which is gone with the run, or with the next one.

    TMPDIR/headroom-UID/run-PID-HEX/       what this run writes for itself, and its libraries with it
                        run-PID-HEX.lock   is locked while it runs; a run that was killed holds it no more

A lock lies beside what it guards, never in it: what is removed takes no lock away under somebody who waits for it.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.errors import PublishError
from data.locks import held

_RUN = "run-"
_outside: list[str] = []
"""The temporary folder of the system, while a run has its own."""


def own_folder() -> Path:
    """A folder of this user alone, in the temporary folder of the system: what is in it is the company's.

    Raises PublishError where it cannot be had.
    """
    folder = Path(_outside[-1] if _outside else tempfile.gettempdir()) / f"headroom-{os.getuid()}"
    asked, todo = "Keep files while a run lasts.", "Make room and rights there, or set TMPDIR to another folder."
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as error:
        raise PublishError(asked, f"{folder}: {error.strerror}.", todo) from error
    if owner != os.getuid():
        raise PublishError(asked, f"{folder} belongs to another user.", todo)
    return folder


@contextmanager
def of_this_run() -> Iterator[Path]:
    """The folder of this run, which ``tempfile`` uses meanwhile; what killed runs left is removed before."""
    home = own_folder()
    for lock in home.glob(f"{_RUN}*.lock"):
        with held(lock) as is_dead:
            if is_dead:
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    folder = home / f"{_RUN}{os.getpid()}-{secrets.token_hex(4)}"
    with held(folder.with_name(f"{folder.name}.lock")):
        folder.mkdir(mode=0o700)
        try:
            with _used_by_all(folder):
                yield folder
        finally:
            remove(folder)


@contextmanager
def _used_by_all(folder: Path) -> Iterator[None]:
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    _outside.append(str(folder.parents[1]))
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        _outside.pop()
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


def make_anew() -> None:
    """Make the folder of this run again where it is gone, as for a server: cleaners take what lay there for days.

    Raises PublishError or OSError where it cannot be made.
    """
    if _outside:
        own_folder()
        Path(tempfile.gettempdir()).mkdir(mode=0o700, exist_ok=True)


def remove(folder: Path) -> None:
    """Remove the folder of a run; what cannot be removed now is left to the next run."""
    with suppress(OSError):
        shutil.rmtree(folder)


def remove_own() -> None:
    """Remove the folder of this run, where it has one, for a process that ends at once."""
    if _outside:
        remove(Path(tempfile.gettempdir()))
