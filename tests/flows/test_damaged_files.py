"""Files that are damaged in the middle, where only the reading of their rows finds it: one message, and no hang."""

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from data.sources.kinds.duckdb_source import in_memory
from tests.flows.conftest import END, Headroom


def corrupt_page(folder: Path) -> None:
    path = folder / "usage_events.parquet"
    content = bytearray(path.read_bytes())
    for place in range(200, len(content) // 2):
        content[place] ^= 0xA5
    path.write_bytes(content)


def cut_off(folder: Path) -> None:
    path = folder / "usage_events.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_pipe(folder: Path) -> None:
    (folder / "usage_events.parquet").unlink()
    os.mkfifo(folder / "usage_events.parquet")


def a_pipe_among_its_parts(folder: Path) -> None:
    (folder / "usage_events").mkdir()
    (folder / "usage_events.parquet").rename(folder / "usage_events" / "part-0.parquet")
    os.mkfifo(folder / "usage_events" / "part-1.parquet")


def a_link_to_nothing(folder: Path) -> None:
    (folder / "usage_events.parquet").unlink()
    (folder / "usage_events.parquet").symlink_to(folder / "nowhere.parquet")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (corrupt_page, "Write the file again"),
        (cut_off, "Write the file again"),
        (a_pipe, "usage_events.parquet is no plain file"),
        (a_pipe_among_its_parts, "part-1.parquet is no plain file"),
        (a_link_to_nothing, "usage_events.parquet is no plain file"),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("features", "--out", "rows.parquet", "--snapshot-date", END)])
def test_a_damaged_file_is_one_message(
    command: tuple[object, ...], spoil: Callable[[Path], None], says: str, headroom: Headroom, spoilt: Path
) -> None:
    spoil(spoilt)
    ran = headroom(*command, "--source", spoilt)
    assert ran.code == 1
    assert ran.err.count("headroom: ") == 1
    assert says in ran.err


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        (duckdb.OutOfMemoryException("could not allocate block of size 256 KiB"), "Raise [source] memory_limit"),
        (duckdb.IOException("Could not read from file"), "Write the file again"),
        (duckdb.BinderException("no such column"), None),
        (KeyError("a fault of ours"), None),
    ],
)
def test_what_the_engine_says_at_a_query_is_one_message_and_a_fault_of_ours_stays_one(
    error: Exception, todo: str | None
) -> None:
    engine = in_memory()
    told = engine.in_words(error)
    engine.close()
    assert (told is None) == (todo is None)
    assert told is None or todo in told.todo
