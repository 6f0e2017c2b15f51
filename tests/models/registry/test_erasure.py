"""An account that leaves the tables of trainings: what is left is sealed, and what was changed is refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.erasure.places import ACCOUNT, USER, Subject
from data.errors import ModelError
from models.registry.erasure import ModelsPlace
from models.registry.mlflow_store import ModelRegistry
from models.registry.records import RunRecord
from models.training.train import TrainedModel
from tests.models.mlflow_template import log

DAY = date(2026, 11, 29)


def test_its_predictions_go_and_the_rest_is_read_as_it_was(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    run_id = log(registry, trained, "d1").run_id
    before, place = registry.table(run_id, "predictions"), ModelsPlace(registry)
    subject = Subject(ACCOUNT, str(before["account_id"].iloc[0]))
    file = registry.artifacts / run_id / "artifacts" / "tables" / "predictions.parquet"
    whole, its = file.read_bytes(), before["account_id"] == subject.id
    assert [holding.rows for holding in place.holdings()] == [len(before)]
    assert place.found(subject) == {"predictions": its.sum()} == place.erase(subject, DAY)
    rest = before[~its].reset_index(drop=True)
    pd.testing.assert_frame_equal(registry.table(run_id, "predictions").reset_index(drop=True), rest)
    assert place.found(Subject(USER, subject.id)) == {}

    file.write_bytes(whole)  # as a process leaves it that is killed between the seal and the file
    with pytest.raises(ModelError, match="is not the one this run was stored with"):
        registry.table(run_id, "predictions")
    place.erase(subject, DAY)
    pd.testing.assert_frame_equal(registry.table(run_id, "predictions").reset_index(drop=True), rest)

    before.assign(propensity=0.5).to_parquet(file, index=False)
    with pytest.raises(ModelError, match="it is not the file that the run was stored with"):
        place.erase(subject, DAY)


def test_runs_of_old_lists_are_deleted_and_no_others(mlruns: Path) -> None:
    registry, today = ModelRegistry(mlruns), datetime.now(UTC).date()
    assert registry.list_runs(today) == []
    run_id = registry.log_list(RunRecord("a list", {"snapshot_date": "2026-07-01"}))
    registry.log_run(RunRecord("a backtest", {"rows": 1}))
    assert registry.list_runs(today) == []
    assert registry.list_runs(today + timedelta(days=2)) == [run_id]
    registry.delete_runs([run_id])
    assert registry.list_runs(today + timedelta(days=2)) == []
