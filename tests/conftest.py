"""What the tests of all rooms share."""

import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import flows  # noqa: F401  prepares the environment before anything imports Prefect or MLflow
from tests.models.mlflow_template import migrated_database

ROOT = Path(__file__).parents[1]
CACHES = {"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
TOGETHER = {"mlflow_database": "models", "simulated": "engines", "postgres": "engines", "prefect_server": "prefect"}
"""Fixtures that take long, and the group of those who ask for them: all of a group run in one worker."""
BEFORE = pytest.StashKey[set[str]]()

# No test is timed, and a red run can be run again: the same examples every time.
settings.register_profile("headroom", deadline=None, derandomize=True)
settings.load_profile("headroom")


def pytest_sessionstart(session: pytest.Session) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        session.config.stash[BEFORE] = written()


def written() -> set[str]:
    """The files in this checkout that are not of the repository, caches of tools aside; none where there is no git."""
    try:
        status = ["git", "status", "--porcelain", "--ignored=matching", "--untracked-files=all"]
        lines = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return set()
    paths = {line[3:] for line in lines if line.startswith(("??", "!!"))}
    return {path for path in paths if CACHES.isdisjoint(Path(path).parts)}


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """A test that writes into the checkout fails the run."""
    yield
    new = written() - session.config.stash.get(BEFORE, set())
    if BEFORE in session.config.stash and new:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nThe tests wrote into the checkout: {', '.join(sorted(new))}. Give them a folder of their own.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file run in one process, and so do all that share what is long in the making."""
    for item in items:
        groups = [group for name, group in TOGETHER.items() if name in getattr(item, "fixturenames", ())]
        item.add_marker(pytest.mark.xdist_group(groups[0] if groups else item.path.relative_to(ROOT).as_posix()))


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
