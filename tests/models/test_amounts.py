import json

import numpy as np
import pandas as pd
import pytest

from models.amounts import Amounts, fit_amounts


def sample(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """ARR is about 2.4 times the MRR, whatever the seats."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"mrr": np.exp(random.normal(6, 1, rows)), "seats": random.integers(1, 90, rows).astype(float)}
    )
    return frame, frame.mrr.to_numpy() * 2.4 * random.gamma(4, 1 / 4, rows)


def test_the_amount_follows_the_size() -> None:
    rows, arr = sample(2000)
    amounts = fit_amounts(rows, arr)
    assert amounts is not None
    told = amounts.predict(rows)
    assert told.sum() == pytest.approx(arr.sum())
    assert np.corrcoef(np.log(told), np.log(rows.mrr))[0, 1] > 0.97
    assert amounts.predict(pd.DataFrame({"mrr": [1000.0], "seats": [30.0]}))[0] == pytest.approx(2400, rel=0.15)


def test_what_is_missing_counts_as_the_median_and_the_edge_is_the_edge() -> None:
    rows, arr = sample(500)
    rows.loc[:50, "seats"] = np.nan
    amounts = fit_amounts(rows, arr)
    assert amounts is not None
    middle = float(rows.mrr.median())
    one = pd.DataFrame({"mrr": [middle, np.nan], "seats": [np.nan, np.nan]})
    assert amounts.predict(one)[0] == pytest.approx(amounts.predict(one)[1], rel=0.01)
    edge = pd.DataFrame({"mrr": [rows.mrr.max(), 1e12], "seats": [5.0, 5.0]})
    assert amounts.predict(edge)[0] == amounts.predict(edge)[1]


def test_few_positives_give_one_amount_and_none_give_none() -> None:
    rows, arr = sample(9)
    amounts = fit_amounts(rows, arr)
    assert amounts is not None
    assert amounts.predict(rows) == pytest.approx(np.full(9, arr.mean()))
    assert fit_amounts(rows, np.full(9, np.nan)) is None
    assert fit_amounts(rows, np.zeros(9)) is None


def test_stored_as_json_and_read_back() -> None:
    rows, arr = sample(200)
    amounts = fit_amounts(rows, arr)
    assert amounts is not None
    again = Amounts.from_dict(json.loads(json.dumps(amounts.to_dict())))
    assert again == amounts
    assert (again.predict(rows) == amounts.predict(rows)).all()


def test_four_in_five_amounts_lie_in_the_interval() -> None:
    rows, arr = sample(2000)
    later, came = sample(2000, seed=1)
    amounts = fit_amounts(rows, arr)
    assert amounts is not None
    low, high = amounts.interval(amounts.predict(later))
    assert ((low <= came) & (came <= high)).mean() == pytest.approx(0.8, abs=0.03)


def test_few_amounts_have_no_interval() -> None:
    amounts = fit_amounts(*sample(9))
    assert amounts is not None
    assert np.isnan([amounts.low, amounts.high]).all()
    again = Amounts.from_dict(json.loads(json.dumps(amounts.to_dict(), allow_nan=False)))
    assert np.isnan([again.low, again.high]).all()
    assert again.square == amounts.square
