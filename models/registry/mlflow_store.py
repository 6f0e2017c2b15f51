"""Where trained models are kept: MLflow in a folder of this machine. The one module that knows mlflow.

    FOLDER/mlflow.db                                     runs, figures, versions, aliases
    FOLDER/artifacts/RUN/artifacts/bundle/               all that scoring needs: boosters as text, the rest as JSON
                                  .../model/             the same as an MLflow model, with signature, example and code
                                  .../plots/  tables/    what is known about it

A folder that was moved or copied still works: a run's files are looked up under the folder first, then where the
database remembers them. mlflow takes seconds to import, so it is loaded when it is needed.
"""

import io
import json
import os
import re
import secrets
import shlex
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np
import pandas as pd

from data.atomic import unfinished_of, whole_file
from data.contract.vocabulary import REASONS_PARAMETER, SERVED_SCORES
from data.digests import sha256_of, sha256_of_file
from data.errors import ModelError, PublishError
from data.locks import held, is_held
from models.estimators.bundle import ANY, DESCRIPTION, Bundle, booster_file
from models.registry.database import LOG, require_database, root_cause, unusable
from models.registry.glance import CHALLENGER, CHAMPION, DATABASE, PREVIOUS, RULE
from models.registry.records import Content, Figure, LoggedData, RunRecord
from models.registry.terms import Term, next_term, tag_of, terms_in

DEFAULT_NAME = "headroom"
DECISION, BECAUSE, PROMOTED = "headroom.decision", "headroom.because", "headroom.promoted_by_hand"
"""Tags of a run: what was decided about it, why, and why somebody promoted it."""
LOCK, RUNNING = "headroom.lock", ".running-"
"""A tag of a run: the file of this folder that is locked while it is under way; and how its name begins."""
MADE_WITHIN_SECONDS, LOOKS_EVERY_SECONDS = 300, 0.2
"""How long the making of a database is waited for, and how often it is looked for."""
NOTE = "mlflow.note.content"
"""The tag that MLflow shows as the description of a run."""
LISTS, MONITORING = "lists", "monitoring"
"""What the experiments of the published lists and of their monitoring are called, after the name of the model."""
SHA256 = "headroom.sha256"
"""Head of the tags of a run that hold the hash of a file of it."""
BOOSTERS = re.compile(re.escape(booster_file("*")).replace(re.escape("*"), ".+"))
"""What the files of boosters are called."""
BUNDLE, MODEL, TABLES, PLOTS = "bundle", "model", "tables", "plots"
"""Folders of a run."""
SEALED = (f"{BUNDLE}/{DESCRIPTION}", f"{TABLES}/predictions.parquet")
"""Files that are read again: what is served (the description has the hashes of the boosters), and what is compared."""
MOST_METRICS, MOST_PARAMETERS, LONGEST_TAG, LONGEST_DIGEST = 1000, 100, 5000, 36
"""What MLflow takes in one batch, of one tag, and of the digest of a data set."""
MOST_RUNS = 1000
"""Runs that are looked for at once."""
LOADER = "models.registry.served_model"
"""The module that makes a served model of a bundle; every version remembers its name."""
ROOMS = ("data", "features", "models")
"""The code that is kept with a version: where it is served, Headroom need not be installed."""
REQUIREMENTS = (
    "ibis-framework",
    "joblib",
    "lightgbm",
    "mlflow",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scikit-learn",
    "scipy",
    "threadpoolctl",
)
"""What that code imports."""
OF_DAY = "snapshot_date"
"""The tag of a version with the day that it was trained as of, and of a list's run with the day of the list."""
OF_THE_LATEST = frozenset({"last_snapshot", "horizon_days", "motions", "code_version"})
"""Tags of a version that the registered model has too, as its latest version says them."""
SCHEMA_DIFFERS = "out-of-date database schema"
"""What MLflow says of a database that another version wrote, an older or a newer one."""
IS_DELETED = "Current state is deleted"
"""What MLflow says where a run is written to that somebody deleted, by itself or with its experiment."""
ABOUT = (
    "Who expands within the horizon. Takes the table that `headroom features` writes and returns for each of its rows "
    "what the published list says: calibrated propensities, of any expansion and of each motion, and the expected "
    'expansion ARR; with the parameter `{"reasons": 3}` also the three strongest reasons in log-odds.'
)
"""The description of the registered model, unless somebody wrote another."""


def _mlflow() -> Any:
    """mlflow, quiet and without telemetry."""
    os.environ.setdefault("DO_NOT_TRACK", "true")  # mlflow wants the word, not a 1
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # an error is raised too, and told by whoever asked
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
        champion: Callable[[], bool] = lambda: True,
        pages: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> Bundle:
        """Store a trained model as a new version, the challenger, and return its bundle with version and run id.

        ``record``: what else is known about it; ``pages``: from the new version to more files of the run. Whether it
        is to be the ``champion`` is asked when all else is stored: a failure before leaves the old one.
        """
        with self._run(record) as run_id:
            self._attach_bundle(run_id, bundle, record.example)
            with self._registered(run_id, record) as version:
                self.attach(run_id, pages(version))
                if champion():
                    self.set_champion(version)
                self.set_alias(version, CHALLENGER)
        return bundle.registered(version, run_id, self.name)

    def log_rule(self, bundle: Bundle, example: pd.DataFrame | None = None) -> Bundle:
        """Store a rule that stands in for a model as a new version, under the alias ``rule``; never the champion."""
        facts = {f"fact.{name}": value for name, value in bundle.facts.items()}
        about = "A rule that stands in for a model where none is usable: its percentages are no forecast."
        record = RunRecord(f"rule {bundle.facts['last_snapshot']}", facts, description=about)
        with self._run(record) as run_id:
            self._attach_bundle(run_id, bundle, example)
            with self._registered(run_id, record) as version:
                self.set_alias(version, RULE)
        return bundle.registered(version, run_id, self.name)

    def log_run(self, record: RunRecord) -> str:
        """Store what was found out without a model. Its run id."""
        with self._run(record) as run_id:
            return run_id

    def log_list(self, record: RunRecord) -> str:
        """Store what a published list came to, in an experiment of its own. Its run id.

        Where the last run of that day has the tags of the record, it is that list's, and is not stored again. Raises
        ModelError where MLflow cannot be written.
        """
        experiment = f"{self.name} {LISTS}"
        todo = "Make room and rights there, and score that day again to log it; the list itself is published."
        with self._refusal(f"Log the list of {record.parameters[OF_DAY]} to MLflow.", todo):
            last = self._last_of_day(record, experiment)
            if last is not None:
                return last
            with self._run(record, experiment) as run_id:
                return run_id

    def list_runs(self, before: date) -> list[str]:
        """The runs of published lists that began before a day (UTC); none where MLflow holds none."""
        if not self.database.exists():
            return []
        client = self._client()
        of_lists = client.get_experiment_by_name(f"{self.name} {LISTS}")
        if of_lists is None:
            return []
        midnight = datetime.combine(before, datetime.min.time(), UTC).timestamp() * 1000
        query = f"attributes.start_time < {midnight:.0f} and attributes.status != 'RUNNING'"
        return [run.info.run_id for run in client.search_runs([of_lists.experiment_id], query, max_results=MOST_RUNS)]

    def delete_runs(self, run_ids: Iterable[str]) -> None:
        """Delete runs as MLflow does: they are seen no more, and gone for good after its ``mlflow gc``."""
        client = self._client()
        for run_id in run_ids:
            client.delete_run(run_id)

    def _last_of_day(self, record: RunRecord, experiment: str) -> str | None:
        """The last run of the day of a record, if it was stored with the tags of this one."""
        client, day = self._client(), record.parameters[OF_DAY]
        finished = f"tags.{OF_DAY} = '{day}' and attributes.status = 'FINISHED'"
        runs = client.search_runs([self._experiment(client, experiment)], finished, max_results=1)
        return next((str(run.info.run_id) for run in runs if record.tags.items() <= run.data.tags.items()), None)

    def log_monitoring(self, record: RunRecord) -> str:
        """Store what a run of monitoring found, in an experiment of its own. Its run id.

        Raises ModelError where MLflow cannot be written.
        """
        todo = "Make room and rights there, and run `headroom monitor` again."
        with (
            self._refusal(f"Log what monitoring found on {record.parameters['day']} to MLflow.", todo),
            self._run(record, f"{self.name} {MONITORING}") as run_id,
        ):
            return run_id

    @contextmanager
    def _refusal(self, asked: str, todo: str) -> Iterator[None]:
        """What keeps a run from being stored, as a ModelError: what MLflow, its database or the disk said."""
        try:
            yield
        except (OSError, PublishError, _mlflow().exceptions.MlflowException) as error:
            raise ModelError(asked, f"{self.folder} cannot be written: {_first_cause(error)}.", todo) from error

    @contextmanager
    def _run(self, record: RunRecord, experiment: str = "") -> Iterator[str]:
        """A new run that holds the record; it has failed if what follows fails."""
        client = self._client()
        of_experiment = self._experiment(client, experiment or self.name)
        self._end_killed(client, of_experiment)
        lock = f"{RUNNING}{secrets.token_hex(8)}.lock"
        with held(self.folder / lock):
            run_id = str(client.create_run(of_experiment, run_name=record.name, tags={LOCK: lock}).info.run_id)
            try:
                _log_values(client, run_id, record.parameters, record.figures)
                for tag, text in record.tags.items():
                    self.note(run_id, tag, text)
                if record.description:
                    self.note(run_id, NOTE, record.description)
                if record.data:
                    client.log_inputs(run_id, datasets=[_dataset(record.data)])
                self.attach(run_id, record.files)
                yield run_id
            except BaseException as error:
                self._terminate(client, run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
                raise
            client.set_terminated(run_id, "FINISHED")

    def _end_killed(self, client: Any, experiment: str) -> None:
        """Mark the runs whose process was killed, which could not say so; a version that one left half-made goes."""
        for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
            lock = run.data.tags.get(LOCK)
            if lock is None:  # of an earlier release, which cannot be told from one that is under way
                continue
            with held(self.folder / lock) as is_dead:
                if is_dead:
                    self._drop_version_of(client, run.info.run_id)
                    self._terminate(client, run.info.run_id, "KILLED")

    def _terminate(self, client: Any, run_id: str, status: str) -> None:
        """End a run that was broken off; one whose version stays has stored all before."""
        client.set_terminated(run_id, "FINISHED" if self._has_version(run_id) else status)

    def _has_version(self, run_id: str) -> bool:
        return run_id in set(self.versions()["run_id"])

    def _drop_version_of(self, client: Any, run_id: str) -> None:
        there = self.versions()
        for row in there[(there["run_id"] == run_id) & (there["aliases"] == "")].to_dict("records"):
            client.delete_model_version(row["name"], row["version"])

    def is_nobodys(self, run_id: str) -> bool:
        """Has a run no version, and did it fail, die or get deleted? Then nobody reads what it stored.

        Raises ModelError for one that the database does not know.
        """
        try:
            run = self._client().get_run(run_id)
        except _mlflow().exceptions.MlflowException as error:
            todo = f"Restore {DATABASE} from a copy, or remove {self.artifacts / run_id}."
            raise ModelError(f"Look up the run {run_id} in {self.database}.", f"{error}.", todo) from error
        lock = run.data.tags.get(LOCK)
        lives = run.info.status == "RUNNING" and (lock is None or is_held(self.folder / lock))
        is_kept = run.info.lifecycle_stage == "active" and (lives or run.info.status == "FINISHED")
        return not is_kept and not self._has_version(run_id)

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
                    self.seal(run_id, path, sha256_of(written))
            client.log_artifacts(run_id, folder)

    def _attach_bundle(self, run_id: str, bundle: Bundle, example: pd.DataFrame | None) -> None:
        """What scoring needs, and the same as a model that MLflow serves, each in a folder of its own."""
        files = {f"{BUNDLE}/{name}": text for name, text in bundle.to_files().items()}
        self.attach(run_id, files)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
            (Path(data) / BUNDLE).mkdir()
            for place, text in files.items():
                (Path(data) / place).write_text(text, encoding="utf-8")
            _save_model(Path(folder) / MODEL, bundle, Path(data) / BUNDLE, example)
            self._client().log_artifacts(run_id, folder)

    def has_champion(self) -> bool:
        """Is there a model to serve?"""
        return self.has(CHAMPION)

    def set_champion(self, version: str, *, by_hand: bool = False) -> None:
        """Make a version the champion; the one before it stays known as the previous champion, and since when.

        It serves from the day that it was trained as of; ``by_hand``: from today on.
        """
        self._keep_last(self.terms())  # an earlier release kept none
        before = self.version_of(CHAMPION)
        if before is not None and before != version:
            self.set_alias(before, PREVIOUS)
        self.set_alias(version, CHAMPION)
        self._keep_last(self.terms(by_hand=by_hand))

    def terms(self, *, by_hand: bool = False) -> list[Term]:
        """Which version has been the champion since when, the first one first.

        A champion of which no tag tells has been it since the day that it was trained as of; ``by_hand``: since today.
        """
        version = self.version_of(CHAMPION)
        if version is None:
            return []
        client = self._client()
        kept = terms_in(client.get_registered_model(self.name).tags)
        if kept and kept[-1].version == version:
            return kept
        trained = client.get_model_version(self.name, version).tags.get(OF_DAY)
        as_of = date.fromisoformat(trained) if trained and not by_hand else None
        return [*kept, next_term(kept, version, as_of, datetime.now(UTC).date())]

    def _keep_last(self, terms: Sequence[Term]) -> None:
        if terms:
            self._client().set_registered_model_tag(self.name, tag_of(len(terms)), terms[-1].text)

    def has(self, alias: str) -> bool:
        """Does a version of this model bear the alias?"""
        return self.version_of(alias) is not None

    def version_of(self, alias: str) -> str | None:
        """The version of this model that bears the alias; None where none does."""
        own = (row for row in self.versions().itertuples() if row.name == self.name)
        return next((str(row.version) for row in own if alias in str(row.aliases).split(" ")), None)

    def tags(self, run_id: str) -> dict[str, str]:
        """What was noted at a run."""
        return dict(self._client().get_run(run_id).data.tags)

    def note(self, run_id: str, tag: str, text: str) -> None:
        """Note something at a run."""
        self._client().set_tag(run_id, *_cut({tag: text}).popitem())

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

    @property
    def _uri(self) -> str:
        return f"sqlite:///{self.database}"

    def _client(self) -> Any:
        """What speaks to the database. Raises ModelError if another MLflow wrote it, or nothing that is a database."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        if not self.database.exists():
            self._make_database()
        require_database(self.database)
        mlflow = _mlflow()
        try:
            client = mlflow.MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        except mlflow.exceptions.MlflowException as error:
            if SCHEMA_DIFFERS not in str(error):
                raise
            raise self._other_version(schema_of(self.database)) from error
        return _InOurWords(client, self.database)

    def _make_database(self) -> None:
        """Make the database in a new file, and put it in its place whole: by one process, while others wait.

        MLflow keeps each table that it makes at once and the version of them last, so that a database whose making was
        stopped, or that two made, could be opened by nobody.
        """
        lock, until = self.folder / f".{DATABASE}.lock", time.monotonic() + MADE_WITHIN_SECONDS
        while True:
            with held(lock) as is_ours:
                if is_ours and not self.database.exists():
                    self._make_alone()
            if self.database.exists():  # however long it took
                return
            if time.monotonic() > until:
                raise ModelError(
                    f"Make {self.database}.",
                    f"another process has been making it for {MADE_WITHIN_SECONDS} seconds.",
                    "End that process, and run this again.",
                )
            time.sleep(LOOKS_EVERY_SECONDS)

    def _make_alone(self) -> None:
        for left in self.folder.glob(f"{unfinished_of(self.database).name}-*"):  # SQLite's, of a process that died
            left.unlink()
        with whole_file(self.database, f"Make {self.database}.", "Make room and rights there.") as file:
            uri = f"sqlite:///{file}"
            _mlflow().MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)

    def _other_version(self, schema: str) -> ModelError:
        migrations = Path(_mlflow().__file__).parent / "store" / "db_migrations" / "versions"
        is_older = any(migrations.glob(f"{schema}_*.py"))
        first = "Make a copy of it" if is_older else "Install the MLflow that wrote it, or a later one"
        writer = self._written_with()
        return ModelError(
            f"Open the models of {self.folder}.",
            f"{DATABASE} was written by {f'MLflow {writer}' if writer else 'another version of MLflow'} (its schema is "
            f"{schema}); MLflow {installed('mlflow')} is installed here and reads another.",
            f"{first}, then run `mlflow db upgrade {shlex.quote(self._uri)}`.",
        )

    def _written_with(self) -> str | None:
        """The MLflow that stored the latest model; None where there is none to tell."""
        models = sorted(self.artifacts.glob(f"*/artifacts/{MODEL}/MLmodel"), key=lambda path: path.stat().st_mtime_ns)
        return str(_mlflow().models.Model.load(str(models[-1])).mlflow_version) if models else None

    def _experiment(self, client: Any, name: str) -> str:
        """The experiment whose artifacts are in this folder; one that the folder brought from elsewhere is renamed.

        One that was deleted in MLflow, which keeps its name, is restored with its runs.
        """
        there = client.get_experiment_by_name(name)
        if there is not None and there.lifecycle_stage == "deleted":
            client.restore_experiment(there.experiment_id)
            LOG.warning("the experiment %s had been deleted in MLflow, and is restored with its runs", name)
        if there is not None and there.artifact_location != self.artifacts.as_uri():
            client.rename_experiment(there.experiment_id, f"{name} (before the folder moved, {there.experiment_id})")
            there = None
        if there is not None:
            return str(there.experiment_id)
        return str(client.create_experiment(name, artifact_location=self.artifacts.as_uri()))

    @contextmanager
    def _registered(self, run_id: str, record: RunRecord) -> Iterator[str]:
        """A new version; it is gone again if what follows fails, so that a second try does not leave two.

        Not where it serves by then: MLflow deletes aliases with a version, and nothing would serve.
        """
        version = self._register(run_id, record)
        try:
            yield version
        except BaseException:
            if version not in (self.version_of(CHAMPION), self.version_of(RULE)):
                self._client().delete_model_version(self.name, version)
            raise

    def _register(self, run_id: str, record: RunRecord) -> str:
        """A new version of the registered model, which says of itself what its run says."""
        client = self._client()
        there = next((model for model in client.search_registered_models() if model.name == self.name), None)
        if there is None:
            client.create_registered_model(self.name, description=ABOUT)
        elif not there.description:
            client.update_registered_model(self.name, description=ABOUT)
        for tag in OF_THE_LATEST & record.tags.keys():
            client.set_registered_model_tag(self.name, tag, record.tags[tag])
        source = f"{client.get_run(run_id).info.artifact_uri}/{MODEL}"
        about = {"tags": _cut(record.tags), "description": record.description}
        return str(client.create_model_version(self.name, source=source, run_id=run_id, **about).version)

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
            todo = (
                "Run `headroom train` first." if there.empty else "Choose one of these, or run `headroom train` first."
            )
            raise ModelError(f"Load the model {asked}.", f"{listed(there)}.", todo)
        return hits.iloc[0]

    def _files(self, asked: str, run_id: str) -> dict[str, str]:
        place = self.folder_of(asked, run_id, BUNDLE)
        self._require_sealed(run_id, place / DESCRIPTION)
        ours = [path for path in sorted(place.iterdir()) if path.name == DESCRIPTION or BOOSTERS.fullmatch(path.name)]
        try:  # what else lies there, as a file manager leaves it, is nobody's
            return {path.name: path.read_text(encoding="utf-8") for path in ours}
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                f"Load the model {asked}.", f"a file of it in {place} cannot be read: {error}.", "Restore the folder."
            ) from error

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

    def seal(self, run_id: str, file: Path, sha256: str) -> None:
        """Note at a run which hash a file of it has."""
        self._client().set_tag(run_id, f"{SHA256}/{_sealed_name(file)}", sha256)

    def seal_of(self, run_id: str, file: Path) -> str | None:
        """The hash that a file of a run was stored with; None where none was noted."""
        return self.tags(run_id).get(f"{SHA256}/{_sealed_name(file)}")

    def _require_sealed(self, run_id: str, file: Path) -> None:
        """Raise ModelError unless the file is the one that was stored with this run."""
        name, stored = _sealed_name(file), self.seal_of(run_id, file)
        now = sha256_of_file(file) if file.is_file() else None
        if stored is None or now != stored:
            there = "no such file" if now is None else f"sha256 {now[:12]}"
            noted = f"stored {stored[:12]}" if stored else "an earlier version stored it, without a hash"
            raise ModelError(
                f"Read what run {run_id} stored.",
                f"{name} is not the one this run was stored with ({there}, {noted}).",
                "Restore it, choose another version, or train again.",
            )


def _sealed_name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


class _InOurWords:
    """A client of MLflow whose database may fail meanwhile, or lacks what somebody deleted: that is a ModelError."""

    def __init__(self, client: Any, database: Path) -> None:
        self._client, self._database = client, database

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return method(*arguments, **named)
            except _mlflow().exceptions.MlflowException as error:
                if IS_DELETED in str(error):
                    raise ModelError(
                        f"Write to the models of {self._database.parent}.",
                        str(error),
                        "Restore it with `mlflow experiments restore` or `mlflow runs restore`, and run this again.",
                    ) from error
                if not isinstance(root_cause(error), sqlite3.Error):
                    raise
                raise unusable(self._database, root_cause(error)) from error

        return call


def schema_of(database: Path) -> str:
    """The schema of a database, by the name that MLflow gave it."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else "unknown"


def listed(there: pd.DataFrame) -> str:
    if there.empty:
        return "no model has been trained yet"
    latest = there.head(10).to_dict("records")
    return "; ".join(f"{v['name']}/{v['version']} {_at(v['aliases'])}(run {v['run_id']})" for v in latest)


def _first_cause(error: BaseException) -> str:
    """What the database or the disk said, which MLflow wraps in words of its own."""
    error = root_cause(error)
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


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


def _save_model(place: Path, bundle: Bundle, files: Path, example: pd.DataFrame | None) -> None:
    """The bundle as a model that MLflow serves, without pickle; to its own LightGBM reader it is the booster.

    ``files``: a folder with the files of the bundle.
    """
    mlflow = _mlflow()
    model = mlflow.models.Model()
    booster = f"data/{files.name}/{booster_file(ANY)}"
    model.add_flavor("lightgbm", lgb_version=installed("lightgbm"), data=booster, model_class="lightgbm.basic.Booster")
    code = Path(__file__).parents[2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it compares the columns of the example in a way that pandas will give up
        mlflow.pyfunc.save_model(
            str(place),
            loader_module=LOADER,
            data_path=str(files),
            code_paths=[str(code / room) for room in ROOMS],
            mlflow_model=model,
            signature=_signature(bundle),
            input_example=example,
            pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],  # to find them takes it seconds
        )


def _signature(bundle: Bundle) -> Any:
    """What the model takes and gives. A number may be any: MLflow refuses whole numbers where it is told double."""
    _mlflow()
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    account, day = (ColSpec(DataType.string, "account_id"), ColSpec(AnyType(), "snapshot_date"))
    kinds = {name: DataType.string if name in bundle.categories else AnyType() for name in bundle.feature_names}
    scores = [ColSpec(DataType.double, name, required=name == "propensity") for name in SERVED_SCORES]
    return ModelSignature(
        inputs=Schema([account, day, *(ColSpec(kind, name) for name, kind in kinds.items())]),
        outputs=Schema([account, day, *scores]),
        params=ParamSchema([ParamSpec(REASONS_PARAMETER, "long", 0)]),
    )


def _dataset(data: LoggedData) -> Any:
    """As MLflow notes what a run read."""
    entities = _mlflow().entities
    profile = {"num_rows": data.rows, "num_columns": data.columns, "sha256": data.sha256}
    dataset = entities.Dataset(
        name=data.name,
        digest=data.sha256[:LONGEST_DIGEST],
        source_type=data.kind,
        source=json.dumps({"uri": data.url}),
        profile=json.dumps(profile),
    )
    return entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", data.use)])


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: text[:LONGEST_TAG] for name, text in tags.items()}


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
