import numpy as np
import pandas as pd
import pytest

from models.evaluation.baselines import BEST_RULE
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.verdict import VerdictKind, judge_base, statement
from tests.models.planted import FEATURES, QUICK, history

HONEST = QUICK.model_copy(update={"resamples": 200, "origins": 4})
LABELS = ["expanded", "expanded_seat", "expanded_upsell", "expansion_arr"]


def shuffled(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The labels of each month, dealt out among its accounts."""
    random = np.random.default_rng(seed)
    dealt = rows.groupby("snapshot_date", group_keys=False)[LABELS].apply(
        lambda part: part.sample(frac=1, random_state=random).set_axis(part.index)
    )
    return rows.assign(**{name: dealt[name] for name in LABELS})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_shuffled_between_accounts_have_no_signal(seed: int) -> None:
    verdict = evaluate(shuffled(history(), seed), FEATURES, HONEST).verdict
    assert verdict.kind is VerdictKind.NO_SIGNAL
    assert "no better than chance" in verdict.because[0] or "does not show" in verdict.because[0]


def test_a_base_that_one_rule_explains_needs_no_model() -> None:
    rows = history(accounts=300)
    random = np.random.default_rng(7)
    rows["expanded"] = (random.random(len(rows)) < 0.3 * (rows.mrr.rank(pct=True) ** 3)).astype("int8")
    rows["expanded_seat"], rows["expanded_upsell"] = rows.expanded, np.int8(0)
    evaluation = evaluate(rows, FEATURES, HONEST)
    assert evaluation.verdict.kind is VerdictKind.NO_SIGNAL
    assert "that of the rule" in evaluation.verdict.because[0]
    assert 'set [training] without_model = "rule" and train again' in evaluation.verdict.todo
    assert "without_model" not in judge_base(evaluation.backtest, evaluation.leaks, "rule").todo
    assert evaluation.backtest.figure("auc")[1] > 0.5  # better than chance, and still no reason for a model
    assert evaluation.backtest.best_rival("auc", rules_only=True).rival in ("MRR", BEST_RULE)


def test_a_usable_base_says_plainly_how_much_better_it_is() -> None:
    evaluation = evaluate(history(accounts=500), FEATURES, HONEST)
    assert evaluation.verdict.usable, evaluation.verdict
    told = statement(evaluation.backtest)
    best = evaluation.backtest.best_rival("auc")
    assert f"{best.difference:+.3f}" in told
    assert best.rival in told
    assert ("beats" if best.low > 0 else "is not shown to differ from") in told


def test_leaks_come_first(leaky: Evaluation) -> None:
    verdict = judge_base(leaky.backtest, leaky.leaks, "refuse")
    assert verdict.kind is VerdictKind.LEAK
    assert "next_mrr" in verdict.because[0]


@pytest.fixture(scope="module")
def leaky() -> Evaluation:
    rows = history()
    rows["next_mrr"] = rows.expanded + np.random.default_rng(9).normal(0, 0.1, len(rows))
    return evaluate(rows, [*FEATURES, "next_mrr"], QUICK)
