"""An account that leaves the tables of trainings: what is left is sealed, and what was changed is refused."""

import shutil
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.erasure.places import ACCOUNT, USER, Subject
from data.errors import ModelError, SourceError
from models.registry.erasure import ModelsPlace
from models.registry.mlflow_store import LOCK, ModelRegistry
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


ONE, BOTH = Subject(ACCOUNT, "a1"), pd.DataFrame({"account_id": ["a1", "a2"], "propensity": [0.1, 0.2]})
TABLE = "tables/predictions.parquet"


def stored(registry: ModelRegistry) -> Path:
    """The table of a run that went well."""
    run_id = registry.log_run(RunRecord("a training", files={TABLE: BOTH}))
    return registry.artifacts / run_id / "artifacts" / TABLE


def broken_off(registry: ModelRegistry, by: BaseException) -> Path:
    """The table of a run that ended before its time, whole as yet."""
    with suppress(type(by)), registry._run(RunRecord("a training", files={TABLE: BOTH})) as run_id:
        raise by
    return registry.artifacts / run_id / "artifacts" / TABLE


def cut_off(file: Path) -> Path:
    file.write_bytes(file.read_bytes()[:-50])
    return file


@pytest.mark.parametrize("by", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["failed", "killed"])
def test_what_is_left_of_a_table_goes_as_a_whole(mlruns: Path, by: BaseException) -> None:
    registry, place = ModelRegistry(mlruns), ModelsPlace(ModelRegistry(mlruns))
    left, kept = cut_off(broken_off(registry, by)), stored(registry)
    assert [(holding.rows, holding.files) for holding in place.holdings()] == [(2, 2)]
    assert place.found(ONE) == {"predictions": 1} == place.erase(ONE, DAY)
    assert not left.exists()
    assert pd.read_parquet(kept)["account_id"].tolist() == ["a2"]


def test_what_nobody_reads_goes_as_a_whole_where_it_names_it(mlruns: Path) -> None:
    registry, place = ModelRegistry(mlruns), ModelsPlace(ModelRegistry(mlruns))
    tables = [broken_off(registry, ValueError()), stored(registry)]
    registry.delete_runs([tables[1].parents[2].name])
    assert place.erase(Subject(ACCOUNT, "a3"), DAY) == {}
    assert all(file.exists() for file in tables)
    assert place.erase(ONE, DAY) == {"predictions": 2}
    assert not any(file.exists() for file in tables)


def test_the_table_of_a_run_whose_process_was_killed_is_nobodys_and_of_one_under_way_it_is_not(mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    with registry._run(RunRecord("a training", files={TABLE: BOTH})) as run_id:
        assert not registry.is_nobodys(run_id)
        registry._client().set_tag(run_id, LOCK, "of-no-living-process")
        assert registry.is_nobodys(run_id)


def test_a_table_that_cannot_be_read_is_named(mlruns: Path) -> None:
    registry, place = ModelRegistry(mlruns), ModelsPlace(ModelRegistry(mlruns))
    file = cut_off(stored(registry))
    for asked in (lambda: place.found(ONE), lambda: place.erase(ONE, DAY), lambda: list(place.holdings())):
        with pytest.raises(SourceError, match=f"{file}.*\n.*cannot be read"):
            asked()
    assert file.exists()


def test_a_table_of_a_run_that_the_database_does_not_know_is_named(mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    file = stored(registry)
    lost = shutil.copytree(file.parents[2], registry.artifacts / ("0" * 32))
    with pytest.raises(ModelError, match=r"Restore mlflow\.db from a copy, or remove .*0000"):
        ModelsPlace(registry).erase(ONE, DAY)
    assert (lost / "artifacts" / TABLE).exists()


def test_runs_of_old_lists_are_deleted_and_no_others(mlruns: Path) -> None:
    registry, today = ModelRegistry(mlruns), datetime.now(UTC).date()
    assert registry.list_runs(today) == []
    run_id = registry.log_list(RunRecord("a list", {"snapshot_date": "2026-07-01"}))
    registry.log_run(RunRecord("a backtest", {"rows": 1}))
    assert registry.list_runs(today) == []
    assert registry.list_runs(today + timedelta(days=2)) == [run_id]
    registry.delete_runs([run_id])
    assert registry.list_runs(today + timedelta(days=2)) == []
