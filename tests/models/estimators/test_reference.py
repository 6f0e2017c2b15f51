import json

import numpy as np
import pandas as pd
import pytest

from models.estimators.reference import ReferenceBase

COLUMNS = pd.DataFrame({"seats": np.arange(1.0, 101.0), "tickets": [0.0] * 90 + [1.0] * 10, "health": [np.nan] * 100})


def test_the_bins_are_tenths_and_what_is_missing() -> None:
    reference = ReferenceBase.of(COLUMNS)
    assert reference.edges["seats"] == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert reference.counts["seats"] == (10,) * 10 + (0,)
    assert reference.edges["tickets"] == (0,), "nine tenths are the same"
    assert reference.counts["tickets"] == (90, 10, 0)
    assert reference.edges["health"] == ()
    assert reference.counts["health"] == (0, 100)


def test_the_same_base_has_not_moved_in_whatever_parts_it_comes() -> None:
    reference = ReferenceBase.of(COLUMNS)
    halves = reference.count(COLUMNS[:37]), reference.count(COLUMNS[37:])
    counts = {name: halves[0][name] + halves[1][name] for name in COLUMNS}
    assert reference.stability(counts) == {"seats": 0, "tickets": 0, "health": 0}


def test_it_is_the_population_stability_index() -> None:
    reference = ReferenceBase.of(COLUMNS)
    moved = COLUMNS.assign(tickets=[0.0] * 60 + [1.0] * 30 + [np.nan] * 10)
    then, now = np.array([90.5, 10.5, 0.5]) / 101.5, np.array([60.5, 30.5, 10.5]) / 101.5
    by_hand = sum((b - a) * np.log(b / a) for a, b in zip(then, now, strict=True))
    assert reference.stability(reference.count(moved))["tickets"] == pytest.approx(by_hand)
    assert reference.stability(reference.count(moved))["seats"] == 0


def test_it_comes_back_from_text() -> None:
    reference = ReferenceBase.of(COLUMNS)
    assert ReferenceBase.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference
