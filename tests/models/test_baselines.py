import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.baselines import BASE_RATE, BEST_RULE, Rule, bench, best_rule, both_directions_auc, random_list

NAN = np.nan


def test_missing_is_last_in_both_directions() -> None:
    random = np.random.default_rng(0)
    values = np.where(random.random(300) < 0.3, NAN, random.integers(0, 9, 300).astype(float))
    y = (random.random(300) < 0.3).astype(int)
    highest, lowest = both_directions_auc(values, y)
    assert highest == pytest.approx(roc_auc_score(y, np.where(np.isnan(values), -99, values)))
    assert lowest == pytest.approx(roc_auc_score(y, np.where(np.isnan(values), -99, -values)))


def test_a_rule_ranks_missing_last() -> None:
    rows = pd.DataFrame({"tenure_days": [400.0, NAN, 30.0]})
    ranking = Rule("short tenure first", "tenure_days", "lowest").ranking(rows)
    assert np.argsort(-ranking).tolist() == [2, 0, 1]


def test_the_best_rule_is_chosen_on_the_train_rows_alone() -> None:
    train = pd.DataFrame({"good_then": [4.0, 3, 2, 1], "good_now": [1.0, 2, 2, 1], "expanded": [1, 1, 0, 0]})
    test = pd.DataFrame({"good_then": [1.0, 2, 3, 4], "good_now": [4.0, 3, 2, 1], "expanded": [1, 1, 0, 0]})
    columns = ["good_then", "good_now"]
    assert best_rule(train, columns, train.expanded.to_numpy()) == Rule(BEST_RULE, "good_then", "highest")
    lines = {line["rule"]: line for line in bench(train, test, columns, "expanded")}
    assert lines[BEST_RULE]["auc"] == 0
    assert lines[BASE_RATE]["auc"] == 0.5


def test_named_rules_stand_on_the_bench_if_their_column_is_there() -> None:
    rows = pd.DataFrame({"tenure_days": [1.0, 2, 3, 4], "expanded": [1, 0, 1, 0]})
    lines = {line["rule"]: line for line in bench(rows, rows, ["tenure_days"], "expanded")}
    assert set(lines) == {BEST_RULE, "short tenure first", BASE_RATE}
    assert lines["short tenure first"]["auc"] == 0.75  # of four pairs the yes at 3 days loses one


def test_a_random_list_finds_the_base_rate() -> None:
    told = random_list(np.array([1, 0, 0, 0]))
    assert told["average_precision"] == told["precision_at_20"] == told["precision_at_10pct"] == 0.25
    assert told["lift_at_10pct"] == 1
