"""A published list, read: the one way to what was published, for pages, terminal, checks and the next list."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.contract.outputs import NO_OWNER, TABLES, OutputKind
from data.contract.vocabulary import folded
from serving.published import tables
from serving.published.account_rows import AccountRows, lay_down
from serving.published.layout import ERASED, HELD_OUT, damaged, folder_of, published_dates, published_day, read_manifest

_NULLS = {OutputKind.TEXT: "str", OutputKind.NUMBER: "float64", OutputKind.WHOLE: "Int64", OutputKind.YES_NO: "boolean"}

T = TypeVar("T")


@dataclass(frozen=True)
class PublishedList:
    """The list of one day. What is asked for is read from its folder, table by table and column by column.

    ``owner``: the list is that owner's book, a part of ``scores`` and ``exclusions``. ``hidden``: accounts of which no
    row is read. What later versions have, an older list has as null, or not a row of it. Raises PublishError for a
    table that cannot be read or lacks a column.
    """

    folder: Path
    snapshot_date: date
    manifest: Mapping[str, Any]
    owner: str | None = None
    hidden: frozenset[str] = frozenset()
    _held: dict[tuple[str, str], pd.Series] = field(default_factory=dict, repr=False, compare=False)
    _rows_of: dict[str, Mapping[str, npt.NDArray[np.int64]]] = field(default_factory=dict, repr=False, compare=False)
    _some: Mapping[str, tuple[frozenset[str], pd.DataFrame]] = field(default_factory=dict, repr=False, compare=False)
    _laid: Mapping[str, AccountRows] = field(default_factory=dict, repr=False, compare=False)
    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def with_manifest(self, **entries: Any) -> "PublishedList":
        return replace(self, manifest={**self.manifest, **entries})

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is made of this list by ``make``, once for whoever asks by the ``key``; other lists make their own."""
        if key not in self._made:
            self._made[key] = make()
        return cast("T", self._made[key])

    def book(self, owner: str) -> "PublishedList":
        """The part of one owner, compared without regard to case and blanks; ``NO_OWNER``: the accounts without."""
        return replace(self, owner=owner)

    def shown(self, beside: frozenset[str] = frozenset()) -> "PublishedList":
        """The list as people may see it: without the accounts that an experiment holds out, and those ``beside``.

        Whatever shows a list to people reads it so. Counts of the whole base are in the manifest.
        """
        hidden = self.hidden | beside | (self.held_out() if self.manifest.get(HELD_OUT) else frozenset())
        return replace(self, hidden=hidden, _held={}, _rows_of={}) if hidden != self.hidden else self

    def held_out(self) -> frozenset[str]:
        """The accounts that an experiment holds out."""
        scores = self.scores("account_id", "held_out")
        return frozenset(scores.loc[scores["held_out"].fillna(value=False).astype(bool), "account_id"])

    def holding(self, accounts: Iterable[str], *names: str) -> "PublishedList":
        """The list with the rows of some accounts in memory: whoever asks it, or a book of it, need not read them."""
        asked = frozenset(accounts)
        return replace(self, _some={name: (asked, self.of(name, asked)) for name in names})

    def laid_down(self, columns: Mapping[str, Iterable[str]]) -> "PublishedList":
        """The list with columns of tables (none: all) on scratch disk, where one account is read without the others.

        A table that is not there or not sorted by account is left as it is.
        """
        asked = {table: tuple(names) or TABLES[table].names for table, names in columns.items()}
        made = {table: lay_down(self.path(table), names) for table, names in asked.items() if self.has(table)}
        return replace(self, _laid={**self._laid, **{table: rows for table, rows in made.items() if rows}})

    @cached_property
    def previous(self) -> "PublishedList | None":
        """The list that this one is compared with; None for a first one. Raises PublishError where it is gone."""
        day = self.manifest["previous_snapshot_date"]
        return None if day is None else open_list(self.folder.parent, date.fromisoformat(day))

    @property
    def erased_ranks(self) -> int:
        """How many ranked accounts were erased from it since it was published: nobody has their ranks."""
        return sum(int(of_day["ranked"]) for of_day in self.manifest.get(ERASED, {}).values())

    @property
    def silent(self) -> list[str]:
        """The feeds, and the parts of the use, that had fallen silent: what its model had to do without."""
        return sorted({**self.manifest.get("silent_feeds", {}), **self.manifest.get("silent_parts", {})})

    def path(self, table: str) -> Path:
        return self.folder / f"{table}.parquet"

    def has(self, table: str) -> bool:
        """Is the table there? An older list has not got all of them."""
        return self.path(table).exists()

    def columns(self, table: str) -> list[str]:
        """The columns of a table as it lies there."""
        return tables.columns_of(self.path(table))

    def features(self) -> list[str]:
        """The features of the model, in its order."""
        attributions = TABLES["attributions"]
        return attributions.features_of(self.columns(attributions.name))

    def scores(self, *columns: str) -> pd.DataFrame:
        """``scores`` by account, or these columns of it."""
        return self._book_of("scores", columns)

    def exclusions(self, *columns: str) -> pd.DataFrame:
        """``exclusions``, the likeliest first, or these columns of it."""
        return self._book_of("exclusions", columns)

    def on_short_lists(self) -> frozenset[str] | None:
        """Who is on the short list of an owner; None where nobody knows: an older list does not say."""
        scores = self.scores("account_id", "listed")
        is_known = not scores["listed"].isna().any()
        return frozenset(scores.loc[scores["listed"].astype(bool), "account_id"]) if is_known else None

    def of(self, table: str, accounts: Iterable[str], columns: Iterable[str] = ()) -> pd.DataFrame:
        """The rows of some accounts, in the order of the table."""
        asked = list(accounts)
        there, held = self._some.get(table, (frozenset(), None))
        if held is None or not there.issuperset(asked):
            return self._seen(table, tuple(columns), asked)
        some = held[held["account_id"].isin(asked)]
        return some[list(columns)] if columns else some

    def of_all(self, table: str) -> pd.DataFrame:
        """All rows of a table: of one that can be held."""
        return self._seen(table, ())

    def of_account(self, table: str, account_id: str, columns: Iterable[str] = ()) -> list[dict[str, Any]]:
        """The rows of one account as plain values, null as None: for a page about it, of any size of list."""
        if account_id in self.hidden or self._is_of_later_version(table):
            return []
        asked = tuple(columns) or TABLES[table].names
        rows = self._rows_of_account(table, account_id, asked)
        if rows and not rows[0].keys() >= set(asked):
            self._columns(table, asked)  # refuses what should be there
        return [{name: row.get(name) for name in asked} for row in rows]

    def _rows_of_account(self, table: str, account_id: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        laid = self._laid.get(table)
        if laid is not None and laid.columns.issuperset(columns):
            return laid.of(account_id)
        return tables.account_rows(self.path(table), account_id, columns)

    def batches(self, table: str, columns: Iterable[str] = ()) -> Iterator[pd.DataFrame]:
        """All rows of a table, some at a time."""
        if self._is_of_later_version(table):
            return
        wanted, there = self._columns(table, tuple(columns))
        read = list(dict.fromkeys([*there, "account_id"])) if self.hidden else there
        for rows in tables.batches(self.path(table), read):
            yield _with_nulls(self._without_hidden(rows), table, wanted)

    def require(self, *names: str) -> None:
        """Raise PublishError unless these tables can be read and have their columns."""
        for table in names:
            self._columns(table, ())

    def _book_of(self, table: str, columns: tuple[str, ...]) -> pd.DataFrame:
        names = columns or TABLES[table].names
        wanted = names if self.owner is None else (*names, "owner")
        missing = tuple(dict.fromkeys(name for name in wanted if (table, name) not in self._held))
        if missing:
            rows = self._seen(table, missing)
            self._held.update({(table, name): rows[name] for name in missing})
        if self.owner is None:
            return pd.DataFrame({name: self._held[table, name] for name in names})
        places = self._rows_of_owners(table).get(folded(self.owner), np.empty(0, dtype=np.int64))
        return pd.DataFrame({name: self._held[table, name].iloc[places] for name in names})

    def _rows_of_owners(self, table: str) -> Mapping[str, npt.NDArray[np.int64]]:
        """Where the rows of each owner are, found once for all books of a list."""
        if table not in self._rows_of:
            owners = self._held[table, "owner"].fillna(NO_OWNER).str.casefold()
            found = owners.groupby(owners).indices.items()
            self._rows_of[table] = {str(owner): np.asarray(places, dtype=np.int64) for owner, places in found}
        return self._rows_of[table]

    def _seen(self, table: str, columns: tuple[str, ...], accounts: Iterable[str] | None = None) -> pd.DataFrame:
        """Rows of a table, but for those that are hidden."""
        if not self.hidden or not columns:
            return self._without_hidden(self._scan(table, columns, accounts))
        rows = self._scan(table, tuple(dict.fromkeys((*columns, "account_id"))), accounts)
        return self._without_hidden(rows)[list(columns)]

    def _without_hidden(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[~rows["account_id"].isin(self.hidden)].reset_index(drop=True) if self.hidden else rows

    def _scan(self, table: str, columns: tuple[str, ...], accounts: Iterable[str] | None = None) -> pd.DataFrame:
        if self._is_of_later_version(table):
            return _with_nulls(pd.DataFrame(), table, columns or TABLES[table].names)
        wanted, there = self._columns(table, columns)
        return _with_nulls(tables.read(self.path(table), accounts, there), table, wanted)

    def _is_of_later_version(self, table: str) -> bool:
        return TABLES[table].later and not self.has(table)

    def _columns(self, table: str, columns: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """``columns``, or all that the table has or should have; and those of them that are there to be read."""
        contract, there = TABLES[table], self.columns(table)
        wanted = list(columns or (*contract.names, *(contract.features_of(there) if contract.features else ())))
        missing = [name for name in wanted if name not in there]
        gone = [name for name in missing if name not in contract.names or not contract.column(name).later]
        if gone:
            raise damaged(self.path(table), f"has no column {', '.join(gone)}")
        return wanted, [name for name in wanted if name not in missing]


def _with_nulls(rows: pd.DataFrame, table: str, names: Iterable[str]) -> pd.DataFrame:
    """These columns of the rows, a null one for each that is not there."""
    kinds = {name: _NULLS.get(TABLES[table].column(name).kind, "object") for name in names if name not in rows}
    nulls = {name: pd.Series(None, index=rows.index, dtype=kind) for name, kind in kinds.items()}
    return rows.assign(**nulls)[list(names)]


def open_list(out: Path, snapshot_date: date | None = None, verb: str = "Read") -> PublishedList:
    """The list of a day, the latest where none is given. Raises PublishError where there is none."""
    day = published_day(out, snapshot_date, verb)
    folder = folder_of(out, day)
    return PublishedList(folder, day, read_manifest(folder, day))


def list_before(out: Path, day: date) -> PublishedList | None:
    """The latest list of an earlier day; None if there is none."""
    days = [earlier for earlier in published_dates(out) if earlier < day]
    return open_list(out, days[-1]) if days else None
