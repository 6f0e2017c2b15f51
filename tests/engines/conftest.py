"""A real PostgreSQL and a real local Spark, and the bases that DuckDB reads, loaded into them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import ibis
import psycopg
import pyarrow.parquet as pq
import pytest

from data.simulation.base import simulate
from data.sources.connect import connect
from data.sources.known import Source
from flows.run.settings import load
from tests.engines.server import cannot_run, postgres_server
from tests.flows.conftest import headroom  # noqa: F401  (fixtures)

EXAMPLE = Path(__file__).parents[2] / "data" / "examples" / "fightchurn_crm5.toml"
POSTGRES_TYPES = {"string": "text", "float64": "double precision", "date": "date", "boolean": "boolean"}


# --- the bases --------------------------------------------------------------------------------------------------------


T = TypeVar("T")


@dataclass(frozen=True)
class Base:
    """A base as DuckDB reads it, and the snapshots at which it is compared."""

    name: str
    source: Source
    dates: tuple[date, ...]
    known: dict[object, Any] = field(default_factory=dict)

    def here(self, made: Callable[..., T], *of: Hashable) -> T:
        """What DuckDB makes of the base, with which every engine is compared: made once."""
        key = (made, *of)
        if key not in self.known:
            self.known[key] = made(self.source, *of)
        return self.known[key]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, accounts=150, months=16, seed=11, end=date(2026, 10, 1))
    with connect(f"parquet://{folder}") as source:
        yield Base("simulated", source, (date(2026, 7, 1), date(2026, 10, 1)))


@pytest.fixture(scope="session")
def crm5(bases: Path) -> Base:
    settings = load(EXAMPLE, source=f"parquet://{bases / 'fightchurn_crm5'}")
    source = connect(settings.source.url, settings.source.tables, root=settings.root)
    return Base("crm5", source, (date(2023, 7, 1),))


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server of our own on a free port: the URL without a database. It trusts whoever asks."""
    with postgres_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def in_postgres(postgres: str) -> Callable[[Base], str]:
    """Load a base into a schema of its own; the URL of that schema."""
    loaded: dict[str, str] = {}

    def load_base(base: Base) -> str:
        if base.name not in loaded:
            with psycopg.connect(f"{postgres}/postgres".replace("postgres://", "postgresql://", 1)) as server:
                server.execute(f"create schema {base.name}")
                server.execute(f"set search_path to {base.name}")
                for name, raw in base.source.raw.items():
                    copy_table(server, base.source, name, raw)
            loaded[base.name] = f"{postgres}/postgres/{base.name}"
        return loaded[base.name]

    return load_base


def copy_table(server: psycopg.Connection, source: Source, name: str, raw: ibis.Table) -> None:
    columns = ", ".join(f'"{column}" {postgres_type(kind)}' for column, kind in raw.schema().items())
    server.execute(f"create table {name} ({columns})")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.csv"
        source.con.raw_sql(f"copy ({ibis.to_sql(raw)}) to '{path}' (format csv, header false, nullstr '\\N')")
        copying = server.cursor().copy(f"copy {name} from stdin (format csv, null '\\N')")
        with path.open("rb") as file, copying as into:
            while block := file.read(1 << 20):
                into.write(block)
    server.execute(f"analyze {name}")


def postgres_type(kind: ibis.expr.datatypes.DataType) -> str:
    if kind.is_timestamp():
        return "timestamptz" if kind.timezone else "timestamp"
    if kind.is_decimal():
        return f"numeric({kind.precision}, {kind.scale})"
    return "bigint" if kind.is_integer() else POSTGRES_TYPES[str(kind).lower().removeprefix("!")]


# --- Spark ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def in_spark(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Base], str]:
    """Write a base as Parquet for Spark; its URL. Its Java machine lives too short to be worth its best code."""
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        cannot_run("Spark needs Java: there is no java on the path and no JAVA_HOME")

    def write_base(base: Base) -> str:
        folder = tmp_path_factory.getbasetemp() / f"spark-{base.name}"
        if not folder.is_dir():
            folder.mkdir()
            for name, raw in base.source.raw.items():
                pq.write_table(raw.to_pyarrow(), folder / f"{name}.parquet")
        return f"spark://{folder}"

    return write_base
