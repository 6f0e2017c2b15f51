"""What is spoilt between scoring and publishing, or in the stored model, never gets onto a list."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import flows.stages.scoring
from data.contract.cross_sell import CrossSellOptions
from models.estimators.bundle import Bundle
from models.scoring.score import Scored
from tests.flows.conftest import END, Headroom

pytestmark = pytest.mark.slow
Spoil = Callable[[pd.DataFrame, Scored], None]


def move_a_column_by_a_row(rows: pd.DataFrame, scored: Scored) -> None:
    rows["registered_users"] = np.roll(rows["registered_users"].to_numpy(), 1)


def exchange_two_columns(rows: pd.DataFrame, scored: Scored) -> None:
    rows[["events_28d", "events_91d"]] = rows[["events_91d", "events_28d"]].to_numpy()


def rename_a_feature(rows: pd.DataFrame, scored: Scored) -> None:
    rows.columns = pd.Index(["tenure" if name == "tenure_days" else name for name in rows])


def exchange_two_attributions(rows: pd.DataFrame, scored: Scored) -> None:
    parts = scored.attributions
    # and moved: a model of few trees may use neither
    parts["seats"], parts["mrr"] = parts["mrr"] + 0.125, parts["seats"] - 0.125


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (move_a_column_by_a_row, "changed since they were scored: feature registered_users (1 in all)"),
        (exchange_two_columns, "changed since they were scored: feature events_28d, feature events_91d (2 in all)"),
        (rename_a_feature, "changed since they were scored: feature tenure_days, feature tenure (2 in all)"),
        (exchange_two_attributions, "changed since they were scored: attribution mrr, attribution seats (2 in all)"),
    ],
)
def test_what_moved_after_scoring_is_named_and_nothing_is_published(
    headroom: Headroom,
    with_model: None,
    rows_are_kept: None,
    warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Spoil,
    named: str,
) -> None:
    score = flows.stages.scoring.score

    def spoilt(bundle: Bundle, rows: pd.DataFrame, options: CrossSellOptions) -> Scored:
        scored = score(bundle, rows, options)
        spoil(rows, scored)
        return scored

    monkeypatch.setattr(flows.stages.scoring, "score", spoilt)
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", tmp_path / "out")
    assert ran.code == 1
    assert named in ran.err
    assert not list((tmp_path / "out").glob("*snapshot_date=*"))


def test_a_stored_model_that_was_edited_is_not_served(
    headroom: Headroom, trained_mlruns: Path, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained_mlruns, tmp_path / "edited")
    monkeypatch.setenv("HEADROOM_MLRUNS", str(tmp_path / "edited"))
    for file in (tmp_path / "edited").rglob("bundle/bundle.json"):
        stored = json.loads(file.read_text(encoding="utf-8"))
        stored["models"]["any"]["calibrator"]["intercept"] += 1
        file.write_text(json.dumps(stored), encoding="utf-8")
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "bundle/bundle.json is not the one this run was stored with" in ran.err
    assert not (tmp_path / "out").exists()
