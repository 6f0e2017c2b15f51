"""A migrated MLflow database to copy: migrating a new one takes seconds, a copy takes milliseconds."""

import shutil
from pathlib import Path

from models.registry.mlflow_store import Registry


def migrated_database(folder: Path) -> Path:
    """Make an empty, migrated `mlflow.db` in this folder. Once per session is enough."""
    registry = Registry(folder)
    registry.open()
    return registry.database


def folder_with(database: Path, folder: Path) -> Path:
    """A folder for models with a copy of the database."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(database, folder / "mlflow.db")
    return folder
