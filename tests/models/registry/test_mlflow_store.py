import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from data.contract.vocabulary import REASONS_PARAMETER, SERVED_SCORES
from data.errors import ModelError
from models.estimators import boosting
from models.estimators.bundle import FORMAT, Bundle, OutdatedModelError
from models.registry.champion import champion_of, promote, rollback
from models.registry.glance import CHAMPION, PREVIOUS, RULE
from models.registry.mlflow_store import ModelRegistry, _mlflow
from models.registry.records import RunRecord
from models.report.run_record import plots_of
from models.scoring.score import score
from models.training.promotion import Choice, Decision
from models.training.train import TrainedModel
from tests.models.mlflow_template import log
from tests.models.planted import FEATURES, history

KEEP = Decision(Choice.KEEP, ("because",), (), "1", 0, {})
OF_JULY = {"snapshot_date": "2026-07-01"}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return history(accounts=60, months=1, seed=9)


def same(one: Bundle, other: Bundle, rows: pd.DataFrame) -> None:
    before, after = score(one, rows), score(other, rows)
    pd.testing.assert_frame_equal(before.scores, after.scores, check_exact=True)
    pd.testing.assert_frame_equal(before.attributions, after.attributions, check_exact=True)


def test_every_bit_comes_back_under_every_name(trained: TrainedModel, mlruns: Path, rows: pd.DataFrame) -> None:
    registry = ModelRegistry(mlruns)
    stored = log(registry, trained, "d1", parameters={"note": "first"})
    for reference in (None, "headroom@champion", "headroom/1", "1", stored.run_id):
        loaded = registry.load(reference)
        assert (loaded.version, loaded.run_id) == ("1", stored.run_id)
        assert loaded.facts == trained.bundle.facts
        same(trained.bundle, loaded, rows)


def test_the_champion_moves_to_the_new_version(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")
    log(registry, trained, "d2", decision=KEEP)
    assert registry.load().version == "1"
    registry.set_champion("2")
    assert registry.load().version == "2"
    named = registry.versions()[["version", "aliases"]].to_numpy().tolist()
    assert named == [["2", "challenger champion"], ["1", "previous_champion"]]


def test_a_model_of_another_name_serves_under_its_own_and_is_no_champion_here(
    trained: TrainedModel, mlruns: Path
) -> None:
    one, other = ModelRegistry(mlruns, "headroom"), ModelRegistry(mlruns, "headroom_demo")
    log(one, trained, "d1")
    for day in ("d1", "d2"):
        log(other, trained, day)
    assert one.load("headroom_demo/2").name == "headroom_demo"
    with pytest.raises(ModelError, match="version 2 of headroom_demo, another model"):
        promote(one, "headroom_demo/2", "a slip")
    with pytest.raises(ModelError, match="version 1 of headroom_demo"):
        promote(one, "headroom_demo/1", "a slip that would have made the wrong version 1 champion")
    assert one.load().version == "1"


def test_by_hand_and_back_again(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    with pytest.raises(ModelError, match="no model has been trained yet"):
        rollback(registry)
    log(registry, trained, "d1")
    with pytest.raises(ModelError, match="no champion before"):
        rollback(registry)
    log(registry, trained, "d2", decision=KEEP)
    assert promote(registry, None, "the list looks right") == ("2", "keep")
    assert rollback(registry) == ("1", "2")
    assert rollback(registry) == ("2", "1")
    champion, _ = champion_of(registry)
    assert champion is not None
    assert len(champion.predictions) == len(trained.predictions)
    tags = registry.tags(registry.load("2").run_id)
    assert tags["headroom.promoted_by_hand"] == "the list looks right"
    assert tags["headroom.because"] == "because"


def test_to_roll_back_to_what_cannot_be_served_is_refused_and_the_champion_stays(
    trained: TrainedModel, mlruns: Path
) -> None:
    registry = ModelRegistry(mlruns)
    first = log(registry, trained, "d1")
    log(registry, trained, "d2")
    stored = mlruns / "artifacts" / first.run_id / "artifacts" / "bundle"
    kept = shutil.copytree(stored, mlruns / "kept")
    (stored / "booster_any.txt").write_text("cut off")
    with pytest.raises(ModelError, match=r"booster_any\.txt is not the one"):
        rollback(registry)
    assert (registry.version_of(CHAMPION), registry.version_of(PREVIOUS)) == ("2", "1")
    shutil.copytree(kept, stored, dirs_exist_ok=True)
    assert rollback(registry) == ("1", "2")


def test_a_champion_of_another_version_of_headroom_holds_no_successor_back(
    trained: TrainedModel, mlruns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = ModelRegistry(mlruns)
    assert champion_of(registry) == (None, "there is no champion")
    log(registry, trained, "d1")
    monkeypatch.setattr("models.estimators.bundle.FORMAT", FORMAT + 1)
    with pytest.raises(OutdatedModelError, match=f"format {FORMAT}, and this version of Headroom reads {FORMAT + 1}"):
        registry.load()
    champion, why = champion_of(registry)
    assert champion is None
    assert why.startswith("the champion, version 1, can no longer be served: its files are of format")
    stored = log(registry, trained, "d2")
    assert registry.load().version == stored.version == "2"


def test_a_champion_that_was_changed_is_no_missing_one(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    stored = log(registry, trained, "d1")
    booster = mlruns / "artifacts" / stored.run_id / "artifacts" / "bundle" / "booster_any.txt"
    booster.write_text(booster.read_text() + "\n")
    with pytest.raises(ModelError, match=r"booster_any\.txt is not the one"):
        champion_of(registry)


def test_an_unknown_model_is_answered_with_what_is_there(trained: TrainedModel, mlruns: Path, tmp_path: Path) -> None:
    registry = ModelRegistry(mlruns)
    stored = log(registry, trained, "d1")
    for reference in ("headroom@contender", "other/1", "7", "0" * 32):
        with pytest.raises(ModelError) as refused:
            registry.load(reference)
        assert f"headroom/1 @challenger @champion (run {stored.run_id})" in refused.value.found
    with pytest.raises(ModelError, match="no model has been trained yet"):
        ModelRegistry(tmp_path / "nowhere").load()
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_was_moved_still_works(
    trained: TrainedModel, mlruns: Path, tmp_path: Path, rows: pd.DataFrame
) -> None:
    first = log(ModelRegistry(mlruns), trained, "d1")
    moved = tmp_path / "another place"
    shutil.move(mlruns, moved)
    registry = ModelRegistry(moved)
    same(first, registry.load(), rows)
    second = log(registry, trained, "d2")
    assert (moved / "artifacts" / second.run_id / "artifacts" / "bundle" / "bundle.json").exists()
    assert not mlruns.exists()
    shutil.rmtree(moved / "artifacts" / first.run_id)
    with pytest.raises(ModelError, match="no files of it"):
        registry.load("1")


def test_an_experiment_that_was_deleted_in_mlflow_is_restored_and_that_is_said(
    trained: TrainedModel, mlruns: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry, a_list = ModelRegistry(mlruns), RunRecord("a list", OF_JULY, tags=OF_JULY)
    first = log(registry, trained, "d1")
    listed = registry.log_list(a_list)
    client = registry._client()
    for name in ("headroom", "headroom lists"):
        client.delete_experiment(client.get_experiment_by_name(name).experiment_id)
    assert log(registry, trained, "d2").version == "2"
    assert registry.log_list(a_list) == listed
    assert [record.getMessage() for record in caplog.records] == [
        f"the experiment {name} had been deleted in MLflow, and is restored with its runs"
        for name in ("headroom", "headroom lists")
    ]
    assert client.get_run(first.run_id).info.lifecycle_stage == "active"
    client.delete_experiment(client.get_experiment_by_name("headroom").experiment_id)
    moved = ModelRegistry(shutil.move(mlruns, tmp_path / "another place"))
    assert log(moved, trained, "d3").version == "3"


def test_to_write_to_a_run_that_was_deleted_in_mlflow_is_refused_in_words(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")
    second = log(registry, trained, "d2", decision=KEEP)
    registry._client().delete_run(second.run_id)
    with pytest.raises(ModelError, match="mlflow runs restore") as told:
        promote(registry, "2", "the list looks right")
    assert second.run_id in told.value.found
    assert registry.version_of(CHAMPION) == "1"
    registry._client().restore_run(second.run_id)
    assert promote(registry, "2", "the list looks right") == ("2", "keep")


def test_what_is_recorded(trained: TrainedModel, mlruns: Path) -> None:
    stored = log(ModelRegistry(mlruns), trained, "d1", plots=plots_of(trained), parameters={"config": "c1"})
    run = ModelRegistry(mlruns)._client().get_run(stored.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["1_lead/auc"] == pytest.approx(trained.metrics["auc"])
    assert run.data.params["data_fingerprint"] == "d1"
    assert run.data.params["config"] == "c1"
    assert run.data.params["boosting.num_leaves"] == str(trained.settings.boosting.num_leaves)
    series = ModelRegistry(mlruns)._client().get_metric_history(stored.run_id, "4_by_snapshot/auc")
    assert sorted(point.step for point in series) == [0, 1, 2]
    folder = mlruns / "artifacts" / stored.run_id / "artifacts"
    assert {p.stem for p in (folder / "plots").iterdir()} == {
        "calibration",
        "gains",
        "bench",
        "months",
        "deciles",
        "shap_summary",
    }
    assert json.loads((folder / "features.json").read_text()) == FEATURES
    assert not list(folder.rglob("*.pkl"))
    signature = _mlflow().models.Model.load(str(folder / "model")).signature
    assert [(c.name, c.required) for c in signature.inputs] == [
        (name, True) for name in ("account_id", "snapshot_date", *FEATURES)
    ]
    assert [(c.name, str(c.type)) for c in signature.outputs][2:] == [
        (name, "DataType.double") for name in SERVED_SCORES
    ]
    assert [(p.name, p.default) for p in signature.params] == [(REASONS_PARAMETER, 0)]


def test_mlflow_itself_finds_the_champion(trained: TrainedModel, mlruns: Path, rows: pd.DataFrame) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")
    mlflow = _mlflow()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{registry.database}")
    try:
        booster = mlflow.lightgbm.load_model("models:/headroom@champion")
    finally:
        mlflow.set_tracking_uri(before)
    assert (
        boosting.log_odds(booster, rows[FEATURES]) == boosting.log_odds(trained.bundle.booster, rows[FEATURES])
    ).all()


def test_a_failure_leaves_the_old_champion(
    trained: TrainedModel, mlruns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ModelRegistry, "_register", full)
    with pytest.raises(OSError, match="disk full"):
        log(registry, trained, "d2")
    assert registry.load().version == "1"
    assert len(registry.versions()) == 1


def test_files_that_were_changed_are_not_served(trained: TrainedModel) -> None:
    files = trained.bundle.to_files()
    with pytest.raises(ModelError, match=r"booster_any\.txt is not the one"):
        Bundle.from_files(files | {"booster_any.txt": files["booster_seat.txt"]})
    with pytest.raises(ModelError, match=r"no booster_upsell\.txt"):
        Bundle.from_files({name: text for name, text in files.items() if name != "booster_upsell.txt"})
    with pytest.raises(ModelError, match="format 0"):
        Bundle.from_files({"bundle.json": '{"format": 0}'})


@pytest.mark.parametrize("failing", ["pages", "set_champion"])
def test_a_second_try_leaves_one_version_and_not_two(
    trained: TrainedModel, mlruns: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")

    def fail(*_: object) -> dict[str, str]:
        raise OSError("the disk is full")

    pages = fail if failing == "pages" else lambda _: {}
    with monkeypatch.context() as patch:
        if failing == "set_champion":
            patch.setattr(registry, "set_champion", fail)
        with pytest.raises(OSError, match="the disk is full"):
            registry.log_model(trained.bundle, RunRecord("a run"), pages=pages)
    assert registry.versions()[["version", "aliases"]].to_numpy().tolist() == [["1", "challenger champion"]]
    log(registry, trained, "d2")
    assert registry.versions().aliases.tolist() == ["challenger champion", "previous_champion"]


@pytest.mark.parametrize("by", [OSError("database is locked"), KeyboardInterrupt()], ids=["failed", "killed"])
def test_a_model_that_serves_by_then_is_not_taken_away(
    trained: TrainedModel, mlruns: Path, monkeypatch: pytest.MonkeyPatch, by: BaseException
) -> None:
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")
    set_alias = registry.set_alias

    def broken_off(version: str, alias: str) -> None:
        set_alias(version, alias)
        if alias in (CHAMPION, RULE):
            raise by

    with monkeypatch.context() as patch:
        patch.setattr(registry, "set_alias", broken_off)
        with pytest.raises(type(by)):
            registry.log_model(trained.bundle, RunRecord("a run"))
        with pytest.raises(type(by)):
            registry.log_rule(trained.bundle)
    assert registry.load().version == "2"
    assert registry.versions().aliases.tolist() == ["rule", "champion", "challenger previous_champion"]
    assert {status_of(registry, run_id) for run_id in registry.versions().run_id} == {"FINISHED"}
    log(registry, trained, "d3")
    assert [term.version for term in registry.terms()] == ["1", "2", "4"]
    assert rollback(registry) == ("2", "4")


def status_of(registry: ModelRegistry, run_id: str) -> str:
    return str(registry._client().get_run(run_id).info.status)


def test_a_run_that_was_killed_is_marked_so_unless_its_version_stays(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    runs = [log(registry, trained, "d1").run_id, registry.log_run(RunRecord("a run"))]
    for run_id in runs:
        registry._client().update_run(run_id, status="RUNNING")
    registry.log_run(RunRecord("the next"))
    assert [status_of(registry, str(run_id)) for run_id in runs] == ["FINISHED", "KILLED"]


def test_to_roll_back_is_refused_where_the_one_before_is_the_present_one(
    trained: TrainedModel, mlruns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is after a promotion that was broken off between the two aliases."""
    registry = ModelRegistry(mlruns)
    log(registry, trained, "d1")
    log(registry, trained, "d2", decision=KEEP)
    set_alias = registry.set_alias

    def broken_off(version: str, alias: str) -> None:
        if alias == CHAMPION:
            raise KeyboardInterrupt
        set_alias(version, alias)

    with monkeypatch.context() as patch:
        patch.setattr(registry, "set_alias", broken_off)
        with pytest.raises(KeyboardInterrupt):
            registry.set_champion("2")
    assert (registry.version_of(CHAMPION), registry.version_of(PREVIOUS)) == ("1", "1")
    with pytest.raises(ModelError, match="no champion before the present one; headroom/2 @challenger"):
        rollback(registry)
    registry.set_champion("2")
    assert rollback(registry) == ("1", "2")


# --- a database that another MLflow wrote -----------------------------------------------------------------------------

OPENINGS: dict[str, Callable[[ModelRegistry], object]] = {
    "load": lambda registry: registry.load(),
    "versions": lambda registry: registry.versions(),
    "open": lambda registry: registry.open(),
    "has_champion": lambda registry: registry.has_champion(),
    "log_run": lambda registry: registry.log_run(RunRecord("a run")),
    "log_list": lambda registry: registry.log_list(RunRecord("a list", {"snapshot_date": "2026-07-01"})),
    "note": lambda registry: registry.note("a run", "a tag", "a text"),
}


OF_MLFLOW_1 = "451aebb31d03"
"""The schema of an early MLflow, which every later one knows how to bring up to date."""


def with_schema(folder: Path, schema: str) -> ModelRegistry:
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
        connection.execute("update alembic_version set version_num = ?", [schema])
    return ModelRegistry(folder)


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
@pytest.mark.parametrize(
    ("is_known", "todo"),
    [
        (True, "Make a copy of it, then run `mlflow db upgrade"),
        (False, "Install the MLflow that wrote it, or a later one, then run `mlflow db"),
    ],
)
def test_a_database_of_another_mlflow_is_told_of_and_how_it_is_brought_up_to_date(
    mlruns: Path, opening: Callable[[ModelRegistry], object], is_known: bool, todo: str
) -> None:
    registry = with_schema(mlruns, OF_MLFLOW_1 if is_known else "0123456789ab")
    before = (mlruns / "mlflow.db").read_bytes()
    with pytest.raises(ModelError, match=f"written by another version of MLflow.*\n.*{todo}") as told:
        opening(registry)
    assert f"sqlite:///{mlruns / 'mlflow.db'}" in told.value.todo
    assert (mlruns / "mlflow.db").read_bytes() == before


def test_the_mlflow_that_stored_the_latest_model_is_named(trained: TrainedModel, mlruns: Path) -> None:
    log(ModelRegistry(mlruns), trained, "d1")
    (stored,) = mlruns.glob("artifacts/*/artifacts/model/MLmodel")
    stored.write_text(re.sub("mlflow_version: .*", "mlflow_version: 2.9.2", stored.read_text()), encoding="utf-8")
    later = shutil.copytree(mlruns, mlruns.with_name("later"))  # a process looks at the schema of a database once
    with pytest.raises(ModelError, match=r"mlflow\.db was written by MLflow 2\.9\.2 \(its schema is 0123456789ab\)"):
        with_schema(later, "0123456789ab").load()


def test_what_is_no_database_is_told_of(mlruns: Path) -> None:
    (mlruns / "mlflow.db").write_text("not a database, though it is long enough for one" * 100, encoding="utf-8")
    with pytest.raises(ModelError, match=r"mlflow\.db cannot be read: file is not a database"):
        ModelRegistry(mlruns).versions()


def test_a_database_that_took_long_to_make_is_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.registry.mlflow_store.MADE_WITHIN_SECONDS", -1)
    monkeypatch.setattr(ModelRegistry, "_make_alone", lambda registry: registry.database.touch())
    ModelRegistry(tmp_path)._make_database()
    assert (tmp_path / "mlflow.db").exists()
