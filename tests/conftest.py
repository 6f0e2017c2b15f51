"""What the tests of all rooms share."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

import flows  # noqa: F401  prepares the environment before anything imports Prefect or MLflow
from tests.models.mlflow_template import migrated_database

ROOT = Path(__file__).parents[1]

# No test is timed, and a red run can be run again: the same examples every time.
settings.register_profile("headroom", deadline=None, derandomize=True)
settings.load_profile("headroom")


def pytest_collection_finish() -> None:
    """What the imports made stays to the end: the collector need not look through it a thousand times."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated MLflow database, to copy."""
    return migrated_database(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="session")
def bases() -> Path:
    """The folder of the customer bases that nobody here wrote; tests that need it say so when it is not there."""
    folder = Path(os.environ.get("HEADROOM_BASES", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the shared customer bases are not there ({folder}); HEADROOM_BASES names their folder")
    return folder
