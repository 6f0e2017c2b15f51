"""What a server does to a reader: it has no right, a table is locked, the connection is ended. One message each."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from data.errors import SourceError
from data.sources.connect import connect
from data.sources.kinds import postgres as kind
from data.sources.kinds.postgres import PostgresEngine
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow
END_ALL_OTHERS = """select pg_terminate_backend(pid) from pg_stat_activity
                    where pid <> pg_backend_pid() and backend_type = 'client backend'"""


def read_after(url: str, happening: Callable[[], object]) -> None:
    """Open the source, let something happen to it, and read of it."""
    with connect(url) as source:
        happening()
        source.tables["accounts"].count().to_pyarrow()


@pytest.fixture
def url(simulated: Base, in_postgres: Callable[[Base], str]) -> str:
    return in_postgres(simulated)


@pytest.fixture
def server(postgres: str) -> Iterator[psycopg.Connection]:
    """A session of the owner beside that of the reader."""
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as owner:
        yield owner


@pytest.fixture
def reader(url: str, server: psycopg.Connection) -> Iterator[str]:
    """The URL for somebody who has no right yet."""
    server.execute("create role reader login")
    yield url.replace("headroom@", "reader@")
    server.execute("drop owned by reader")
    server.execute("drop role reader")


def test_the_host_may_stand_among_the_options(url: str, server: psycopg.Connection) -> None:
    """As one names the folder of a socket."""
    schema = url.rpartition("/")[2]
    at = f"host={server.info.host}&port={server.info.port}"
    with connect(f"postgres://headroom@/postgres/{schema}?{at}") as source:
        assert "accounts" in source.tables


def test_a_lost_right_is_no_missing_table(reader: str, server: psycopg.Connection) -> None:
    with pytest.raises(SourceError, match="this user has no right to use it"):
        connect(reader)
    schema = reader.rpartition("/")[2]
    server.execute(f"grant usage on schema {schema} to reader")
    server.execute(f"grant select on all tables in schema {schema} to reader")
    server.execute(f"revoke select on {schema}.tickets from reader")
    with pytest.raises(SourceError, match=r"table tickets .*\n.*no right to read it"):
        connect(reader)
    with connect(reader, ignore=["tickets"]) as source:
        assert "tickets" not in source.tables


def test_a_locked_table_is_waited_for_a_minute_and_no_longer(
    url: str, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "LOCK_SECONDS", 1)
    with psycopg.connect(f"{postgres}/postgres") as other:
        other.execute(f"lock table {url.rpartition('/')[2]}.accounts in access exclusive mode")
        with (
            pytest.raises(SourceError, match=r"lock timeout(.|\n)*Wait until whoever locked the table is done"),
            connect(url) as source,
        ):
            source.tables["accounts"].count().to_pyarrow()


def test_a_connection_that_is_ended_is_told_of(url: str, server: psycopg.Connection) -> None:
    with pytest.raises(SourceError, match=r"(?s)Read the tables of the database.*Check that the server runs"):
        read_after(url, lambda: server.execute(END_ALL_OTHERS))


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), "Raise statement_timeout"),
        (psycopg.errors.InsufficientPrivilege("permission denied for table usage"), "Grant this user select"),
        (psycopg.errors.DiskFull("could not extend file"), "Make room on the server"),
        (psycopg.errors.AdminShutdown("terminating connection"), "Check that the server runs"),
        (psycopg.errors.UndefinedColumn("no such column"), None),
        (KeyError("a fault of ours"), None),
    ],
)
def test_what_the_server_says_at_a_query_is_one_message(error: Exception, todo: str | None) -> None:
    told = PostgresEngine.in_words(PostgresEngine.__new__(PostgresEngine), error)
    assert (told is None) == (todo is None)
    assert told is None or todo in told.todo
