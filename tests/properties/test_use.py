"""What use is, is said once: a day that was counted as zero is none, for whoever asks."""

import ast
import inspect
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest

from data.contract.inputs import TABLES
from data.errors import NotEnoughHistoryError
from data.feeds.use import use
from data.ledger.rules import ExpansionRules
from data.sources.staging import stage
from features.build.build import feature_rows
from features.cohort import cohort
from features.cross_sell import features_used
from flows.stages.dates import first_usage_day
from tests.drawn import NOT_BY_USER
from tests.properties.generated import FEATURES, SNAPSHOTS, as_arrow, frames

ROOT = Path(__file__).parents[2]
READ_TOGETHER = ("accounts", "subscriptions", "users", "tickets", "plans", "plan_features", "usage_daily")
USAGE_TABLES = {"usage_events", "usage_daily"}
ZEROS = ((0, 0, 0), (0, None, None), (0, 0, None), (0, None, 0))
"""Events, active users and quantity of a day without use, as exports write them."""
Frames = dict[str, pd.DataFrame]


def padded(base: Frames) -> Frames:
    """The base with a day of zeros for all accounts and features, also one that nobody uses, on many days."""
    rows = [
        (account, day, feature, *ZEROS[number % len(ZEROS)])
        for number, day in enumerate(pd.date_range("2024-01-01", "2026-06-30", freq="9D"))
        for account in base["accounts"]["account_id"]
        for feature in (*FEATURES, "never used")
    ]
    zeros = pd.DataFrame(rows, columns=["account_id", "day", "feature", "events", "active_users", "quantity"])
    usage = pd.concat([base["usage_daily"], zeros.astype(base["usage_daily"].dtypes[zeros.columns])])
    return base | {"usage_daily": usage.reset_index(drop=True)}


def staged(base: Frames) -> dict[str, ir.Table]:
    con = ibis.duckdb.connect()
    return {name: stage(TABLES[name], con.create_table(name, as_arrow(name, frame))) for name, frame in base.items()}


def sorted_rows(table: ir.Table) -> pd.DataFrame:
    rows = table.to_pyarrow().to_pandas()
    return rows.sort_values(list(rows.columns[:3]), ignore_index=True)


def counted_base(seed: int, accounts: int) -> Frames:
    """A base of counted usage, and of what the features that read it read beside it."""
    base = frames(seed, accounts=accounts, daily=True)
    return {name: base[name] for name in READ_TOGETHER}


def test_days_of_zeros_change_nothing() -> None:
    base = counted_base(1, accounts=16)
    used = base["usage_daily"]
    base["usage_daily"] = used[used["day"] >= "2025-06-01"]
    one, other = staged(base), staged(padded(base))
    keys = [cohort(tables, SNAPSHOTS) for tables in (one, other)]
    told = sorted_rows(features_used(one, keys[0]))
    assert len(told)
    pd.testing.assert_frame_equal(sorted_rows(features_used(other, keys[1])), told)
    assert first_usage_day(other) == first_usage_day(one)
    rows = [
        sorted_rows(feature_rows(tables, SNAPSHOTS[:1], ExpansionRules(), absent=NOT_BY_USER))
        for tables in (one, other)
    ]
    pd.testing.assert_frame_equal(*rows, check_exact=True)


def test_what_was_offered_by_use_is_what_the_features_count() -> None:
    tables = staged(padded(counted_base(3, accounts=8)))
    used = sorted_rows(features_used(tables, cohort(tables, SNAPSHOTS)))
    rows = sorted_rows(feature_rows(tables, SNAPSHOTS, ExpansionRules(), absent=NOT_BY_USER)).set_index(
        ["account_id", "snapshot_date"]
    )
    counted = used.groupby(["account_id", "snapshot_date"]).size().reindex(rows.index, fill_value=0)
    assert counted.sum() > 0
    assert counted.tolist() == rows["features_used_91d"].tolist()


def test_zeros_alone_are_no_history() -> None:
    base = counted_base(4, accounts=8)
    zeros = padded(base)["usage_daily"].iloc[len(base["usage_daily"]) :]
    with pytest.raises(NotEnoughHistoryError, match="usage_daily has no use"):
        first_usage_day(staged(base | {"usage_daily": zeros}))


def readers(path: Path) -> set[str]:
    """The usage tables that a module reads by their name, and the list of them where it takes that."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            found |= {node.slice.value} & USAGE_TABLES
        elif isinstance(node, ast.ImportFrom) and node.module == "data.sources.known":
            found |= {alias.name for alias in node.names} & {"USAGE"}
    return found


def test_usage_is_read_where_use_is_defined_and_nowhere_else() -> None:
    rooms = ("data/feeds", "features", "models", "serving", "flows")
    modules = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert [path for path in modules if readers(path)] == [Path(inspect.getfile(use))]
