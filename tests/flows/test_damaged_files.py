"""Files that are damaged in the middle, where only the reading of their rows finds it: one message, and no hang."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
