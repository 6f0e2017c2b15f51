import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.estimators.logistic import logistic_ranking
from models.evaluation.baselines import (
    BEST_RULE,
    LAST_LIST,
    LOGISTIC,
    Rule,
    best_rule,
    both_directions_auc,
    rankings,
    trigger_points,
)
from models.evaluation.measures import auc

NAN = np.nan
THRESHOLDS: dict[str, float] = {}
NOBODY = pd.Series(dtype="float64")


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
    test = pd.DataFrame(
        {"account_id": list("abcd"), "good_then": [1.0, 2, 3, 4], "good_now": [4.0, 3, 2, 1], "expanded": [1, 1, 0, 0]}
    )
    columns = ["good_then", "good_now"]
    assert best_rule(train, columns, train.expanded.to_numpy()) == Rule(BEST_RULE, "good_then", "highest")
    told = rankings(train, test, columns, "expanded", THRESHOLDS, NOBODY)
    assert told[BEST_RULE].tolist() == test.good_then.tolist()
    assert auc(test.expanded.to_numpy(), told[BEST_RULE]) == 0


def test_named_rules_stand_on_the_bench_if_their_column_is_there() -> None:
    rows = pd.DataFrame({"account_id": list("abcd"), "tenure_days": [1.0, 2, 3, 4], "expanded": [1, 0, 1, 0]})
    told = rankings(rows, rows, ["tenure_days"], "expanded", THRESHOLDS, NOBODY)
    assert set(told) == {BEST_RULE, "short tenure first", LOGISTIC}
    # of four pairs the yes at 3 days loses one
    assert auc(rows.expanded.to_numpy(), told["short tenure first"]) == 0.75


def test_last_months_list_ranks_newcomers_last() -> None:
    rows = pd.DataFrame({"account_id": list("abc"), "x": [1.0, 2, 3], "expanded": [1, 0, 1]})
    last = pd.Series({"c": -2.0, "a": -1.0})
    assert rankings(rows, rows, ["x"], "expanded", THRESHOLDS, last)[LAST_LIST].tolist() == [-1, -np.inf, -2]


def test_points_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "seat_utilization_28d": [0.8, 0.79, NAN],
            "limit_share_max_28d": [0.9, 0.9, 0.1],
            "critical_tickets_open": [0.0, 1.0, 1.0],
        }
    )
    # 80% of the seats: 2 points, a limit in sight: 2, a critical ticket: -2
    assert trigger_points(rows, THRESHOLDS).tolist() == [4, 0, -2]
    assert trigger_points(rows, {"seat_utilization": 0.75}).tolist() == [4, 2, -2]


def test_logistic_regression_learns_on_the_train_rows_and_lives_with_missing_values() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    rows = pd.DataFrame({"x": np.where(random.random(400) < 0.2, NAN, x), "empty": NAN, "huge": 1e12 * x**3})
    rows["expanded"] = (x + random.normal(size=400) > 0.5).astype(int)
    told = logistic_ranking(rows[:300], rows[300:], ["x", "empty", "huge"], "expanded")
    assert auc(rows.expanded.to_numpy()[300:], told) > 0.7
    assert np.isfinite(told).all()
