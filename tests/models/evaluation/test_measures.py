from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from models.evaluation import measures
from models.evaluation.metrics import ORDER, JudgedRows, figures

# Ten accounts, three expanded; the list has a tie of four at 0.5 with one expansion in it.
Y = np.array([1, 0, 1, 0, 0, 0, 0, 1, 0, 0])
P = np.array([0.9, 0.8, 0.5, 0.5, 0.5, 0.5, 0.3, 0.2, 0.1, 0.1])


def test_precision_breaks_ties_three_ways() -> None:
    # The first three are 0.9 (yes), 0.8 (no) and one of the tie, which holds one yes among four.
    assert measures.precision_at(Y, P, 3, "worst") == pytest.approx(1 / 3)
    assert measures.precision_at(Y, P, 3, "expected") == pytest.approx((1 + 1 / 4) / 3)
    assert measures.precision_at(Y, P, 3, "best") == pytest.approx(2 / 3)
    # With five, the tie gives three places to four accounts: at worst all three noes.
    assert measures.precision_at(Y, P, 5, "worst") == pytest.approx(1 / 5)
    assert measures.precision_at(Y, P, 6) == pytest.approx(2 / 6)


def test_lift_is_precision_over_the_base_rate() -> None:
    assert measures.lift_at(Y, P, 1) == pytest.approx((1 / 1) / (3 / 10))
    assert measures.lift_at(Y, P, 20) == pytest.approx(1)  # the whole base


def test_auc_by_hand() -> None:
    # 21 pairs. 0.9 wins 7; the tied yes wins 3 (0.3, 0.1, 0.1), halves 3; 0.2 wins 2: 7 + 3 + 1.5 + 2 = 13.5
    assert measures.auc(Y, P) == pytest.approx(13.5 / 21)


def test_brier_by_hand() -> None:
    y, p = np.array([1, 0, 0, 0]), np.array([0.7, 0.1, 0.1, 0.1])
    assert measures.brier(y, p) == pytest.approx((0.09 + 3 * 0.01) / 4)
    # Always 25%: (0.5625 + 3 * 0.0625) / 4 = 0.1875; skill = 1 - 0.03 / 0.1875
    assert measures.brier_skill(y, p) == pytest.approx(1 - 0.03 / 0.1875)


def test_against_scikit_learn() -> None:
    random = np.random.default_rng(1)
    p = random.uniform(0.01, 0.99, 500)
    y = (random.uniform(size=500) < p).astype(int)
    assert measures.auc(y, p) == pytest.approx(reference.roc_auc_score(y, p))
    assert measures.average_precision(y, p) == pytest.approx(reference.average_precision_score(y, p))
    assert measures.brier(y, p) == pytest.approx(reference.brier_score_loss(y, p))
    assert measures.log_loss(y, p) == pytest.approx(reference.log_loss(y, p))
    assert measures.forecast_over_realised(p, y) == pytest.approx(p.sum() / y.sum())


def test_calibration_curve_and_error_by_hand() -> None:
    y, p = np.array([0, 0, 0, 1]), np.array([0.1, 0.1, 0.6, 0.8])
    curve = measures.calibration_curve(y, p, bins=2)
    assert curve.rows.tolist() == [2, 2]
    assert curve.positives.tolist() == [0, 1]
    assert curve.mean_propensity.tolist() == pytest.approx([0.1, 0.7])
    # distances 0.1 and 0.2, two rows each
    assert measures.expected_calibration_error(y, p, bins=2) == pytest.approx(0.15)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=60), st.integers(1, 70))
def test_worst_expected_best_are_in_order(pairs: list[tuple[int, int]], k: int) -> None:
    y, p = (np.array(side) for side in zip(*pairs, strict=True))
    worst, expected, best = (measures.precision_at(y, p, k, ties) for ties in ("worst", "expected", "best"))
    assert 0 <= worst <= expected + 1e-12
    assert expected <= best + 1e-12
    assert best <= 1
    curve = measures.calibration_curve(y, p / 5)
    assert curve.rows.sum() == len(y)
    assert curve.positives.sum() == y.sum()


def test_one_outcome_only() -> None:
    assert np.isnan(measures.auc(np.zeros(3), np.arange(3)))
    assert np.isnan(measures.average_precision(np.zeros(3), np.arange(3)))
    assert np.isnan(measures.lift_at(np.zeros(3), np.arange(3), 2))
    assert np.isnan(measures.brier_skill(np.zeros(3), np.zeros(3)))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40))
def test_a_weight_is_a_row_that_often(rows: list[tuple[int, int, int]]) -> None:
    """Weights say how often a row counts: the same figures come from writing it down so often."""
    y, p, times = (np.array(side) for side in zip(*rows, strict=True))
    if not times.sum():
        return
    sides = {"y": y, "p": p, "arr": y * (p + 1.0), "owners": p % 2}
    weighed = figures(JudgedRows(**sides, counts=times[None, :]), ORDER)
    written = {name: np.repeat(side, times) for name, side in sides.items()}
    plain = figures(JudgedRows(**written, counts=np.ones((1, times.sum()))), ORDER)
    assert {"auc", "arr_recall_at_20", "book_lift_at_20"} < plain.keys()
    for name, values in plain.items():
        assert weighed[name][0] == pytest.approx(values[0], nan_ok=True), name
    shares = (p + 0.5) / 6
    for measure in (measures.brier, measures.brier_skill, measures.log_loss):
        plainly = measure(np.repeat(y, times), np.repeat(shares, times))
        assert measure(y, shares, times[None, :])[0] == pytest.approx(plainly, nan_ok=True)


def test_average_precision_is_the_worst_of_all_ways_to_break_the_ties() -> None:
    tie = [2, 3, 4, 5]  # the four at 0.5; the two at 0.1 are alike
    orders = [average_of((0, 1, *way, 6, 7, 8, 9)) for way in permutations(tie)]
    assert measures.average_precision(Y, P) == pytest.approx(min(orders))
    assert min(orders) < max(orders)


def average_of(order: tuple[int, ...]) -> float:
    found = np.cumsum(Y[list(order)]) / np.arange(1, len(order) + 1)
    return float(found[Y[list(order)] == 1].mean())


def test_share_of_the_arr_in_the_top() -> None:
    arr = np.array([100.0, 0, 50, 0, 0, 0, 0, 850, 0, 0])
    assert measures.recall_at(arr, P, 1) == pytest.approx(0.1)
    assert measures.recall_at(arr, P, 3) == pytest.approx(0.1)  # in the tie the 50 come last
    assert measures.recall_at(arr, P, 6) == pytest.approx(0.15)
    assert np.isnan(measures.recall_at(np.zeros(10), P, 3))


def test_every_owner_has_a_list_of_their_own() -> None:
    owners = np.array([0, 0, 0, 1, 1, 1, 1, 1, -1, -1])
    # Owner 0: 0.9 (yes) and 0.8 (no). Owner 1: a tie of three noes and then 0.3: two noes. No owner: no book.
    assert measures.precision_in_books(Y, P, owners, 2) == pytest.approx(1 / 4)


def test_the_calibration_slope_is_found() -> None:
    random = np.random.default_rng(5)
    z = random.normal(-1, 1, 40_000)
    y = (random.random(40_000) < 1 / (1 + np.exp(-(0.5 * z + 0.3)))).astype(int)
    assert measures.calibration_slope(y, 1 / (1 + np.exp(-z))) == pytest.approx(0.5, abs=0.03)
    assert np.isnan(measures.calibration_slope(np.zeros(5), np.full(5, 0.2)))


def test_deciles_are_the_list_in_tenths() -> None:
    p = np.arange(100) / 100
    told = measures.deciles((p > 0.85).astype(int), p, p, p)
    assert told.decile.tolist() == list(range(1, 11))
    assert told.positives.tolist() == [10, 4, *[0] * 8]
    assert measures.rises_of(told.observed_rate.to_numpy()) == 0
    assert measures.rises_of(np.array([0.3, 0.1, 0.2, 0.2])) == 1


def test_deciles_out_of_order_by_hand() -> None:
    """Ten rows, a tenth each, best last: 0 0 0 1 0 1 1 1 1 1 goes the wrong way once, at the fourth."""
    y = np.array([0, 0, 0, 1, 0, 1, 1, 1, 1, 1])
    p = np.arange(10) / 10
    assert measures.deciles_out_of_order(y, p) == 1
    assert measures.deciles_out_of_order(np.sort(y), p) == 0
    assert measures.deciles_out_of_order(y, p, np.ones((3, 10))).tolist() == [1, 1, 1]
