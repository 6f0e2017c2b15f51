"""Where trained models are kept: MLflow in a folder of this machine. The one module that knows mlflow.

    FOLDER/mlflow.db                                     runs, figures, versions, aliases
    FOLDER/artifacts/RUN/artifacts/bundle/               all that scoring needs: boosters as text, the rest as JSON
                                  .../model/             the booster as an MLflow model with signature
                                  .../plots/  tables/    what is known about it

A folder that was moved or copied still works: a run's files are looked up under the folder first, then where the
database remembers them. mlflow takes seconds to import, so it is loaded when it is needed.
"""

import hashlib
import io
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlparse

import numpy as np
import pandas as pd

from data.errors import ModelError
from models.estimators.bundle import DESCRIPTION, Bundle
from models.registry.glance import CHALLENGER, CHAMPION, DATABASE, PREVIOUS, RULE

DEFAULT_NAME = "headroom"
DECISION, BECAUSE, PROMOTED = "headroom.decision", "headroom.because", "headroom.promoted_by_hand"
"""Tags of a run: what was decided about it, why, and why somebody promoted it."""
SHA256 = "headroom.sha256"
"""Head of the tags of a run that hold the hash of a file of it."""
BUNDLE, TABLES, PLOTS = "bundle", "tables", "plots"
"""Folders of a run."""
SEALED = (f"{BUNDLE}/{DESCRIPTION}", f"{TABLES}/predictions.parquet")
"""Files that are read again: what is served (the description has the hashes of the boosters), and what is compared."""
MOST_METRICS, MOST_PARAMETERS, LONGEST_TAG = 1000, 100, 5000
"""What MLflow takes in one batch, and of one tag."""
_REQUIREMENTS = ("mlflow", "lightgbm", "numpy", "pandas")

Content = str | bytes | pd.DataFrame
"""What a file holds: text, bytes, or a frame, which is written as the file's suffix says (.csv, .parquet)."""


class Figure(NamedTuple):
    """One number about a model; ``step`` counts the reported snapshots where it is one of a series."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class RunRecord:
    """What is stored about one run, in plain values. ``files``: their place under the run's artifacts to content."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    files: Mapping[str, Content] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def _mlflow() -> Any:
    """mlflow, quiet and without telemetry."""
    os.environ.setdefault("DO_NOT_TRACK", "true")  # mlflow wants the word, not a 1
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about itself while it is imported
        import mlflow
        import mlflow.pyfunc

    return mlflow


class ModelRegistry:
    """The models of one folder. ``name`` is that of the registered model and of the experiment."""

    def __init__(self, folder: Path, name: str = DEFAULT_NAME) -> None:
        self.folder, self.name = folder.resolve(), name

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def log_model(
        self,
        bundle: Bundle,
        record: RunRecord,
        *,
        champion: bool = True,
        pages: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> Bundle:
        """Store a trained model as a new version, the challenger, and return its bundle with version and run id.

        ``record``: what else is known about it; ``pages``: from the new version to more files of the run. If it is to
        be the ``champion``, it becomes so last of all: a failure leaves the old one.
        """
        with self._run(record) as run_id:
            self._attach_bundle(run_id, bundle)
            with tempfile.TemporaryDirectory() as folder:
                _save_model(Path(folder) / "model", bundle)
                self._client().log_artifacts(run_id, folder)
            version = self._register(run_id)
            self.attach(run_id, pages(version))
            self.set_alias(version, CHALLENGER)
        if champion:
            self.set_champion(version)
        return bundle.registered(version, run_id, self.name)

    def log_rule(self, bundle: Bundle) -> Bundle:
        """Store a rule that stands in for a model as a new version, under the alias ``rule``; never the champion."""
        facts = {f"fact.{name}": value for name, value in bundle.facts.items()}
        with self._run(RunRecord(f"rule {bundle.facts['last_snapshot']}", facts)) as run_id:
            self._attach_bundle(run_id, bundle)
            version = self._register(run_id)
        self.set_alias(version, RULE)
        return bundle.registered(version, run_id, self.name)

    def log_run(self, record: RunRecord) -> str:
        """Store what was found out without a model. Its run id."""
        with self._run(record) as run_id:
            return run_id

    @contextmanager
    def _run(self, record: RunRecord) -> Iterator[str]:
        """A new run that holds the record; it has failed if what follows fails."""
        client = self._client()
        run_id = str(client.create_run(self._experiment(client), run_name=record.name).info.run_id)
        try:
            _log_values(client, run_id, record.parameters, record.figures)
            for tag, text in record.tags.items():
                self.note(run_id, tag, text)
            self.attach(run_id, record.files)
            yield run_id
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")

    def attach(self, run_id: str, files: Mapping[str, Content]) -> None:
        """Add files to a run, by their place under its artifacts; those that are read again are sealed by a hash."""
        client = self._client()
        with tempfile.TemporaryDirectory() as folder:
            for place, content in files.items():
                path = Path(folder) / place
                path.parent.mkdir(parents=True, exist_ok=True)
                written = _as_bytes(place, content)
                path.write_bytes(written)
                if place in SEALED:
                    client.set_tag(run_id, f"{SHA256}/{place}", hashlib.sha256(written).hexdigest())
            client.log_artifacts(run_id, folder)

    def _attach_bundle(self, run_id: str, bundle: Bundle) -> None:
        """What scoring needs, in a folder of its own."""
        self.attach(run_id, {f"{BUNDLE}/{name}": text for name, text in bundle.to_files().items()})

    def has_champion(self) -> bool:
        """Is there a model to serve?"""
        return self.has(CHAMPION)

    def set_champion(self, version: str) -> None:
        """Make a version the champion; the one before it stays known as the previous champion."""
        if self.has_champion():
            before, _ = self.find(f"{self.name}@{CHAMPION}")
            if before != version:
                self.set_alias(before, PREVIOUS)
        self.set_alias(version, CHAMPION)

    def has(self, alias: str) -> bool:
        """Does a version of this model bear the alias?"""
        there = self.versions()
        own = there[there.name == self.name]
        return any(alias in str(aliases).split(" ") for aliases in own.aliases)

    def tags(self, run_id: str) -> dict[str, str]:
        """What was noted at a run."""
        return dict(self._client().get_run(run_id).data.tags)

    def note(self, run_id: str, tag: str, text: str) -> None:
        """Note something at a run."""
        self._client().set_tag(run_id, tag, text[:LONGEST_TAG])

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """A Parquet table of a run. Raises ModelError if its files are gone or were changed."""
        file = self.folder_of(f"tables of run {run_id}", run_id, TABLES) / f"{name}.parquet"
        self._require_sealed(run_id, file)
        return pd.read_parquet(file)

    def load(self, reference: str | None = None) -> Bundle:
        """The model that ``NAME@ALIAS``, ``NAME/VERSION``, ``VERSION`` or a run id stands for (default: the champion).

        Raises ModelError, saying what there is, if it is unknown or its files are gone or were changed.
        """
        asked = reference or f"{self.name}@{CHAMPION}"
        row = self._row_of(asked)
        version, run_id, name = (str(row[part]) for part in ("version", "run_id", "name"))
        return Bundle.from_files(self._files(asked, run_id)).registered(version, run_id, name)

    def versions(self) -> pd.DataFrame:
        """One row per version, latest first: name, version, run_id, aliases (joined by blanks), created_at (UTC)."""
        columns = ["name", "version", "run_id", "aliases", "created_at"]
        if not self.database.exists():
            return pd.DataFrame(columns=columns)
        client = self._client()
        aliases: dict[tuple[str, str], list[str]] = {}
        for model in client.search_registered_models():
            for alias, version in model.aliases.items():
                aliases.setdefault((model.name, str(version)), []).append(alias)
        rows = [
            {
                "name": v.name,
                "version": str(v.version),
                "run_id": v.run_id,
                "aliases": " ".join(sorted(aliases.get((v.name, str(v.version)), []))),
                "created_at": pd.Timestamp(v.creation_timestamp, unit="ms"),
            }
            for v in client.search_model_versions()
        ]
        rows.sort(key=lambda row: (row["name"], int(row["version"])), reverse=True)
        return pd.DataFrame(rows, columns=columns)

    def set_alias(self, version: str, alias: str) -> None:
        """Let ``NAME@alias`` stand for this version."""
        self._client().set_registered_model_alias(self.name, alias, version)

    def open(self) -> None:
        """Make the folder and its database if they are not there; a new database takes seconds."""
        self._client().search_experiments(max_results=1)

    def _client(self) -> Any:
        self.artifacts.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{self.database}"
        return _mlflow().MlflowClient(tracking_uri=uri, registry_uri=uri)

    def _experiment(self, client: Any) -> str:
        """The experiment whose artifacts are in this folder; one that the folder brought from elsewhere is renamed."""
        there = client.get_experiment_by_name(self.name)
        if there is not None and there.artifact_location != self.artifacts.as_uri():
            client.rename_experiment(
                there.experiment_id, f"{self.name} (before the folder moved, {there.experiment_id})"
            )
            there = None
        if there is not None:
            return str(there.experiment_id)
        return str(client.create_experiment(self.name, artifact_location=self.artifacts.as_uri()))

    def _register(self, run_id: str) -> str:
        """A new version of the registered model."""
        client = self._client()
        if all(model.name != self.name for model in client.search_registered_models()):
            client.create_registered_model(self.name)
        source = f"{client.get_run(run_id).info.artifact_uri}/model"
        return str(client.create_model_version(self.name, source=source, run_id=run_id).version)

    def find(self, asked: str) -> tuple[str, str]:
        """Version and run of a reference as ``load`` takes it. Raises ModelError, saying what there is."""
        row = self._row_of(asked)
        return str(row["version"]), str(row["run_id"])

    def _row_of(self, asked: str) -> pd.Series:
        """The row of ``versions`` that a reference stands for."""
        there = self.versions()
        if "@" in asked:
            name, alias = asked.rsplit("@", 1)
            hits = there[(there.name == name) & there.aliases.str.split(" ").map(lambda a: alias in a)]
        elif "/" in asked:
            name, version = asked.rsplit("/", 1)
            hits = there[(there.name == name) & (there.version == version)]
        elif asked.isdecimal():
            hits = there[(there.name == self.name) & (there.version == str(int(asked)))]
        else:
            hits = there[there.run_id == asked]
        if hits.empty:
            raise ModelError(
                f"Load the model {asked}.", listed(there), "Choose one of these, or run `headroom train` first."
            )
        return hits.iloc[0]

    def _files(self, asked: str, run_id: str) -> dict[str, str]:
        place = self.folder_of(asked, run_id, BUNDLE)
        self._require_sealed(run_id, place / DESCRIPTION)
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(place.iterdir())}

    def folder_of(self, asked: str, run_id: str, kind: str) -> Path:
        """Where files of a run are: under this folder, or where the database remembers them."""
        stored = Path(unquote(urlparse(self._client().get_run(run_id).info.artifact_uri).path)) / kind
        here = self.artifacts / run_id / "artifacts" / kind
        place = next((folder for folder in (here, stored) if folder.is_dir()), None)
        if place is None:
            raise ModelError(
                f"Load the model {asked}.", f"no files of it at {here}.", "Restore the folder, or train again."
            )
        return place

    def _require_sealed(self, run_id: str, file: Path) -> None:
        """Raise ModelError unless the file is the one that was stored with this run."""
        name = f"{file.parent.name}/{file.name}"
        stored = self.tags(run_id).get(f"{SHA256}/{name}")
        now = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
        if stored is None or now != stored:
            there = "no such file" if now is None else f"sha256 {now[:12]}"
            noted = f"stored {stored[:12]}" if stored else "an earlier version stored it, without a hash"
            raise ModelError(
                f"Read what run {run_id} stored.",
                f"{name} is not the one this run was stored with ({there}, {noted}).",
                "Restore it, choose another version, or train again.",
            )


def listed(there: pd.DataFrame) -> str:
    if there.empty:
        return "no model has been trained yet"
    latest = there.head(10).to_dict("records")
    return "; ".join(f"{v['name']}/{v['version']} {_at(v['aliases'])}(run {v['run_id']})" for v in latest)


def _at(aliases: str) -> str:
    return "".join(f"@{alias} " for alias in aliases.split())


def _as_bytes(place: str, content: Content) -> bytes:
    if isinstance(content, pd.DataFrame):
        if place.endswith(".csv"):
            return content.to_csv(index=False).encode()
        target = io.BytesIO()
        content.to_parquet(target, index=False)
        return target.getvalue()
    return content.encode() if isinstance(content, str) else content


def _save_model(place: Path, bundle: Bundle) -> None:
    """The booster as MLflow's own kind of model, as text, signed on float64 columns."""
    mlflow = _mlflow()
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns = Schema([ColSpec("double", name) for name in bundle.feature_names])
    mlflow.lightgbm.save_model(
        bundle.booster,
        str(place),
        signature=ModelSignature(inputs=columns, outputs=Schema([ColSpec("double")])),
        pip_requirements=[f"{package}=={installed(package)}" for package in _REQUIREMENTS],  # found by search: seconds
    )


def _log_values(client: Any, run_id: str, parameters: Mapping[str, Any], figures: Sequence[Figure]) -> None:
    """Parameters (cut to what MLflow takes) and the figures that are numbers."""
    mlflow = _mlflow()
    now = int(time.time() * 1000)
    metrics = [mlflow.entities.Metric(f.name, f.value, now, f.step) for f in figures if np.isfinite(f.value)]
    for some in _batches(metrics, MOST_METRICS):
        client.log_batch(run_id, metrics=some)
    for some in _batches(list(parameters.items()), MOST_PARAMETERS):
        client.log_batch(run_id, params=[mlflow.entities.Param(name, str(value)[:6000]) for name, value in some])


def _batches(values: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
