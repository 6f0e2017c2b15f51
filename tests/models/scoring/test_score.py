from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.contract.vocabulary import ADDITIVITY, LIKELIHOOD
from data.errors import ModelError, NotEnoughHistoryError, PublishError
from models.estimators import boosting
from models.estimators.bundle import Bundle
from models.scoring import attributions
from models.scoring.score import check_sum, require_unchanged, score
from models.training.train import TrainedModel
from tests.models.planted import FEATURES, history

COLUMNS = ["account_id", "snapshot_date", "log_odds", "base_log_odds", *LIKELIHOOD]
AMOUNT = ["arr_if_expands", "arr_if_expands_low", "arr_if_expands_high"]
MONEY = ["expected_arr", *AMOUNT, "expected_arr_low", "expected_arr_high"]
OFFER = ["cross_sell_product", "cross_sell_product_share"]
MOTIONS = ["propensity_seat", "propensity_upsell", "propensity_cross_sell", "propensity_usage"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return history(accounts=90, months=1, seed=7)[["account_id", "snapshot_date", *FEATURES]]


def test_one_row_per_account_whose_parts_add_up(trained: TrainedModel, rows: pd.DataFrame) -> None:
    scores, parts = (scored := score(trained.bundle, rows)).scores, scored.attributions
    assert list(scores.columns) == [*COLUMNS, *MOTIONS, *MONEY, *OFFER]
    assert list(parts.columns) == ["snapshot_date", "account_id", "base_log_odds", *FEATURES]
    assert scores.account_id.tolist() == parts.account_id.tolist() == rows.account_id.tolist()
    off = (parts.base_log_odds + parts[FEATURES].sum(axis=1) - scores.log_odds).abs()
    assert off.max() < ADDITIVITY
    raw = trained.bundle.booster.predict(rows[FEATURES].to_numpy(), raw_score=True)
    assert (scores.log_odds == raw).all()
    assert scored.explained_by == "quadrature"
    assert scores.propensity.between(scores.propensity_low, scores.propensity_high).all()
    assert (scores.propensity_low >= 0).all()
    assert (scores.propensity_low < scores.propensity_high).all()
    assert (scores.propensity_high <= 1).all()
    assert (scores.expected_arr > 0).all()
    assert (scores.expected_arr == scores.propensity * scores.arr_if_expands).all()
    assert (scores.expected_arr_low < scores.expected_arr).all()
    assert (scores.expected_arr < scores.expected_arr_high).all()


def test_a_model_of_before_there_were_ranges_tells_none(trained: TrainedModel, rows: pd.DataFrame) -> None:
    before = replace(trained.bundle, any_expansion=replace(trained.bundle.any_expansion, likely_range=None))
    files = before.to_files()
    assert "likely_range" not in files["bundle.json"]
    scored = score(Bundle.from_files(files), rows)
    require_unchanged(before, rows, scored)
    assert scored.scores[["propensity_low", "propensity_high"]].isna().all(axis=None)
    assert (scored.scores.propensity == score(trained.bundle, rows).scores.propensity).all()


def test_motions_agree_with_any_expansion(trained: TrainedModel, rows: pd.DataFrame) -> None:
    scores = score(trained.bundle, rows).scores
    learnt = scores[["propensity_seat", "propensity_upsell"]]
    assert (learnt.max(axis=1) <= scores.propensity).all()
    assert (learnt.sum(axis=1) >= scores.propensity - 1e-12).all()
    assert scores[["propensity_cross_sell", "propensity_usage"]].isna().all(axis=None)


def test_the_order_of_rows_and_of_columns_changes_nothing(trained: TrainedModel, rows: pd.DataFrame) -> None:
    straight = score(trained.bundle, rows)
    mixed = score(trained.bundle, rows.sample(frac=1, random_state=3)[[*FEATURES[::-1], "snapshot_date", "account_id"]])
    for one, other in ((straight.scores, mixed.scores), (straight.attributions, mixed.attributions)):
        again = other.sort_values("account_id", ignore_index=True)
        pd.testing.assert_frame_equal(one, again, check_exact=True)


def test_a_feature_that_is_not_there_is_named(trained: TrainedModel, rows: pd.DataFrame) -> None:
    with pytest.raises(ModelError, match="missing: tenure_days"):
        score(trained.bundle, rows.rename(columns={"tenure_days": "tenure"}))


def test_text_where_numbers_were_learnt_or_the_other_way_is_no_missing_value(
    trained: TrainedModel, rows: pd.DataFrame
) -> None:
    words = rows.assign(noise=rows.noise.astype("str").where(rows.index > 0, "n/a"))
    with pytest.raises(ModelError, match="noise is string, and a number when the model was trained"):
        score(trained.bundle, words)
    grades = replace(trained.bundle, categories={"noise": ("1", "2", "A")})
    with pytest.raises(ModelError, match="noise is floating, and text when the model was trained"):
        score(grades, rows)
    score(trained.bundle, rows.assign(noise=pd.Series(None, rows.index, dtype="str")))
    score(grades, rows.assign(noise=np.nan))
    score(replace(trained.bundle, categories={"noise": ()}), rows)  # nothing was there to learn from


def test_nothing_to_score_and_an_account_twice(trained: TrainedModel, rows: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughHistoryError, match="no account"):
        score(trained.bundle, rows.head(0))
    with pytest.raises(PublishError, match="a0003 is there twice"):
        score(trained.bundle, pd.concat([rows, rows.iloc[[3]]]))


def test_parts_that_do_not_add_up_name_the_worst_account() -> None:
    accounts = pd.Series(["a", "b", "c"])
    parts, base = np.zeros((3, 2)), np.zeros(3)
    check_sum(accounts, np.array([0, 9e-7, 0]), base, parts)
    with pytest.raises(PublishError, match=r"2 of 3 accounts do not add up; account b is off by 0\.5"):
        check_sum(accounts, np.array([0.1, 0.5, 0.0]), base, parts)
    with pytest.raises(PublishError, match="account c"):
        check_sum(accounts, np.array([0, 0, np.nan]), base, parts)


def test_attributions_of_another_booster_are_not_published(
    trained: TrainedModel, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_tree_more = boosting.fit(
        history()[FEATURES],
        history().expanded.to_numpy(),
        trained.settings.boosting,
        trained.bundle.facts["rounds"] + 1,
    )
    served = attributions.contributions
    monkeypatch.setattr(attributions, "contributions", lambda _, X: served(one_tree_more, X))
    with pytest.raises(PublishError, match="do not add up"):
        score(trained.bundle, rows)


def test_what_the_quadrature_does_not_cover_is_explained_by_lightgbm_and_said(
    trained: TrainedModel, rows: pd.DataFrame
) -> None:
    text = boosting.to_text(trained.bundle.booster)
    count = text.partition("internal_count=")[2].split()[0]
    booster = boosting.from_text(text.replace(f"internal_count={count}", f"internal_count={int(count) + 1}", 1))
    served = replace(trained.bundle.any_expansion, booster=booster)
    scored = score(replace(trained.bundle, any_expansion=served), rows)
    assert scored.explained_by.startswith("LightGBM pred_contrib (trees whose counts of training rows")
    judge = booster.predict(rows[FEATURES].to_numpy(), pred_contrib=True)[:, :-1]
    assert (scored.attributions[FEATURES].to_numpy() == judge).all()


def test_without_amounts_nothing_is_invented(trained: TrainedModel, rows: pd.DataFrame) -> None:
    assert score(replace(trained.bundle, amounts=None), rows).scores[MONEY].isna().all(axis=None)


def test_where_nothing_is_known_of_past_sums_expected_arr_has_no_range(
    trained: TrainedModel, rows: pd.DataFrame
) -> None:
    scores = score(replace(trained.bundle, expected_arr=None), rows).scores
    assert (scores.expected_arr == scores.propensity * scores.arr_if_expands).all()
    assert scores[["expected_arr_low", "expected_arr_high"]].isna().all(axis=None)
