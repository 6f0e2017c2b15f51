"""Scores, explanations and stored models that were changed by mistake or by hand: each is found, and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError, PublishError
from models.estimators import boosting
from models.estimators.bundle import Bundle, Propensity
from models.estimators.calibration import Platt
from models.explain import lightgbm_text as trees
from models.registry.mlflow_store import ModelRegistry
from models.scoring import attributions
from models.scoring.score import Scored, require_unchanged, score
from models.training.train import TrainedModel
from tests.models.mlflow_template import log
from tests.models.planted import FEATURES, history

Files = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return history(accounts=90, months=1, seed=7)[["account_id", "snapshot_date", *FEATURES]].reset_index(drop=True)


@pytest.fixture(scope="module")
def scored(trained: TrainedModel, rows: pd.DataFrame) -> Scored:
    return score(trained.bundle, rows)


@pytest.fixture(scope="module")
def one_tree_more(trained: TrainedModel) -> boosting.Booster:
    past, rounds = history(), trained.bundle.facts["rounds"] + 1
    return boosting.fit(past[FEATURES], past.expanded.to_numpy(), trained.settings.boosting, rounds)


# --- between scoring and publishing -----------------------------------------------------------------------------------


def test_what_was_scored_may_be_published(trained: TrainedModel, rows: pd.DataFrame, scored: Scored) -> None:
    require_unchanged(trained.bundle, rows, scored)
    require_unchanged(trained.bundle, rows[[*FEATURES[::-1], "snapshot_date", "account_id"]], scored)


def moved(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The values of these columns one row further down, against the accounts."""
    return frame.assign(**{name: np.roll(frame[name].to_numpy(), 1) for name in names})


def turned(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The values of these columns one column further to the right, under the same names."""
    return frame.assign(**dict(zip(names, (frame[name] for name in [names[-1], *names[:-1]]), strict=True)))


@pytest.mark.parametrize("shift", [moved, turned])
@pytest.mark.parametrize("place", ["feature", "attribution"])
def test_values_that_moved_against_their_accounts_or_names_are_named(
    trained: TrainedModel, rows: pd.DataFrame, scored: Scored, shift: Callable[..., pd.DataFrame], place: str
) -> None:
    if place == "feature":
        rows = shift(rows, FEATURES)
    else:
        scored = replace(scored, attributions=shift(scored.attributions, FEATURES))
    with pytest.raises(PublishError, match=f"changed since they were scored: {place} {FEATURES[0]}, "):
        require_unchanged(trained.bundle, rows, scored)


def test_one_column_that_moved_is_named_even_where_the_model_does_not_use_it(
    trained: TrainedModel, rows: pd.DataFrame
) -> None:
    rows = rows.assign(only_told=np.arange(len(rows)))
    scored = score(trained.bundle, rows)
    with pytest.raises(PublishError, match=r"changed since they were scored: feature only_told \(1 in all\)"):
        require_unchanged(trained.bundle, moved(rows, ["only_told"]), scored)


def test_a_feature_renamed_after_scoring_is_named(trained: TrainedModel, rows: pd.DataFrame, scored: Scored) -> None:
    with pytest.raises(PublishError, match="feature tenure_days, feature tenure "):
        require_unchanged(trained.bundle, rows.rename(columns={"tenure_days": "tenure"}), scored)


def test_a_calibrator_of_another_run_is_named(trained: TrainedModel, rows: pd.DataFrame, scored: Scored) -> None:
    other = replace(trained.bundle, any_expansion=Propensity(trained.bundle.booster, Platt(0.7, -0.4)))
    with pytest.raises(PublishError, match="propensity is not what the calibrator of this model gives: account a0000"):
        require_unchanged(other, rows, scored)


def test_a_range_of_another_run_is_named(trained: TrainedModel, rows: pd.DataFrame, scored: Scored) -> None:
    served = trained.bundle.any_expansion
    assert served.likely_range is not None
    sure = replace(served, likely_range=replace(served.likely_range, level_error=0.0))
    with pytest.raises(PublishError, match="propensity_low is not what the calibrator of this model gives: account "):
        require_unchanged(replace(trained.bundle, any_expansion=sure), rows, scored)


def test_a_booster_with_one_tree_more_is_named(
    trained: TrainedModel, rows: pd.DataFrame, scored: Scored, one_tree_more: boosting.Booster
) -> None:
    other = replace(trained.bundle, any_expansion=replace(trained.bundle.any_expansion, booster=one_tree_more))
    with pytest.raises(PublishError, match="log_odds is not what the booster of this model gives: account a0000"):
        require_unchanged(other, rows, scored)


# --- while scoring ----------------------------------------------------------------------------------------------------


def test_attributions_under_the_names_of_other_features_are_named(
    trained: TrainedModel, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They still add up; LightGBM's own explanation tells them apart."""
    served = attributions.contributions

    def shifted(booster: boosting.Booster, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        values, base = served(booster, X)
        return np.roll(values, 1, axis=1), base

    monkeypatch.setattr(attributions, "contributions", shifted)
    with pytest.raises(PublishError, match=r"the attribution of \w+ is .* for account a\d+, where LightGBM finds"):
        score(trained.bundle, rows)


def test_the_longest_path_is_found_by_walking_down(trained: TrainedModel) -> None:
    def longest(tree: trees.Tree, node: int) -> int:
        return 0 if node < 0 else 1 + max(longest(tree, int(tree.left[node])), longest(tree, int(tree.right[node])))

    model = trees.read(boosting.to_text(trained.bundle.booster))
    by_hand = [longest(tree, 0) if len(tree.feature) else 0 for tree in model.trees]
    assert [tree.depth() for tree in model.trees] == by_hand
    assert attributions.deepest_path(trained.bundle.booster) == max(by_hand) > 1


# --- in the stored files ----------------------------------------------------------------------------------------------


def edited(files: Files, change: Callable[[dict[str, Any]], object]) -> Files:
    stored = json.loads(files["bundle.json"])
    change(stored)
    return files | {"bundle.json": json.dumps(stored)}


@pytest.fixture(scope="module")
def another(trained: TrainedModel, one_tree_more: boosting.Booster) -> Bundle:
    """The model of another run: one tree more, and a calibrator of its own."""
    return replace(trained.bundle, any_expansion=Propensity(one_tree_more, Platt(0.7, -0.4, 900, 60)))


def test_files_as_they_were_written_are_read(trained: TrainedModel, another: Bundle) -> None:
    for bundle in (trained.bundle, another):
        files = bundle.to_files()
        assert Bundle.from_files(files).to_files() == files


def take_calibrator(stored: dict[str, Any], other: dict[str, Any], with_hash: bool) -> None:
    stored["models"]["any"]["calibrator"] = other["models"]["any"]["calibrator"]
    if with_hash:
        for name in ("the calibrator of any", "models of bundle.json"):
            stored["sha256"][name] = other["sha256"][name]


@pytest.mark.parametrize("with_hash", [False, True])
def test_a_calibrator_taken_from_another_run_is_refused_even_with_its_hash(
    trained: TrainedModel, another: Bundle, with_hash: bool
) -> None:
    other = json.loads(another.to_files()["bundle.json"])
    files = edited(trained.bundle.to_files(), lambda stored: take_calibrator(stored, other, with_hash))
    with pytest.raises(ModelError, match="the calibrator of any is not the one this model was stored with"):
        Bundle.from_files(files)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: s["feature_names"].reverse(), r"feature_names of bundle\.json"),
        (lambda s: s["feature_names"].__setitem__(0, "renamed"), r"feature_names of bundle\.json"),
        (lambda s: s["facts"].update(horizon_days=30), r"facts of bundle\.json"),
        (lambda s: s["amounts"].update(log_mean=20.0), r"amounts of bundle\.json"),
        (lambda s: s.pop("withheld"), r"withheld of bundle\.json"),
        (lambda s: s["models"]["seat"]["calibrator"].update(slope=2.0), "the calibrator of seat"),
        (lambda s: s["models"]["any"]["likely_range"].update(level_error=0.0), "the calibrator of any"),
        (lambda s: s.pop("sha256"), r"booster_any\.txt"),
    ],
)
def test_a_description_edited_by_hand_is_refused_by_the_name_of_its_part(
    trained: TrainedModel, change: Callable[[dict[str, Any]], object], named: str
) -> None:
    with pytest.raises(ModelError, match=f"{named} is not the one this model was stored with"):
        Bundle.from_files(edited(trained.bundle.to_files(), change))


def test_a_booster_with_one_tree_more_is_refused(trained: TrainedModel, another: Bundle) -> None:
    files = trained.bundle.to_files() | {"booster_any.txt": another.to_files()["booster_any.txt"]}
    with pytest.raises(ModelError, match=r"booster_any\.txt is not the one"):
        Bundle.from_files(files)
    with pytest.raises(ModelError, match=r"bundle\.json that is no JSON"):
        Bundle.from_files(files | {"bundle.json": "{"})


def test_a_whole_bundle_of_another_run_is_refused_in_the_registry(
    trained: TrainedModel, another: Bundle, mlruns: Path
) -> None:
    """It is sound in itself; the run remembers the hash of its own."""
    registry = ModelRegistry(mlruns)
    run_id = log(registry, trained, "d1").run_id
    place = mlruns / "artifacts" / run_id / "artifacts"
    kept = {path.name: path.read_text(encoding="utf-8") for path in (place / "bundle").iterdir()}
    for name, text in another.to_files().items():
        (place / "bundle" / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"bundle/bundle\.json is not the one this run was stored with") as refused:
        registry.load()
    assert run_id in refused.value.asked
    for name, text in kept.items():
        (place / "bundle" / name).write_text(text, encoding="utf-8")
    assert registry.load().version == "1"
    predictions = place / "tables" / "predictions.parquet"
    pd.read_parquet(predictions).iloc[1:].to_parquet(predictions, index=False)
    with pytest.raises(ModelError, match=r"tables/predictions\.parquet is not the one this run was stored with"):
        registry.table(run_id, "predictions")
