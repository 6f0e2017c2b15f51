import lightgbm
import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError
from models.estimators import boosting
from models.scoring import attributions
from models.settings import Params
from tests.models import planted

PARAMS = Params(learning_rate=0.1, num_leaves=7)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return planted.history(accounts=120, months=10)


@pytest.fixture(scope="module")
def booster(rows: pd.DataFrame) -> boosting.Booster:
    return boosting.fit(rows[planted.FEATURES], rows.expanded.to_numpy(), PARAMS, 30, seed=1)


def test_contributions_add_up(rows: pd.DataFrame, booster: boosting.Booster) -> None:
    X = rows[planted.FEATURES]
    parts, base = attributions.contributions(booster, X)
    assert parts.shape == (len(X), len(planted.FEATURES))
    assert base + parts.sum(axis=1) == pytest.approx(boosting.log_odds(booster, X), abs=1e-9)


def test_blocks_change_nothing(rows: pd.DataFrame, booster: boosting.Booster) -> None:
    X = rows[planted.FEATURES]
    assert len(X) > boosting.BLOCK_ROWS
    whole = booster.predict(X.to_numpy(), raw_score=True, num_threads=1)
    assert (boosting.log_odds(booster, X) == whole).all()


def test_text_keeps_every_bit(rows: pd.DataFrame, booster: boosting.Booster) -> None:
    X = rows[planted.FEATURES]
    again = boosting.from_text(boosting.to_text(booster))
    assert (boosting.log_odds(again, X) == boosting.log_odds(booster, X)).all()
    with pytest.raises(ModelError, match="no booster"):
        boosting.from_text("not a model")


def test_stages_are_the_booster_cut_short(rows: pd.DataFrame, booster: boosting.Booster) -> None:
    X = rows[planted.FEATURES]
    told = dict(boosting.stages(booster, X, 30, 8))
    assert list(told) == [8, 16, 24, 30]
    for trees, log_odds in told.items():
        assert log_odds == pytest.approx(boosting.log_odds(booster, X, rounds=trees), abs=1e-12)


def test_of_few_rows_the_stages_beyond_the_last_tree_have_all_trees(rows: pd.DataFrame) -> None:
    """Of 90 rows no more than two leaves can have 40 each: most rounds find no split, and grow no tree."""
    few = rows.head(90)
    X = few[planted.FEATURES]
    booster = boosting.fit(X, few.expanded.to_numpy(), Params(), 60)
    assert 0 < booster.num_trees() < 60
    told = dict(boosting.stages(booster, X, 60, 8))
    assert list(told) == [8, 16, 24, 32, 40, 48, 56, 60]
    for trees, log_odds in told.items():
        assert log_odds == pytest.approx(boosting.log_odds(booster, X, rounds=trees), abs=1e-12)
    assert (told[60] == told[56]).all()


def test_few_expansions_get_small_trees(rows: pd.DataFrame) -> None:
    asked = Params()
    assert [asked.leaves(positives) for positives in (0, 1_000, 2_000, 3_000, 90_000)] == [4, 5, 10, 15, 15]
    assert PARAMS.leaves(90_000) == 7  # as it was set
    y = rows.expanded.to_numpy()
    assert y.sum() < 750
    trees = boosting.fit(rows[planted.FEATURES], y, asked, 5).dump_model()["tree_info"]
    assert max(tree["num_leaves"] for tree in trees) == 4


def test_shares_are_followed(rows: pd.DataFrame) -> None:
    X = rows[planted.FEATURES]
    share = X.mrr.rank(pct=True).to_numpy() * 0.8 + 0.1
    followed = boosting.fit_shares(X, share, PARAMS.model_copy(update={"num_leaves": 2}), 300)
    said = 1 / (1 + np.exp(-boosting.log_odds(followed, X)))
    assert np.corrcoef(said, share)[0, 1] > 0.99


def test_columns_are_checked_by_name_and_order(rows: pd.DataFrame, booster: boosting.Booster) -> None:
    X = rows[planted.FEATURES]
    with pytest.raises(ModelError, match=r"missing: mrr; not the model's: arr"):
        boosting.log_odds(booster, X.rename(columns={"mrr": "arr"}))
    with pytest.raises(ModelError, match="in another order: noise in place of seat_utilization_28d"):
        attributions.contributions(booster, X[["noise", *planted.FEATURES[:-1]]])
    with pytest.raises(ModelError, match="not the model's: extra"):
        boosting.log_odds(booster, X.assign(extra=0.0))
    with pytest.raises(ModelError, match="'size: small'"):
        boosting.fit(X.rename(columns={"mrr": "size: small"}), rows.expanded.to_numpy(), PARAMS, 2)


def test_trees_by_columns_are_those_by_rows(rows: pd.DataFrame) -> None:
    """With one thread, which all boosters have; what is said of the settings in the text differs alone."""
    X, y = rows[planted.FEATURES], rows.expanded.to_numpy()
    settings = PARAMS.for_lightgbm(1, int(y.sum()))
    by_rows = {name: value for name, value in settings.items() if name != "force_col_wise"} | {"force_row_wise": True}
    trees = [
        lightgbm.train(given, lightgbm.Dataset(X.to_numpy(), y, params=given), 20).trees_to_dataframe()
        for given in (settings, by_rows)
    ]
    pd.testing.assert_frame_equal(*trees, check_exact=True)
