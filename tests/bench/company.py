"""The bench of the company's figures: a million subscription lines, and a plain pandas script for the monthly bridge.

The script is what a data team writes first: what each account pays when a month begins and when it is over, and a class
for the difference. It knows no motions, no price, no late renewals and no late rows.
"""

import shutil
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

LINES, MONTHS = 1_000_000, 36
BRIDGE = ("new", "expansion", "contraction", "churn", "reactivation")
SLICED_BY = ("segment", "region", "owner", "plan", "acquisition_quarter")


def copied(source: Path, folder: Path) -> None:
    """Lines and accounts of a simulated base so often that there are ``LINES`` lines; each copy has ids of its own.

    Use, which the figures do not count, is of one copy.
    """
    folder.mkdir()
    shutil.copy(source / "plans.parquet", folder)
    shutil.copy(source / "usage_events.parquet", folder)
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as con:
        lines = con.execute(f"select count(*) from '{source}/subscriptions.parquet'").fetchone()
        assert lines is not None
        copies = -(-LINES // lines[0])
        for table, ids in (("subscriptions", ("account_id", "contract_id")), ("accounts", ("account_id", "parent_id"))):
            anew = ", ".join(f"if(copy = 0, {name}, copy || {name}) as {name}" for name in ids)
            con.execute(
                f"copy (select * exclude (copy) replace ({anew}) from range({copies}) as copies(copy), "
                f"'{source}/{table}.parquet') to '{folder}/{table}.parquet' (format parquet, compression zstd)"
            )


def read_lines(folder: Path) -> pd.DataFrame:
    """The lines that somebody pays for, with the columns that a bridge needs and those that it is sliced by."""
    lines = pd.read_parquet(folder / "subscriptions.parquet")
    lines = lines.loc[lines["mrr"] != 0, ["account_id", "product", "plan", "mrr", "valid_from", "valid_to"]]
    people = pd.read_parquet(folder / "accounts.parquet", columns=["account_id", "segment", "region", "owner"])
    return lines.merge(people, on="account_id", how="left")


def pandas_bridge(lines: pd.DataFrame, end: pd.Timestamp, months: int = MONTHS) -> pd.DataFrame:
    """One row per month up to ``end``: ``start``, the classes of ``BRIDGE``, ``end``."""
    first = lines.groupby("account_id")["valid_from"].min()
    begins = pd.date_range(end=end, periods=months + 1, freq="MS")
    before, rows = _open_on(lines, begins[0]), []
    for begin, over in pairwise(begins):
        after = _open_on(lines, over)
        both = pd.concat({"before": before, "after": after}, axis=1).fillna(0)
        change, came = both["after"] - both["before"], first.reindex(both.index)
        told = np.select(
            [
                (both["before"] == 0) & (came >= begin),
                both["before"] == 0,
                both["after"] == 0,
                change > 0,
            ],
            ["new", "reactivation", "churn", "expansion"],
            "contraction",
        )
        sums = change.groupby(told).sum()
        rows.append(
            {
                "month": begin,
                "start": before.sum(),
                "end": after.sum(),
                **{name: sums.get(name, 0.0) for name in BRIDGE},
            }
        )
        before = after
    return pd.DataFrame(rows)


def _open_on(lines: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    is_open = (lines["valid_from"] < day) & (lines["valid_to"].isna() | (lines["valid_to"] >= day))
    return lines[is_open].groupby("account_id")["mrr"].sum()


def pandas_bridges(lines: pd.DataFrame, end: pd.Timestamp, months: int = MONTHS) -> dict[tuple[str, str], pd.DataFrame]:
    """The same of the whole and of every slice of ``SLICED_BY``, one after the other, as a script would."""
    first = lines.sort_values(["valid_from", "plan"]).groupby("account_id").first()
    slices = pd.DataFrame(
        {
            "segment": first["segment"],
            "region": first["region"],
            "owner": first["owner"],
            "plan": first["product"] + ": " + first["plan"],
            "acquisition_quarter": first["valid_from"].dt.to_period("Q").astype("str"),
        }
    )
    bridges = {("all", "all"): pandas_bridge(lines, end, months)}
    for dimension in SLICED_BY:
        of_lines = lines["account_id"].map(slices[dimension])
        for name in sorted(slices[dimension].dropna().unique()):
            bridges[dimension, str(name)] = pandas_bridge(lines[of_lines == name], end, months)
    return bridges
