"""Predictions of one account are taken out of what trainings stored: what was foretold of it, and what came."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from data.atomic import UNFINISHED, whole_file
from data.contract.vocabulary import Personal
from data.digests import sha256_of_file
from data.erasure import parquet
from data.erasure.places import Holding, Subject, total, written_on
from data.errors import ModelError
from models.registry.mlflow_store import TABLES, ModelRegistry

RUN = f"*/artifacts/{TABLES}/*.parquet"
"""The tables of all runs, under the folder of artifacts."""


class ModelsPlace:
    """Tables of the trainings that an MLflow folder holds, and what is left of one that a training did not finish."""

    name = "trainings in MLflow"

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry

    def holdings(self) -> Iterator[Holding]:
        """One for all tables by account."""
        whole, left = self._files()
        if whole or left:
            days = sorted(map(written_on, (*whole, *left)))
            rows = sum(parquet.rows_in(file) for file in whole)
            yield Holding(self.name, "predictions", (Personal.ACCOUNT,), rows, len(days), days[0], days[-1])

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows over all trainings."""
        whole, _ = self._files()
        return total({file.stem: parquet.count_of(file, subject.column, subject.id)} for file in whole)

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take its rows out, training by training; what is left of a table goes, whoever is in it, and is not counted.

        Raises ModelError where a table is not as it was stored.
        """
        whole, left = self._files()
        for file in left:
            file.unlink()
        return total([{file.stem: _erase(self._registry, file, subject)} for file in whole])

    def _files(self) -> tuple[list[Path], list[Path]]:
        """The tables; and apart from them those that are cut off, and nobody's."""
        there = sorted(self._registry.artifacts.glob(RUN))
        tables = [file for file in there if not file.name.startswith(UNFINISHED)]
        left = [file for file in tables if parquet.is_cut_off(file) and self._registry.is_nobodys(_run_of(file))]
        return [file for file in tables if file not in left], left


def _run_of(file: Path) -> str:
    return file.parents[2].name


def _erase(registry: ModelRegistry, file: Path, subject: Subject) -> int:
    """Its rows out of one table, which is sealed anew: first the seal, so that a run that is broken off can go on.

    A table that is nobody's goes as a whole.
    """
    run_id, count = _run_of(file), parquet.count_of(file, subject.column, subject.id)
    if not count:
        return 0
    if registry.is_nobodys(run_id):
        file.unlink()
        return count
    with whole_file(file, f"Erase rows from {file}.") as new:
        parquet.copy_without(file, new, subject.column, subject.id)
        if registry.seal_of(run_id, file) not in (sha256_of_file(file), sha256_of_file(new)):
            raise ModelError(
                f"Erase rows of a training from {file}.",
                "it is not the file that the run was stored with.",
                "Restore it, or delete that run and its version in MLflow.",
            )
        registry.seal(run_id, file, sha256_of_file(new))
    return count
