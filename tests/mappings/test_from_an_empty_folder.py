"""From an empty folder with the tables of some tools beside it to a published list: three commands, no SQL by hand."""

from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import QUICK, Headroom
from tests.mappings.test_four_tools import land_all
from tests.mappings.test_other_tools import SETS, ToolSet
from tests.mappings.world import END, Frames, land, simulated
from tests.models.mlflow_template import folder_with

pytestmark = pytest.mark.slow
ACCOUNTS, MONTHS = 600, 24
ENOUGH = {"HEADROOM_TRAINING__ORIGINS": "4"}
"""Past days to be tested on: with two, what the model is better by is within chance on a base so small."""


def test_three_commands_lead_to_a_list(
    headroom: Headroom,
    mlflow_database: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing = tmp_path_factory.mktemp("landing")
    truth = simulated(tmp_path_factory.mktemp("simulated"), ACCOUNTS, MONTHS, seed=3)
    land_all(landing, truth)
    monkeypatch.setenv("HEADROOM_MLRUNS", str(folder_with(mlflow_database, tmp_path / "mlruns")))
    for name, value in (QUICK | ENOUGH).items():
        monkeypatch.setenv(name, value)
    made = headroom("init", "--from", "stripe,salesforce,zendesk,pendo", "--source", f"parquet://{landing}")
    assert made.code == 0, made.err
    trained = headroom("train", "--snapshot-date", END)
    assert trained.code == 0, trained.err + trained.out
    scored = headroom("score", "--snapshot-date", END)
    assert scored.code == 0, scored.err
    scores = pd.read_parquet(tmp_path / "published" / f"snapshot_date={END}" / "scores.parquet")
    assert set(scores["account_id"]) <= set(truth["accounts"]["account_id"])
    assert scores["rank"].notna().sum() > 20
    assert scores["owner"].isin(truth["accounts"]["owner"]).all() if "owner" in scores else True


FEW_ACCOUNTS, FEW_MONTHS = 120, 15
RULE = {"HEADROOM_TRAINING__WITHOUT_MODEL": "rule"}
"""On so few accounts the rule serves where the model is not better than it: the list is published by either."""


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return simulated(tmp_path_factory.mktemp("few"), FEW_ACCOUNTS, FEW_MONTHS, seed=3)


@pytest.mark.parametrize("tools", SETS[:3], ids=lambda tools: tools.name)
def test_other_tools_lead_to_a_list(
    headroom: Headroom,
    mlflow_database: Path,
    few: Frames,
    tools: ToolSet,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landing, truth = tmp_path_factory.mktemp("landing"), tools.of(few)
    for name, write in tools.tools.items():
        land(landing, name, write(truth))
    monkeypatch.setenv("HEADROOM_MLRUNS", str(folder_with(mlflow_database, tmp_path / "mlruns")))
    for name, value in (QUICK | RULE).items():
        monkeypatch.setenv(name, value)
    for command in (["init", "--source", f"parquet://{landing}"], ["train"], ["score"]):
        ran = headroom(*command, *([] if command[0] == "init" else ["--snapshot-date", END]))
        assert ran.code == 0 or "serves now" in ran.err + ran.out, ran.err + ran.out
    scores = pd.read_parquet(tmp_path / "published" / f"snapshot_date={END}" / "scores.parquet")
    assert set(scores["account_id"]) <= set(truth["accounts"]["account_id"])
    assert scores["rank"].notna().sum() > 20
