"""The flows that users deploy, run by Prefect: what its UI shows is what a person sees in the terminal."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import ACCOUNTS, END, MONTHS, QUICK, SEED, Headroom
from tests.flows.prefect_api import flow_runs, lines_of, shown_of, tasks_of
from tests.house import ROOT
from tests.models.mlflow_template import folder_with

pytestmark = pytest.mark.slow
FOUND = """
from prefect.flows import load_flow_from_entrypoint
flows = [f"{name}.py:{name}" for name in ("train", "score", "backtest", "demo", "record", "notify")]
for entrypoint in (*flows, "crm/deployed.py:writeback"):
    flow = load_flow_from_entrypoint(f"flows/{entrypoint}", use_placeholder_flow=False)
    print(flow.name, *flow.parameters.properties, flow.should_validate_parameters)
"""


def test_a_deployment_finds_each_flow_with_the_parameters_of_its_pipeline() -> None:
    """As a worker does it: in a process of its own, with the flow's folder before all others on the path."""
    ran = subprocess.run([sys.executable, "-c", FOUND], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "train config source snapshot_date False",
        "score config source snapshot_date out model False",
        "backtest config source snapshot_date False",
        "demo folder accounts months seed False",
        "record config source day accept False",
        "notify config snapshot_date out owner dry_run resend False",
        "writeback config to snapshot_date out apply False",
    ]


def test_the_demo_is_three_flows_with_their_stages_lines_and_tables(
    prefect_server: None, headroom: Headroom, mlflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with(mlflow_database, tmp_path / "demo" / "mlruns")
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("flows.pipelines.demo.END", END)
    ran = headroom("demo", "--folder", tmp_path / "demo", "--accounts", ACCOUNTS, "--months", MONTHS, "--seed", SEED)
    assert ran.code == 0, ran.err
    demo_run, train_run, score_run = (flow_runs(f"{name} {END}")[0] for name in ("demo", "train", "score"))

    assert tasks_of(demo_run, 3) == ["score", "simulate", "train"]
    assert tasks_of(train_run, 7) == [
        "base known before the day",
        "build history",
        "decide",
        "evaluate",
        "fit",
        "register",
        "write pages",
    ]
    assert tasks_of(score_run, 11) == [
        "add to the list",
        "base known before the day",
        "champion",
        "days to make",
        "do without silent feeds",
        "features of a shard",
        "features of a shard",
        "keep what may be kept",
        "log to MLflow",
        "rank and publish",
        "score and explain",
    ]

    told = [line.split(" s  ", 1)[1] for line in ran.err.splitlines()]
    kept = [*lines_of(demo_run), *lines_of(train_run), *lines_of(score_run)]
    assert Counter(told[1:-1]) == Counter(kept), "all but the first and the last line, which the command itself says"
    assert "**promote**" in shown_of(train_run)["promotion"]
    assert "**usable**" in shown_of(train_run)["verdict"]
    scores = pd.read_parquet(tmp_path / "demo" / "published" / f"snapshot_date={END}" / "scores.parquet")
    best = scores[scores["eligible"]].sort_values("rank").head(20)
    assert [row["account"] for row in shown_of(score_run)["top"]] == best["name"].tolist()
    assert not (tmp_path / "demo" / "prefect-runs").exists(), "a server was there: none of our own was started"


def test_prefect_is_asked_for_by_an_option_or_by_its_variable(
    prefect_server: None,
    headroom: Headroom,
    warehouse: Path,
    with_model: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that fails at once, since no such model is there: is it known to the server?"""
    from prefect.settings import PREFECT_API_URL

    command = ("score", "--source", warehouse, "--snapshot-date", "2025-11-01", "--model", "999")
    assert headroom(*command).code == 1
    assert flow_runs("score 2025-11-01") == []

    ran = headroom(*command, "--prefect")
    assert ran.code == 1
    assert ran.err.count("headroom: ") == 1, "one message, no traceback"
    assert "Traceback" not in ran.err
    assert [run.state_name for run in flow_runs("score 2025-11-01")] == ["Failed"]

    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    assert headroom(*command).code == 1
    assert len(flow_runs("score 2025-11-01")) == 2
