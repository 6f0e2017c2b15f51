"""The look at the database without MLflow: it never says that a model is not there that is."""

import sqlite3
from pathlib import Path

from models.registry.glance import CHAMPION, DATABASE, RULE, surely_lacks
from models.registry.mlflow_store import ModelRegistry
from models.training.train import TrainedModel
from tests.models.mlflow_template import log


def test_it_sees_what_the_registry_sees(trained: TrainedModel, mlruns: Path) -> None:
    assert surely_lacks(mlruns, "headroom", [CHAMPION])
    log(ModelRegistry(mlruns), trained, "d1")
    assert not surely_lacks(mlruns, "headroom", [CHAMPION])
    assert not surely_lacks(mlruns, "headroom", [RULE, CHAMPION])
    assert surely_lacks(mlruns, "headroom", [RULE])
    assert surely_lacks(mlruns, "another", [CHAMPION])


def test_a_folder_without_a_database_has_no_models(tmp_path: Path) -> None:
    assert surely_lacks(tmp_path / "mlruns", "headroom", [CHAMPION])
    assert not (tmp_path / "mlruns").exists()


def test_what_it_cannot_read_it_leaves_to_mlflow(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / DATABASE).close()
    assert not surely_lacks(tmp_path, "headroom", [CHAMPION]), "no such table"
    (tmp_path / DATABASE).write_text("no database")
    assert not surely_lacks(tmp_path, "headroom", [CHAMPION])
