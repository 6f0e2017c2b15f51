"""Somebody makes another version the champion while a model is judged and stored: it stays, and that is said."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.pipelines import train as pipeline
from flows.run.settings import Settings
from models.registry.glance import CHALLENGER, CHAMPION
from models.registry.mlflow_store import DECISION, ModelRegistry
from models.training.promotion import Choice, Decision
from models.training.train import TrainedModel, train
from tests.models.mlflow_template import folder_with, log
from tests.models.planted import FEATURES, QUICK, history

PROMOTE = Decision(Choice.PROMOTE, ("it passed",), (), "1", 0, {})
KEEP = Decision(Choice.KEEP, ("because",), (), "1", 0, {})


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train(history(accounts=80), FEATURES, QUICK)


@pytest.fixture
def known(mlflow_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is known of a base, as far as storing a model asks for it; a page says what was decided."""
    folder_with(mlflow_database, tmp_path / "mlruns")
    data = {"feature_rows_sha256": "d", "input_rows": {}, "input_watermarks": {}}
    monkeypatch.setattr(pipeline.steps, "fingerprint", lambda *_: data)
    monkeypatch.setattr(pipeline.steps, "provenance", lambda _: {})
    monkeypatch.setattr(pipeline.steps, "feature_cards", lambda _: {})
    monkeypatch.setattr(pipeline, "logged_data", lambda *_: None)
    monkeypatch.setattr(pipeline, "plots_of", lambda *_: {})
    monkeypatch.setattr(pipeline, "evaluation_page", lambda *_: "")
    monkeypatch.setattr(pipeline, "card_page", lambda _, decision, *__: str(decision))
    base = SimpleNamespace(snapshot_date=date(2026, 7, 1))
    return SimpleNamespace(settings=Settings(root=tmp_path), base=base, report=None, history=None, features=())


@pytest.mark.parametrize("owner", [pipeline, ModelRegistry], ids=["while it is drawn", "while it is stored"])
def test_who_was_made_the_champion_meanwhile_stays(
    known: Any, trained: TrainedModel, monkeypatch: pytest.MonkeyPatch, owner: object
) -> None:
    registry = ModelRegistry(known.settings.mlruns_folder, known.settings.model)
    log(registry, trained, "d1")
    log(registry, trained, "d2", decision=KEEP)
    name = "plots_of" if owner is pipeline else "_attach_bundle"
    goes_on = getattr(owner, name)

    def meanwhile(*given: Any) -> Any:
        registry.set_champion("2", by_hand=True)
        return goes_on(*given)

    monkeypatch.setattr(owner, name, meanwhile)
    bundle, pages, decision = pipeline.register(known, trained, PROMOTE, "1")
    assert (registry.version_of(CHAMPION), registry.version_of(CHALLENGER)) == ("2", bundle.version) == ("2", "3")
    assert str(decision).startswith("keep: the champion is still the one")
    assert "version 2 serves by now" in pages["model_card.html"]
    stored = "keep" if owner is pipeline else "promote"  # what is told of a run when it begins
    assert registry.tags(cast("str", bundle.run_id))[DECISION] == stored


def test_what_was_decided_holds_where_nobody_came_between(known: Any, trained: TrainedModel) -> None:
    registry = ModelRegistry(known.settings.mlruns_folder, known.settings.model)
    assert pipeline.register(known, trained, PROMOTE, None)[2] is PROMOTE
    assert pipeline.register(known, trained, PROMOTE, "1")[2] is PROMOTE
    assert pipeline.register(known, trained, KEEP, "2")[2] is KEEP
    assert registry.version_of(CHAMPION) == "2"
