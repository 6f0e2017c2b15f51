"""The compiled passes over resamples against what they stand for: every resample sorted and summed by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, expit, logit

from models.evaluation import measures
from models.evaluation.bootstrap import Resamples
from models.evaluation.measures import Listed

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Outcome, ranking and how often each row counts: ties, rows that never count, one outcome only, no value."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows, resamples = draw(st.integers(1, 80)), draw(st.integers(1, 6))
    y = (random.random(rows) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))).astype(np.int8)
    p = random.integers(0, draw(st.sampled_from([1, 4, 10**6])), rows).astype(np.float64)
    p[random.random(rows) < 0.1] = -np.inf
    counts = random.poisson(draw(st.sampled_from([0.0, 0.3, 1.0, 4.0])), (resamples, rows))
    return y, p, counts.astype(np.int16)


def plain_auc(y: np.ndarray, p: np.ndarray, times: np.ndarray) -> float:
    order = np.argsort(p, kind="stable")
    y, p, times = y[order], p[order], times[order].astype(np.float64)
    negatives = np.append(0.0, np.cumsum(times * (y == 0)))
    below, through = (negatives[np.searchsorted(p, p[y > 0], side)] for side in ("left", "right"))
    pairs = times[y > 0].sum() * negatives[-1]
    return (times[y > 0] * (below + through) / 2).sum() / pairs if pairs else np.nan


def plain_list(gain: np.ndarray, p: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gains from the top down, and how often each counts."""
    order = np.lexsort((gain, -p))
    return gain[order].astype(np.float64), times[order].astype(np.float64)


def plain_average_precision(y: np.ndarray, p: np.ndarray, times: np.ndarray) -> float:
    gain, times = plain_list(y, p, times)
    passed, hits = np.cumsum(times) - times, np.cumsum(times * gain) - times * gain
    of_each = times + (hits - passed) * (digamma(passed + times + 1) - digamma(passed + 1))
    total = 0.0
    for part in of_each[gain > 0]:  # one after the other, in the order of the list
        total += part
    return total / times[gain > 0].sum() if times[gain > 0].sum() else np.nan


def plain_gained(gain: np.ndarray, p: np.ndarray, times: np.ndarray, k: float) -> float:
    gain, times = plain_list(gain, p, times)
    return float(np.clip(k - (np.cumsum(times) - times), 0, times) @ gain)


def plain_books(y: np.ndarray, p: np.ndarray, owners: np.ndarray, times: np.ndarray, k: int) -> float:
    hits = places = 0.0
    for owner in set(owners[owners >= 0]):
        book = owners == owner
        hits += plain_gained(y[book], p[book], times[book], k)
        places += min(k, times[book].sum())
    return hits / places if places else np.nan


def plain_slope(y: np.ndarray, z: np.ndarray, times: np.ndarray) -> float:
    x, level, slope = (z - z.mean()) / z.std(), logit(y.mean()), 0.0
    for _ in range(measures.NEWTON_STEPS):
        fitted = expit(level + slope * x)
        miss, pull = times * (y - fitted), times * fitted * (1 - fitted)
        a, b, c = pull.sum() + measures.RIDGE, pull @ x, pull @ x**2 + measures.RIDGE
        up, turn = c * miss.sum() - b * (miss @ x), a * (miss @ x) - b * miss.sum()
        level += np.clip(up / (a * c - b**2), -2, 2)
        slope += np.clip(turn / (a * c - b**2), -2, 2)
    return slope / z.std()


@settings(max_examples=150)
@given(cases(), st.integers(1, 30))
def test_what_is_counted_is_the_same_in_every_bit(case: Case, k: int) -> None:
    y, p, counts = case
    owners = np.arange(len(y)) % 4 - 1
    listed = Listed(y, p, counts)
    places = np.full(len(counts), float(k))
    for at, times in enumerate(counts):
        said = {
            "auc": (measures.auc(y, p, counts)[at], plain_auc(y, p, times)),
            "average precision": (listed.average_precision()[at], plain_average_precision(y, p, times)),
            "gained": (listed.gained(places)[at], plain_gained(y, p, times, k)),
            "books": (
                measures.precision_in_books(y, p, owners, k, counts)[at],
                plain_books(y, p, owners, times, k),
            ),
        }
        for name, (value, plain) in said.items():
            assert value == plain or (np.isnan(value) and np.isnan(plain)), name


@given(cases(), st.integers(1, 30))
def test_sums_of_money_are_the_same_but_for_their_last_bits(case: Case, k: int) -> None:
    """How a processor's matrix product adds up is its own affair."""
    y, p, counts = case
    arr = y * (1000.1 + np.arange(len(y)) ** 1.5)
    said = Listed(arr, p, counts).gained(np.full(len(counts), float(k)))
    assert said == pytest.approx([plain_gained(arr, p, times, k) for times in counts], rel=1e-13)


def test_the_slope_is_that_of_all_of_newtons_steps() -> None:
    random = np.random.default_rng(4)
    z = random.normal(-2, 1, 600)
    y = (random.random(600) < expit(0.7 * z)).astype(np.int8)
    counts = random.poisson(1, (30, 600)).astype(np.int16)
    said = measures.calibration_slope(y, expit(z), counts)
    assert said == pytest.approx([plain_slope(y, logit(expit(z)), times) for times in counts], rel=1e-12)
    alone = measures.calibration_slope(y, expit(z), counts[7:8])
    assert said[7] == alone[0]


@pytest.mark.parametrize("times", [0.5, 40_000])
def test_what_no_resample_draws_is_refused(times: float) -> None:
    with pytest.raises(ValueError, match="a whole number of times, at most 32,767"):
        measures.auc(np.array([0, 1]), np.array([0.1, 0.2]), np.array([[1, times]]))


def test_resamples_are_small_whole_numbers() -> None:
    """Two bytes a row and resample, not eight."""
    seen = Resamples(np.arange(100), 20, seed=0).figures(np.arange(100), lambda counts: {"counts": counts})["counts"]
    assert seen.dtype == np.int16
    assert seen.flags.c_contiguous
