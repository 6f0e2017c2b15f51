from datetime import date
from itertools import pairwise

import pytest

from data.figures.benchmarks import STAGES, comparisons, stage_of
from data.figures.headline import Headline


def whole(mrr: float, months: int = 12) -> Headline:
    year = {"nrr": 1.12, "grr": 0.9}
    arr = {"months": months, "kept_share": 0.22}
    return Headline("all", date(2026, 6, 1), {"mrr_end_e4": round(mrr * 10_000)}, year, None, arr, None)


@pytest.mark.parametrize(
    ("arr", "stage"),
    [(0.9e6, None), (1e6, "$1M to $5M"), (4.99e6, "$1M to $5M"), (5e6, "$5M to $15M"), (2e8, "over $100M")],
)
def test_the_stage_by_arr(arr: float, stage: str | None) -> None:
    found = stage_of(arr)
    assert (found and found.name) == stage


def test_stages_follow_each_other_and_rise() -> None:
    for before, after in pairwise(STAGES):
        assert before.below < after.below
        assert before.expansion_share < after.expansion_share
        assert before.nrr < after.nrr


def test_figures_beside_what_is_usual() -> None:
    grr, nrr, share = comparisons(whole(2e6))  # 24M a year
    assert (grr.value, grr.usual) == (0.9, "quartiles 82%, 91%, 95%")
    assert nrr.value == 1.12
    assert nrr.usual.startswith("105% to 120% at $15M to $50M")
    assert (share.value, share.usual) == (0.22, "median 15% to 20%, top quarter 25% to 30% at $15M to $50M")
    assert "2024" in grr.source
    assert all("2026" in line.source for line in (nrr, share))


def test_a_small_company_and_a_short_history() -> None:
    assert [line.figure for line in comparisons(whole(1000))] == ["GRR, year"]
    assert comparisons(whole(2e6, months=1))[-1].value is None  # a month is no year
