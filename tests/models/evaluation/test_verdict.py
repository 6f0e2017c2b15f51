import numpy as np
import pandas as pd
import pytest

from models.evaluation.baselines import BEST_RULE
from models.evaluation.evaluation import Study, study
from models.evaluation.verdict import Kind, judge_base, statement
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
    verdict = study(shuffled(history(), seed), FEATURES, HONEST).verdict
    assert verdict.kind is Kind.NO_SIGNAL
    assert "no better than chance" in verdict.because[0] or "does not show" in verdict.because[0]


def test_a_base_that_one_rule_explains_needs_no_model() -> None:
    rows = history(accounts=300)
    random = np.random.default_rng(7)
    rows["expanded"] = (random.random(len(rows)) < 0.3 * (rows.mrr.rank(pct=True) ** 3)).astype("int8")
    rows["expanded_seat"], rows["expanded_upsell"] = rows.expanded, np.int8(0)
    found = study(rows, FEATURES, HONEST)
    assert found.verdict.kind is Kind.NO_SIGNAL
    assert "that of the rule" in found.verdict.because[0]
    assert found.backtest.figure("auc")[1] > 0.5  # better than chance, and still no reason for a model
    assert found.backtest.best_rival("auc", rules_only=True).rival in ("MRR", BEST_RULE)


def test_a_usable_base_says_plainly_how_much_better_it_is() -> None:
    found = study(history(accounts=500), FEATURES, HONEST)
    assert found.verdict.usable, found.verdict
    told = statement(found.backtest)
    best = found.backtest.best_rival("auc")
    assert f"{best.difference:+.3f}" in told
    assert best.rival in told
    assert ("beats" if best.low > 0 else "is not shown to differ from") in told


def test_leaks_come_first(found_leak: Study) -> None:
    verdict = judge_base(found_leak.backtest, found_leak.leaks)
    assert verdict.kind is Kind.LEAK
    assert "next_mrr" in verdict.because[0]


@pytest.fixture(scope="module")
def found_leak() -> Study:
    rows = history()
    rows["next_mrr"] = rows.expanded + np.random.default_rng(9).normal(0, 0.1, len(rows))
    return study(rows, [*FEATURES, "next_mrr"], QUICK)
