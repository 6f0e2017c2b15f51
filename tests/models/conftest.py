from pathlib import Path

import pytest

from models.training.train import TrainedModel, train
from tests.models import planted
from tests.models.mlflow_template import folder_with


@pytest.fixture
def mlruns(mlflow_database: Path, tmp_path: Path) -> Path:
    """A folder for models of one test."""
    return folder_with(mlflow_database, tmp_path / "mlruns")


@pytest.fixture(scope="session")
def trained() -> TrainedModel:
    return train(planted.history(), planted.FEATURES, planted.QUICK)
