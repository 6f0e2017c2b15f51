"""Two lists of one base, a month apart, as the command line publishes them: why each account moved."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logit

from data.contract.outputs import CHANGES
from serving.changes.ranks import RANK_PARTS
from serving.published import tables
from tests.flows.conftest import END, Headroom, publish_days
from tests.flows.test_verify import edit, set_value
from tests.serving.world import files_of

pytestmark = pytest.mark.slow

BEFORE = date(2025, 12, 1)
PARTS = ["data_log_odds", "model_log_odds", "calibration_log_odds"]


@pytest.fixture(scope="module")
def two_lists(trained_mlruns: Path, warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two published lists. Shared: it is only read."""
    return publish_days(trained_mlruns, warehouse, tmp_path_factory.mktemp("two") / "out", (BEFORE, END))


@pytest.fixture
def both(two_lists: Path, tmp_path: Path) -> Path:
    """The same, to edit."""
    return Path(shutil.copytree(two_lists, tmp_path / "out"))


def test_every_change_is_split_told_and_verified(both: Path, warehouse: Path, headroom: Headroom) -> None:
    folder = both / f"snapshot_date={END}"
    changes, reasons = (tables.read(folder / f"{name}.parquet") for name in ("changes", "change_reasons"))
    scores, before = (tables.read(both / f"snapshot_date={day}" / "scores.parquet") for day in (END, BEFORE))
    assert list(changes.columns) == list(CHANGES.names)
    assert changes["account_id"].tolist() == scores["account_id"].tolist()
    then = before.set_index("account_id")["propensity"].reindex(scores["account_id"]).to_numpy()
    stayed = changes["because"].to_numpy() == ""
    assert (stayed == ~np.isnan(then)).all()
    assert stayed.sum() > 100
    moved = logit(scores["propensity"].to_numpy()[stayed]) - logit(then[stayed])
    assert np.abs(changes["change_log_odds"].to_numpy()[stayed] - moved).max() < 1e-9
    assert np.abs(changes[PARTS].sum(axis=1).to_numpy()[stayed] - moved).max() < 1e-9
    assert (changes.loc[stayed, "model_log_odds"] == 0).all()  # the same model scored both
    by_code = reasons.groupby("account_id")["log_odds"].sum().reindex(changes["account_id"], fill_value=0.0)
    assert np.abs(by_code.to_numpy() - changes["data_log_odds"].to_numpy())[stayed].max() < 1e-9
    ranked = changes.dropna(subset="rank_change")
    assert (ranked[list(RANK_PARTS)].sum(axis=1) == ranked["rank_change"]).all()
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["changes"]
    assert told["compared"] == stayed.sum()
    assert told["text"] in (folder / "list.html").read_text(encoding="utf-8")
    page = (folder / "list.html").read_text(encoding="utf-8")
    first = scores.loc[(scores["rank"] <= 20) & (scores["previous_rank"] != scores["rank"]), "account_id"].iloc[0]
    assert changes.set_index("account_id")["text"][first] in page
    assert headroom("verify", "--reasons", "--source", warehouse, "--out", both).code == 0
    edit(folder, "changes", lambda frame: frame.assign(data_log_odds=frame["data_log_odds"] + 0.001))
    ran = headroom("verify", "--out", both)
    assert ran.code == 1
    assert "the parts of its change do not sum to it, by 0.001" in ran.out


def test_the_sentences_about_changes_are_told_again(both: Path, warehouse: Path, headroom: Headroom) -> None:
    folder = both / f"snapshot_date={END}"
    changes = edit(folder, "changes", lambda frame: set_value(frame, 7, "text", "Up from rank 900 to 1."))
    scores = edit(folder, "scores", lambda frame: set_value(frame, 3, "previous_propensity", 0.99))
    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", both)
    assert ran.code == 1
    account = changes["account_id"][7]
    assert f"different: {account}, changes: published 'Up from rank 900 to 1.', derived '" in ran.out
    assert f"different: {scores['account_id'][3]}, previous_propensity: published 0.99, derived 0." in ran.out
    shutil.rmtree(both / f"snapshot_date={BEFORE}")
    ran = headroom("verify", "--reasons", "--source", warehouse, "--out", both)
    assert ran.code == 0, ran.out
    assert "why accounts changed was not told again" in ran.out


def test_in_how_many_parts_a_base_is_compared_changes_no_byte(
    both: Path,
    warehouse: Path,
    headroom: Headroom,
    with_model: None,
    rows_are_kept: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = files_of(both / f"snapshot_date={END}")
    monkeypatch.setattr("flows.stages.scoring.ACCOUNTS_AT_A_TIME", 37)
    assert headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", both).code == 0
    assert files_of(both / f"snapshot_date={END}") == before
    assert len(list(both.iterdir())) == 2


def test_a_last_list_that_was_edited_stops_the_next(
    both: Path, warehouse: Path, headroom: Headroom, with_model: None, rows_are_kept: None
) -> None:
    edit(both / f"snapshot_date={BEFORE}", "attributions", lambda frame: frame.assign(mrr=frame["mrr"] + 0.01))
    before = files_of(both / f"snapshot_date={END}")
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", both)
    assert ran.code == 1
    assert "in the last list are off its log-odds by 0.01" in ran.err
    assert files_of(both / f"snapshot_date={END}") == before
