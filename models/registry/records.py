"""What is stored about a run, in plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

Content = str | bytes | pd.DataFrame
"""What a file holds: text, bytes, or a frame, which is written as the file's suffix says (.csv, .parquet)."""


class Figure(NamedTuple):
    """One number about a model; ``step`` counts the reported snapshots where it is one of a series."""

    name: str
    value: float
    step: int = 0


class LoggedData(NamedTuple):
    """Feature rows that a run read, by what they are known by; they are not copied.

    ``url`` and ``kind``: of the source; ``sha256``: the hash of the rows; ``use``: what the run did with them.
    """

    name: str
    kind: str
    url: str
    sha256: str
    rows: int
    columns: int
    use: str


@dataclass(frozen=True)
class RunRecord:
    """What is stored about one run, in plain values. ``files``: their place under the run's artifacts to content.

    ``tags`` and ``description`` are also those of the version that is made of it; ``example``: a few rows that its
    model takes.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    files: Mapping[str, Content] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    data: LoggedData | None = None
    example: pd.DataFrame | None = None
