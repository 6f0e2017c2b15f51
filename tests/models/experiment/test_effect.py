"""The difference of the arms by hand, its intervals by their formulas, and what is refused."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.errors import ExperimentError
from data.sample_ratio import LEAST_P, ratio_p, require_ratio
from models.experiment.effect import difference, reach_on_all_days
from models.experiment.known import LEAST_BOOKS, LEAST_EXPANSIONS, state_of
from models.experiment.moments import moments_of
from models.experiment.power import planned
from tests.models.experiment.worlds import A_DAY, drawn


def rows(count: int = 2000, seed: int = 3, lift: float = 0.0) -> pd.DataFrame:
    """Accounts of forty owners, two of each group of companies, a fifth of the groups held out."""
    draw = np.random.default_rng(seed)
    unit = np.arange(count) // 2
    held_out = (draw.random(count) < 0.2)[unit]
    propensity = draw.beta(1, 9, count)
    expanded = (draw.random(count) < propensity + lift * ~held_out).astype(float)
    return pd.DataFrame(
        {
            "account_id": [f"a{number}" for number in range(count)],
            "unit": [f"u{number}" for number in unit],
            "owner": [f"o{number}" for number in draw.integers(0, 40, count)],
            "window": 0,
            "held_out": held_out,
            "arr": draw.lognormal(9, 1, count),
            "propensity": propensity,
            "expanded": expanded,
            "expansion_arr": expanded * draw.lognormal(8, 1, count),
        }
    )


def test_without_covariates_it_is_the_difference_of_means_with_the_pooled_error() -> None:
    y, held = np.array([1.0, 0, 0, 1, 1, 0, 1, 0]), np.array([0, 0, 0, 0, 0, 1, 1, 1], dtype=bool)
    found = difference(moments_of(y, np.zeros((8, 1)), held, np.arange(8)))
    assert found.value == pytest.approx(3 / 5 - 1 / 3)
    spread = (5 * 0.6 * 0.4 + 3 * (1 / 3) * (2 / 3)) / 7  # squares around the means of both arms, over 8 clusters - 1
    assert found.error == pytest.approx(np.sqrt(spread * (1 / 5 + 1 / 3)))
    assert (found.listed, found.held_out, found.rows) == (3 / 5, 1 / 3, 8)


def test_covariates_take_off_what_they_explain() -> None:
    table = rows()
    x, held = table[["arr", "propensity"]].to_numpy(), table["held_out"].to_numpy()
    y = 3 * x[:, 1] + 1e-4 * x[:, 0] + 0.5 * ~held  # nothing else: the difference is exact
    found = difference(moments_of(y, x, held, table["unit"]))
    assert found.value == pytest.approx(0.5, abs=1e-6)
    assert found.error == pytest.approx(0, abs=1e-4)
    assert found.listed - found.held_out != pytest.approx(0.5, abs=1e-3)  # unadjusted, chance is in it


@pytest.mark.parametrize(("by", "in_one_arm"), [("unit", True), ("owner", False)])
def test_the_error_is_that_of_clusters(by: str, in_one_arm: bool) -> None:
    """Against a plain loop over the clusters, without covariates."""
    table = rows()
    y, held = table["expanded"].to_numpy(), table["held_out"].to_numpy()
    found = difference(moments_of(y, np.zeros((len(y), 1)), held, table[by]), in_one_arm=in_one_arm)
    counts = {arm: int((held == arm).sum()) for arm in (False, True)}
    residuals = y - np.where(held, y[held].mean(), y[~held].mean())
    alike, apart = [], []
    for name in table[by].unique():
        of = (table[by] == name).to_numpy()
        alike.append(residuals[of].sum() ** 2 / len(y) * (1 / counts[False] + 1 / counts[True]))
        apart.append((residuals[of & ~held].sum() / counts[False] - residuals[of & held].sum() / counts[True]) ** 2)
    number = len(apart)
    variance = max(sum(alike), sum(apart)) if in_one_arm else sum(apart)
    assert found.error**2 == pytest.approx(variance * number / (number - 1))


def test_the_arm_that_spreads_more_and_is_smaller_is_not_taken_to_spread_as_the_other() -> None:
    """Being listed does harm: nobody who is listed expands, and half of those that are held out."""
    held = np.arange(1000) < 200
    y = (held & (np.arange(1000) % 2 == 0)).astype(float)
    found = difference(moments_of(y, np.zeros((1000, 1)), held, np.arange(1000)))
    assert found.error == pytest.approx(np.sqrt(0.25 / 200 * 1000 / 999))


def test_sums_of_days_are_the_sums_of_all_rows() -> None:
    """What the worlds add up day by day is what the rows of one world give at once."""
    worlds = drawn(1, 2, days=40)
    by_day = worlds.moments(worlds.expansion_arr).upto()
    one = {name: getattr(worlds, name)[:, 1].ravel() for name in ("prior_arr", "propensity", "held_out")}
    covariates = np.column_stack([one["prior_arr"] / 1e4, one["propensity"]])
    at_once = moments_of(worlds.expansion_arr[:, 1].ravel(), covariates, one["held_out"], np.arange(40 * A_DAY))
    for part in fields(at_once):
        np.testing.assert_allclose(getattr(by_day, part.name)[-1, 1], getattr(at_once, part.name), rtol=1e-9)


def test_the_sequence_is_as_its_formula_says_and_narrowest_where_it_was_planned() -> None:
    error_rate, planned_rows = 0.05, 1000
    r2 = (-stats_lambert(error_rate) - 1) / planned_rows
    for n in (10, 500, 1000, 5000):
        formula = np.sqrt(2 * (n * r2 + 1) / (n**2 * r2) * np.log(np.sqrt(n * r2 + 1) / error_rate))  # of s = 1
        assert reach_on_all_days(n, planned_rows) / np.sqrt(n) == pytest.approx(formula)
    around = [reach_on_all_days(n, planned_rows) for n in (900, 1000, 1100)]
    assert around[1] == min(around) == pytest.approx(3.035, abs=0.001)  # 1.96 of the usual interval


def stats_lambert(error_rate: float) -> float:
    """The w below -1 with w exp(w) = -error_rate^2 / e, by halving."""
    low, high = -60.0, -1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * np.exp(middle) > -(error_rate**2) / np.e else (low, middle)
    return low


def test_the_ratio_is_that_of_the_chi_square_test() -> None:
    for held, of, share in ((180, 1000, 0.2), (260, 1000, 0.2), (5, 80, 0.1)):
        expected = [of * share, of * (1 - share)]
        assert ratio_p(held, of, share) == pytest.approx(stats.chisquare([held, of - held], expected).pvalue)
    assert require_ratio("Judge it.", 200, 1000, 0.2) == 1
    with pytest.raises(ExperimentError, match="140 of 1,000 units are held out where 200 are due"):
        require_ratio("Judge it.", 140, 1000, 0.2)
    assert ratio_p(140, 1000, 0.2) < LEAST_P


@pytest.mark.parametrize(
    ("held", "of", "share"), [(2, 2, 0.1), (0, 7, 0.2), (3, 12, 0.1), (9, 10, 0.8), (6, 4000, 0.001)]
)
def test_the_ratio_of_few_units_is_that_of_the_exact_test(held: int, of: int, share: float) -> None:
    assert ratio_p(held, of, share) == pytest.approx(stats.binomtest(held, of, share).pvalue)


def test_two_of_two_units_that_are_held_out_are_no_mismatch() -> None:
    assert require_ratio("Judge it.", 2, 2, 0.1) == pytest.approx(0.1**2)  # of chi-square 18, which says 0.00002
    assert require_ratio("Judge it.", 0, 0, 0.1) == 1


def test_what_is_known_so_far() -> None:
    table = rows(lift=0.15)
    state = state_of(table, 0.2, "unit", len(table), "Judge it.")
    held = table["held_out"]
    assert (state.accounts, state.rows, state.rows_held_out) == (2000, 2000, held.sum())
    assert (state.units, state.units_held_out) == (1000, table.loc[held, "unit"].nunique())
    assert state.expansions == table.loc[held, "expanded"].sum() >= LEAST_EXPANSIONS
    by_measure = {effect.measure: effect for effect in state.effects}
    assert set(by_measure) == {"expanded", "expansion_arr"}
    share = by_measure["expanded"]
    assert (share.listed, share.held_out) == (table.loc[~held, "expanded"].mean(), table.loc[held, "expanded"].mean())
    assert share.is_shown
    assert share.on_all_days[0] < share.on_a_day[0] < share.value < share.on_a_day[1] < share.on_all_days[1]
    assert share.value == pytest.approx(0.15, abs=0.06)


def test_nothing_is_told_of_too_few_expansions() -> None:
    table = rows()
    table.loc[table["held_out"], "expanded"] = 0
    first = table.index[table["held_out"]][: LEAST_EXPANSIONS - 1]
    table.loc[first, "expanded"] = 1
    assert state_of(table, 0.2, "unit", 2000, "Judge it.").effects == ()
    table.loc[table.index[table["held_out"]][LEAST_EXPANSIONS], "expanded"] = 1
    assert len(state_of(table, 0.2, "unit", 2000, "Judge it.").effects) == 2


def test_an_arm_that_lost_accounts_is_refused() -> None:
    table = rows()
    lost = table["held_out"] & (table["unit"].str[-1] < "5")  # half of those that are held out
    with pytest.raises(ExperimentError, match="sample ratio mismatch"):
        state_of(table[~lost], 0.2, "unit", 2000, "Judge it.")


def test_few_books_tell_no_error() -> None:
    table = rows()
    assert state_of(table, 0.2, "owner", 2000, "Judge it.").effects
    few = table.assign(owner=table["owner"].str[:2])
    with pytest.raises(ExperimentError, match=f"books of owners are too few to tell an error by .{LEAST_BOOKS} are"):
        state_of(few, 0.2, "owner", 2000, "Judge it.")


def test_a_plan_has_a_look_after_each_window() -> None:
    draw = np.random.default_rng(5)
    outcomes = pd.DataFrame(
        {"unit": np.tile(np.arange(2000), 4), "window": np.repeat(range(4), 2000), "expanded": draw.random(8000) < 0.1}
    )
    looks = planned(outcomes, "expanded", 0.2)
    assert [(look.windows, look.rows) for look in looks] == [(1, 2000), (2, 4000), (3, 6000), (4, 8000)]
    assert all(look.on_a_day < look.on_all_days for look in looks)
    assert looks[3].on_a_day == pytest.approx(looks[0].on_a_day / 2, rel=0.1)  # windows that know nothing of each other
    assert planned(outcomes.assign(expanded=False), "expanded", 0.2) == []
