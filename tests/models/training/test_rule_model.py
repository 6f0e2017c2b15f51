import numpy as np
import pandas as pd
import pytest

from data.contract.vocabulary import MOTIONS
from models.evaluation.baselines import NAMED_RULES, TRIGGER_POINTS, trigger_points
from models.evaluation.verdict import Verdict, VerdictKind
from models.scoring.score import score
from models.training.rule_model import choose_rule, rule_bundle
from tests.models.planted import FEATURES, QUICK, history

TWELVE = Verdict(VerdictKind.TOO_FEW, ("12 expansions",))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    made = history(accounts=200, months=6, seed=4).sort_values(["snapshot_date", "account_id"], ignore_index=True)
    made["expanded"] = (np.arange(len(made)) % 100 == 0).astype("int8")  # twelve, and they follow nothing
    return made


@pytest.mark.parametrize("name", [rule.name for rule in NAMED_RULES if rule.column in FEATURES])
def test_the_list_has_the_order_of_the_rule(name: str, rows: pd.DataFrame) -> None:
    bundle = rule_bundle(rows, FEATURES, name, TWELVE, QUICK)
    assert bundle.facts["rule"] == name
    assert tuple(bundle.withheld) == MOTIONS
    told = score(bundle, rows[rows.snapshot_date == rows.snapshot_date.max()])
    ranking = choose_rule(rows, FEATURES, name, QUICK).ranking[-200:]
    assert pd.Series(ranking).corr(pd.Series(told.scores.log_odds), method="spearman") > 0.995
    assert told.scores.propensity.mean() == pytest.approx(0.01, abs=0.005)  # the base rate, spread


def test_points_are_followed_and_explained_by_their_columns(rows: pd.DataFrame) -> None:
    bundle = rule_bundle(rows, FEATURES, TRIGGER_POINTS, TWELVE, QUICK)
    told = score(bundle, rows[rows.snapshot_date == rows.snapshot_date.max()])
    now = trigger_points(rows[rows.snapshot_date == rows.snapshot_date.max()], {})
    by_points = told.scores.groupby(now).log_odds
    assert (by_points.min().to_numpy()[1:] > by_points.max().to_numpy()[:-1]).all()
    silent = told.attributions[["tenure_days", "mrr", "seats", "noise"]]
    assert (silent == 0).all(axis=None)


def test_an_unknown_rule_is_the_best_single_column(rows: pd.DataFrame) -> None:
    told = choose_rule(
        rows.assign(expanded=(rows.mrr > rows.mrr.median()).astype(int)), FEATURES, "best single column", QUICK
    )
    assert told.name == "mrr, highest first"
