"""Drift: what moved is told from chance, from a changed unit, and from what a feed explains."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from models.estimators.reference import ReferenceBase
from models.monitoring.drift import chance_psi, compared, deciles, distance, shares_of_weight, weighted_psi

ACCOUNTS = 1_000


def base(seed: int, **changed: np.ndarray) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    columns = {
        "mrr": draw.lognormal(6, 1, ACCOUNTS),
        "share": draw.beta(2, 5, ACCOUNTS),
        "plan": draw.integers(0, 3, ACCOUNTS),
    }
    columns["rated"] = np.where(draw.random(ACCOUNTS) < 0.4, draw.uniform(1, 5, ACCOUNTS), np.nan)
    return pd.DataFrame(columns | changed).astype("float64")


def rows_of(now: pd.DataFrame, then: pd.DataFrame) -> pd.DataFrame:
    made = compared(now, ReferenceBase.of(then), "since then", then, 0.0005, frozenset({"plan"}))
    return pd.DataFrame(made).set_index("column")


def test_two_samples_of_one_base_have_not_moved() -> None:
    rows = rows_of(base(2), base(1))
    assert (rows["psi"] < rows["psi_by_chance"]).all()
    assert rows["unit_factor"].isna().all()
    assert rows.loc["rated", ["missing_before", "missing_now"]].tolist() == pytest.approx([0.6, 0.6], abs=0.05)


def test_a_column_that_moved_and_one_whose_unit_changed() -> None:
    then, now = base(1), base(2)
    now = now.assign(mrr=now["mrr"] * 100, share=now["share"] + 0.2)
    rows = rows_of(now, then)
    assert rows.loc["mrr", "unit_factor"] == 100
    assert rows["unit_factor"].drop("mrr").isna().all()
    assert rows.loc["share", "psi"] > max(0.25, rows.loc["share", "psi_by_chance"])
    assert rows.loc["share", "ks"] == pytest.approx(ks_2samp(then["share"], now["share"]).statistic)
    assert np.isnan(rows.loc["plan", "ks"])  # its numbers stand for words


def test_what_is_the_same_for_all_accounts_is_the_day_and_no_drift() -> None:
    then, now = base(1, month=np.full(ACCOUNTS, 6)), base(2, month=np.full(ACCOUNTS, 7))
    assert "month" not in rows_of(now, then).index
    gone = rows_of(now.assign(month=np.nan), then).loc["month"]  # a column that is empty now has moved
    assert gone["psi"] > 1
    assert gone["missing_now"] == 1


def test_few_accounts_move_by_themselves() -> None:
    """The bound is exceeded as often as it says, by samples of one base."""
    draw = np.random.default_rng(1)
    over = 0
    for _ in range(2_000):
        then, now = draw.multinomial(80, np.full(10, 0.1), size=2)
        before, after = ((counts + 0.5) / (counts + 0.5).sum() for counts in (then, now))
        over += ((after - before) * np.log(after / before)).sum() > chance_psi(then, now, 0.05)
    assert over / 2_000 == pytest.approx(0.05, abs=0.02)


def test_deciles_of_then_are_known_from_the_ends_of_the_bins() -> None:
    values = np.repeat(np.arange(10.0), 10)
    reference = ReferenceBase.of(pd.DataFrame({"x": values}))
    then, now = deciles(reference.edges["x"], reference.counts["x"], values * 60)
    assert now.tolist() == (then * 60).tolist()


def test_what_a_feed_explains_and_what_is_chance_weigh_nothing() -> None:
    rows = pd.DataFrame(
        {
            "column": ["a", "b", "c", "propensity"],
            "weight": [0.5, 0.25, 0.25, np.nan],
            "psi": [4.0, 3.0, 0.05, 9.0],
            "psi_by_chance": [0.1, 0.1, 0.1, 0.1],
            "because_of": [None, "usage_events", None, None],
        }
    )
    assert weighted_psi(rows) == pytest.approx(0.5 * 1.0 / 0.75)
    assert shares_of_weight({"a": 3.0, "b": 1.0}) == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [([1.0], [2.0], 1.0), ([1.0], [1.0], 0.0), ([1.0], [1.0, 2.0], 0.5), ([], [1.0], np.nan)],
)
def test_the_distance_of_a_value_or_two_is_told_without_a_warning(
    then: list[float], now: list[float], expected: float
) -> None:
    missing = [np.nan] * 3
    assert distance(np.array(then + missing), np.array(now + missing)) == pytest.approx(expected, nan_ok=True)
