import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.contract.vocabulary import SERVED_SCORES
from data.errors import ContractError, ModelError
from models.estimators.bundle import Bundle
from models.registry.mlflow_store import ModelRegistry, _mlflow
from models.registry.records import RunRecord
from models.registry.served_model import ServedModel, example_rows
from models.scoring.score import score
from models.training.train import TrainedModel, train
from tests.models.mlflow_template import log
from tests.models.planted import FEATURES, QUICK, history

FEW = 40
mlflow = _mlflow()


@pytest.fixture(scope="module")
def with_text() -> TrainedModel:
    past = history()
    past["plan"] = np.where(past.seats > 100, "pro", "team")
    return train(past, [*FEATURES, "plan"], QUICK)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    given = history(accounts=FEW, months=1, seed=9)[["account_id", "snapshot_date", *FEATURES]]
    return given.assign(plan=np.resize(["pro", "team", None, "a new plan"], len(given)))


@pytest.fixture
def served(with_text: TrainedModel, mlruns: Path) -> Iterator[Any]:
    """The champion, as MLflow itself loads it."""
    registry = ModelRegistry(mlruns)
    log(registry, with_text, "d1")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{registry.database}")
    try:
        yield mlflow.pyfunc.load_model("models:/headroom@champion")
    finally:
        mlflow.set_tracking_uri(before)


def test_it_says_what_the_list_says(served: Any, with_text: TrainedModel, rows: pd.DataFrame) -> None:
    listed, said = score(with_text.bundle, rows).scores, served.predict(rows)
    pd.testing.assert_frame_equal(said[["account_id", "snapshot_date"]], rows[["account_id", "snapshot_date"]])
    assert list(said.columns) == ["account_id", "snapshot_date", *SERVED_SCORES]
    pd.testing.assert_frame_equal(pd.DataFrame(said[[*SERVED_SCORES]]), listed[[*SERVED_SCORES]], check_exact=True)
    assert said.propensity_usage.isna().all(), "withheld"


def test_reasons_are_the_attributions_of_the_list(served: Any, with_text: TrainedModel, rows: pd.DataFrame) -> None:
    parts = score(with_text.bundle, rows).attributions
    said = served.predict(rows, params={"reasons": 3})
    for at, row in said.iterrows():
        strongest = parts.loc[at, [*FEATURES, "plan"]].astype(float).sort_values(key=np.abs, ascending=False)
        assert [row[f"feature_{k}"] for k in (1, 2, 3)] == list(strongest.index[:3])
        assert [row[f"shap_log_odds_{k}"] for k in (1, 2, 3)] == list(strongest[:3])
    codes = dict(zip(said.feature_1, said.reason_code_1, strict=True))
    assert codes["seat_utilization_28d"] == "seats_in_use" or "seat_utilization_28d" not in codes
    every = served.predict(rows, params={"reasons": 99})
    assert every.filter(like="feature_").shape[1] == len(FEATURES) + 1
    total = every.base_log_odds + every.filter(like="shap_log_odds_").sum(axis=1)
    assert (total - every.log_odds).abs().max() < 1e-9
    assert {"own_plan", "own_noise"} <= set(every.filter(like="reason_code_").to_numpy().ravel())


def test_whole_numbers_missing_values_and_text_pass(served: Any, with_text: TrainedModel, rows: pd.DataFrame) -> None:
    other = rows.set_axis(range(100, 100 + FEW)).assign(
        seats=rows.seats.astype("int64").to_numpy(),
        tenure_days=rows.tenure_days.astype("Int64").mask(rows.index % 5 == 0).to_numpy(),
        mrr=[Decimal(str(value)) for value in rows.mrr],
        noise=None,
        plan=None,
        segment="not of the model",
    )
    same = rows.assign(tenure_days=rows.tenure_days.mask(rows.index % 5 == 0), noise=np.nan, plan=None)
    said = served.predict(other)
    assert said.index.tolist() == other.index.tolist()
    assert said.propensity.tolist() == score(with_text.bundle, same).scores.propensity.tolist()


@pytest.mark.parametrize(
    ("spoil", "error", "found"),
    [
        (lambda rows: rows.drop(columns="seats"), ModelError, "missing: seats"),
        (lambda rows: rows.drop(columns="account_id"), ContractError, "missing: account_id"),
        (lambda rows: rows.assign(seats="12"), ContractError, "seats is string, and a number when"),
        (lambda rows: rows.assign(plan=3.0), ContractError, "plan is floating, and text when"),
        (lambda rows: rows.head(0), ContractError, "no rows"),
    ],
)
def test_another_table_is_refused(
    spoil: Any, error: type[Exception], found: str, with_text: TrainedModel, rows: pd.DataFrame
) -> None:
    with pytest.raises(error, match=found):
        ServedModel(with_text.bundle).predict(spoil(rows))
    with pytest.raises(ContractError, match="-1 reasons are wanted"):
        ServedModel(with_text.bundle).predict(rows, {"reasons": -1})


def test_what_is_missing_is_null_in_json(with_text: TrainedModel, rows: pd.DataFrame) -> None:
    said = ServedModel(with_text.bundle).predict(rows)
    text = json.dumps(said.to_dict(orient="records"), default=str, allow_nan=False)
    assert json.loads(text)[0]["propensity_usage"] is None
    assert json.loads(text)[3]["propensity"] == said.propensity[3]


def test_the_example_is_a_table_that_it_takes(served: Any, with_text: TrainedModel) -> None:
    example = served.input_example
    assert example.account_id.tolist() == ["account_1", "account_2", "account_3"]
    assert set(example.plan) <= {"pro", "team"}
    expected = example_rows(with_text.bundle, with_text.latest_rows)
    assert (
        served.predict(example).propensity.tolist()
        == ServedModel(with_text.bundle).predict(expected).propensity.tolist()
    )


def test_a_version_describes_itself(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    parameters = {"snapshot_date": "2025-03-01", "code_version": "0.1.0"}
    log(registry, trained, "d1", parameters=parameters)
    client = registry._client()
    model, version = client.get_registered_model("headroom"), client.get_model_version("headroom", "1")
    assert model.description.startswith("Who expands within the horizon.")
    said = {name: version.tags[name] for name in ("last_snapshot", "horizon_days", "motions", "code_version")}
    assert model.tags == said | {"headroom.champion.1": "2025-03-01 1"}, "and from which day on which version served"
    assert "of 160 accounts" in version.description
    assert f"AUC {trained.metrics['auc']:.3f}" in version.description
    assert version.tags["snapshot_date"] == "2025-03-01"
    assert version.tags["horizon_days"] == "90"
    assert version.tags["motions"] == "seat,upsell"
    assert version.tags["code_version"] == "0.1.0"
    assert float(version.tags["auc"]) == pytest.approx(trained.metrics["auc"], abs=1e-4)
    client.update_registered_model("headroom", description="Ours.")
    log(registry, trained, "d2")
    assert client.get_registered_model("headroom").description == "Ours.", "what somebody wrote stays"


def test_five_figures_lead(trained: TrainedModel, mlruns: Path) -> None:
    registry = ModelRegistry(mlruns)
    run = registry._client().get_run(log(registry, trained, "d1").run_id)
    first = sorted(run.data.metrics)[:5]
    lead = ["auc", "best_rule_auc", "brier_skill", "forecast_over_realised", "precision_at_20"]
    assert first == [f"1_lead/{name}" for name in lead]
    assert {name.partition("/")[0] for name in run.data.metrics} == {
        "1_lead",
        "2_all",
        "3_motion_seat",
        "3_motion_upsell",
        "4_by_snapshot",
    }


def test_a_version_without_a_served_model_is_still_loaded(
    trained: TrainedModel, mlruns: Path, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As earlier versions of Headroom stored it: without a reference, and with its own kind of model."""
    to_files = Bundle.to_files

    def older(bundle: Bundle) -> dict[str, str]:
        files = to_files(bundle)
        stored = json.loads(files["bundle.json"])
        stored.pop("reference")
        stored["sha256"].pop("reference of bundle.json")
        return {**files, "bundle.json": json.dumps(stored, indent=1)}

    monkeypatch.setattr(Bundle, "to_files", older)
    monkeypatch.setattr("models.registry.mlflow_store._save_model", lambda place, *_: place.mkdir())
    registry = ModelRegistry(mlruns)
    registry.log_model(trained.bundle, RunRecord("train"))
    loaded = registry.load()
    assert loaded.reference is None
    pd.testing.assert_frame_equal(score(loaded, rows).scores, score(trained.bundle, rows).scores, check_exact=True)


def test_a_rule_is_served_too(trained: TrainedModel, mlruns: Path, rows: pd.DataFrame) -> None:
    registry = ModelRegistry(mlruns)
    stored = registry.log_rule(trained.bundle, example_rows(trained.bundle, trained.latest_rows))
    model = mlflow.pyfunc.load_model(str(registry.folder_of("the rule", stored.run_id, "model")))
    assert model.predict(rows).propensity.tolist() == score(trained.bundle, rows).scores.propensity.tolist()
    assert registry._client().get_model_version("headroom", stored.version).description.startswith("A rule")
