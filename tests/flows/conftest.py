"""A small simulated base, a model trained on it, and the command line run in this process."""

import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from data.ledger.rules import ExpansionRules
from data.simulation.base import simulate
from data.sources.known import KnownBase
from tests.models.mlflow_template import folder_with

END = date(2026, 1, 1)
ACCOUNTS, MONTHS, SEED = 250, 20, 3
QUICK = {
    "HEADROOM_TRAINING__ORIGINS": "2",
    "HEADROOM_TRAINING__WARM_UP_ORIGINS": "1",
    "HEADROOM_TRAINING__DEFAULT_ROUNDS": "40",
    "HEADROOM_TRAINING__MAX_ROUNDS": "60",
    "HEADROOM_TRAINING__MOTION_DEFAULT_ROUNDS": "20",
    "HEADROOM_TRAINING__MOTION_MAX_ROUNDS": "30",
}
"""A training that is small in everything but its parts."""


UNDER_PREFECT = ("test_prefect_runs.py", "test_under_prefect.py", "test_sweep.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where slow tests are left out, those that import Prefect are not even read: that takes each worker seconds."""
    return (collection_path.name in UNDER_PREFECT and "not slow" in config.option.markexpr) or None


@dataclass(frozen=True)
class Ran:
    """What a command did: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


Headroom = Callable[..., Ran]
KEPT: dict[object, list[Any]] = {}


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Prefect's own server for tests, for those that ask what a run looks like there; the others need none."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated base as Parquet. Shared: copy it before changing it."""
    folder = tmp_path_factory.mktemp("base") / "warehouse"
    simulate(folder, accounts=ACCOUNTS, months=MONTHS, seed=SEED, end=END)
    return folder


@contextmanager
def kept_rows() -> Iterator[None]:
    """The rows of tables that are as they were are built once in a session: for tests of what comes after a build."""
    from features.build.build import Shard, build
    from flows.stages import inputs

    def kept(base: KnownBase, dates: list[date], rules: ExpansionRules, **asked: Any) -> Iterator[Shard]:
        key = (base.state, tuple(dates), rules, asked.get("for_list"))
        if base.state is None:
            return build(base, dates, rules, **asked)
        if key not in KEPT:
            KEPT[key] = list(build(base, dates, rules, **asked))
        return iter(KEPT[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "build", kept)
        yield


@pytest.fixture
def rows_are_kept() -> Iterator[None]:
    with kept_rows():
        yield


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """Who runs the tests may ignore signals (nohup, a shell's `&`), and what a test starts would ignore them too."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    ignored = [number for number in usual if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, usual[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def headroom(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Headroom:
    """Run ``headroom ARGUMENTS`` in an empty working folder."""
    from flows.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["headroom", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(scope="session")
def trained_mlruns(warehouse: Path, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The MLflow folder after one training on the small base. Shared: copy it before training again."""
    from flows.pipelines.train import train

    folder = folder_with(mlflow_database, tmp_path_factory.mktemp("trained") / "mlruns")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADROOM_MLRUNS", str(folder))
        patch.setenv("HEADROOM_REPORTS", str(folder.with_name("reports")))
        for name, value in QUICK.items():
            patch.setenv(name, value)
        train(source=f"parquet://{warehouse}", snapshot_date=END)
    return folder


@pytest.fixture(scope="session")
def published(trained_mlruns: Path, warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published snapshot of the small base. Shared: it is only read."""
    from flows.pipelines.score import score

    out = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADROOM_MLRUNS", str(trained_mlruns))
        return score(source=f"parquet://{warehouse}", snapshot_date=END, out=out)["folder"]


def publish_days(mlruns: Path, warehouse: Path, out: Path, days: Iterable[date]) -> Path:
    """The lists of these days of the small base in ``out``, by the model of the one training."""
    from flows.pipelines.score import score

    with pytest.MonkeyPatch.context() as patch, kept_rows():
        patch.setenv("HEADROOM_MLRUNS", str(mlruns))
        for day in days:
            score(source=f"parquet://{warehouse}", snapshot_date=day, out=out, model="1")
    return out


@pytest.fixture
def with_model(trained_mlruns: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trained model is the one that commands find."""
    monkeypatch.setenv("HEADROOM_MLRUNS", str(trained_mlruns))


@pytest.fixture
def spoilt(warehouse: Path, tmp_path: Path) -> Path:
    """A copy of the base to spoil."""
    folder = tmp_path / "spoilt"
    shutil.copytree(warehouse, folder)
    return folder
