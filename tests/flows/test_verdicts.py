"""Bases from which no model may be used: exit code 1, a page that shows why, no champion, and what score then does."""

import json
import shutil
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from data.simulation.base import simulate
from data.simulation.drivers import RANDOM
from features.calendar import month_starts
from features.cohort import cohort
from features.labels import labels
from flows.run.settings import load
from flows.stages.base import read_source
from flows.stages.dates import known_base
from models.registry.glance import RULE
from models.registry.mlflow_store import ModelRegistry
from tests.flows.conftest import END, QUICK, Headroom
from tests.models.mlflow_template import folder_with

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("rows_are_kept")]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, mlflow_database: Path, tmp_path: Path) -> None:
    """Small trainings that start from an empty MLflow folder."""
    for name, value in {**QUICK, "HEADROOM_TRAINING__ORIGINS": "4", "HEADROOM_TRAINING__RESAMPLES": "100"}.items():
        monkeypatch.setenv(name, value)
    folder_with(mlflow_database, tmp_path / "mlruns")


@pytest.fixture(scope="session")
def random_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random") / "warehouse"
    simulate(folder, accounts=250, months=20, seed=3, end=END, world=RANDOM)
    return folder


def with_twelve_expansions(warehouse: Path, folder: Path) -> Path:
    """Every line as it was on its first day, but for twelve accounts, which bought seats last winter."""
    shutil.copytree(warehouse, folder)
    lines = pd.read_parquet(folder / "subscriptions.parquet").sort_values("valid_from")
    frozen = lines.drop_duplicates("account_id").assign(valid_to=None)
    old = frozen[(frozen.valid_from < "2024-06-01") & frozen.seats.notna()].head(12)
    bought = pd.Timestamp("2025-02-10")
    before = frozen.assign(valid_to=frozen.valid_to.where(~frozen.index.isin(old.index), bought))
    after = old.assign(valid_from=bought, seats=old.seats + 20, mrr=old.mrr * 2, known_at=None)
    pd.concat([before, after]).to_parquet(folder / "subscriptions.parquet", index=False)
    (folder / "invoices.parquet").unlink()
    return folder


@pytest.mark.slow
def test_a_random_base_gets_its_verdict_and_no_champion(
    headroom: Headroom, quick: None, random_base: Path, tmp_path: Path
) -> None:
    ran = headroom("train", "--source", random_base, "--snapshot-date", END)
    assert ran.code == 1
    assert "no usable signal" in ran.err
    page = (tmp_path / "reports" / "verdict.html").read_text(encoding="utf-8")
    assert "no usable signal" in page
    assert "short tenure first" in page  # the bench is shown
    registry = ModelRegistry(tmp_path / "mlruns")
    assert registry.versions().empty
    runs = registry._client().search_runs([e.experiment_id for e in registry._client().search_experiments()])
    assert [run.data.tags["headroom.decision"] for run in runs] == ["refuse"]
    scored = headroom("score", "--source", random_base, "--snapshot-date", END)
    assert scored.code == 1
    assert not (tmp_path / "published").exists()


@pytest.mark.slow
def test_where_it_is_allowed_the_best_rule_ranks_and_every_page_says_so(
    headroom: Headroom, quick: None, random_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_TRAINING__WITHOUT_MODEL", "rule")
    early = headroom("score", "--source", random_base, "--snapshot-date", END)
    assert early.code == 1
    assert "Run `headroom train` again: with these settings it stores a rule" in early.err
    ran = headroom("train", "--source", random_base, "--snapshot-date", END)
    assert ran.code == 1
    assert "version 1 ranks by the rule" in ran.err
    assert "and serves now: `headroom score` publishes its list." in ran.err
    assert "no champion was registered" not in ran.err
    assert "without_model" not in ran.err  # it is set
    scored = headroom("score", "--source", random_base, "--snapshot-date", END)
    assert scored.code == 0, scored.err
    folder = tmp_path / "published" / f"snapshot_date={END}"
    warnings = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["warnings"]
    assert any("There is no model for this base" in warning for warning in warnings)
    assert "There is no model for this base" in (folder / "list.html").read_text(encoding="utf-8")
    listed = headroom("top", "-n", "3")
    assert "There is no model for this base" in " ".join(listed.out.split())
    about = openpyxl.load_workbook(folder / "list.xlsx")["About"]
    assert any("There is no model for this base" in str(row[1].value) for row in about.iter_rows())
    scores = pd.read_parquet(folder / "scores.parquet")
    assert 0 < scores["propensity"].mean() < 0.3
    assert not ModelRegistry(tmp_path / "mlruns").has_champion()


def test_twelve_expansions_are_too_few(headroom: Headroom, quick: None, warehouse: Path, tmp_path: Path) -> None:
    base = with_twelve_expansions(warehouse, tmp_path / "twelve")
    ran = headroom("train", "--source", base, "--snapshot-date", END)
    assert ran.code == 1
    assert "12 distinct expansions" in ran.err
    assert "It takes 50, 38 more" in ran.err
    assert "It takes 50, 38 more" in (tmp_path / "reports" / "verdict.html").read_text(encoding="utf-8")
    assert ModelRegistry(tmp_path / "mlruns").versions().empty


def with_a_leak(warehouse: Path, folder: Path) -> Path:
    """NPS answers that somebody wrote afterwards, dated before: the customers who then grew were so content."""
    shutil.copytree(warehouse, folder)
    settings = load(source=f"parquet://{folder}")
    dates = month_starts(date(2024, 6, 1), END)
    with known_base(read_source(settings), END) as known:
        came = labels(known.tables, cohort(known.tables, dates), settings.expansion).to_pyarrow().to_pandas()
    answers = pd.DataFrame(
        {
            "account_id": came["account_id"],
            "occurred_at": pd.to_datetime(came["snapshot_date"]) - pd.Timedelta(days=1),
            "kind": "nps_response",
            "amount": came["expanded"].map({1: 9.0, 0: 3.0}),
        }
    )
    events = pd.read_parquet(folder / "crm_events.parquet")
    kept = events[events["kind"] != "nps_response"]
    pd.concat([kept, answers]).to_parquet(folder / "crm_events.parquet", index=False)
    return folder


@pytest.mark.slow
def test_a_planted_leak_is_blocked_by_name_until_it_is_signed_off(
    headroom: Headroom, quick: None, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = with_a_leak(warehouse, tmp_path / "leaking")
    ran = headroom("train", "--source", base, "--snapshot-date", END)
    assert ran.code == 1, ran.err
    assert "suspected leak" in ran.err
    assert "nps_last" in ran.err
    assert 'signed_off = ["nps_last"]' in ran.err
    assert ModelRegistry(tmp_path / "mlruns").versions().empty
    monkeypatch.setenv("HEADROOM_TRAINING__SIGNED_OFF", '["nps_last"]')
    again = headroom("train", "--source", base, "--snapshot-date", END)
    assert "suspected leak" not in again.err
    assert "no usable signal" in again.err  # signed off, so the model is judged, and is that column and no more


def test_a_suspected_leak_ranks_no_list(
    headroom: Headroom, quick: None, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_TRAINING__WITHOUT_MODEL", "rule")
    base = with_a_leak(warehouse, tmp_path / "leaking")
    ran = headroom("train", "--source", base, "--snapshot-date", END)
    assert ran.code == 1
    assert "suspected leak" in ran.err
    assert "nps_last" in ran.err
    assert "version 1 ranks by the rule" in ran.err
    assert "ranks by the rule 'nps_last" not in ran.err
    stored = ModelRegistry(tmp_path / "mlruns").load(f"headroom@{RULE}")
    assert "nps_last" not in stored.facts["rule"]
    scored = headroom("score", "--source", base, "--snapshot-date", END)
    assert scored.code == 0, scored.err
    folder = tmp_path / "published" / f"snapshot_date={END}"
    attributions = pd.read_parquet(folder / "attributions.parquet")
    assert (attributions["nps_last"] == 0).all()


def test_where_a_usable_model_is_refused_the_best_rule_ranks_as_well(
    headroom: Headroom, quick: None, warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_TRAINING__PROMOTION__FORECAST_RANGE", "[5, 6]")
    monkeypatch.setenv("HEADROOM_TRAINING__WITHOUT_MODEL", "rule")
    ran = headroom("train", "--source", warehouse, "--snapshot-date", END)
    assert ran.code == 1
    assert "decision: refuse: forecast over realised between 5 and 6" in ran.out
    assert "and serves now: `headroom score` publishes its list" in ran.out
    assert not ModelRegistry(tmp_path / "mlruns").has_champion()
    scored = headroom("score", "--source", warehouse, "--snapshot-date", END)
    assert scored.code == 0, scored.err
    folder = tmp_path / "published" / f"snapshot_date={END}"
    warnings = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["warnings"]
    assert any("There is no model for this base (the model was refused: forecast over" in said for said in warnings)


def test_backtest_then_promote_and_roll_back(
    headroom: Headroom,
    quick: None,
    trained_mlruns: Path,
    warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = headroom("backtest", "--source", warehouse, "--snapshot-date", END)
    assert told.code == 0, told.err
    assert "forecast_over_realised" in told.out
    assert "book_precision_at_20" in told.out
    assert (tmp_path / "reports" / "backtest.html").is_file()
    assert ModelRegistry(tmp_path / "mlruns").versions().empty  # a backtest registers nothing
    monkeypatch.setenv("HEADROOM_MLRUNS", str(shutil.copytree(trained_mlruns, tmp_path / "trained")))
    trained = headroom("train", "--source", warehouse, "--snapshot-date", END)
    assert trained.code == 0, trained.err
    assert "decision: promote" in trained.out
    assert "against version 1" in trained.out
    assert (tmp_path / "reports" / "model_card.html").is_file()
    assert "version 1 of headroom is the champion again" in headroom("rollback").out
    assert ModelRegistry(tmp_path / "trained").load().version == "1"
    assert "version 2 of headroom is the champion" in headroom("promote", "2", "--because", "the new one").out
    assert headroom("promote", "9").code == 1
    monkeypatch.setenv("HEADROOM_EXPANSION__HORIZON_DAYS", "30")
    for command in ("rollback", "promote"):
        warned = headroom(command)
        assert warned.code == 0
        assert "which was trained with horizon_days = 90 (now 30)" in warned.err
