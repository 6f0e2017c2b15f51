from pathlib import Path

import pandas as pd
import pytest

from features.cohort import cohort
from features.cross_sell import features_used, products_had
from flows.run.settings import load
from flows.stages import inputs as steps
from flows.stages.cross_sell import shards
from flows.stages.dates import stand_on
from tests.flows.conftest import END


def test_each_shard_comes_with_what_its_own_accounts_have(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.build.build.ACCOUNTS_PER_BLOCK", 60)
    settings = load(source=f"parquet://{warehouse}")
    standing = stand_on(steps.read_source(settings), END)
    parts = list(shards(standing, settings))
    assert len(parts) == 5  # 250 accounts
    base = cohort(standing.tables, [END])
    for name, table in (("had", products_had(standing.tables, base)), ("used", features_used(standing.tables, base))):
        own = [getattr(owned, name) for _, owned in parts]
        for (rows, _), found in zip(parts, own, strict=True):
            assert set(found["account_id"]) <= set(rows["account_id"])
        told = pd.concat(own)[["account_id", found.columns[-1]]].sort_values(["account_id", found.columns[-1]])
        expected = table.order_by("account_id", told.columns[-1]).to_pyarrow().to_pandas()[told.columns]
        pd.testing.assert_frame_equal(told.reset_index(drop=True), expected)
    assert all(owned.on_offer["product"].nunique() > 1 for _, owned in parts)
