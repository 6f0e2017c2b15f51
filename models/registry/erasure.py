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
    """Tables of the trainings that an MLflow folder holds."""

    name = "trainings in MLflow"

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry

    def holdings(self) -> Iterator[Holding]:
        """One for all tables by account."""
        files = self._files()
        if files:
            days = sorted(map(written_on, files))
            rows = sum(parquet.rows_in(file) for file in files)
            yield Holding(self.name, "predictions", (Personal.ACCOUNT,), rows, len(files), days[0], days[-1])

    def found(self, subject: Subject) -> dict[str, int]:
        """Its rows over all trainings."""
        return total({file.stem: parquet.count_of(file, subject.column, subject.id)} for file in self._files())

    def erase(self, subject: Subject, day: date) -> dict[str, int]:  # noqa: ARG002
        """Take its rows out, training by training. Raises ModelError where a table is not as it was stored."""
        counts = [{file.stem: _erase(self._registry, file, subject)} for file in self._files()]
        return total(counts)

    def _files(self) -> list[Path]:
        there = self._registry.artifacts.glob(RUN)
        return sorted(file for file in there if not file.name.startswith(UNFINISHED))


def _erase(registry: ModelRegistry, file: Path, subject: Subject) -> int:
    """Its rows out of one table, which is sealed anew: first the seal, so that a run that is broken off can go on."""
    run_id, count = file.parents[2].name, parquet.count_of(file, subject.column, subject.id)
    if not count:
        return 0
    with whole_file(file, f"Erase rows from {file}.") as new:
        parquet.copy_without(file, new, subject.column, subject.id)
        if registry.seal_of(run_id, file) not in (sha256_of_file(file), sha256_of_file(new)):
            raise ModelError(
                f"Erase rows of a training from {file}.",
                "it is not the file that the run was stored with.",
                "Restore it, or delete that run in MLflow.",
            )
        registry.seal(run_id, file, sha256_of_file(new))
    return count
