"""What MLflow knows: the model that it serves is the model of the list, and every published list is a run."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.contract.vocabulary import SERVED_SCORES
from data.errors import ModelError
from data.sources.address import BARE
from flows.feature_rows import write_features
from flows.run.runner import RETRIES
from flows.run.settings import load
from flows.stages import in_mlflow
from flows.stages.in_mlflow import log_list
from models.registry.mlflow_store import REQUIREMENTS, ModelRegistry
from tests import house
from tests.flows.conftest import END, Headroom
from tests.serving.world import files_of
from tests.test_house import libraries

START_SECONDS = 120
FULL = "create trigger full before insert on runs begin select raise(abort, 'disk is full'); end"

pytestmark = pytest.mark.slow
PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
"""MLflow starts uvicorn by its name: that of this environment."""
PREDICT = """
import sys, mlflow, pandas as pd
rows, out = sys.argv[1:]
model = mlflow.pyfunc.load_model("models:/headroom@champion")
model.predict(pd.read_parquet(rows), params={"reasons": 3}).to_parquet(out)
print(sys.modules["models"].__file__)
print(*sys.modules)
"""


@pytest.fixture(scope="session")
def feature_rows(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``headroom features --out`` writes."""
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    write_features(load(source=f"parquet://{warehouse}"), END, file)
    return file


def as_served(mlruns: Path) -> dict[str, str]:
    """The environment of a process that finds the models."""
    path = os.pathsep.join([str(house.ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{mlruns / 'mlflow.db'}", "PYTHONPATH": path}


def require_same(said: pd.DataFrame, rows: pd.DataFrame, published: Path) -> None:
    """The keys as given, the scores and the first reason as published."""
    assert said.account_id.tolist() == rows.account_id.tolist()
    assert said.snapshot_date.astype(str).tolist() == [str(END)] * len(rows)
    scores, parts = (
        pd.read_parquet(published / f"{name}.parquet").set_index("account_id").loc[rows.account_id]
        for name in ("scores", "attributions")
    )
    for name in SERVED_SCORES:
        off = np.abs(said[name].to_numpy(np.float64) - scores[name].to_numpy())
        assert np.isnan(off).tolist() == scores[name].isna().tolist()
        assert np.nan_to_num(off).max() <= 1e-12, name
    strongest = parts.drop(columns=["snapshot_date", "base_log_odds"]).abs().idxmax(axis=1)
    assert said.feature_1.tolist() == strongest.tolist()
    values = [parts[feature].iloc[at] for at, feature in enumerate(said.feature_1)]
    assert np.abs(said.shap_log_odds_1.to_numpy(np.float64) - values).max() <= 1e-12


def test_a_fresh_process_says_what_the_list_says(
    feature_rows: Path, trained_mlruns: Path, published: Path, tmp_path: Path
) -> None:
    out = tmp_path / "said.parquet"
    command = [sys.executable, "-c", PREDICT, str(feature_rows), str(out)]
    environment = as_served(trained_mlruns) | {"PYTHONPATH": ""}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    code, names = ran.stdout.splitlines()[-2:]
    assert Path(code).is_relative_to(trained_mlruns), "the code of the version: Headroom need not be installed"
    rows = pd.read_parquet(feature_rows)
    assert "str" in set(map(str, rows.dtypes.drop("account_id"))), "the team has a feature in words"
    require_same(pd.read_parquet(out), rows, published)
    loaded = set(names.split()) & house.modules().keys()
    assert {"models.registry.served_model", "features.catalogue"} <= loaded
    imported = {name for module in loaded for name in libraries(house.modules()[module])}
    imported -= {*sys.stdlib_module_names, *house.ORDER}
    packages = {"ibis": "ibis-framework", "sklearn": "scikit-learn"}
    assert {packages.get(name, name) for name in imported} | {"mlflow"} == set(REQUIREMENTS)


@contextmanager
def serving(mlruns: Path, folder: Path) -> Iterator[str]:
    """``mlflow models serve`` while it is needed; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/headroom@champion"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "serve.log"
    with log.open("w") as told:
        server = subprocess.Popen(
            command, cwd=folder, env=as_served(mlruns) | PATH, stdout=told, stderr=told, start_new_session=True
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not is_up(f"http://127.0.0.1:{port}/ping"):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def post(url: str, body: dict[str, Any]) -> Any:
    """The answer; JSON as the standard has it, so without NaN on the way there and back."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    text = json.dumps(body, default=str, allow_nan=False)
    request = urllib.request.Request(url, text.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read(), parse_constant=refuse)


@pytest.mark.slow
def test_mlflow_serves_what_the_list_says(
    feature_rows: Path, trained_mlruns: Path, published: Path, tmp_path: Path
) -> None:
    rows = pd.read_parquet(feature_rows)
    values = rows.astype(object).where(rows.notna(), None)
    split = {"columns": list(rows), "data": values.to_numpy().tolist()}
    with serving(trained_mlruns, tmp_path) as url:
        answer = post(url, {"dataframe_split": split, "params": {"reasons": 3}})
        require_same(pd.DataFrame(answer["predictions"]), rows, published)
        whole = {**split, "data": [[None if i > 1 else v for i, v in enumerate(split["data"][0])]]}
        assert 0 < post(url, {"dataframe_split": whole})["predictions"][0]["propensity"] < 1
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(url, {"dataframe_split": {"columns": ["account_id"], "data": [["a"]]}})
        assert refused.value.code == 400
        assert "missing inputs" in refused.value.read().decode()


def lists_of(mlruns: Path) -> list[Any]:
    """The runs of published lists, the latest first."""
    client = ModelRegistry(mlruns)._client()
    experiment = client.get_experiment_by_name("headroom lists")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def test_a_list_is_a_run_with_counts_drift_and_its_data(published: Path, trained_mlruns: Path) -> None:
    manifest = json.loads((published / "manifest.json").read_text())
    scores = pd.read_parquet(published / "scores.parquet")
    run = next(run for run in lists_of(trained_mlruns) if run.data.params["folder"] == str(published.resolve()))
    assert run.info.status == "FINISHED"
    figures = run.data.metrics
    assert figures["1_counts/scored"] == len(scores)
    assert figures["1_counts/ranked"] == scores.eligible.sum() == manifest["ranked"]
    assert figures["1_counts/excluded"] == (~scores.eligible).sum()
    assert figures["2_list/expected_expansions"] == pytest.approx(scores.propensity.sum())
    drift = {name: value for name, value in figures.items() if name.startswith("3_drift/")}
    assert len(drift) == 11, "propensity and ten features"
    assert set(drift.values()) == {0}, "the base of the day of the training has not moved since"
    assert run.data.tags["model_version"] == manifest["model_version"]
    assert run.data.tags["model_run_id"] == manifest["run_id"]
    assert "list.html" in run.data.tags["mlflow.note.content"]
    [read] = run.inputs.dataset_inputs
    assert manifest["feature_rows_sha256"].startswith(read.dataset.digest)
    assert len(read.dataset.digest) == 36
    assert json.loads(read.dataset.profile)["num_rows"] == len(scores)
    assert run.info.run_id not in (published / "manifest.json").read_text()


def test_a_training_says_what_it_learnt_from(trained_mlruns: Path, warehouse: Path) -> None:
    registry = ModelRegistry(trained_mlruns)
    run = registry._client().get_run(registry.load("1").run_id)
    [read] = run.inputs.dataset_inputs
    assert run.data.params["data_fingerprint"].startswith(read.dataset.digest)
    assert read.dataset.source_type == "parquet"
    assert json.loads(read.dataset.source) == {"uri": f"parquet://{warehouse}"}
    assert [(tag.key, tag.value) for tag in read.tags] == [("mlflow.data.context", "training")]


def test_a_base_that_has_moved_is_told_and_logged(
    headroom: Headroom, trained_mlruns: Path, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    monkeypatch.setenv("HEADROOM_MLRUNS", str(tmp_path / "mlruns"))
    monkeypatch.setattr(in_mlflow, "MUCH", 0.01)
    ran = headroom("score", "--source", warehouse, "--snapshot-date", "2025-01-01", "--model", "1")
    assert ran.code == 0, ran.err
    [line] = [line for line in ran.err.splitlines() if "the base has moved (PSI above 0.01)" in line]
    [run, *_] = lists_of(tmp_path / "mlruns")
    assert run.inputs.dataset_inputs[0].dataset.source_type == BARE
    figures = run.data.metrics
    far = {name.removeprefix("3_drift/") for name, value in figures.items() if "drift" in name and value > 0.01}
    assert far
    assert {part.split()[0] for part in line.split(": ")[-1].split(", ")} == far


def test_a_list_that_cannot_be_logged_is_published_all_the_same(
    headroom: Headroom,
    trained_mlruns: Path,
    warehouse: Path,
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    with closing(sqlite3.connect(tmp_path / "mlruns" / "mlflow.db")) as database:
        database.execute(FULL)
        database.commit()
    monkeypatch.setenv("HEADROOM_MLRUNS", str(tmp_path / "mlruns"))
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "warning: the list is published, and is not in MLflow" in ran.err
    assert "disk is full" in ran.err
    assert "Traceback" not in ran.err
    again = tmp_path / "out" / published.name
    assert files_of(again) == files_of(published), "the list does not depend on the run that logs it"


@pytest.mark.slow
def test_a_log_is_tried_again_where_the_fault_may_pass(
    trained_mlruns: Path,
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from flows.run.under_prefect import _may_pass  # Prefect takes seconds to import

    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    monkeypatch.setenv("HEADROOM_MLRUNS", str(tmp_path / "mlruns"))
    bundle, settings = ModelRegistry(tmp_path / "mlruns").load(), load(out=published.parent)
    assert log_list.retries == RETRIES

    def fault() -> ModelError:
        with pytest.raises(ModelError) as refused:
            log_list(bundle, END, {}, settings)
        return refused.value

    def may_pass(error: ModelError) -> bool:
        return _may_pass(None, None, SimpleNamespace(data=error))  # type: ignore[arg-type]

    with closing(sqlite3.connect(tmp_path / "mlruns" / "mlflow.db")) as database:
        database.execute("begin immediate")
        locked = fault()
        assert "is locked" in locked.found
        assert may_pass(locked)
        assert "Traceback" not in capsys.readouterr().err, "it is told once"
        database.rollback()
        database.execute(FULL)
        database.commit()
    assert not may_pass(fault())
