"""One published list into the database: in one transaction, in place of an older one of that day.

Whoever reads sees the snapshot before or after it, never a part; whoever dies half-way leaves what was there.
"""

import io
import json
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from data.contract.outputs import TABLES
from data.digests import sha256_of
from data.sources.user_sql import identifier
from serving.database.address import DatabaseAddress
from serving.database.connection import alone, connected
from serving.database.shape import MANIFESTS, columns_of, prepare
from serving.published.layout import MANIFEST, cannot_be_read
from serving.published.read import PublishedList

ROWS_AT_ONCE = 20_000
NO_TEXT = "\x00"
"""The one character that PostgreSQL keeps in no text."""
KEPT = "The files are published, and the database has the snapshots that it had."
_PLAIN = csv.WriteOptions(include_header=False)


def require_reachable(address: DatabaseAddress) -> None:
    """Raise ``PublishError`` where the database cannot be reached, before anything is computed for it."""
    with connected(address, f"Publish to {address.shown}."):
        pass


def publish_to_database(address: DatabaseAddress, listing: PublishedList) -> bool:
    """Let the database hold this list as the snapshot of its day. False where it does already.

    Raises ``PublishError`` where it cannot be reached or does not take it; its last snapshot is then untouched.
    """
    asked = f"Publish the list of {listing.snapshot_date} to {address.shown}."
    written = (listing.folder / MANIFEST).read_bytes()
    sha256 = sha256_of(written)
    with connected(address, asked, KEPT) as connection:
        alone(connection, address)
        prepare(connection, address.schema, {name: _columns(listing, name) for name in TABLES})
        day = [listing.snapshot_date]
        there = connection.execute(f"select sha256 from {MANIFESTS} where snapshot_date = %s", day).fetchone()  # noqa: S608
        if there == (sha256,):
            return False
        for name in (*TABLES, MANIFESTS):
            connection.execute(f"delete from {identifier(name)} where snapshot_date = %s", day)  # noqa: S608
        for name in filter(listing.has, TABLES):
            _copy(connection, listing.path(name), name)
        row = [*day, sha256, json.dumps(json.loads(written))]
        connection.execute(f"insert into {MANIFESTS} (snapshot_date, sha256, manifest) values (%s, %s, %s)", row)  # noqa: S608
    return True


def _columns(listing: PublishedList, name: str) -> dict[str, str]:
    """The columns of a table and their types; an older list has not got every table."""
    return columns_of(TABLES[name], listing.columns(name) if listing.has(name) else ())


def _copy(connection: psycopg.Connection, path: Path, name: str) -> None:
    try:
        with pq.ParquetFile(path) as file:
            columns = ", ".join(map(identifier, file.schema_arrow.names))
            with connection.cursor().copy(f"copy {identifier(name)} ({columns}) from stdin (format csv)") as copy:
                for batch in file.iter_batches(ROWS_AT_ONCE):
                    copy.write(_as_csv(batch))
    except (OSError, pa.ArrowException) as error:
        raise cannot_be_read(path, error) from error


def _as_csv(batch: pa.RecordBatch) -> bytes:
    """Rows as PostgreSQL reads them: null is nothing, an empty text is quoted, and numbers keep every digit."""
    columns = [_as_plain(column) for column in batch.columns]
    sink = io.BytesIO()
    csv.write_csv(pa.table(columns, names=batch.schema.names), sink, _PLAIN)
    return sink.getvalue()


def _as_plain(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pa.array([_as_array(numbers) for numbers in column.to_pylist()], pa.string())
    is_text = pa.types.is_large_string(column.type) or pa.types.is_string(column.type)
    return pc.replace_substring(column, NO_TEXT, "") if is_text else column


def _as_array(numbers: list[float | None] | None) -> str | None:
    """A list of numbers as PostgreSQL writes one."""
    if numbers is None:
        return None
    return f"{{{','.join('null' if number is None else repr(number) for number in numbers)}}}"
