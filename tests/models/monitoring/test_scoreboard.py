"""The scoreboard of a drawn list: every count by hand, and the metrics are those of the backtest."""

import numpy as np
import pandas as pd
import pytest

from data.contract.outputs import NO_OWNER
from data.contract.vocabulary import MOTIONS
from models.evaluation.metrics import order_figures
from models.monitoring.scoreboard import calibration_rows, list_figures, metric_rows, slice_rows
from tests.drawn import drawn

LIST = drawn("""
    account_id | propensity | rank | owner_rank | owner | motion | play | story | expected_arr | expanded | came
    a          | 0.60       | 1    | 1          | Ada   | seat   | over | use   | 600          | 1        | 900
    b          | 0.40       | 2    | 2          | Ada   | seat   | over | use   | 400          | 0        | 0
    c          | 0.30       |      |            | Ada   | upsell | room | limit | 300          | 1        | 50
    d          | 0.10       | 3    | 1          |       | seat   | over |       | 100          | 0        | 0
    e          | 0.02       | 4    | 21         | Bo    | seat   | over | use   | 20           | 1        | 10
""").rename(columns={"came": "expansion_arr"})
NUMBERS = ["propensity", "rank", "owner_rank", "expected_arr", "expanded", "expansion_arr"]


@pytest.fixture
def judged() -> pd.DataFrame:
    """The list with what came: ``a`` by seats, ``c`` and ``e`` by an upsell."""
    rows = LIST.assign(**{name: pd.to_numeric(LIST[name]) for name in NUMBERS})
    flags = {f"expanded_{motion}": 0 for motion in MOTIONS} | {"expanded_seat": [1, 0, 0, 0, 0]}
    flags["expanded_upsell"] = [0, 0, 1, 0, 1]
    return rows.assign(**flags, arr_if_expands_low=40.0, arr_if_expands_high=1000.0)


def test_the_figures_of_a_list(judged: pd.DataFrame) -> None:
    told = list_figures(judged)
    assert (told["expansions"], told["ranked_expansions"], told["hits_at_20"]) == (3, 2, 2)
    assert (told["first_of_books"], told["hits_in_books"]) == (3, 1)  # e is the 21st of its book
    assert (told["expected_arr"], told["realised_arr"]) == (1420, 960)
    assert told["expected_expansions"] == pytest.approx(1.42)
    assert told["rate"] == 3 / 5
    assert told["rate_low"] < 0.6 < told["rate_high"]


def test_the_metrics_are_those_of_the_backtest(judged: pd.DataFrame) -> None:
    told = {(row["of"], row["metric"]): row for row in metric_rows(judged)}
    alike = order_figures(judged["expanded"].to_numpy(), judged["propensity"].to_numpy())
    assert {name: told["model", name]["value"] for name in alike} == pytest.approx(alike, nan_ok=True)
    assert told["model", "arr_forecast_over_realised"]["value"] == 1420 / 960
    assert told["model", "arr_interval_coverage"]["value"] == 2 / 3  # 900 and 50 lie between 40 and 1,000; 10 does not
    assert told["list", "auc"]["value"] == (1 + 0) * 2 / 4  # of the ranked: a before b and d, e behind them
    assert told["list", "precision_at_20"]["by_chance"] == 2 / 4


def test_every_slice_counts_its_own(judged: pd.DataFrame) -> None:
    told = {(row["by"], row["value"]): row for row in slice_rows(judged, NO_OWNER)}
    ada = told["owner", "Ada"]
    assert (ada["accounts"], ada["ranked"], ada["first"], ada["first_expansions"], ada["expansions"]) == (3, 2, 2, 1, 2)
    assert told["owner", NO_OWNER]["accounts"] == 1
    assert (told["motion", "seat"]["expansions"], told["motion", "seat"]["of_that_motion"]) == (2, 1)
    assert told["play", "over"]["of_that_motion"] is None
    assert told["story", "use"]["realised_arr"] == 910
    assert sum(row["accounts"] for (by, _), row in told.items() if by == "story") == 4  # d has no reason that is seen


def test_a_propensity_is_in_the_bin_that_it_ends(judged: pd.DataFrame) -> None:
    told = {(row["above"], row["up_to"]): (row["accounts"], row["expansions"]) for row in calibration_rows(judged)}
    assert told == {
        (0.0, 0.02): (1, 1),
        (0.05, 0.1): (1, 0),
        (0.2, 0.3): (1, 1),
        (0.3, 0.5): (1, 0),
        (0.5, 1.0): (1, 1),
    }


def test_a_list_without_amounts_and_owners_has_no_figures_of_them(judged: pd.DataFrame) -> None:
    bare = judged.assign(
        owner=None, **dict.fromkeys(["expected_arr", "arr_if_expands_low", "arr_if_expands_high"], np.nan)
    )
    names = {row["metric"] for row in metric_rows(bare)}
    assert not names & {"arr_forecast_over_realised", "arr_interval_coverage", "book_precision_at_20"}
    assert np.isnan(list_figures(bare)["expected_arr"])
