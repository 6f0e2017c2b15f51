import numpy as np
import pytest

from models.evaluation.bootstrap import Resamples, difference, interval, mean_of, table_of
from models.evaluation.measures import auc

ACCOUNTS = np.repeat([f"a{i}" for i in range(80)], 3)


def test_an_account_comes_with_all_its_rows_or_not_at_all() -> None:
    resamples = Resamples(ACCOUNTS, 50, seed=0)
    seen = resamples.figures(np.arange(240), lambda weights: {"weights": weights})["weights"]
    assert seen.shape == (51, 240)
    assert (seen[0] == 1).all()  # the sample itself
    assert (seen.sum(axis=1) == 240).all()
    by_account = seen.reshape(51, 80, 3)
    assert (by_account == by_account[:, :, :1]).all()


def test_work_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    p, y = random.normal(size=240), random.integers(0, 2, 240)
    resamples = Resamples(ACCOUNTS, 20, seed=0)
    whole = resamples.figures(np.arange(240), lambda w: {"auc": auc(y, p, w)})["auc"]
    monkeypatch.setattr("models.evaluation.bootstrap.CELLS", 700)
    parts = resamples.figures(np.arange(240), lambda w: {"auc": auc(y, p, w)})["auc"]
    assert (whole == parts).all()
    low, high = interval(whole)
    assert low < whole[0] < high


def test_rows_of_one_account_widen_the_interval() -> None:
    """Three copies of each account know no more than one: the interval is that of the accounts, not of the rows."""
    random = np.random.default_rng(2)
    p, y = np.repeat(random.normal(size=80), 3), np.repeat(random.integers(0, 2, 80), 3)

    def width(accounts: np.ndarray) -> float:
        drawn = Resamples(accounts, 400, seed=0).figures(np.arange(240), lambda w: {"auc": auc(y, p, w)})
        low, high = interval(drawn["auc"])
        return high - low

    assert width(ACCOUNTS) > 1.4 * width(np.arange(240))


def test_paired_differences_cancel_what_both_owe_to_the_draw() -> None:
    random = np.random.default_rng(3)
    y = random.integers(0, 2, 240)
    good = y + random.normal(size=240)
    hardly_better = good + 0.05 * y
    resamples = Resamples(ACCOUNTS, 300, seed=0)
    one, other = (
        resamples.figures(np.arange(240), lambda w, p=p: {"auc": auc(y, p, w)}) for p in (hardly_better, good)
    )
    low, high = interval(difference(one, other)["auc"])
    assert low > 0
    assert high - low < 0.2 * np.diff(interval(one["auc"]))[0]


def test_a_day_without_the_figure_is_left_out_of_the_mean() -> None:
    day, empty = {"auc": np.array([0.6, 0.8])}, {"auc": np.array([np.nan, np.nan])}
    assert mean_of([day, empty])["auc"].tolist() == [0.6, 0.8]
    assert np.isnan(table_of(empty).low[0])
