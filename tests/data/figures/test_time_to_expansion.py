"""Time to the first expansion against plain loops, and against figures worked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from data.figures.accounts.slices import Slices
from data.figures.measures.time_to_expansion import CENSORED, EXPANDED, LEFT, Lives, incidence, kaplan_meier, speed


def lives(*entries: tuple[int, int]) -> Lives:
    days, end = np.array(entries).T
    return Lives(days, end)


def plain_incidence(of: Lives, until: int) -> tuple[float, float]:
    """The share that expanded and the share that left by a day, one day after the other."""
    neither, expanded, left = 1.0, 0.0, 0.0
    for day in range(until + 1):
        at_risk = sum(days >= day for days in of.days)
        happened = [end for days, end in zip(of.days, of.end, strict=True) if days == day]
        if at_risk:
            expanded += neither * happened.count(EXPANDED) / at_risk
            left += neither * happened.count(LEFT) / at_risk
            neither *= 1 - (happened.count(EXPANDED) + happened.count(LEFT)) / at_risk
    return expanded, left


def test_two_ends_compete() -> None:
    # Of six: one leaves on day 2, one expands on day 3, one is not known after day 3, two on day 5, one expands on 8.
    six = lives((2, LEFT), (3, EXPANDED), (3, CENSORED), (5, CENSORED), (5, CENSORED), (8, EXPANDED))
    curve = incidence(six)
    assert list(curve.day) == [2, 3, 8]
    assert list(curve.at_risk) == [6, 5, 1]
    assert list(curve.left_share) == pytest.approx([1 / 6] * 3)
    assert list(curve.expanded_share) == pytest.approx([0, 5 / 6 / 5, 5 / 6 / 5 + (5 / 6) * (4 / 5)])
    assert curve.expanded_share.iloc[-1] + curve.left_share.iloc[-1] == pytest.approx(1)  # all have come to an end


def test_without_anybody_leaving_it_is_kaplan_meier() -> None:
    some = lives((1, EXPANDED), (2, CENSORED), (4, EXPANDED), (4, EXPANDED), (6, CENSORED), (9, EXPANDED))
    curve = incidence(some)
    assert list(curve.expanded_share) == pytest.approx(list(kaplan_meier(some, curve.day.to_numpy()).km))


def test_nobody_expanded_or_nothing_happened() -> None:
    assert incidence(lives((5, CENSORED), (6, CENSORED))).empty
    left = lives((5, LEFT), (6, CENSORED))
    assert kaplan_meier(left, np.array([5])).isna().all(axis=None)
    assert list(incidence(left).expanded_share) == [0]


@pytest.mark.parametrize("seed", range(5))
def test_a_plain_loop_gives_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    many = Lives(random.integers(0, 40, 60), random.choice([CENSORED, EXPANDED, LEFT], 60, p=[0.3, 0.4, 0.3]))
    curve = incidence(many)
    for row in curve.itertuples():
        assert (row.expanded_share, row.left_share) == pytest.approx(plain_incidence(many, row.day))
    # Who left is censored to Kaplan-Meier, so its share is never the smaller one.
    assert (kaplan_meier(many, curve.day.to_numpy()).km >= curve.expanded_share - 1e-12).all()


def test_a_segment_is_held_against_all_others() -> None:
    """Freireich's leukaemia trial (1963), the worked example of the logrank test: chi-square 16.79 on one degree."""
    six_mp = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    events = [(day, EXPANDED) for day in [*six_mp, *placebo]]
    all_lives = lives(*events[:9], *[(day, CENSORED) for day in censored], *events[9:])
    treated = np.repeat([1, 0], [21, 21])
    members = csr_array(np.array([np.ones(42), treated, 1 - treated]).astype("int64"))
    names = pd.DataFrame({"dimension": ["all", "segment", "segment"], "slice": ["all", "treated", "placebo"]})
    table = speed(all_lives, Slices(names, members))
    assert table.logrank_p.isna().tolist() == [True, False, False]
    assert table.logrank_p.iloc[1] == pytest.approx(table.logrank_p.iloc[2])
    assert table.logrank_p.iloc[1] == pytest.approx(4.17e-05, rel=0.01)  # of chi-square 16.79
    assert list(table.median_days) == [12, 23, 8]  # the trial's medians: 23 weeks against 8
    # Nobody is known for a year; of those with the placebo none is left who could be.
    assert table.expanded_in_a_year.isna().tolist() == [True, True, False]
    assert table.expanded_in_a_year.iloc[2] == pytest.approx(1)


@pytest.mark.parametrize(("expansions", "is_told"), [(4, False), (5, True)])
def test_nothing_is_tested_of_a_few_expansions(expansions: int, is_told: bool) -> None:
    few = [(day, EXPANDED) for day in range(1, expansions + 1)] + [(400, CENSORED)] * 3
    many = [(day, EXPANDED) for day in range(100, 120)]
    is_few = np.repeat([1, 0], [len(few), len(many)])
    names = pd.DataFrame({"dimension": "segment", "slice": ["few", "many"]})
    table = speed(lives(*few, *many), Slices(names, csr_array(np.array([is_few, 1 - is_few]).astype("int64"))))
    assert table.logrank_p.notna().tolist() == [is_told, is_told]


def whole(of: Lives) -> pd.Series:
    """The speed of all of some lives."""
    members = csr_array(np.ones((1, len(of.days)), "int64"))
    return speed(of, Slices(pd.DataFrame({"dimension": ["all"], "slice": ["all"]}), members)).iloc[0]


@pytest.mark.parametrize("half", range(1, 20))
def test_half_is_half_whatever_a_sum_of_shares_loses(half: int) -> None:
    row = whole(lives(*[(day, EXPANDED) for day in range(1, half + 1)], *[(400, CENSORED)] * half))
    assert row.median_days == half  # with 5 of 10 the shares add up to 0.49999999999999994


def test_where_all_came_to_an_end_within_a_year_the_year_is_known() -> None:
    assert whole(lives((20, EXPANDED), (40, LEFT), (60, EXPANDED), (90, LEFT))).expanded_in_a_year == pytest.approx(0.5)
    assert np.isnan(whole(lives((20, EXPANDED), (40, LEFT), (90, EXPANDED), (90, CENSORED))).expanded_in_a_year)
