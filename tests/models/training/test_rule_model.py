from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.contract.vocabulary import MOTIONS
from models.estimators.bundle import Bundle
from models.evaluation.baselines import BEST_RULE, NAMED_RULES, TRIGGER_POINTS, trigger_points
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.leak_probes import SHUFFLED_TIME, Leak
from models.evaluation.verdict import Verdict, VerdictKind
from models.scoring.score import score
from models.training.rule_model import _of_single_column, best_rule_of, choose_rule, leaks_of, rule_bundle
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


@pytest.fixture(scope="module")
def leaky() -> Evaluation:
    """A column that was filled in afterwards, and nobody has signed off."""
    made = history()
    made["next_mrr"] = made.expanded + np.random.default_rng(9).normal(0, 0.1, len(made))
    return evaluate(made, [*FEATURES, "next_mrr"], QUICK)


def chosen(evaluation: Evaluation) -> Bundle:
    """The rule that is stored."""
    name, leaks = best_rule_of(evaluation), leaks_of(evaluation)
    return rule_bundle(
        evaluation.rows, list(evaluation.features), name, evaluation.verdict, QUICK, evaluation.categories, leaks
    )


def read_by(bundle: Bundle) -> set[str]:
    gain = bundle.booster.feature_importance("gain")
    return {name for name, some in zip(bundle.feature_names, gain, strict=True) if some}


def test_a_suspected_leak_is_no_candidate_until_it_is_signed_off(leaky: Evaluation) -> None:
    assert leaks_of(leaky) == {"next_mrr"}
    assert choose_rule(leaky.rows, list(leaky.features), BEST_RULE, QUICK).columns == ["next_mrr"]
    stored = chosen(leaky)
    assert read_by(stored) <= {"seat_utilization_28d", "limit_share_max_28d"}  # those that were planted
    assert stored.amounts is not None
    assert "next_mrr" not in stored.amounts.trees
    signed = replace(leaky, leaks=tuple(replace(leak, signed_off=True) for leak in leaky.leaks))
    assert read_by(chosen(signed)) == {"next_mrr"}


def test_named_rules_and_triggers_that_read_a_leak_are_no_candidates_either(leaky: Evaluation) -> None:
    """As the probe names a column that looks otherwise today."""
    leak = Leak("train and score", "seat_utilization_28d", "it is elsewhere", "find out why")
    stored = chosen(replace(leaky, leaks=(*leaky.leaks, leak)))
    assert stored.facts["rule"] not in ("seat utilisation", TRIGGER_POINTS)
    assert not read_by(stored) & {"next_mrr", "seat_utilization_28d"}


def test_the_best_single_column_is_judged_without_what_leaks(leaky: Evaluation) -> None:
    """The leak alone made it the best of the bench; without it, it is as good as the best of all others."""
    others = [name for name in FEATURES if name != "seat_utilization_28d"]
    told = _of_single_column(leaky, others)
    bench = leaky.backtest.bench
    own = bench[(bench.rival == BEST_RULE) & (bench.metric == "average_precision")].rival_value.iloc[0]
    assert told < 0.5 < own
    assert _of_single_column(leaky, list(leaky.features)) == pytest.approx(own)


@pytest.mark.parametrize(("more", "rule"), [((), TRIGGER_POINTS), (("seat_utilization_28d",), "short tenure first")])
def test_a_leak_of_no_single_column_leaves_a_rule_that_nobody_chose_by_what_came(
    leaky: Evaluation, more: tuple[str, ...], rule: str
) -> None:
    found = tuple(Leak("a probe", name, "it knows", "find out why") for name in (SHUFFLED_TIME, *more))
    assert best_rule_of(replace(leaky, leaks=found)) == rule
    assert chosen(replace(leaky, leaks=found)).facts["rule"] == rule
