"""One definition on one more engine: what DuckDB gives, ClickHouse gives, bit for bit."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.contract.inputs import Kind
from data.errors import ContractError, SourceError
from data.sources.connect import connect
from data.sources.known import Source
from data.sources.staging import cast
from tests.engines.clickhouse_server import clickhouse_server
from tests.engines.comparison import differences, features, findings, label_rows, movement_rows
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow

DAY = date(2026, 10, 1)
AS_DECLARED = "schema_inference_make_columns_nullable = 'auto'"


@pytest.fixture(scope="module")
def address(simulated: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The simulated base in a database of a ClickHouse, where only a column that has nulls is declared with them."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with clickhouse_server(folder) as url:
        server = clickhouse_connect.get_client(host="127.0.0.1", port=urlsplit(url).port)
        server.command("create database simulated")
        for name, raw in simulated.source.raw.items():
            rows = raw.to_pyarrow()
            declared = [field.with_nullable(rows[field.name].null_count > 0) for field in rows.schema]
            pq.write_table(rows.cast(pa.schema(declared)), folder / f"{name}.parquet")
            select = f"select * from file('{folder / name}.parquet') settings {AS_DECLARED}"
            server.command(f"create table simulated.{name} engine = MergeTree order by tuple() as {select}")
        server.close()
        yield f"{url}/simulated"


@pytest.fixture
def there(address: str) -> Iterator[Source]:
    with connect(address) as source:
        yield source


def test_every_feature_is_bit_equal(simulated: Base, there: Source) -> None:
    assert differences(simulated.here(features, simulated.dates[-1:]), features(there, simulated.dates[-1:])) == []


def test_labels_the_ledger_and_the_check_are_the_same(simulated: Base, there: Source) -> None:
    dates = (date(2026, 4, 1), date(2026, 7, 1))
    assert differences(simulated.here(label_rows, dates), label_rows(there, dates)) == []
    assert differences(simulated.here(movement_rows), movement_rows(there)) == []
    assert simulated.here(findings) == findings(there)


def test_nothing_is_left_behind(address: str, simulated: Base) -> None:
    with connect(address) as source:
        days = ibis.memtable({"day": [DAY]})
        known = source.tables["subscriptions"].cross_join(days).filter(lambda rows: rows.known_on < rows.day)
        with source.engine.cached({"known": known}) as held:
            assert held["known"].count().to_pyarrow().as_py() > 0
            assert len(source.engine.con.list_tables()) == len(simulated.source.raw) + 1
        assert sorted(source.engine.con.list_tables()) == sorted(simulated.source.raw)


def test_days_beyond_those_of_its_date_stay_what_they_are(there: Source) -> None:
    days = pa.table({"day": pa.array([date(1, 1, 1), date(1950, 2, 3), date(9999, 12, 31), None], pa.date32())})
    with there.engine.taking(days) as table:
        months = table.mutate(month=table.day.truncate("M")).order_by("day").to_pyarrow()
    assert months["month"].to_pylist() == [date(1, 1, 1), date(1950, 2, 1), date(9999, 12, 1), None]


def test_columns_without_nulls_and_of_other_types_are_read_as_what_they_say(there: Source) -> None:
    engine = there.engine.con
    engine.con.command(
        "create temporary table odd (id UUID, kind Enum8('bug' = 1, 'how_to' = 2), "
        "state Nullable(Enum16('on' = 300)), segment LowCardinality(String), at DateTime, amount Float64)"
    )
    number = "11111111-2222-3333-4444-555555555555"
    engine.con.command(f"insert into odd values ('{number}', 'how_to', 'on', 'smb', '2026-03-01 10:00:00', 12.5)")
    raw = engine.table("odd")
    kinds = {"id": Kind.ID, "kind": Kind.TEXT, "state": Kind.TEXT, "segment": Kind.TEXT, "at": Kind.CLOCK}
    staged = raw.select(amount=cast(raw.amount, Kind.MONEY), **{name: cast(raw[name], kinds[name]) for name in kinds})
    before = staged.mutate(before=staged.amount.lag().over(order_by=staged.amount), most=staged.amount.max(where=False))
    assert before.to_pyarrow().to_pylist() == [
        {"amount": 125_000, "id": number, "kind": "how_to", "state": "on", "segment": "smb", "at": date(2026, 3, 1)}
        | {"before": None, "most": None}
    ]


def test_the_users_own_sql_runs_in_the_database(address: str) -> None:
    sql = "with t1 as (select account_id, name, created_at from accounts) select *, 'Ann' as owner from t1"
    with connect(address, {"accounts": sql}) as source:
        accounts = source.tables["accounts"]
        named = accounts.inner_join(accounts.select("account_id", again="owner"), "account_id")
        assert set(named.again.to_pyarrow().to_pylist()) == {"Ann"}
    with pytest.raises(ContractError, match=r"The SQL for the table accounts"):
        connect(address, {"accounts": "select nothing from accounts"})


def test_a_database_that_is_not_there_is_named(address: str) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        connect(f"{address.rpartition('/')[0]}/nowhere")


def test_a_folder_is_its_own(tmp_path: Path) -> None:
    with clickhouse_server(tmp_path) as url, pytest.raises(ContractError, match="missing: table accounts"):
        connect(f"{url}/default")
