from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from models.evaluation import measures
from models.evaluation.metrics import ORDER, JudgedRows, figures, order_figures

# Ten accounts, three expanded; the list has a tie of four at 0.5 with one expansion in it.
Y = np.array([1, 0, 1, 0, 0, 0, 0, 1, 0, 0])
P = np.array([0.9, 0.8, 0.5, 0.5, 0.5, 0.5, 0.3, 0.2, 0.1, 0.1])


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


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=60))
def test_every_row_is_in_one_bin(pairs: list[tuple[int, int]]) -> None:
    y, p = (np.array(side) for side in zip(*pairs, strict=True))
    curve = measures.calibration_curve(y, p / 5)
    assert curve.rows.sum() == len(y)
    assert curve.positives.sum() == y.sum()


def test_one_outcome_only() -> None:
    assert np.isnan(measures.auc(np.zeros(3), np.arange(3)))
    assert np.isnan(measures.average_precision(np.zeros(3), np.arange(3)))
    assert np.isnan(order_figures(np.zeros(3), np.arange(3))["lift_at_20"])
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


@pytest.mark.parametrize(("first", "expansions", "came"), [(1, 1, 100), (3, 1, 100), (5, 1, 100), (6, 2, 150)])
def test_what_did_not_come_stands_first_in_a_tie(first: int, expansions: int, came: float) -> None:
    """Of the first three one is of the tie, of the first five three are: at worst none of them expanded."""
    arr, once = np.array([100.0, 0, 50, 0, 0, 0, 0, 850, 0, 0]), np.ones((1, 10))
    held = [float(measures.Listed(gain, P, once).gained(np.array([first]))[0]) for gain in (Y, arr)]
    assert held == [expansions, came]


def test_of_nothing_that_came_the_first_hold_no_share() -> None:
    nothing = JudgedRows(Y, P, np.ones((1, 10)), arr=np.zeros(10))
    assert np.isnan(figures(nothing, ORDER)["arr_recall_at_20"]).all()


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


def test_deciles_out_of_order_by_hand() -> None:
    """Ten rows, a tenth each, best last: 0 0 0 1 0 1 1 1 1 1 goes the wrong way once, at the fourth."""
    y = np.array([0, 0, 0, 1, 0, 1, 1, 1, 1, 1])
    p = np.arange(10) / 10
    assert measures.deciles_out_of_order(y, p) == 1
    assert measures.deciles_out_of_order(np.sort(y), p) == 0
    assert measures.deciles_out_of_order(y, p, np.ones((3, 10))).tolist() == [1, 1, 1]


def test_a_tenth_without_a_row_is_passed_over_and_where_there_are_no_two_nothing_is_said() -> None:
    """Three values are three tenths; where a resample draws none of the middle one, the others are compared."""
    p = np.repeat([0.1, 0.2, 0.3], 4)
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])  # 0.5, 0, 0.25: one step falls
    middle_left_out = np.where(p == 0.2, 0, 1)  # 0.5, 0.25: the one that is left falls too
    lowest_alone = np.where(p == 0.1, 1, 0)
    told = measures.deciles_out_of_order(y, p, np.stack([np.ones(12), middle_left_out, lowest_alone]))
    assert told[:2].tolist() == [1, 1]
    assert np.isnan(told[2])
    falling = np.repeat([1, 0], [4, 8])  # 1, 0, 0
    assert measures.deciles_out_of_order(falling, p, np.stack([np.ones(12), middle_left_out])).tolist() == [1, 1]
    assert np.isnan(measures.deciles_out_of_order(y[:4], p[:4]))
    assert np.isnan(measures.deciles_out_of_order(y[:0], p[:0]))
