"""A simulated customer base in the contract's tables, with the truth beside it.

Every table of the contract is written but the three that translate ids, products and currencies; use is written by
event, or counted by day where the world has it so. ``oracle/truth.parquet`` holds the true probability of every motion
for each account and month start, ``oracle/drivers.parquet`` what drives it. The base is a function of the arguments
alone.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.atomic import whole_folder
from data.contract.inputs import TABLES, Kind
from data.contract.vocabulary import MOTIONS
from data.errors import HeadroomError
from data.simulation import price_list as catalogue
from data.simulation.contracts import account_invoices, account_lines
from data.simulation.crm_and_tickets import account_features, crm_events, late, outcomes, tickets
from data.simulation.drivers import DRIVEN, TERMS, World
from data.simulation.life import BURN_IN_MONTHS, Life, live
from data.simulation.names import INDUSTRIES, REGIONS, companies, domain, owners
from data.simulation.state import SEGMENTS
from data.simulation.usage import counted_by_day, events, users

CHUNK_ACCOUNTS = 500
CLOCK = pa.timestamp("ms")
ARROW = {
    Kind.ID: pa.string(), Kind.TEXT: pa.string(), Kind.CLOCK: CLOCK, Kind.MONEY: pa.float64(),
    Kind.QUANTITY: pa.float64(), Kind.COUNT: pa.int64(), Kind.RATING: pa.float64(),
}  # fmt: skip
OWN_FEATURES = [("health_score", pa.float64()), ("site_visits", pa.float64()), ("fit_segment", pa.string())]
NOT_WRITTEN = ("product_succession", "account_ids", "fx_rates")
"""One tool, one currency and products that keep their names need no translation."""
ORACLE = {
    "truth": pa.schema(
        [("account_id", pa.string()), ("snapshot_date", pa.date32())]
        + [(f"p_{name}", pa.float64()) for name in ("any", *MOTIONS)]
    ),
    "drivers": pa.schema(
        {
            "account_id": pa.string(),
            "snapshot_date": pa.date32(),
            "motion": pa.string(),
            "driver": pa.string(),
            "contribution": pa.float64(),
        }
    ),
}
SMALLEST_DRIVER = 0.7
"""A driver is listed from this many log-odds above the average customer of its chunk and date."""


def written(world: World) -> tuple[str, ...]:
    """The tables of a base: with use by event and the users, or with use counted by day."""
    other = ("usage_events", "users") if world.is_counted else ("usage_daily",)
    return tuple(name for name in TABLES if name not in (*NOT_WRITTEN, *other))


def schema(table: str) -> pa.Schema:
    """The raw column names and types of a table, as written."""
    own = OWN_FEATURES if table == "account_features" else []
    return pa.schema([(column.name, ARROW[column.kind]) for column in TABLES[table].columns] + own)


def simulate(
    out: Path,
    accounts: int = 2000,
    months: int = 30,
    seed: int = 7,
    end: date = date(2026, 10, 1),
    progress: Callable[[int, int], None] | None = None,
    world: World = DRIVEN,
) -> dict[str, int]:
    """Write a base of ``accounts`` customers over ``months`` months up to ``end`` into ``out``; return rows by table.

    ``end`` is the first day of a month, and the first day without data. ``progress(done, total)`` is told of accounts.
    The folder is written whole or not at all; a folder that is not a simulated base is never replaced.
    """
    asked = f"Simulate a base of {accounts} accounts over {months} months into {out}."
    if accounts < 1 or months < 1:
        raise HeadroomError(asked, "Fewer than one account or month.", "Ask for at least one of each.")
    if end.day != 1:
        raise HeadroomError(asked, f"The end {end} is not the first day of a month.", "Give the first day of a month.")
    out = Path(out)
    if out.exists() and not (out.is_dir() and (_is_simulated(out) or not any(out.iterdir()))):
        raise HeadroomError(
            asked, "There is something else at that place.", "Choose an empty folder, or remove what is there."
        )
    with whole_folder(out, asked) as building:
        return _write(building, accounts, months, seed, end, progress, world)


def _is_simulated(folder: Path) -> bool:
    return (folder / "oracle" / "truth.parquet").is_file()


def _write(
    folder: Path, accounts: int, months: int, seed: int, end: date, progress: Any, world: World
) -> dict[str, int]:
    (folder / "oracle").mkdir()
    schemas = {name: schema(name) for name in written(world)} | ORACLE
    paths = {name: folder / ("oracle" if name in ORACLE else "") / f"{name}.parquet" for name in schemas}
    # Without the Arrow schema a reader sees plain strings, not the dictionaries they are written from.
    writers = {
        name: pq.ParquetWriter(paths[name], schemas[name], compression="zstd", store_schema=False) for name in schemas
    }
    counts = dict.fromkeys(schemas, 0)

    def put(name: str, rows: pd.DataFrame | pa.Table) -> None:
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)
        for column in set(schemas[name].names) - set(table.column_names):
            table = table.append_column(column, pa.nulls(len(table)))
        table = table.select(schemas[name].names).cast(schemas[name])
        if "known_at" in table.column_names:
            # What becomes known on or after the end is not in an export of that day.
            in_time = pc.less(table["known_at"], pa.scalar(datetime(end.year, end.month, end.day), CLOCK))
            table = table.filter(pc.fill_null(in_time, True))
        writers[name].write_table(table, row_group_size=1_000_000)
        counts[name] += table.num_rows

    try:
        put("plans", catalogue.plans())
        put("plan_features", catalogue.plan_features())
        names = owners(accounts)
        for start in range(0, accounts, CHUNK_ACCOUNTS):
            size = min(CHUNK_ACCOUNTS, accounts - start)
            rng = np.random.default_rng([seed, start])
            life = live(size, months, end, world, rng)
            tables = _tables(life, start, names, rng)
            if world.is_counted:
                tables["usage_daily"] = counted_by_day(tables["usage_events"])
            for name in sorted(tables.keys() & writers.keys()):
                put(name, tables[name])
            if progress is not None:
                progress(start + size, accounts)
    finally:
        for writer in writers.values():
            writer.close()
    return counts


def _tables(life: Life, start: int, owner_names: list[str], rng: np.random.Generator) -> dict[str, Any]:
    """All tables of one chunk of accounts."""
    count = len(life.start_month)
    ids = [f"A{start + index + 1:06d}" for index in range(count)]
    keys = np.array(ids, dtype=object)
    names = companies(count, rng)
    domains = [domain(name, start + index + 1) for index, name in enumerate(names)]
    lines = pd.DataFrame([row for index in range(count) for row in account_lines(ids[index], life, index, rng)])
    bills = pd.DataFrame(
        [row for index in range(count) for row in account_invoices(ids[index], life, index, rng)],
        columns=["account_id", "product", "billed_at", "amount"],
    )
    for column in ("valid_from", "valid_to", "renews_on"):
        lines[column] = pd.to_datetime(lines[column])
    lines["seats"] = lines["seats"].astype("Int64")
    lines["known_at"] = late(lines.valid_from, 0.03, 20, rng)
    lines["notice_at"] = _notices(life, lines, ids, np.random.default_rng([start, count]))
    bills["billed_at"] = pd.to_datetime(bills["billed_at"])
    bills["known_at"] = late(bills.billed_at, 0.02, 5, rng)
    return {
        "accounts": _accounts(life, ids, names, owner_names, rng),
        "subscriptions": lines,
        "invoices": bills,
        "usage_events": events(life, ids, rng),
        "users": users(life, ids, domains, rng),
        "tickets": tickets(life, keys, rng),
        "crm_events": crm_events(life, keys, rng),
        "account_features": account_features(life, keys, rng),
        "outcomes": outcomes(life, keys, rng),
        "truth": _truth(life, keys),
        "drivers": _drivers(life, keys),
    }


def _notices(life: Life, lines: pd.DataFrame, ids: list[str], rng: np.random.Generator) -> pd.Series:
    """Half of those who leave say so some weeks before: the day, on the lines that end then."""
    months, accounts = np.nonzero(life.churns)
    left = {
        (ids[a], life.months[m].first_day.replace(day=int(life.day[m, a])))
        for m, a in zip(months, accounts, strict=True)
    }
    ahead = pd.to_timedelta(rng.integers(7, 60, len(lines)), unit="D")
    tells = rng.choice(ids, len(ids) // 2, replace=False)
    leaves = [key in left for key in zip(lines.account_id, lines.valid_to.dt.date, strict=True)]
    notice = (lines.valid_to - ahead).where(pd.Series(leaves, index=lines.index) & lines.account_id.isin(tells))
    return notice.where(notice > lines.valid_from)


def _accounts(
    life: Life, ids: list[str], names: list[str], owner_names: list[str], rng: np.random.Generator
) -> pd.DataFrame:
    count = len(ids)
    segment = np.array(SEGMENTS, dtype=object)[life.segment]
    seats = life.seats[life.start_month, np.arange(count)]
    employees = np.maximum(np.round(seats * np.exp(rng.normal(1.4, 0.6, count))), seats)
    began = [
        datetime.combine(life.months[m].first_day.replace(day=int(life.day[m, i])), datetime.min.time())
        for i, m in enumerate(life.start_month)
    ]
    trial = rng.integers(0, 30, count)
    keys = np.array(ids, dtype=object)
    is_below = life.group != np.arange(count)
    parent = np.where(is_below, keys[life.group], [ids[int(x * count)] for x in rng.random(count)])
    has_parent = is_below | ((rng.random(count) < 0.03) & (parent != keys))
    owner = np.array(owner_names, dtype=object)[rng.integers(0, len(owner_names), count)]
    return pd.DataFrame(
        {
            "account_id": ids,
            "name": names,
            "created_at": [b - timedelta(days=int(t)) for b, t in zip(began, trial, strict=True)],
            "owner": pd.Series(owner).mask(rng.random(count) < 0.04),
            "segment": pd.Series(segment).mask(rng.random(count) < 0.02),
            "industry": np.array(INDUSTRIES, dtype=object)[rng.integers(0, len(INDUSTRIES), count)],
            "region": np.array(REGIONS, dtype=object)[rng.choice(4, count, p=(0.42, 0.36, 0.15, 0.07))],
            "employees": pd.array(np.where(rng.random(count) < 0.02, np.nan, employees), dtype="Int64"),
            "parent_id": pd.Series(parent).where(has_parent),
        }
    )


def _snapshots(life: Life) -> np.ndarray:
    days = [*(m.first_day for m in life.months[BURN_IN_MONTHS:]), life.end]
    return np.array([np.datetime64(day, "D") for day in days])


def _truth(life: Life, ids: np.ndarray) -> pd.DataFrame:
    """One row per customer and month start, also where a renewal is late, and for those who left but were billed."""
    snapshot, account = np.nonzero(life.is_scored)
    values = life.probability[snapshot, account]
    frame = pd.DataFrame(
        {"account_id": ids[account], "snapshot_date": _snapshots(life)[snapshot], "p_any": values[:, 4]}
    )
    for place, motion in enumerate(MOTIONS):
        frame[f"p_{motion}"] = values[:, place]
    return frame


def _drivers(life: Life, ids: np.ndarray) -> pd.DataFrame:
    """One row per driver that acts on an account on a month start."""
    customers = np.vstack([life.is_customer[BURN_IN_MONTHS - 1 :]])
    typical = (life.warm * customers[:, :, None]).sum(axis=1) / np.maximum(customers.sum(axis=1), 1)[:, None]
    above = life.warm - typical[:, None, :]
    snapshot, account, term = np.nonzero((above >= SMALLEST_DRIVER) & customers[:, :, None])
    return pd.DataFrame(
        {
            "account_id": ids[account],
            "snapshot_date": _snapshots(life)[snapshot],
            "motion": np.array([motion for motion, _ in TERMS], dtype=object)[term],
            "driver": np.array([reason for _, reason in TERMS], dtype=object)[term],
            "contribution": above[snapshot, account, term],
        }
    )
