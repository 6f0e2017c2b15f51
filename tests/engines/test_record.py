"""What is recorded is the same wherever the tables are: a base that moves to another engine has not changed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from data.record.record import record_day
from data.record.settings import RecordSettings
from data.sources.connect import connect
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("engine", ["in_postgres", "in_spark"])
def test_a_base_that_moved_has_not_changed(
    engine: str, simulated: Base, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    into: Callable[[Base], str] = request.getfixturevalue(engine)
    first = record_day(simulated.source, tmp_path, date(2026, 10, 1), RecordSettings())
    assert all(table.changes for table in first.tables.values())
    with connect(into(simulated)) as there:
        second = record_day(there, tmp_path, date(2026, 10, 2), RecordSettings())
    assert {name: table.recorded for name, table in second.tables.items() if table.recorded} == {}
    for name, table in second.tables.items():
        assert (table.rows, table.columns) == (first.tables[name].rows, first.tables[name].columns)
