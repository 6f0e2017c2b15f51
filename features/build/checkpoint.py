"""Where the shards of a large build wait for each other: files that outlive a build that was stopped.

The next build of the same rows finds them and goes on from there. *The same* means the same source files, dates, rules
and code, which is what the key of the folder is made of.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import data
import features
from data.atomic import whole_file
from data.digests import code_of, digest_of
from data.locks import held
from data.scratch import own_folder
from data.sources.engine import LIBRARIES

ROOMS = tuple(Path(room.__path__[0]) for room in (data, features))
"""The folders of the code that makes feature rows."""
ROOM = "Make room there, or set TMPDIR to a folder that has room."


def key_of(*parts: object, rooms: Sequence[Path] = ROOMS) -> str:
    """The name of a build: a hash of what it is made from, and of the code that makes it."""
    return digest_of(*parts, code_of(rooms, LIBRARIES))[:24]


@contextmanager
def checkpoint(key: str | None) -> Iterator["Checkpoint"]:
    """A folder for the shards of a build. Without a key, or while another process makes the same build: a new one.

    It is removed when the build is done, and by an error of a build that has no key.
    """
    with ExitStack() as stack:
        folder = None if key is None else own_folder() / f"features-{key}"
        if folder is not None and stack.enter_context(held(folder.with_name(f"{folder.name}.lock"))):
            folder.mkdir(exist_ok=True)
            for unfinished_work in filter(Path.is_dir, folder.iterdir()):  # of a build that was killed
                shutil.rmtree(unfinished_work)
            yield Checkpoint(folder)
            shutil.rmtree(folder)
        else:
            yield Checkpoint(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headroom-features-"))))


class Checkpoint:
    """The finished shards of one build, by number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, index: int) -> Path:
        return self.folder / f"shard-{index:05}.parquet"

    def has(self, index: int) -> bool:
        return self.path(index).exists()

    def write(self, index: int, rows: pa.Table, beside: Mapping[str, pa.Table] | None = None) -> None:
        """A shard is there whole or not at all: with what stands beside its rows, where there is anything."""
        others = [(self._beside_path(index, name), table) for name, table in (beside or {}).items()]
        for path, table in (*others, (self.path(index), rows)):
            with whole_file(path, todo=ROOM) as unfinished:
                pq.write_table(table, unfinished, compression="zstd")

    def beside(self, index: int) -> dict[str, pa.Table]:
        """What stands beside the rows of a shard, by its name."""
        paths = self.folder.glob(self._beside_path(index, "*").name)
        return {path.name.partition("-")[0]: pq.read_table(path) for path in sorted(paths) if path != self.path(index)}

    def _beside_path(self, index: int, name: str) -> Path:
        return self.folder / f"{name}-{index:05}.parquet"

    def finished(self) -> int:
        """How many shards are there."""
        return len(list(self.folder.glob("shard-*.parquet")))
