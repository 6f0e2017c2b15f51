"""Processes of Headroom on a small base, that are started, killed at a moment, and run to their end."""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TypeVar

from data.simulation.base import simulate
from models.registry.mlflow_store import ModelRegistry
from tests.flows.conftest import ACCOUNTS, END, MONTHS, QUICK, SEED
from tests.house import ROOT
from tests.operations import child

T = TypeVar("T")
MOST_SECONDS = 900
"""So long a command may take on a machine that has much else to do."""


@dataclass
class Home:
    """A working folder with a base, in which commands are run.

    ``variables``: the environment of the commands. ``trains``: the settings of the trainings, small ones if not told;
    none are those of the product. ``temporary`` is where they keep what nobody needs after them.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    trains: Mapping[str, str] = field(default_factory=lambda: QUICK)

    @property
    def out(self) -> Path:
        return self.folder / "published"

    @property
    def mlruns(self) -> Path:
        return self.folder / "mlruns"

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    def start(self, *arguments: object, **variables: str) -> ForkServerProcess:
        """Begin ``headroom ARGUMENTS``."""
        self.temporary.mkdir(exist_ok=True)
        usual = {"TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1", **self.trains, **self.variables}
        process = server().Process(
            target=child.command, args=(tuple(map(str, arguments)), self.folder, usual | variables)
        )
        process.start()
        return process

    def run(self, *arguments: object, **variables: str) -> int:
        """Run it to its end; its exit code."""
        process = self.start(*arguments, **variables)
        process.join(MOST_SECONDS)
        if process.is_alive():
            process.kill()
            raise AssertionError(f"{arguments} did not end: {self.said()[-2000:]}")
        return int(process.exitcode or 0)

    def must(self, *arguments: object, **variables: str) -> None:
        """Run it to its end, which is a good one."""
        code = self.run(*arguments, **variables)
        assert code == 0, f"{arguments} ended with {code}: {self.said()[-2000:]}"

    def alone(self, *arguments: object, **variables: str) -> tuple[list[str], dict[str, str]]:
        """Command line and environment of ``headroom ARGUMENTS`` in a process that is not forked from another."""
        self.temporary.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "HEADROOM_"))}
        usual = {"TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT), **self.variables}
        return [sys.executable, "-m", "flows.cli", *map(str, arguments)], {**kept, **usual, **variables}

    def said(self) -> str:
        """What all commands said."""
        return (self.folder / "said.txt").read_text(encoding="utf-8")

    def leftovers(self) -> list[str]:
        """What lies in the folders of the lists, the models and the temporary files that belongs to nobody."""
        scratch = self.temporary / f"headroom-{os.getuid()}"
        left = list(scratch.glob("*")) if scratch.is_dir() else []
        left += [path for folder in (self.out, self.mlruns, self.out / "writeback") for path in folder.glob(".*")]
        left += [path for path in self.temporary.iterdir() if path != scratch]
        return sorted(str(path.relative_to(self.folder)) for path in left)


@contextmanager
def working_folder(asked: Path | None) -> Iterator[Path]:
    """The folder that was asked for, made where it is not there, which is kept; without one a folder that goes."""
    if asked is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder).resolve()
    else:
        asked.mkdir(parents=True, exist_ok=True)
        yield asked.resolve()


def server() -> multiprocessing.context.ForkServerContext:
    """The process that the others are forked from."""
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # as the product has it, before MLflow is loaded here
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(child.LIBRARIES))
    return context


def killed_after(process: ForkServerProcess, seconds: float, ends: int = 0) -> bool:
    """Kill it after so many seconds; False where it had come to its end before, with the code that it ends with."""
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode in (-signal.SIGKILL, ends), f"it ended by itself, with {process.exitcode}"
    return process.exitcode == -signal.SIGKILL


def base_in(folder: Path) -> Path:
    """The small base of the tests, made once in that folder."""
    warehouse = folder / "warehouse"
    if not warehouse.exists():
        simulate(warehouse, accounts=ACCOUNTS, months=MONTHS, seed=SEED, end=END)
    return warehouse


@contextmanager
def read_meanwhile(out: Path, day: date, folder: Path, url: str = "") -> Iterator[Path]:
    """A reader in a process of its own; what it saw is in the file when the context is left."""
    seen, until = folder / "seen.json", folder / "enough"
    for file in (seen, until):
        file.unlink(missing_ok=True)
    process = server().Process(target=child.read_over_and_over, args=(out, day, url, seen, until))
    process.start()
    try:
        yield seen
    finally:
        until.touch()
        process.join(60)
        assert process.exitcode == 0, f"the reader failed with {process.exitcode}"


def copied(of: Path, to: Path) -> None:
    """A folder as it was."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(of, to)


def afresh(read: Callable[[Path], T], mlruns: Path) -> T:
    """What ``read`` says of a model store, in a process of its own.

    MLflow keeps its database open: a process that has read a store goes on reading it after the folder was replaced.
    """
    with ProcessPoolExecutor(1, mp_context=server()) as process:
        return process.submit(read, mlruns).result()


def registry_faults(mlruns: Path) -> list[str]:
    """What is not whole in the model store: runs that stay RUNNING, versions of killed runs, files that are gone."""
    registry = ModelRegistry(mlruns)
    client = registry._client()
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    states = {run.info.run_id: run.info.status for run in runs}
    faults = [f"run {run_id} stays RUNNING" for run_id, state in states.items() if state == "RUNNING"]
    for row in registry.versions().to_dict("records"):
        if states.get(row["run_id"]) != "FINISHED":
            faults.append(
                f"version {row['version']} ({row['aliases'] or 'no alias'}) is of a run {states.get(row['run_id'])}"
            )
        try:
            registry.load(row["run_id"])
        except Exception as error:
            faults.append(f"version {row['version']}: {error}")
    return faults
