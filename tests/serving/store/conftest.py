"""Stores on both engines, with a clock that the tests set; the PostgreSQL is a real one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from uuid import uuid4

import pytest

from serving.store.outcomes import OutcomeStore, open_store
from tests.engines.conftest import postgres  # noqa: F401  (fixtures)

TODAY = date(2026, 10, 1)


@dataclass
class Clock:
    """Ten in the morning of the day that it is set to."""

    day: date = field(default=TODAY)

    def __call__(self) -> datetime:
        return datetime.combine(self.day, time(10), UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address at which nothing is yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kept' / 'outcomes.db'}"
    return f"{request.getfixturevalue('postgres')}/postgres/kept_{uuid4().hex}"


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[OutcomeStore]:
    with open_store(url, now=clock) as opened:
        yield opened
