"""The same snapshot, source, model and configuration: the same files; and what changed is named where they are not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.registry.mlflow_store import LISTS, ModelRegistry
from tests.flows.conftest import END, Headroom
from tests.serving.world import files_of

pytestmark = pytest.mark.slow

ELSEWHERE = {
    "TZ": "Pacific/Kiritimati",  # fourteen hours ahead: there it is tomorrow
    "LC_ALL": "tr_TR.UTF-8",  # whose i has no dot where it is large
    "PYTHONHASHSEED": "77",
    "OMP_NUM_THREADS": "3",
    "NUMBA_NUM_THREADS": "1",
    "HEADROOM_SOURCE__THREADS": "2",
    "HEADROOM_SOURCE__MEMORY_LIMIT": "2GB",
    "HEADROOM_SERVE__CONTACT": "ada@example.com",
    "HEADROOM_NOTIFY__OPERATIONS": "['ops@example.com']",
    "HEADROOM_MONITOR__DATA_OWNER": "Ben",
}
"""What is about the machine, the run and who is told of it, and must not be seen in a list."""


def lists_in(mlruns: Path) -> int:
    """So many lists were logged."""
    client = ModelRegistry(mlruns)._client()
    experiment = client.get_experiment_by_name(f"headroom {LISTS}")
    return len(client.search_runs([experiment.experiment_id]))


def test_wherever_and_whenever_it_runs_the_files_are_the_same_and_a_second_run_writes_nothing(
    published: Path, warehouse: Path, trained_mlruns: Path, with_model: None, headroom: Headroom, tmp_path: Path
) -> None:
    there = tmp_path / "deep" / "down"
    there.mkdir(parents=True)
    command = (Path(sys.executable).with_name("headroom"), "score", "--snapshot-date", str(END), "--out", "../out")
    source = os.path.relpath(warehouse, there)
    subprocess.run([*command, "--source", source], cwd=there, env=os.environ | ELSEWHERE, check=True)
    place = tmp_path / "deep" / "out" / published.name
    made, logged, lies = files_of(place), lists_in(trained_mlruns), place.stat()
    before = files_of(published)
    assert [name for name in {*before, *made} if before.get(name) != made.get(name)] == []

    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", place.parent)
    assert ran.out == f"unchanged {place}\n"
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (lies.st_ino, lies.st_mtime_ns)
    assert sorted(path.name for path in place.parent.iterdir()) == [place.name]
    assert lists_in(trained_mlruns) == logged


@pytest.fixture
def origin(published: Path, spoilt: Path, headroom: Headroom, tmp_path: Path) -> Any:
    """Verify a copy of the list with ``--origin``, against a copy of its source."""
    shutil.copytree(published, tmp_path / "out" / published.name)
    return lambda: headroom("verify", "--origin", "--source", spoilt, "--out", tmp_path / "out")


def rewrite(file: Path, change: Any) -> None:
    change(pd.read_parquet(file)).to_parquet(file, index=False)


def test_what_came_later_or_late_is_no_change(origin: Any, spoilt: Path, with_model: None) -> None:
    def later(tickets: pd.DataFrame) -> pd.DataFrame:
        late, new = tickets.head(9).copy(), tickets.tail(9).copy()
        late["known_at"] = new["opened_at"] = pd.Timestamp(END)
        came = pd.concat([late, new])
        return pd.concat([tickets, came.assign(ticket_id="late-" + came["ticket_id"].astype(str))])

    rewrite(spoilt / "tickets.parquet", later)
    rewrite(spoilt / "accounts.parquet", lambda rows: pd.concat([rows, rows.head(1).assign(account_id="new")]))
    ran = origin()
    assert ran.code == 0, ran.out


def test_a_propensity_or_range_that_is_not_the_models_is_named(origin: Any, with_model: None, tmp_path: Path) -> None:
    [file] = (tmp_path / "out").glob("*/scores.parquet")
    rewrite(file, lambda rows: rows.assign(propensity=rows["propensity"] * (1 - 0.01 * (rows.index == 3))))
    # Of three replayed days none was calibrated on a past, so this base has ranges from 0 to 1.
    rewrite(file, lambda rows: rows.assign(propensity_high=rows["propensity_high"].where(rows.index != 5, 0.999)))
    accounts = pd.read_parquet(file)["account_id"]
    said = [line for line in origin().out.splitlines() if "propensity" in line]
    assert {line.partition(": published")[0] for line in said} == {
        f"different: {accounts[3]}, propensity",
        f"different: {accounts[5]}, propensity_high",
    }


def test_what_changed_is_named(
    origin: Any, spoilt: Path, trained_mlruns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(spoilt / "tickets.parquet", lambda rows: rows.assign(severity=["another", *rows["severity"][1:]]))
    shutil.copytree(trained_mlruns, tmp_path / "mlruns")
    [booster] = (tmp_path / "mlruns").glob("artifacts/*/artifacts/bundle/booster_any.txt")
    booster.write_text(booster.read_text().replace("=", "= ", 1))
    monkeypatch.setenv("HEADROOM_MLRUNS", str(tmp_path / "mlruns"))
    monkeypatch.setenv("HEADROOM_SERVING__TOP", "7")
    [file] = (tmp_path / "out").glob("*/manifest.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"code_version": "0.0.1"}))
    ran = origin()
    assert ran.code == 1
    named = [line.partition(": published")[0] for line in ran.out.splitlines() if line.startswith("different")]
    assert named == [
        f"different: (all), {what}"
        for what in ("model sha256", "setting serving.top", "made with code_version", "input tickets")
    ]
    assert "booster_any.txt" in ran.out
