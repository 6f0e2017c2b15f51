"""Two lists of a simulated base, a month apart, with and without a retrain between them."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from data.contract.feature_card import FeatureCard
from data.contract.score_change import EXACT, PARTS
from features.catalogue import full_catalogue
from flows.run.settings import load
from flows.stages import inputs as steps
from flows.stages.base import read_source
from flows.stages.dates import known_base, training_dates
from models.changes.previous_scores import PreviousScores
from models.changes.score_change import replacement, split
from models.estimators.bundle import Bundle
from models.scoring.score import score
from models.settings import EvaluationSettings, Params
from models.training.train import train
from serving.changes.ranks import RANK_PARTS, change_table, moved_by_model, not_exact, split_ranks
from serving.changes.sentences import titles
from serving.changes.summary import Tally, summary, tally
from serving.ranking import gates
from serving.ranking.rank import rank
from serving.reasons.playbook import load as load_playbook
from serving.settings import ServingSettings
from tests.serving.world import about_list

pytestmark = pytest.mark.slow

BEFORE, DAY = date(2025, 12, 1), date(2026, 1, 1)
SMALL = EvaluationSettings(
    horizon_days=90,
    origins=2,
    warm_up_origins=1,
    default_rounds=30,
    max_rounds=40,
    motion_default_rounds=10,
    motion_max_rounds=20,
    resamples=10,
    boosting=Params(learning_rate=0.1, num_leaves=7, min_child_samples=20),
)
SHARD = 40


@dataclass(frozen=True)
class World:
    """The feature rows of the base on two days, a model trained on each of them, and the words for the features."""

    rows: dict[date, pd.DataFrame]
    models: dict[date, Bundle]
    cards: dict[str, FeatureCard]


@pytest.fixture(scope="module")
def world(warehouse: Path) -> World:
    settings = load(source=f"parquet://{warehouse}")
    with read_source(settings) as source:
        matured = {day: training_dates(known_base(source, day), SMALL.horizon_days) for day in (BEFORE, DAY)}
        base = known_base(source, DAY)
        built = steps.build_rows(base, [*matured[DAY], BEFORE, DAY], settings)
        days = pd.to_datetime(built["snapshot_date"]).dt.date
        history = steps.add_labels(built[days.isin(matured[DAY])], base, matured[DAY], settings)
        cards = steps.feature_cards(base)
    its_days = pd.to_datetime(history["snapshot_date"]).dt.date
    features = list(cards)
    models = {
        day: train(history[its_days.isin(matured[day])], features, SMALL).bundle.registered(version, f"run-{version}")
        for version, day in (("1", BEFORE), ("2", DAY))
    }
    rows = {day: built[days == day].reset_index(drop=True) for day in (BEFORE, DAY)}
    return World(rows, models, full_catalogue() | cards)


def listed(bundle: Bundle, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores with ranks, and attributions, as they are published."""
    told = score(bundle, rows)
    passed = gates.evaluate(rows.set_index("account_id"), ServingSettings().gates)
    scores = told.scores.assign(eligible=passed.eligible.array, owner=None, run_id=bundle.run_id)
    return rank(scores.assign(held_out=False, previous_held_out=False), "propensity"), told.attributions


@pytest.mark.parametrize("retrained", [False, True])
def test_every_change_is_split_exactly(retrained: bool, world: World) -> None:
    old, new = world.models[BEFORE], world.models[DAY if retrained else BEFORE]
    previous, parts = listed(old, world.rows[BEFORE])
    scores, attributions = listed(new, world.rows[DAY])
    about = about_list(BEFORE, titles(world.cards, load_playbook(world.cards)), replacement(old, new))
    codes = {name: card.reason_code for name, card in world.cards.items()}
    rows = world.rows[DAY]
    shards = [
        split(
            old,
            new,
            PreviousScores(previous, parts),
            rows.iloc[start : start + SHARD],
            scores,
            codes,
            attributions=attributions,
        )
        for start in range(0, len(rows), SHARD)
    ]
    ranks = split_ranks(previous, scores, rank_by="propensity", previous_rank_by="propensity")
    by_id, by_id_then = scores.set_index("account_id"), previous.set_index("account_id")
    tables = [change_table(DAY, s.accounts, s.reasons, by_id, ranks, by_id_then, about) for s in shards]
    changes, reasons = pd.concat(tables, ignore_index=True), pd.concat([s.reasons for s in shards], ignore_index=True)

    assert list(not_exact(changes, reasons)) == []
    assert changes["account_id"].tolist() == rows["account_id"].tolist()
    told = changes[changes["because"] == ""].set_index("account_id")
    assert set(told.index) == set(previous["account_id"]) & set(scores["account_id"])
    assert len(told) > 100
    expected = logit(by_id["propensity"][told.index]) - logit(by_id_then["propensity"][told.index])
    sums = told[[f"{part}_log_odds" for part in PARTS]].sum(axis=1)
    assert np.abs(sums - expected).max() < EXACT
    assert (told["data_log_odds"] != 0).mean() > 0.9
    assert (told[["model_log_odds", "calibration_log_odds"]].abs().sum(axis=1) > 0).all() == retrained
    if not retrained:
        assert (told[["model_log_odds", "calibration_log_odds"]] == 0).all(axis=None)
    in_both = by_id["rank"].notna() & by_id_then["rank"].reindex(by_id.index).notna()
    assert in_both.sum() > 20
    moved = changes.set_index("account_id").loc[in_both[in_both].index]
    assert (moved["rank_change"] == by_id["rank"][moved.index] - by_id_then["rank"][moved.index]).all()
    assert (moved[list(RANK_PARTS)].sum(axis=1) == moved["rank_change"]).all()

    asked = [shard.as_before for shard in shards if shard.as_before is not None]
    assert len(asked) == (len(shards) if retrained else 0)
    far = moved_by_model(scores, pd.concat(asked), "propensity") if retrained else None
    figures = summary(
        sum(map(tally, tables, (s.reasons for s in shards)), Tally()), about, previous_accounts=len(previous), moved=far
    )
    assert not retrained or far > 0
    assert ("The retrain moved" in figures["text"]) == retrained
    assert figures["compared"] == len(told)
    assert figures["compared"] + figures["new"] == len(scores)
    assert figures["compared"] + figures["left_the_base"] == len(previous)
    assert figures["mean_absolute_log_odds"]["change"] == pytest.approx(expected.abs().mean())
