"""Rows of past snapshots that are read back are those of a build from nothing, whatever has changed since."""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.kept.settings import StoreSettings
from data.kept.store import ValueStore
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect
from data.sources.known import KnownBase, known_before
from data.time_cut import is_told_more_later
from features.build import kept
from features.build.build import build, feature_rows
from features.build.kept import kept_rows, snapshot_keys
from features.catalogue import catalogue
from tests.properties.generated import SNAPSHOTS, as_arrow, frames

Frames = dict[str, pd.DataFrame]
RULES, OTHER_RULES = ExpansionRules(), ExpansionRules(new_customer_days=31)
WINTER, EVE, LAST = SNAPSHOTS
ALL = set(SNAPSHOTS)


def written(tables: Frames, folder: Path, *, backwards: bool = False) -> Path:
    """A folder of Parquet files, two for each table; ``backwards``: the last rows are in the first file."""
    for name, frame in tables.items():
        rows = as_arrow(name, frame)
        parts = [rows.slice(0, len(rows) // 2), rows.slice(len(rows) // 2)]
        (folder / name).mkdir(parents=True)
        for number, part in enumerate(reversed(parts) if backwards else parts):
            pq.write_table(part, folder / name / f"{number}.parquet")
    return folder


def keys(folder: Path, rules: ExpansionRules = RULES, day: date = LAST) -> dict[date, str]:
    with connect(f"parquet://{folder}") as source:
        return snapshot_keys(known_before(source, day, LAST), SNAPSHOTS, rules)


def added(name: str, **values: object) -> Callable[[Frames], Frames]:
    """One more row of a table: its first one with other values."""

    def change(tables: Frames) -> Frames:
        rows = tables[name]
        row = rows.iloc[[0]].assign(**{column: [value] for column, value in values.items()}).astype(rows.dtypes)
        return tables | {name: pd.concat([rows, row], ignore_index=True)}

    return change


def altered(name: str, where: Callable[[pd.DataFrame], pd.Series], column: str, value: object) -> Callable:
    """Another value in the first row of a table that is one of those."""

    def change(tables: Frames) -> Frames:
        rows = tables[name].reset_index(drop=True)
        place = rows.index[where(rows)][0]
        rows.loc[place, column] = value
        return tables | {name: rows}

    return change


def before(column: str, day: date, *, known: str = "known_at") -> Callable[[pd.DataFrame], pd.Series]:
    """The rows that happened before a day, and were known then."""
    return lambda rows: (rows[column] < pd.Timestamp(day)) & ~(rows[known] >= pd.Timestamp(day))


def without(name: str, where: Callable[[pd.DataFrame], pd.Series]) -> Callable[[Frames], Frames]:
    return lambda tables: tables | {name: tables[name].drop(tables[name].index[where(tables[name])][0])}


def open_line(rows: pd.DataFrame) -> pd.Series:
    return before("valid_from", WINTER)(rows) & rows.valid_to.isna() & rows.ends_known_at.isna()


def newcomer(tables: Frames) -> Frames:
    """An account that came on the eve of the last snapshot."""
    listed = added("accounts", account_id="new", parent_id=None)(tables)
    eve = pd.Timestamp(EVE)
    line = {"account_id": "new", "valid_from": eve, "known_at": eve, "booked_at": pd.NaT, "notice_at": pd.NaT}
    return added("subscriptions", **line, valid_to=pd.NaT, ends_known_at=pd.NaT)(listed)


CHANGES: dict[str, tuple[Callable[[Frames], Frames], set[date]]] = {
    "nothing": (lambda tables: tables, set()),
    "of the future": (
        added("usage_events", occurred_at=pd.Timestamp("2026-07-02"), known_at=pd.Timestamp("2026-07-02")),
        set(),
    ),
    "a late row": (
        added("usage_events", occurred_at=pd.Timestamp("2025-12-01"), known_at=pd.Timestamp("2026-06-30 12:00")),
        {LAST},
    ),
    "a back-dated row": (
        added("usage_events", occurred_at=pd.Timestamp("2025-12-01"), known_at=pd.NaT),
        ALL,
    ),
    "a corrected row": (altered("invoices", before("billed_at", WINTER), "amount", 123.45), ALL),
    "a deleted row": (without("crm_events", before("occurred_at", WINTER)), ALL),
    "a line that ends": (altered("subscriptions", open_line, "valid_to", pd.Timestamp("2026-06-30")), {LAST}),
    "a ticket that is closed": (
        altered(
            "tickets",
            lambda rows: before("opened_at", WINTER)(rows) & rows.closed_at.isna(),
            "closed_at",
            pd.Timestamp("2026-06-29 23:00"),
        ),
        {EVE, LAST},
    ),
    "a plan": (altered("plans", lambda rows: rows["product"] == "core", "seat_price", 13.0), ALL),
    "a feature of a plan": (altered("plan_features", lambda rows: rows.monthly_limit > 0, "monthly_limit", 7.0), ALL),
    "a newcomer": (newcomer, {LAST}),
    "a segment": (altered("accounts", lambda rows: rows.account_id == "a0", "segment", "enterprise"), ALL),
    "another name": (altered("accounts", lambda rows: rows.account_id == "a0", "name", "Acme"), set()),
    "another owner": (altered("accounts", lambda rows: rows.account_id == "a0", "owner", "Kim"), set()),
    "a feature of the team": (altered("account_features", lambda rows: rows.known_at < "2026-01-01", "fit", "x"), ALL),
}


@pytest.fixture(scope="module")
def tables() -> Frames:
    drawn = frames(3, accounts=14)
    return drawn | {"accounts": drawn["accounts"].assign(owner="Ada")}


@pytest.fixture(scope="module")
def usual(tables: Frames, tmp_path_factory: pytest.TempPathFactory) -> dict[date, str]:
    return keys(written(tables, tmp_path_factory.mktemp("base") / "usual"))


@pytest.mark.parametrize("change", CHANGES)
def test_snapshots_that_know_of_a_change_have_another_key_and_no_others(
    tables: Frames, usual: dict[date, str], change: str, tmp_path: Path
) -> None:
    alter, knowing = CHANGES[change]
    now = keys(written(alter(tables), tmp_path / "base"))
    assert {day for day in SNAPSHOTS if now[day] != usual[day]} == knowing


def test_the_key_is_of_what_was_known_whenever_and_in_whatever_order_it_is_read(
    tables: Frames, usual: dict[date, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tables, tmp_path / "base", backwards=True)
    assert keys(folder) == usual
    earlier = keys(folder, day=EVE)
    assert {day for day in SNAPSHOTS if earlier[day] == usual[day]} == {WINTER, EVE}
    assert not set(keys(folder, OTHER_RULES).values()) & set(usual.values())
    monkeypatch.setattr(kept, "made_by", lambda: "another version")
    assert not set(keys(folder).values()) & set(usual.values())


def made(base: KnownBase, days: Sequence[date]) -> Iterator[pa.Table]:
    return (shard.rows for shard in build(base, days, RULES))


def as_frame(parts: Iterable[pa.Table]) -> pd.DataFrame:
    rows = pa.concat_tables(parts).to_pandas()
    return rows.sort_values(["snapshot_date", "account_id"], ignore_index=True)


def same(one: pd.Series, other: pd.Series) -> bool:
    """Every bit of numbers, every letter of text."""
    if one.dtype != other.dtype or not pd.api.types.is_numeric_dtype(one):
        return one.equals(other)
    return one.to_numpy().tobytes() == other.to_numpy().tobytes()


SEQUENCE = (
    ("nothing",),
    ("of the future", "a late row"),
    ("a ticket that is closed",),
    ("a line that ends", "a newcomer"),
    ("another owner", "another name"),
)
"""Changes that leave snapshots to be read back, each on top of those before."""


@pytest.mark.slow
def test_what_is_read_back_is_what_a_build_from_nothing_gives(tables: Frames, tmp_path: Path) -> None:
    told: list[str] = []
    store = ValueStore(tmp_path / "kept", StoreSettings(), pytest.fail)
    for step in SEQUENCE:
        for change in step:
            tables = CHANGES[change][0](tables)
        with connect(f"parquet://{written(tables, tmp_path / step[0])}") as source:
            base = known_before(source, LAST, LAST)
            rows = as_frame(kept_rows(base, SNAPSHOTS, RULES, store, partial(made, base), told.append))
            from_nothing = as_frame(made(base, SNAPSHOTS))
        assert list(rows.columns) == list(from_nothing.columns)
        assert [name for name in rows if not same(rows[name], from_nothing[name])] == []
    assert told == [f"features: {kept} of 3 snapshots are as they were" for kept in (2, 1, 2, 3)]


def test_no_feature_reads_what_an_account_is_called_or_whose_it_is(tables: Frames, tmp_path: Path) -> None:
    with connect(f"parquet://{written(tables, tmp_path)}") as source:
        base = known_before(source, LAST, LAST)
        nameless = base.tables | {"accounts": base.tables["accounts"].drop(*kept.NAMES)}
        rows = feature_rows(nameless, SNAPSHOTS, RULES, absent=base.absent)
    assert {"name", "owner"} == kept.NAMES
    assert set(rows.columns) > set(catalogue(base.tables, absent=base.absent))


def test_rows_made_before_the_first_value_of_a_column_are_others(tables: Frames, tmp_path: Path) -> None:
    with connect(f"parquet://{written(tables, tmp_path / 'base')}") as source:
        base = known_before(source, LAST, LAST)
        without_one = replace(base, absent=base.absent | {"tickets.severity"})
        there, before_it = (snapshot_keys(known, SNAPSHOTS, RULES) for known in (base, without_one))
    assert not {*there.values()} & {*before_it.values()}


def test_without_a_state_nothing_is_kept(tables: Frames, tmp_path: Path) -> None:
    store = ValueStore(tmp_path / "kept", StoreSettings(), pytest.fail)
    with connect(f"parquet://{written(tables, tmp_path / 'base')}") as source:
        base = replace(known_before(source, LAST, LAST), state=None)
        assert list(kept_rows(base, [LAST], RULES, store, lambda days: [days])) == [[LAST]]
    assert store.values() == []


def test_parts_that_were_handed_over_are_held_by_nobody(
    tables: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "snapshot_keys", lambda *_: {day: f"of-{day}" for day in SNAPSHOTS})
    store, handed = ValueStore(tmp_path / "kept", StoreSettings(), pytest.fail), list[weakref.ref[pa.Table]]()

    def parts(days: list[date]) -> Iterator[pa.Table]:
        for number in range(4):
            assert [part for part in handed[:-1] if part() is not None] == [], "but for the one before"
            part = pa.table({"snapshot_date": pa.array(days, pa.date32()), "account_id": [f"a{number}"] * len(days)})
            handed.append(weakref.ref(part))
            yield part
            del part

    with connect(f"parquet://{written(tables, tmp_path / 'base')}") as source:
        base = known_before(source, LAST, LAST)
        count = sum(1 for _ in kept_rows(base, SNAPSHOTS, RULES, store, parts))
        read = as_frame(kept_rows(base, SNAPSHOTS, RULES, store, parts))
    assert (count, len(handed)) == (4, 4)
    assert read["account_id"].tolist() == [f"a{number}" for _ in SNAPSHOTS for number in range(4)]


def test_a_long_table_is_hashed_once_for_its_digests_and_its_fingerprint(
    tables: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a manifest says of a table is what its rows have, and they are not read a second time for it."""
    with connect(f"parquet://{written(tables, tmp_path)}") as source:
        base = known_before(source, LAST, LAST)
        whole = {name: base.engine.fingerprint(table) for name, table in base.tables.items() if name != "accounts"}
        snapshot_keys(base, SNAPSHOTS, RULES)
        monkeypatch.setattr(type(base.engine), "hash_with", None)
        asked = [name for name in whole if not is_told_more_later(name)]
        assert "usage_events" in asked
        assert {name: base.fingerprint(name) for name in asked} == {name: whole[name] for name in asked}
