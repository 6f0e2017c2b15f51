"""Feature rows of past snapshots, which are not built again while nothing has changed that was known before them.

The rows of a snapshot rest on what its base knew before that day and on nothing else: the future changes nothing. So
they are kept under the hash of just that, table by table: a row that comes late, is corrected or goes changes the hash
of the snapshots that know it, and of no others. Of ``accounts``, which has no clock, those count that any row before
the day is of, and their parents; what they are called and whose they are counts nowhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.contract.inputs import TABLES
from data.contract.vocabulary import Personal
from data.digests import code_of, digest_of
from data.kept.store import HASH_BYTES, ValueStore
from data.ledger.rules import ExpansionRules
from data.sources.engine import LIBRARIES as OF_ENGINES
from data.sources.known import KnownBase
from data.time_cut import before_each, is_told_more_later, known_since
from features.build.checkpoint import ROOMS
from features.catalogue import available

FEATURE_ROWS = "feature_rows"
"""The kind of value that the rows of one snapshot are in a store: an Arrow file."""
LIBRARIES = (*OF_ENGINES, "numba", "numpy", "pandas", "pyarrow")
NAMES = {c.staged_name for c in TABLES["accounts"].columns if c.personal in (Personal.NAME, Personal.OWNER)}
"""The columns of ``accounts`` that no feature reads: another owner makes no past snapshot anew."""
SUMS = ("rows", "low", "high")
Digest = tuple[int, ...]
"""The number of some rows, and two sums of their hashes."""


def kept_rows(
    base: KnownBase,
    dates: Sequence[date],
    rules: ExpansionRules,
    store: ValueStore | None,
    made: Callable[[list[date]], Iterable[pa.Table]],
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[pa.Table]:
    """The feature rows of these snapshots in parts: as ``made`` of some of them, or as the ``store`` holds them.

    What is made is kept. Of a base whose ``state`` only reading it would tell, all is made each time.
    """
    keys = keys_in(store, base, dates, rules)
    unknown = [*dates]
    for day, rows in read_back(store, keys):
        unknown.remove(day)
        yield rows
    if len(unknown) < len(dates):
        tell(f"features: {len(dates) - len(unknown)} of {len(dates)} snapshots are as they were")
    if not unknown:
        return
    making = RowsInTheMaking(store, {day: keys[day] for day in unknown if keys})
    for part in made(unknown):
        yield part  # and is not held here: a long history is gigabytes
        making.take(part)
    making.keep()


class RowsInTheMaking:
    """Feature rows of some snapshots that come part by part, and are kept once all parts are there.

    ``keys``: those of the snapshots that are to be kept.
    """

    def __init__(self, store: ValueStore | None, keys: Mapping[date, str]) -> None:
        self._store, self._keys = store, keys
        self._values = {day: list[bytes]() for day in keys}

    def take(self, part: pa.Table) -> None:
        """The rows of some accounts on any snapshots; they are held packed."""
        for day, values in self._values.items():
            values.append(value_of(of_day(part, day)))

    def keep(self) -> None:
        """All accounts have come; nothing is held any more."""
        while self._values:
            day, values = self._values.popitem()
            assert self._store is not None
            self._store.put(FEATURE_ROWS, self._keys[day], value_of(pa.concat_tables(map(table_of, values))))


def of_day(rows: pa.Table, day: date) -> pa.Table:
    """The rows of one snapshot."""
    return rows.filter(pc.equal(pc.cast(rows["snapshot_date"], pa.date32()), pa.scalar(day, pa.date32())))


def keys_in(store: ValueStore | None, base: KnownBase, dates: Sequence[date], rules: ExpansionRules) -> dict[date, str]:
    """By snapshot the key that its feature rows have in a store; none where they cannot be kept."""
    return snapshot_keys(base, dates, rules) if can_be_kept(base, store) else {}


def can_be_kept(base: KnownBase, store: ValueStore | None) -> bool:
    """There is somewhere to keep what is made of the base, and its state is known without reading it."""
    return store is not None and base.state is not None


def read_back(store: ValueStore | None, keys: Mapping[date, str]) -> Iterator[tuple[date, pa.Table]]:
    """Of these snapshots those that the store holds, and their feature rows, one at a time."""
    if store is None:
        return
    for day, key in keys.items():
        value = store.get(FEATURE_ROWS, key)
        if value is not None:
            yield day, table_of(value)


@cache
def made_by() -> str:
    """The hash of what makes feature rows: the code, and the libraries that compute."""
    return code_of(ROOMS, LIBRARIES)


def snapshot_keys(base: KnownBase, dates: Sequence[date], rules: ExpansionRules) -> dict[date, str]:
    """Of each snapshot the hash of all that its feature rows are made from; none where the engine has no hash."""
    of_tables = {name: _digests(base, name, dates) for name in sorted(base.tables) if name != "accounts"}
    of_tables["accounts"] = _of_accounts(base, dates)
    if any(of_days is None for of_days in of_tables.values()):
        return {}
    columns = {name: sorted(table.schema().items()) for name, table in sorted(base.tables.items())}
    names = [feature.name for feature in available(base.tables, base.absent)]
    about = (made_by(), base.engine.kind, repr(rules), sorted(base.absent), names, columns)
    return {
        day: digest_of(*about, day, [(name, of_days[day]) for name, of_days in of_tables.items() if of_days])
        for day in dates
    }


def _digests(base: KnownBase, name: str, dates: Sequence[date]) -> Mapping[date, Digest] | None:
    """Of each snapshot what tells the rows of a table that were known before it."""
    table = base.tables[name]
    if is_told_more_later(name):
        hashed = base.engine.digests(before_each(name, table, dates), "snapshot_date")
        if hashed is None:
            return None
        by_day = hashed.to_pyarrow().to_pandas().set_index("snapshot_date")
        return {day: _sum(by_day[by_day.index == day]) for day in dates}
    hashed = base.digests(name)  # one reading, also of a long history
    if hashed is None:
        return None
    by_day = hashed.to_pandas().set_index("since")
    return {day: _sum(by_day[by_day.index < day]) for day in dates}


def _of_accounts(base: KnownBase, dates: Sequence[date]) -> Mapping[date, Digest] | None:
    """The same of the accounts that any row before each snapshot is of, and of their parents."""
    accounts = base.tables["accounts"]
    accounts = accounts.drop(*NAMES.intersection(accounts.columns))
    hashed = base.engine.digests(accounts.mutate(of=accounts.account_id), "of")
    if hashed is None:
        return None
    by_account = hashed.to_pyarrow().to_pandas().set_index("of")
    first = _first_known(base)
    above = dict[str, str]()
    if "parent_id" in accounts.columns:
        links = accounts.filter(accounts.parent_id.notnull()).select("account_id", "parent_id").to_pyarrow()
        above = dict(zip(links["account_id"].to_pylist(), links["parent_id"].to_pylist(), strict=True))
    return {
        day: _sum(by_account[by_account.index.isin(_with_parents(first.index[first < day], above))]) for day in dates
    }


def _first_known(base: KnownBase) -> pd.Series:
    """By account the first day after which any row is known of it."""
    theirs = [
        known_since(name, table).group_by("account_id").aggregate(since=ibis._.since.min())
        for name, table in base.tables.items()
        if name != "accounts" and "account_id" in table.columns
    ]
    rows = ibis.union(*theirs) if len(theirs) > 1 else theirs[0]
    return (
        rows.group_by("account_id")
        .aggregate(since=rows.since.min())
        .to_pyarrow()
        .to_pandas()
        .set_index("account_id")
        .since
    )


def _with_parents(accounts: pd.Index, above: Mapping[str, str]) -> set[str]:
    """These accounts, and whoever stands above one of them."""
    there, waiting = set(accounts), list(accounts)
    while waiting:
        parent = above.get(waiting.pop())
        if parent is not None and parent not in there:
            there.add(parent)
            waiting.append(parent)
    return there


def _sum(hashed: pd.DataFrame) -> Digest:
    return tuple(sum(map(int, hashed[name])) for name in SUMS)


def names_account(file: Path, account: str) -> bool:
    """Does a file of the store, of the kind ``FEATURE_ROWS``, name an account? One that is damaged may."""
    try:
        with pa.ipc.open_file(
            pa.BufferReader(file.read_bytes()[HASH_BYTES:]), options=pa.ipc.IpcReadOptions(included_fields=[0])
        ) as rows:
            accounts = rows.read_all()["account_id"]
    except (pa.ArrowInvalid, OSError, KeyError):
        return True
    return bool(pc.any(pc.equal(accounts, account)).as_py())


def value_of(rows: pa.Table) -> bytes:
    """The rows of one snapshot as the store holds them: an Arrow file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as file:
        file.write_table(rows.combine_chunks())
    return bytes(sink.getvalue())


def table_of(value: bytes) -> pa.Table:
    """The rows that ``value_of`` made a value of."""
    with pa.ipc.open_file(pa.BufferReader(value)) as file:
        return file.read_all()
