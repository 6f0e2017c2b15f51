"""The same mappings on PostgreSQL, a schema for each tool: the ledger and the check are those of DuckDB."""

from collections.abc import Iterator

import ibis
import pandas as pd
import psycopg
import pytest

from data.sources.known import Source
from tests.engines.comparison import differences
from tests.engines.conftest import POSTGRES_TYPES
from tests.mappings.test_four_tools import WRITERS
from tests.mappings.world import (
    Frames,
    assert_nothing_is_wrong,
    assert_the_same_ledger,
    mapped,
    rows_of,
    simulated,
    true_source,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return simulated(tmp_path_factory.mktemp("simulated"), accounts=25, months=16)


@pytest.fixture(scope="module")
def both(
    truth: Frames,
    postgres: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Source, Source, list[str]]]:
    folder = tmp_path_factory.mktemp("four")
    with psycopg.connect(f"{postgres}/postgres".replace("postgres://", "postgresql://", 1)) as server:
        for tool, write in WRITERS.items():
            server.execute(f"create schema {tool}")
            for name, frame in write(truth).items():
                load_table(server, f'{tool}."{name}"', frame)
    source, lines = mapped(f"{postgres}/postgres", folder / "headroom.toml")
    with source, true_source(folder / "truth", truth) as true:
        yield source, true, lines


def load_table(server: psycopg.Connection, place: str, frame: pd.DataFrame) -> None:
    """A table as a loader makes it: with types, and times with their zone."""
    schema = ibis.memtable(frame).schema()
    types = {name: _type(kind) for name, kind in schema.items()}
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    server.execute(f"create table {place} ({columns})")
    with server.cursor().copy(f"copy {place} from stdin") as into:
        for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
            into.write_row(row)


def _type(kind: ibis.expr.datatypes.DataType) -> str:
    if kind.is_timestamp():
        return "timestamptz"
    return "bigint" if kind.is_integer() else POSTGRES_TYPES.get(str(kind).lower().removeprefix("!"), "text")


def test_the_ledger_is_that_of_the_truth(both: tuple[Source, Source, list[str]]) -> None:
    source, true, _ = both
    assert_the_same_ledger(source, true)


def test_check_finds_nothing_wrong(both: tuple[Source, Source, list[str]]) -> None:
    assert_nothing_is_wrong(both[0])


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("usage_events", ("account_id", "occurred_on", "feature", "user_id", "hour")),
        ("tickets", ("ticket_id", "account_id", "opened_on", "closed_on", "kind", "severity", "csat")),
        ("crm_events", ("account_id", "occurred_on", "kind", "object_id", "known_on")),
    ],
)
def test_the_tables_are_those_of_the_truth(
    both: tuple[Source, Source, list[str]], table: str, columns: tuple[str, ...]
) -> None:
    source, true, _ = both
    assert differences(rows_of(source, table, *columns), rows_of(true, table, *columns)) == []
