import numpy as np
import pandas as pd
import pytest

from models.estimators import boosting
from models.estimators.sampling import _GOLDEN, Chosen, _drawn, _spread, day_of, matrix, places_of, rows_to_fit
from models.evaluation.evaluation import evaluate, prepare, recipe_of
from models.evaluation.replay import fit_rows
from models.scoring import attributions
from tests.models.planted import FEATURES, QUICK, history


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return prepare(history(accounts=300), FEATURES)


def chosen_keys(rows: pd.DataFrame, chosen: Chosen) -> set[tuple[str, pd.Timestamp]]:
    return set(rows.iloc[chosen.places][["account_id", "snapshot_date"]].itertuples(index=False, name=None))


def test_below_the_limit_every_row_is_fitted_on(rows: pd.DataFrame) -> None:
    for limit in (0, len(rows)):
        chosen = rows_to_fit(rows, "expanded", limit, seed=0)
        assert (chosen.places == np.arange(len(rows))).all()
        assert chosen.share == 1


def test_above_it_every_expansion_stays_and_the_others_are_sampled(rows: pd.DataFrame) -> None:
    chosen = rows_to_fit(rows, "expanded", 2500, seed=0)
    y = rows.expanded.to_numpy()
    assert y[chosen.places].sum() == y.sum()
    assert len(chosen.places) == pytest.approx(2500, rel=0.05)
    assert chosen.share == (len(chosen.places) - y.sum()) / (len(y) - y.sum())
    fewest = rows_to_fit(rows, "expanded", 1, seed=0)
    assert len(fewest.places) == pytest.approx(2 * y.sum(), rel=0.05)  # as many without as with an expansion


def test_the_sample_follows_from_account_day_and_seed_alone(rows: pd.DataFrame) -> None:
    one = chosen_keys(rows, rows_to_fit(rows, "expanded", 2500, seed=0))
    shuffled = prepare(history(accounts=300).sample(frac=1, random_state=3), FEATURES)
    assert chosen_keys(shuffled, rows_to_fit(shuffled, "expanded", 2500, seed=0)) == one
    other = chosen_keys(rows, rows_to_fit(rows, "expanded", 2500, seed=1))
    quiet = set(rows.loc[rows.expanded == 0, ["account_id", "snapshot_date"]].itertuples(index=False, name=None))
    assert 0.2 < len(one & other & quiet) / len(one & quiet) < 0.8


def test_rows_of_some_days(rows: pd.DataFrame) -> None:
    days = sorted(rows.snapshot_date.unique())
    wanted = [days[5], days[2]]
    places = places_of(rows, wanted)
    assert (places == np.flatnonzero(rows.snapshot_date.isin(wanted))).all()
    assert rows.iloc[day_of(rows, days[5])].equals(rows[rows.snapshot_date == days[5]])
    assert matrix(rows, FEATURES, places).equals(rows.iloc[places][FEATURES].reset_index(drop=True))


def test_log_odds_are_those_of_the_whole_base(rows: pd.DataFrame) -> None:
    """A booster of 2 in 5 rows foretells as many expansions as there are, and its parts still add up."""
    recipe = recipe_of(QUICK.model_copy(update={"max_rows": 1700}))
    chosen = rows_to_fit(rows, "expanded", 1700, QUICK.seed)
    booster = fit_rows(rows, FEATURES, recipe, 40)
    assert booster is not None
    assert chosen.share < 0.5
    said = boosting.log_odds(booster, rows[FEATURES])
    assert (1 / (1 + np.exp(-said))).sum() == pytest.approx(rows.expanded.sum(), rel=0.05)
    parts, base = attributions.contributions(booster, rows[FEATURES])
    assert np.abs(parts.sum(axis=1) + base - said).max() < 1e-9
    again = boosting.from_text(boosting.to_text(booster))
    assert (boosting.log_odds(again, rows[FEATURES]) == said).all()


def test_the_forecast_is_as_honest_with_the_sample_as_without() -> None:
    rows = history(accounts=250)
    whole = evaluate(rows, FEATURES, QUICK).backtest
    sampled = evaluate(rows, FEATURES, QUICK.model_copy(update={"max_rows": 1200})).backtest
    for metric, far in (("forecast_over_realised", 0.05), ("auc", 0.03), ("ece", 0.02)):
        assert sampled.figure(metric)[0] == pytest.approx(whole.figure(metric)[0], abs=far), metric
    assert (sampled.rows.y == whole.rows.y).all()  # past days are scored whole


def test_the_draw_stays_splitmix64_so_that_models_can_be_made_again() -> None:
    """The first numbers of the seed 1234567, as its authors' program gives them; and a draw, bit by bit."""
    seeds = np.uint64(1234567) + np.arange(5, dtype=np.uint64) * _GOLDEN
    first = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert _spread(seeds).tolist() == first
    drawn = _drawn(pd.Series(["a0001", "ø"]), pd.Series(pd.to_datetime(["2024-01-01", "2024-02-01"])), np.arange(2), 7)
    assert [value.hex() for value in drawn.tolist()] == ["0x1.7f88616703888p-4", "0x1.8dcb8d2291184p-3"]
