"""The tables of a store, made and upgraded when it is opened: by one process, while others wait."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from data.errors import OutcomeError
from serving.store.address import StoreAddress
from serving.store.schema import LOCK, WRITES, is_file

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "headroom_outcomes_version"
"""Which changes a store has had."""


def version_of(engine: Engine) -> str | None:
    """The last change of a store; None where it has no tables."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def is_current(engine: Engine, address: StoreAddress) -> bool:
    """Has a store the tables of this release? Nothing is changed. Raises ``OutcomeError`` as ``upgrade`` does."""
    there, scripts = version_of(engine), ScriptDirectory.from_config(_config())
    _refuse_later(there, scripts, address)
    return there == scripts.get_current_head()


def upgrade(engine: Engine, address: StoreAddress) -> None:
    """Make or change the tables where they are not as they should be.

    Raises ``OutcomeError`` where a later version of the project has changed them.
    """
    config = _config()
    there, scripts = version_of(engine), ScriptDirectory.from_config(config)
    if there == scripts.get_current_head():
        return
    _refuse_later(there, scripts, address)
    with _alone(address), engine.connect() as connection:
        if is_file(connection):
            _read_while_written(engine)
        writing = connection.execution_options(**{WRITES: True})
        with writing.begin():
            if not is_file(writing):
                _alone_on_the_server(writing, address.schema)
            config.attributes |= {"connection": writing, "version_table": VERSION_TABLE}
            command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_later(there: str | None, scripts: ScriptDirectory, address: StoreAddress) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if there is not None and there not in known:
        raise OutcomeError(
            f"Open the store of outcomes {address.shown}.",
            f"its tables are of version {there}; this release knows {', '.join(sorted(known))}.",
            "Install the release that wrote it, or a later one.",
        )


@contextmanager
def _alone(address: StoreAddress) -> Iterator[None]:
    """One process at a time makes a file of that folder. The lock goes with the process; a server has its own."""
    if address.path is None:
        yield
        return
    folder = os.open(address.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _read_while_written(engine: Engine) -> None:
    """Let readers go on while somebody writes; the file remembers it. SQLite asks for it outside of a transaction."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("pragma journal_mode = wal")
    finally:
        connection.close()


def _alone_on_the_server(connection: Connection, schema: str) -> None:
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    there = connection.execute(text("select 1 from pg_namespace where nspname = :name"), {"name": schema}).scalar()
    if not there:
        quoted = connection.dialect.identifier_preparer.quote(schema)
        connection.execute(text(f"create schema {quoted}"))
