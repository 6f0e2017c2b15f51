"""A migrated MLflow database to copy: migrating a new one takes seconds, a copy takes milliseconds."""

import shutil
from pathlib import Path
from typing import Any

from models.estimators.bundle import Bundle
from models.registry.mlflow_store import ModelRegistry
from models.report.run_record import model_record
from models.training.promotion import Choice, Decision
from models.training.train import TrainedModel


def migrated_database(folder: Path) -> Path:
    """Make an empty, migrated `mlflow.db` in this folder. Once per session is enough."""
    registry = ModelRegistry(folder)
    registry.open()
    return registry.database


def folder_with(database: Path, folder: Path) -> Path:
    """A folder for models with a copy of the database."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(database, folder / "mlflow.db")
    return folder


def log(
    registry: ModelRegistry, trained: TrainedModel, fingerprint: str, decision: Decision | None = None, **more: Any
) -> Bundle:
    """Store a trained model as the flow does; without a decision it becomes the champion."""
    record = model_record(trained, fingerprint, decision=decision, **more)
    is_to_serve = decision is None or decision.choice is Choice.PROMOTE
    return registry.log_model(trained.bundle, record, champion=lambda: is_to_serve)
