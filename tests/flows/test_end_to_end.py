"""From tables to the published list, with the flows and the command line that users run."""

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.contract.cross_sell import CrossSellOptions
from data.sources.connect import connect
from data.sources.known import known_before
from features.muted import features_of_use
from models.estimators.bundle import Bundle
from models.scoring.score import Scored, score
from serving.published.layout import ERASED
from tests.flows.conftest import END, QUICK, Headroom
from tests.models.mlflow_template import folder_with
from tests.serving.world import files_of


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def of_use(warehouse: Path) -> list[str]:
    """The features that rest on use."""
    with connect(f"parquet://{warehouse}") as source:
        return sorted(features_of_use(known_before(source, END, END)))


def weighed(folder: Path, features: list[str]) -> pd.Series:
    """Whether any of these features weighed in the likelihood of each account."""
    attributions = table(folder, "attributions").set_index("account_id")
    return (attributions[attributions.columns.intersection(features)] != 0).any(axis=1)


def told_by(reasons: pd.DataFrame, features: list[str]) -> pd.Series:
    """Whether each reason rests on any of these features."""
    return reasons["features"].str.contains(rf"\b(?:{'|'.join(features)})\b")


def test_one_row_per_customer(published: Path, warehouse: Path) -> None:
    """The base by hand: a line that began and was known before the day, and has not ended before it."""
    lines, day = pd.read_parquet(warehouse / "subscriptions.parquet"), pd.Timestamp(END)
    known = lines["known_at"].fillna(lines["valid_from"])
    is_open = (lines["valid_from"] < day) & (known < day) & (lines["valid_to"].isna() | (lines["valid_to"] >= day))
    bills = pd.read_parquet(warehouse / "invoices.parquet")
    recent = bills[(bills["billed_at"] < day) & (bills["billed_at"] >= day - pd.Timedelta(days=90))]
    billed = recent.groupby("account_id")["amount"].sum()
    scores = table(published, "scores")
    assert scores["account_id"].is_unique
    assert set(scores["account_id"]) == set(lines.loc[is_open, "account_id"]) | set(billed.index[billed > 0])


def test_ranked_and_excluded_are_the_base(published: Path) -> None:
    scores, excluded = table(published, "scores"), table(published, "exclusions")
    ranked = scores[scores["eligible"]]
    assert sorted(ranked["rank"]) == list(range(1, len(ranked) + 1))
    assert set(ranked["account_id"]) | set(excluded["account_id"]) == set(scores["account_id"])
    assert not set(ranked["account_id"]) & set(excluded["account_id"])
    for _, book in ranked.groupby(ranked["owner"].fillna("")):
        assert sorted(book["owner_rank"]) == list(range(1, len(book) + 1))


def test_the_parts_add_up_to_the_score(published: Path) -> None:
    parts = table(published, "attributions").set_index("account_id").drop(columns="snapshot_date")
    scores = table(published, "scores").set_index("account_id")
    assert np.abs(parts.sum(axis=1) - scores["log_odds"].reindex(parts.index)).max() < 1e-6


def test_the_top_has_reasons(published: Path) -> None:
    scores, reasons = table(published, "scores"), table(published, "reasons")
    best = scores[scores["eligible"]].nsmallest(20, "rank")
    assert (reasons.groupby("account_id").size().reindex(best["account_id"]) >= 3).all()
    assert best["play"].notna().all()


def test_seats_in_a_sentence_are_those_of_the_contract(published: Path, warehouse: Path) -> None:
    """The numbers of a reason can be found in the input tables: seats bought, counted here by hand."""
    reasons = table(published, "reasons")
    in_use = r" of ([\d,]+) seats? in use"
    told = reasons[reasons["reason_code"] == "seats_in_use"].set_index("account_id")["text"].str.extract(in_use)[0]
    said = told.dropna().str.replace(",", "")
    lines, day = pd.read_parquet(warehouse / "subscriptions.parquet"), pd.Timestamp(END)
    known = lines["known_at"].fillna(lines["valid_from"])
    is_open = (lines["valid_from"] < day) & (known < day) & (lines["valid_to"].isna() | (lines["valid_to"] >= day))
    bought = lines[is_open].groupby("account_id")["seats"].sum()
    assert len(said) > 10
    assert (said.astype("int64") == bought.reindex(said.index)).all()


def test_the_manifest_says_where_it_comes_from(published: Path) -> None:
    manifest = json.loads((published / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["input_rows"]["accounts"] == 250
    assert manifest["input_watermarks"]["usage_events"] == "2025-12-31"
    assert manifest["model_version"] == "1"
    assert manifest["model"]["explained_by"] == "quadrature"
    assert {"lightgbm", "shap", "prefect"} <= manifest["library_versions"].keys()
    assert set(manifest["files_sha256"]) >= {"scores.parquet", "reasons.parquet", "list.html", "list.xlsx"}


def test_every_entry_of_the_manifest_is_documented(published: Path) -> None:
    manifest = json.loads((published / "manifest.json").read_text(encoding="utf-8"))
    page = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text(encoding="utf-8")
    of_manifest = page.partition("\n## manifest.json\n")[2].partition("\n## ")[0]
    entries = [row.split(" | ")[0] for row in of_manifest.splitlines() if row.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(entries))) == {*manifest, ERASED}


@pytest.mark.slow
def test_scoring_again_in_small_parts_gives_the_same_list(
    published: Path,
    headroom: Headroom,
    with_model: None,
    warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flows.stages.scoring.ACCOUNTS_AT_A_TIME", 37)
    assert headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", tmp_path / "again").code == 0
    for name in ("scores", "attributions", "reasons", "exclusions"):
        pd.testing.assert_frame_equal(
            table(published, name), table(tmp_path / "again" / f"snapshot_date={END}", name), check_exact=True
        )
    folders = (published, tmp_path / "again" / published.name)
    told = [json.loads((folder / "manifest.json").read_text()) for folder in folders]
    assert told[0] == told[1]


def test_a_fault_in_a_later_part_leaves_the_list_that_was_there(
    published: Path,
    headroom: Headroom,
    with_model: None,
    rows_are_kept: None,
    warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    shutil.copytree(published, out / published.name)
    before = files_of(out / published.name)

    def shifted(bundle: Bundle, rows: pd.DataFrame, options: CrossSellOptions) -> Scored:
        """From the second part on, the attributions stand one account too low."""
        found = score(bundle, rows, options)
        numbers = found.attributions.iloc[:, 3:].to_numpy()
        moved = found.attributions.copy()
        moved.iloc[37:, 3:] = np.roll(numbers[37:], 1, axis=0)
        return replace(found, attributions=moved)

    monkeypatch.setattr("flows.stages.scoring.ACCOUNTS_AT_A_TIME", 37)
    monkeypatch.setattr("flows.stages.scoring.score", shifted)
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END, "--out", out)
    assert ran.code == 1
    assert "check `parts add up` failed for account" in ran.err
    assert files_of(out / published.name) == before
    assert [path.name for path in out.iterdir()] == [published.name]


def test_top_prints_the_list_of_one_owner(published: Path, headroom: Headroom) -> None:
    owner = table(published, "scores")["owner"].dropna().iloc[0]
    ran = headroom("top", "--out", published.parent, "-n", "3", "--owner", owner)
    assert ran.code == 0
    assert owner.split()[0] in ran.out


@pytest.mark.slow
def test_training_is_the_same_for_a_seed(
    headroom: Headroom,
    trained_mlruns: Path,
    mlflow_database: Path,
    warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trained again on the same tables: another version, the same boosters, byte for byte."""
    from models.registry.mlflow_store import ModelRegistry

    folder_with(mlflow_database, tmp_path / "mlruns")
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    ran = headroom("train", "--source", warehouse, "--snapshot-date", END)
    assert ran.code == 0, ran.err
    again, before = ModelRegistry(Path("mlruns")).load(), ModelRegistry(trained_mlruns).load()
    assert again.to_files() == before.to_files()


def test_in_how_many_shards_a_base_is_built_changes_no_byte_of_its_feature_table(
    headroom: Headroom, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for rows in (120_000, 60):
        monkeypatch.setattr("features.build.build.ROWS_PER_SHARD", rows)
        ran = headroom("features", "--source", warehouse, "--snapshot-date", END, "--out", tmp_path / "rows.parquet")
        assert ran.code == 0, ran.err
        made.append((tmp_path / "rows.parquet").read_bytes())
    assert made[0] == made[1]
    assert pd.read_parquet(tmp_path / "rows.parquet")["account_id"].is_monotonic_increasing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.parquet"]


def test_a_feature_table_is_explained_as_the_published_list(
    published: Path, headroom: Headroom, with_model: None, warehouse: Path, tmp_path: Path
) -> None:
    rows, out = tmp_path / "rows.parquet", tmp_path / "explained.parquet"
    assert headroom("features", "--source", warehouse, "--snapshot-date", END, "--out", rows).code == 0
    ran = headroom("explain", "--features", rows, "--out", out, "-k", "3")
    assert ran.code == 0, ran.err
    assert "explained by quadrature" in ran.err
    found = pd.read_parquet(out).set_index("account_id").sort_index()
    scores = pd.read_parquet(published / "scores.parquet").set_index("account_id").sort_index()
    assert ran.out.startswith(f"{len(scores)} rows: ")
    assert (found[["log_odds", "propensity"]] == scores[["log_odds", "propensity"]]).all(axis=None)
    values = pd.read_parquet(published / "attributions.parquet").set_index("account_id")
    for at in (1, 2, 3):
        kept = [values.at[account, name] for account, name in found[f"feature_{at}"].items()]
        assert found[f"shap_log_odds_{at}"].to_numpy() == pytest.approx(kept, abs=2e-6)


def test_explaining_without_a_column_says_which(
    headroom: Headroom, with_model: None, published: Path, tmp_path: Path
) -> None:
    ran = headroom("explain", "--features", published / "scores.parquet", "--out", tmp_path / "out.parquet")
    assert ran.code == 1
    assert "found: missing: " in ran.err
    assert "fit_segment" in ran.err
    assert not (tmp_path / "out.parquet").exists()


def test_wrong_usage_exits_with_2(headroom: Headroom) -> None:
    assert headroom("score", "--snapshot-date", "tomorrow").code == 2
    assert headroom("scoer").code == 2


def test_score_without_a_model_says_what_to_do(headroom: Headroom, warehouse: Path) -> None:
    ran = headroom("score", "--source", warehouse)
    assert ran.code == 1
    assert "headroom train" in ran.err


def test_a_snapshot_date_that_has_not_come(headroom: Headroom, with_model: None, warehouse: Path) -> None:
    ran = headroom("score", "--source", warehouse, "--snapshot-date", "2099-01-01")
    assert ran.code == 1
    assert "nothing is known of later days" in ran.err


def test_data_that_ends_before_the_snapshot_is_told_and_not_judged(
    headroom: Headroom, with_model: None, warehouse: Path, tmp_path: Path
) -> None:
    late = END + timedelta(days=10)
    ran = headroom("score", "--source", warehouse, "--snapshot-date", late, "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "The data ends on 2025-12-31, 11 days before 2026-01-11" in ran.err
    assert "Use: not known since 31 Dec 2025, and not judged." in ran.err
    folder = tmp_path / "out" / f"snapshot_date={late}"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert "usage_events" in manifest["stopped_feeds"]
    assert manifest["silent_feeds"]["usage_events"] == {
        "last_day": "2025-12-31",
        "silent_days": 10,
        "usual_gap_days": 1,
    }
    assert any("The data ends on 2025-12-31" in warning for warning in manifest["warnings"])
    assert {"usage_falling", "low_adoption", "no_first_value"} <= set(manifest["gates_not_evaluated"])
    scores = pd.read_parquet(folder / "scores.parquet")
    assert scores["not_judged"].str.contains("use since 31 Dec 2025").all()
    assert scores["use_by_week"].isna().all()
    assert not scores["not_eligible_because"].str.contains("usage_falling|low_adoption|churn_risk").any()
    assert not weighed(folder, of_use(warehouse)).any()
    assert not told_by(table(folder, "reasons"), of_use(warehouse)).any()
    assert (
        headroom("verify", "--reasons", "--source", warehouse, "--snapshot-date", late, "--out", folder.parent).code
        == 0
    )


def test_a_region_whose_use_stopped_is_told_and_not_judged_and_the_others_are(
    headroom: Headroom, with_model: None, spoilt: Path, tmp_path: Path
) -> None:
    people = pd.read_parquet(spoilt / "accounts.parquet")
    region = people["region"].value_counts().index[0]
    ids = set(people.loc[people["region"] == region, "account_id"])
    events = pd.read_parquet(spoilt / "usage_events.parquet")
    is_lost = events["account_id"].isin(ids) & (events["occurred_at"] >= pd.Timestamp(END) - pd.Timedelta(days=12))
    events[~is_lost].to_parquet(spoilt / "usage_events.parquet")
    asked = ("--source", spoilt, "--snapshot-date", END, "--out", tmp_path / "out")
    ran = headroom("score", *asked)
    assert ran.code == 0, ran.err
    assert f"Use (region {region} stopped): not known of" in ran.err
    folder = tmp_path / "out" / f"snapshot_date={END}"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["silent_parts"].keys() == {f"usage_events.region = {region}"}
    assert not manifest["gates_not_evaluated"]
    scores = pd.read_parquet(folder / "scores.parquet").set_index("account_id")
    is_theirs = scores.index.isin(ids)
    assert scores.loc[is_theirs, "not_judged"].str.contains(f"use (region {region} stopped)", regex=False).all()
    assert not scores.loc[~is_theirs, "not_judged"].fillna("").str.contains("region").any()
    assert not scores.loc[is_theirs, "not_eligible_because"].str.contains("usage_falling|low_adoption").any()
    assert scores.loc[~is_theirs, "not_eligible_because"].str.contains("low_adoption").any()
    use_weighed = weighed(folder, of_use(spoilt))
    assert not use_weighed[use_weighed.index.isin(ids)].any()
    assert use_weighed[~use_weighed.index.isin(ids)].any()
    reasons = table(folder, "reasons")
    theirs = reasons[reasons["account_id"].isin(ids)]
    assert len(theirs)
    assert not told_by(theirs, of_use(spoilt)).any()
    assert headroom("verify", "--reasons", *asked).code == 0


def test_a_feed_that_is_silent_for_too_long_is_refused_unless_it_is_meant(
    headroom: Headroom, with_model: None, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = END + timedelta(days=40)
    asked = ("score", "--source", warehouse, "--snapshot-date", late, "--out", tmp_path / "out")
    ran = headroom(*asked)
    assert ran.code == 1
    assert "usage_events has had no row since 2025-12-31: 40 days, where it used to have one at least" in ran.err
    assert not (tmp_path / "out").exists()
    enough = re.search(r"most_silent_days = (\d+); for good: most_silent_days = \"off\"", ran.err)
    assert enough
    monkeypatch.setenv("HEADROOM_SOURCE__MOST_SILENT_DAYS", enough[1])
    assert headroom(*asked).code == 0


def test_a_model_of_another_horizon_is_refused(
    headroom: Headroom, with_model: None, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_EXPANSION__HORIZON_DAYS", "30")
    ran = headroom("score", "--source", warehouse, "--snapshot-date", END)
    assert ran.code == 1
    assert "horizon_days = 90 (now 30)" in ran.err


def test_the_ledger_of_the_last_year_is_told_and_reconciles(headroom: Headroom, warehouse: Path) -> None:
    ran = headroom("check", "--source", warehouse)
    assert ran.code == 0
    line = next(line for line in ran.out.splitlines() if line.startswith("ledger: "))
    numbers = [float(n.replace(",", "").replace(" ", "")) for n in re.findall(r"(?:- )?[\d,]+\.\d\d", line)]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.06)  # eleven figures, each rounded to the cent
