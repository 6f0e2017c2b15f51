"""The tables of the store, and the engine that they are on."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    Engine,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.pool import NullPool

from data.contract.vocabulary import Personal
from serving.store.address import StoreAddress

BUSY_SECONDS = 30
"""So long a writer waits for another one."""
WRITES = "headroom_writes"
"""The option of a connection that is going to write."""
LOCK = 0x48454144524F4F4D
"""The advisory lock of PostgreSQL under which rows are added and tables are upgraded: one after the other."""


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC, also where the database knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None or value.tzinfo is not None:
            return None if value is None else value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


PERSONAL = "personal"
"""Under this name a column says what it tells of a company or a person."""


def marked(kind: Personal) -> dict[str, Personal]:
    """The mark of a column."""
    return {PERSONAL: kind}


Id = BigInteger().with_variant(Integer(), "sqlite")

OUTCOMES = Table(
    "headroom_outcomes",
    MetaData(),
    Column("id", Id, primary_key=True),
    Column("account_id", Text, nullable=False, info=marked(Personal.ACCOUNT)),
    Column("snapshot_date", Date),
    Column("play", Text),
    Column("motion", Text),
    Column("action", Text, nullable=False),
    Column("until", Date),
    Column("reason", Text, info=marked(Personal.TEXT)),
    Column("text", Text, info=marked(Personal.TEXT)),
    Column("arr", Float(53)),
    Column("product", Text),
    Column("corrects", Id),
    Column("who", Text, nullable=False, info=marked(Personal.OWNER)),
    Column("at", UtcTime, nullable=False),
    Column("came_from", Text, nullable=False),
    Column("request_key", Text),
)
"""As queries see it; what the database is told of it stands in the migrations."""

MESSAGES = Table(
    "headroom_messages",
    MetaData(),
    Column("id", Id, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("step", Text, nullable=False),
    Column("snapshot_date", Date, nullable=False),
    Column("channel", Text, nullable=False),
    Column("owner", Text, nullable=False, info=marked(Personal.OWNER)),
    Column("kind", Text, nullable=False),
    Column("part", Integer),
    Column("parts", Integer),
    Column("account_id", Text, info=marked(Personal.ACCOUNT)),
    Column("trigger_code", Text),
)
"""What was sent to whom, likewise."""

ERASING = Table("headroom_erasing", MetaData(), Column("never", Id, nullable=False))
"""While it holds a row, rows of the two may be taken away; no transaction can leave one there."""


def engine_of(address: StoreAddress) -> Engine:
    """The engine of a store: nothing is asked of it yet. What it says of an error has no values of rows."""
    if address.path is None:
        options = {"options": f"-csearch_path={_escaped(address.schema)} -ctimezone=UTC", "connect_timeout": 10}
        return create_engine(address.for_sqlalchemy(), hide_parameters=True, connect_args=options, pool_pre_ping=True)
    # A file that is kept open goes on taking rows when another stands in its place, and they would be lost.
    engine = create_engine(
        address.for_sqlalchemy(), hide_parameters=True, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _escaped(schema: str) -> str:
    """A name as an option of libpq has it."""
    quoted = '"' + schema.replace('"', '""') + '"'
    return quoted.replace("\\", "\\\\").replace(" ", "\\ ")


def _on_connect(connection: Any, _: object) -> None:
    """Transactions begin where we say so, and what is committed outlives a power cut."""
    connection.isolation_level = None
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma synchronous = full")


def _on_begin(connection: Connection) -> None:
    """Who is going to write waits for other writers at once, and not half-way, where SQLite would refuse."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def is_file(connection: Connection) -> bool:
    """Is it a SQLite file?"""
    return connection.dialect.name == "sqlite"
