"""The peers of the bench give the same eleven metrics as Headroom: what is compared is the same work."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.sources.connect import connect
from features.build.build import build
from tests.bench import peers
from tests.drawn import known

DATES = (date(2026, 8, 1), date(2026, 10, 1))
KEY = ["account_id", "snapshot_date"]

# featuretools 1.31 and woodwork 0.31 were written before Python 3.12 and pandas 3; goes with their next release.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small base in which every event is known when it happens, for the peers know no other."""
    folder = tmp_path_factory.mktemp("bench") / "base"
    simulate(folder, accounts=12, months=9, end=DATES[-1])
    usage = pq.read_table(folder / "usage_events.parquet").drop_columns("known_at")
    pq.write_table(usage.filter(pc.is_valid(usage["user_id"])), folder / "usage_events.parquet")
    return folder


@pytest.fixture(scope="module")
def ours(warehouse: Path) -> pd.DataFrame:
    with connect(f"parquet://{warehouse}") as source:
        rows = pd.concat([part.rows.to_pandas() for part in build(known(source.tables), DATES, ExpansionRules())])
    rows["snapshot_date"] = pd.to_datetime(rows["snapshot_date"])
    return rows.set_index(KEY).sort_index()[list(peers.METRICS)]


@pytest.mark.parametrize("peer", [peers.pandas_loop, peers.polars_lazy, peers.distinct_sql, peers.featuretools_dfs])
def test_a_peer_gives_the_same_metrics(
    peer: Callable[[Path, Sequence[date]], pd.DataFrame], warehouse: Path, ours: pd.DataFrame
) -> None:
    theirs = peer(warehouse / "usage_events.parquet", DATES).set_index(KEY)
    both = ours.index.intersection(theirs.index)
    assert len(both) > len(DATES) * 6
    # Customers without a row there have no use in the longest window.
    assert (ours.drop(index=both)["events_91d"] == 0).all()
    pd.testing.assert_frame_equal(ours.loc[both], theirs.loc[both], check_dtype=False, check_index_type=False)
