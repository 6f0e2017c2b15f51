import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from models import metrics

# Ten accounts, three expanded; the list has a tie of four at 0.5 with one expansion in it.
Y = np.array([1, 0, 1, 0, 0, 0, 0, 1, 0, 0])
P = np.array([0.9, 0.8, 0.5, 0.5, 0.5, 0.5, 0.3, 0.2, 0.1, 0.1])


def test_precision_breaks_ties_three_ways() -> None:
    # The first three are 0.9 (yes), 0.8 (no) and one of the tie, which holds one yes among four.
    assert metrics.precision_at(Y, P, 3, "worst") == pytest.approx(1 / 3)
    assert metrics.precision_at(Y, P, 3, "expected") == pytest.approx((1 + 1 / 4) / 3)
    assert metrics.precision_at(Y, P, 3, "best") == pytest.approx(2 / 3)
    # With five, the tie gives three places to four accounts: at worst all three noes.
    assert metrics.precision_at(Y, P, 5, "worst") == pytest.approx(1 / 5)
    assert metrics.precision_at(Y, P, 6) == pytest.approx(2 / 6)


def test_lift_is_precision_over_the_base_rate() -> None:
    assert metrics.lift_at(Y, P, 1) == pytest.approx((1 / 1) / (3 / 10))
    assert metrics.lift_at(Y, P, 20) == pytest.approx(1)  # the whole base


def test_auc_by_hand() -> None:
    # 21 pairs. 0.9 wins 7; the tied yes wins 3 (0.3, 0.1, 0.1), halves 3; 0.2 wins 2: 7 + 3 + 1.5 + 2 = 13.5
    assert metrics.auc(Y, P) == pytest.approx(13.5 / 21)


def test_brier_by_hand() -> None:
    y, p = np.array([1, 0, 0, 0]), np.array([0.7, 0.1, 0.1, 0.1])
    assert metrics.brier(y, p) == pytest.approx((0.09 + 3 * 0.01) / 4)
    # Always 25%: (0.5625 + 3 * 0.0625) / 4 = 0.1875; skill = 1 - 0.03 / 0.1875
    assert metrics.brier_skill(y, p) == pytest.approx(1 - 0.03 / 0.1875)


def test_against_scikit_learn() -> None:
    random = np.random.default_rng(1)
    p = np.round(random.uniform(0.01, 0.99, 500), 2)
    y = (random.uniform(size=500) < p).astype(int)
    told = metrics.metrics(y, p)
    assert told["auc"] == pytest.approx(reference.roc_auc_score(y, p))
    assert told["average_precision"] == pytest.approx(reference.average_precision_score(y, p))
    assert told["brier"] == pytest.approx(reference.brier_score_loss(y, p))
    assert told["log_loss"] == pytest.approx(reference.log_loss(y, p))
    assert told["rows"] == 500
    assert told["positives"] == y.sum()
    assert told["forecast_over_realised"] == pytest.approx(p.sum() / y.sum())


def test_calibration_curve_and_error_by_hand() -> None:
    y, p = np.array([0, 0, 0, 1]), np.array([0.1, 0.1, 0.6, 0.8])
    curve = metrics.calibration_curve(y, p, bins=2)
    assert curve.rows.tolist() == [2, 2]
    assert curve.positives.tolist() == [0, 1]
    assert curve.mean_propensity.tolist() == pytest.approx([0.1, 0.7])
    # distances 0.1 and 0.2, two rows each
    assert metrics.expected_calibration_error(y, p, bins=2) == pytest.approx(0.15)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=60), st.integers(1, 70))
def test_worst_expected_best_are_in_order(pairs: list[tuple[int, int]], k: int) -> None:
    y, p = (np.array(side) for side in zip(*pairs, strict=True))
    worst, expected, best = (metrics.precision_at(y, p, k, ties) for ties in ("worst", "expected", "best"))
    assert 0 <= worst <= expected + 1e-12
    assert expected <= best + 1e-12
    assert best <= 1
    curve = metrics.calibration_curve(y, p / 5)
    assert curve.rows.sum() == len(y)
    assert curve.positives.sum() == y.sum()


def test_one_outcome_only() -> None:
    assert np.isnan(metrics.auc(np.zeros(3), np.arange(3)))
    assert np.isnan(metrics.average_precision(np.zeros(3), np.arange(3)))
    assert np.isnan(metrics.lift_at(np.zeros(3), np.arange(3), 2))
    assert np.isnan(metrics.brier_skill(np.zeros(3), np.zeros(3)))


def test_interval_resamples_accounts() -> None:
    random = np.random.default_rng(2)
    accounts = np.repeat(np.arange(100), 3)
    snapshots = np.tile(np.arange(3), 100)
    p = random.normal(size=300)
    y = (p + random.normal(size=300) > 1).astype(int)
    low, high = metrics.auc_interval(y, p, accounts, snapshots, 200, seed=0)
    assert low < np.mean([metrics.auc(y[snapshots == d], p[snapshots == d]) for d in range(3)]) < high
    assert (low, high) == metrics.auc_interval(y, p, accounts, snapshots, 200, seed=0)
    assert np.isnan(metrics.auc_interval(y, p, accounts, snapshots, 0, seed=0)[0])
