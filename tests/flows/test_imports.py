"""What a command imports: no more than it needs, so that help, refusals and lists come at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TABLES = frozenset({"pandas", "ibis", "duckdb", "psycopg", "pyspark"})
MODELS = frozenset({"lightgbm", "sklearn", "scipy", "numba", "optuna", "shap", "matplotlib", "mlflow"})
PREFECT = frozenset({"prefect"})

ENDS = """
import atexit, sys
atexit.register(lambda: print("IMPORTED", *sorted(name for name in sys.modules if "." not in name)))
from flows.cli import main
main()
"""


def imported(folder: Path, *arguments: object, code: int = 0) -> set[str]:
    """The libraries that a process has imported when its command ends, in an empty working folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEADROOM_"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), environment.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-c", ENDS, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    return set(ran.stdout.splitlines()[-1].removeprefix("IMPORTED").split())


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    assert not imported(tmp_path, "--help") & (TABLES | MODELS | PREFECT)


@pytest.mark.parametrize("command", ["check", "train", "score", "backtest", "record"])
def test_a_source_that_is_not_there_is_told_before_anything_heavy(command: str, tmp_path: Path) -> None:
    assert not imported(tmp_path, command, "--source", "nowhere", code=1) & (TABLES | MODELS | PREFECT)


def test_a_model_that_is_not_there_is_told_before_anything_heavy(tmp_path: Path, warehouse: Path) -> None:
    assert not imported(tmp_path, "score", "--source", warehouse, code=1) & (TABLES | MODELS | PREFECT)


def test_the_list_in_the_terminal_needs_no_engine_and_no_model(tmp_path: Path, published: Path) -> None:
    assert not imported(tmp_path, "top", "--out", published.parent) & ((TABLES | MODELS | PREFECT) - {"pandas"})


def test_a_check_of_the_tables_needs_no_model(tmp_path: Path, warehouse: Path) -> None:
    """Sums over accounts and months, which say whether the company is ready, take scipy's sparse matrices."""
    assert not imported(tmp_path, "check", "--source", warehouse) & (MODELS - {"scipy"} | PREFECT)


def test_what_is_wrong_with_the_base_is_told_before_a_model_is_loaded(
    tmp_path: Path, spoilt: Path, trained_mlruns: Path
) -> None:
    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    (spoilt / "accounts.parquet").unlink()
    assert not imported(tmp_path, "score", "--source", spoilt, code=1) & (MODELS | PREFECT)


@pytest.mark.slow
def test_a_score_needs_no_prefect_and_nothing_that_only_training_needs(
    tmp_path: Path, warehouse: Path, trained_mlruns: Path
) -> None:
    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    libraries = imported(tmp_path, "score", "--source", warehouse, "--snapshot-date", "2026-01-01")
    assert "lightgbm" in libraries, "the list of libraries is one"
    assert not libraries & {"prefect", "matplotlib", "shap", "optuna"}
