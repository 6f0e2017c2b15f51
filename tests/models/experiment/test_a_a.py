"""Experiments without an effect, looked at every day, and with one: what the intervals promise, kept in 1,000 worlds.

The figures that a run prints (`pytest -s`) are those of docs/experiment.md.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.experiment.effect import LEAST_EXPANSIONS, ArmDifference, difference
from models.experiment.power import POWER, planned
from tests.models.experiment.worlds import ROWS, Worlds, drawn

WORLDS, AT_ONCE = 1000, 100
MEASURES = ("expanded", "expansion_arr")


def in_parts(measure: str, *, knows: bool = True, **given: float) -> Iterator[tuple[Worlds, ArmDifference]]:
    """``knows``: is the propensity known before, so that the difference is adjusted by it?"""
    for seed in range(WORLDS // AT_ONCE):
        worlds = drawn(seed, AT_ONCE, **given)
        if not knows:
            worlds = replace(worlds, propensity=np.zeros_like(worlds.propensity))
        yield worlds, difference(worlds.moments(getattr(worlds, measure)).upto())


def misses(truth: float, worlds: Worlds, found: ArmDifference) -> tuple[np.ndarray, np.ndarray]:
    """Which worlds miss the truth on any day on which something is told: by the sequence, and by the usual interval."""
    told = worlds.held_out_expansions() >= LEAST_EXPANSIONS
    sequence, usual = found.on_all_days(ROWS), found.on_a_day()
    return tuple(((told & ((low > truth) | (high < truth))).any(axis=0)) for low, high in (sequence, usual))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.1])
@pytest.mark.parametrize("measure", MEASURES)
def test_no_effect_is_seldom_taken_for_one_though_it_is_looked_for_every_day(measure: str, share: float) -> None:
    both = [misses(0.0, worlds, found) for worlds, found in in_parts(measure, share=share)]
    alarms, of_usual = (np.concatenate(kind).mean() for kind in zip(*both, strict=True))
    print(f"A/A, {measure}, {share:.0%} held out: {alarms:.1%} of {WORLDS} worlds; the usual interval {of_usual:.1%}")
    assert alarms <= 0.05
    assert of_usual > 2 * alarms  # what daily looks do to the usual interval


@pytest.mark.slow
def test_a_lift_of_three_points_is_covered_on_every_day() -> None:
    missed = [misses(0.03, worlds, found)[0] for worlds, found in in_parts("expanded", lift=0.03)]
    covered = 1 - np.concatenate(missed).mean()
    print(f"planted 3 points: covered on all days in {covered:.1%} of {WORLDS} worlds")
    assert covered >= 0.95


@pytest.mark.slow
def test_power_is_as_printed() -> None:
    """What the plan says of a base without an effect, against how often an effect of that size is found."""
    before = drawn(77, 1)
    outcomes = pd.DataFrame({"unit": np.arange(ROWS), "window": 0, "expanded": before.expanded.ravel()})
    (look,) = planned(outcomes, "expanded", 0.2)
    for name, effect in (("on_a_day", look.on_a_day), ("on_all_days", look.on_all_days)):
        given = (ROWS,) if name == "on_all_days" else ()
        lows = [getattr(found, name)(*given)[0][-1] for _, found in in_parts("expanded", lift=effect, knows=False)]
        power = (np.concatenate(lows) > 0).mean()
        print(f"{name}: an effect of {effect:.1%} is planned to be seen in {POWER:.0%}, and is in {power:.1%}")
        assert power == pytest.approx(POWER, abs=0.03)
