"""What happens to a reader of ClickHouse whose server goes away, or gives it no more: one message each."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from data.errors import SourceError
from data.sources.connect import connect
from data.sources.known import Source
from tests.engines.clickhouse_server import clickhouse_server
from tests.engines.wire import Wire, wire

pytestmark = pytest.mark.slow
TABLES = {
    "accounts": "'A' as account_id, 'A' as name, toDate('2024-01-01') as created_at",
    "subscriptions": "'A' as account_id, 'app' as product, 'pro' as plan, 9 as mrr, toDate('2024-01-01') as valid_from",
    "usage_daily": "'A' as account_id, toDate('2024-01-01') as day, 'login' as feature, number as events",
}
RUNS = "(.|\n)*Check that the server runs"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A ClickHouse with a small base, 20,000 days of use among it."""
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as url:
        listening = urlsplit(url).port
        assert listening is not None
        server = clickhouse_connect.get_client(host="127.0.0.1", port=listening)
        server.command("create database crm")
        for name, columns in TABLES.items():
            made = f"create table crm.{name} engine = MergeTree order by tuple()"
            server.command(f"{made} as select {columns} from numbers({20_000 if name == 'usage_daily' else 1})")
        server.close()
        yield listening


def read(port: int, happening: Callable[[Source], object]) -> None:
    """Open the source, let something happen to it, and read of it."""
    with connect(f"clickhouse://default@127.0.0.1:{port}/crm") as source:
        happening(source)
        source.tables["usage_daily"].to_pyarrow()


@pytest.mark.parametrize("sent", [0, 40, 3000], ids=["before the answer", "in its head", "among its rows"])
def test_a_server_that_goes_away_is_no_traceback(port: int, sent: int) -> None:
    with wire(port) as way, pytest.raises(SourceError, match=rf"Read the tables of the warehouse.{RUNS}"):
        read(way.port, lambda _: setattr(way, "cut_after", sent))


def test_what_the_session_held_is_let_go_with_it(port: int) -> None:
    def hold_and_cut(way: Wire, source: Source) -> None:
        with source.engine.cached({"use": source.tables["usage_daily"]}) as held:
            way.cut_after = 0
            held["use"].count().to_pyarrow()

    with wire(port) as way, pytest.raises(SourceError, match=RUNS):
        read(way.port, lambda source: hold_and_cut(way, source))


def test_a_query_that_takes_too_much_says_what_to_do(port: int) -> None:
    sql = "select length(groupArray(number)) from numbers(3000000) settings max_memory_usage = 1000000"
    with pytest.raises(SourceError, match="Give the warehouse more room"):
        read(port, lambda source: source.con.con.query(sql))  # type: ignore[attr-defined]


def test_a_fault_of_ours_keeps_its_traceback(port: int) -> None:
    with pytest.raises(DatabaseError, match="code: 60"):
        read(port, lambda source: source.con.con.query("select 1 from nowhere"))  # type: ignore[attr-defined]
