from dataclasses import replace

import pandas as pd
import pytest

from models.evaluation.cross_sell import judge_cross_sell
from models.evaluation.splits import origins
from tests.models.estimators.test_cross_sell import DATES, drawn, turned
from tests.models.planted import QUICK


def test_it_is_better_than_the_most_popular_one_where_there_is_something_to_know() -> None:
    rows, cross_sells = drawn(40)
    told = judge_cross_sell(rows, origins(DATES, 90, 3, 3), cross_sells, QUICK)
    assert told is not None
    figures = told.metrics()
    hit, popular = figures["cross_sell_product_hit_rate"], figures["cross_sell_popular_hit_rate"]
    assert figures["cross_sell_buyers"] == 3 * 40
    assert hit == pytest.approx(0.9, abs=0.08)
    assert figures["cross_sell_hit_rate_difference_low"] > 0.05
    assert hit == pytest.approx((told.days.hit_rate * told.days.buyers).sum() / 120)
    assert figures["cross_sell_product_share"] == pytest.approx(hit, abs=0.2)
    assert figures["cross_sell_hit_rate_difference"] == pytest.approx(hit - popular)


def test_nobody_who_bought_is_nothing_to_judge() -> None:
    rows, cross_sells = drawn(30)
    nobody = replace(cross_sells, sold=cross_sells.sold.iloc[:0])
    assert judge_cross_sell(rows, origins(DATES, 90, 3, 3), nobody, QUICK) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_in_another_order_are_judged_alike(seed: int) -> None:
    rows, cross_sells = drawn(20)
    moved, otherwise = turned(rows, cross_sells, seed)
    judged = judge_cross_sell(rows, origins(DATES, 90, 3, 3), cross_sells, QUICK)
    again = judge_cross_sell(moved, origins(DATES[::-1], 90, 3, 3), otherwise, QUICK)
    assert judged is not None
    assert again is not None
    pd.testing.assert_frame_equal(again.days, judged.days)
    pd.testing.assert_frame_equal(again.figures, judged.figures)
