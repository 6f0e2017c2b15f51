import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from data.contract.score_change import EXACT, PARTS, REST, RETRAINED
from data.errors import ModelError, PublishError
from models.changes.previous_scores import PreviousScores
from models.changes.score_change import Change, replacement, split
from models.estimators import boosting
from models.estimators.bundle import Bundle, Propensity
from models.estimators.calibration import IDENTITY, Calibrator, Platt
from models.estimators.categories import encode, learn_categories
from models.evaluation.verdict import Verdict, VerdictKind
from models.registry.champion import served_before
from models.registry.mlflow_store import ModelRegistry
from models.scoring.score import score
from models.settings import Params
from models.training.rule_model import rule_bundle
from models.training.train import TrainedModel, train
from tests.models.planted import FEATURES, QUICK, history

CODES = {
    "seat_utilization_28d": "seats_in_use",
    "seats": "account_size",
    "mrr": "account_size",
    "limit_share_max_28d": "near_limit",
    "tenure_days": "tenure",
    "noise": "noise",
    "industry": "industry",
}


@pytest.fixture(scope="module")
def old(trained: TrainedModel) -> Bundle:
    return trained.bundle.registered("1", "run-1")


@pytest.fixture(scope="module")
def retrained() -> Bundle:
    later = history(months=16, seed=1)
    return train(later[later.snapshot_date > "2024-02-01"], FEATURES, QUICK).bundle.registered("2", "run-2")


@pytest.fixture(scope="module")
def months() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two months: a0000 has left by the second, a0089 has come."""
    rows = history(accounts=90, months=2, seed=7)[["account_id", "snapshot_date", *FEATURES]]
    first, second = (rows[rows.snapshot_date == day] for day in sorted(rows.snapshot_date.unique()))
    drift = second.assign(mrr=first.mrr.to_numpy(), seats=first.seats.to_numpy())  # not everything changes in a month
    return first.iloc[:-1], drift.iloc[1:]


def published(bundle: Bundle, rows: pd.DataFrame) -> PreviousScores:
    told = score(bundle, rows)
    return PreviousScores(told.scores.assign(run_id=bundle.run_id), told.attributions)


def changed(old: Bundle | None, new: Bundle, months: tuple[pd.DataFrame, pd.DataFrame], **given: object) -> Change:
    then, now = months
    before = given.pop("published", None) or published(old or new, then)
    return split(old, new, before, now, score(new, now).scores, CODES, **given)


def assert_exact(made: Change, old: Bundle, new: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    then, now = (
        score(b, rows).scores.set_index("account_id").propensity for b, rows in zip((old, new), months, strict=True)
    )
    told = made.accounts.set_index("account_id")
    split_ = told[told.because == ""]
    assert split_.index.tolist() == [account for account in now.index if account in then.index]
    expected = logit(now[split_.index]) - logit(then[split_.index])
    assert np.abs(split_.change - expected).max() < EXACT
    assert np.abs(split_[list(PARTS)].sum(axis=1) - split_.change).max() < EXACT
    by_code = made.reasons.groupby("account_id").log_odds.sum().reindex(split_.index, fill_value=0)
    assert np.abs(by_code - split_.data).max() < EXACT


def test_without_a_retrain_only_the_facts_changed(old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    made = changed(old, old, months)
    assert_exact(made, old, old, months)
    told = made.accounts[made.accounts.because == ""]
    assert (told[["model", "calibration"]] == 0).all(axis=None)
    assert (told.data != 0).mean() > 0.9
    assert replacement(old, old) == ""


def test_with_a_retrain_the_facts_are_told_by_the_old_model(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    made = changed(old, retrained, months)
    assert_exact(made, old, retrained, months)
    told = made.accounts[made.accounts.because == ""]
    assert (told[["model", "calibration"]] != 0).all(axis=None)
    same = changed(old, old, months)
    pd.testing.assert_frame_equal(made.reasons, same.reasons)
    pd.testing.assert_series_equal(made.accounts.data, same.accounts.data)
    assert replacement(old, retrained) == RETRAINED
    assert replacement(retrained, old) == "the earlier model"
    assert replacement(retrained.registered("2", "run-2", "demo"), old) == "the other model"


def test_each_part_by_hand(old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    then, now = (rows[rows.account_id == "a0042"] for rows in months)
    raw = {
        name: boosting.log_odds(bundle.booster, rows[FEATURES])[0]
        for name, bundle, rows in (("a", old, then), ("b", old, now), ("c", retrained, now))
    }
    g, h = old.any_expansion.calibrator, retrained.any_expansion.calibrator
    assert isinstance(g, Platt)
    assert isinstance(h, Platt)
    made = changed(old, retrained, months)
    told = made.accounts.set_index("account_id").loc["a0042"]
    assert told.data == pytest.approx(g.slope * (raw["b"] - raw["a"]), abs=1e-12)
    assert told.model == pytest.approx(g.slope * (raw["c"] - raw["b"]), abs=1e-12)
    assert told.calibration == pytest.approx((h.slope - g.slope) * raw["c"] + h.intercept - g.intercept, abs=1e-12)
    parts = score(old, now).attributions[FEATURES].iloc[0] - score(old, then).attributions[FEATURES].iloc[0]
    by_code = made.reasons[made.reasons.account_id == "a0042"].set_index("reason_code").log_odds
    size = g.slope * (parts.mrr + parts.seats)
    assert abs(size) > 0.02  # else another account should be looked at
    assert by_code["account_size"] == pytest.approx(size, abs=1e-12)
    assert by_code["seats_in_use"] == pytest.approx(g.slope * parts.seat_utilization_28d, abs=1e-12)


def test_reasons_are_the_largest_first_and_the_rest_last(
    old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    fine, coarse = (changed(old, old, months, least_log_odds=least) for least in (0.0, 0.2))
    assert REST not in fine.reasons.reason_code.tolist()  # what is left is rounding
    kept = coarse.reasons[coarse.reasons.reason_code != REST]
    assert kept.log_odds.abs().min() >= 0.2
    every = fine.reasons[fine.reasons.log_odds.abs() >= 0.2]
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), every.reset_index(drop=True))
    for _, of_one in coarse.reasons.groupby("account_id"):
        codes = of_one.reason_code.tolist()
        assert REST not in codes[:-1]
        assert of_one[of_one.reason_code != REST].log_odds.abs().is_monotonic_decreasing
    assert_exact(coarse, old, old, months)


def test_the_attributions_of_the_same_model_are_taken_as_they_are(
    old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    then, now = months
    before, today = published(old, then), score(old, now)
    asked = split(old, old, before, now, today.scores, CODES)
    monkeypatch.setattr("models.changes.score_change.score", lambda *_: pytest.fail("the model was asked again"))
    again = old.registered(old.version, old.run_id)
    mixed = today.attributions.sample(frac=1, random_state=1)
    taken = split(again, old, before, now, today.scores, CODES, attributions=mixed)
    for one, other in ((asked.accounts, taken.accounts), (asked.reasons, taken.reasons)):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert taken.as_before is None
    assert asked.as_before is None


def test_who_came_is_not_split_and_who_left_has_no_row(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    made = changed(old, retrained, months)
    told = made.accounts.set_index("account_id")
    assert told.index.tolist() == months[1].account_id.tolist()
    assert told.because["a0089"] == "new"
    assert told.loc["a0089", ["change", *PARTS]].isna().all()
    assert (told.because.drop("a0089") == "").all()
    assert "a0089" not in made.reasons.account_id.tolist()
    assert "a0000" not in told.index
    assert made.as_before is not None
    assert made.as_before.account_id.tolist() == told.index.tolist()  # the old model can be asked of a new account


def test_shards_give_what_the_base_gives(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    whole, before = changed(old, retrained, months), published(old, months[0])
    mixed = months[1].sample(frac=1, random_state=5)
    today = score(retrained, months[1]).scores
    shards = [split(old, retrained, before, mixed.iloc[s : s + 20], today, CODES) for s in range(0, len(mixed), 20)]
    for name in ("accounts", "reasons", "as_before"):
        joined = pd.concat([getattr(shard, name) for shard in shards])
        expected = getattr(whole, name)
        sorted_ = joined.sort_values("account_id", kind="stable", ignore_index=True)
        pd.testing.assert_frame_equal(sorted_, expected, check_exact=True)
    only_new = split(old, retrained, before, months[1].tail(1), today, CODES)
    assert only_new.accounts.because.tolist() == ["new"]


def test_what_the_old_model_says_of_today(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    made, told = changed(old, retrained, months), score(old, months[1]).scores
    assert made.as_before is not None
    pd.testing.assert_frame_equal(made.as_before, told[list(made.as_before)], check_exact=True)


def test_a_feature_that_is_gone_leaves_the_total_only(old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    then, now = months
    fewer = [name for name in FEATURES if name != "seats"]
    new = simple(now.drop(columns="seats"), fewer, run_id="run-2")
    made = changed(old, new, (then, now.drop(columns="seats")), published=published(old, then))
    told = made.accounts.set_index("account_id")
    assert made.not_asked == (
        "the source no longer gives all that the earlier model asks for, missing: seats (table subscriptions)"
    )
    assert set(told.because) == {"old_features_missing", "new"}
    assert told[list(PARTS)].isna().all(axis=None)
    assert made.reasons.empty
    assert made.as_before is None
    scores = score(new, now.drop(columns="seats")).scores.set_index("account_id")
    before = score(old, then).scores.set_index("account_id")
    expected = logit(scores.propensity["a0010"]) - logit(before.propensity["a0010"])
    assert told.change["a0010"] == pytest.approx(expected, abs=EXACT)


def test_a_model_that_is_gone_leaves_the_total_only(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    known = changed(old, retrained, months).accounts
    made = changed(None, retrained, months, published=published(old, months[0]))
    assert set(made.accounts.because) == {"old_model_not_found", "new"}
    assert made.accounts[list(PARTS)].isna().all(axis=None)
    np.testing.assert_allclose(made.accounts.change, known.change, rtol=0, atol=EXACT)
    assert made.not_asked == "the model of the last list is no longer there"
    assert replacement(None, retrained) == ""


def test_a_propensity_rounded_to_one_leaves_nothing_to_compare_with(
    old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    before = published(old, months[0])
    certain = replace(before, scores=before.scores.assign(propensity=1.0))
    made = changed(None, old, months, published=certain)
    assert made.accounts.change.isna().all()


def test_the_first_list(old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    made = split(None, old, None, months[1], score(old, months[1]).scores, CODES)
    assert set(made.accounts.because) == {"first_list"}
    assert made.accounts[["change", *PARTS]].isna().all(axis=None)


@pytest.mark.parametrize("size", [1.0, 40.0, 300.0])
def test_propensities_next_to_0_and_1_are_split_as_exactly(
    size: float, old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """From propensities that are rounded to 0 and 1 no log-odds could be taken back."""
    sure = with_map(old, Platt(4.0, -size, seasonal=0.0))
    surer = with_map(retrained, Platt(5.0, size))
    made = changed(sure, surer, months)
    told = made.accounts[made.accounts.because == ""]
    raw = [
        score(b, rows).scores.set_index("account_id").log_odds[told.account_id]
        for b, rows in zip((old, retrained), months, strict=True)
    ]
    expected = (5 * raw[1] + size - (4 * raw[0] - size)).to_numpy()
    assert np.abs(told.change - expected).max() < EXACT
    assert np.abs(told[list(PARTS)].sum(axis=1) - told.change).max() < EXACT
    by_code = made.reasons.groupby("account_id").log_odds.sum().reindex(told.account_id).to_numpy()
    assert np.abs(by_code - told.data).max() < EXACT


def test_a_new_calibration_alone_is_the_calibration(old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    same_trees = with_map(old, Platt(0.9, 0.25)).registered("2", "run-2")
    made = changed(old, same_trees, months)
    assert_exact(made, old, same_trees, months)
    told = made.accounts[made.accounts.because == ""]
    assert (told.model == 0).all()
    assert (told.calibration != 0).all()


class Bent:
    """An increasing map that is no line: twice as steep below -1."""

    def log_odds(self, log_odds: np.ndarray) -> np.ndarray:
        return np.where(log_odds < -1, 2 * log_odds + 1, log_odds)

    def propensity(self, log_odds: np.ndarray) -> np.ndarray:
        return expit(self.log_odds(log_odds))

    def slopes(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        far = start != end
        rise = self.log_odds(end) - self.log_odds(start)
        return np.where(far, rise / np.where(far, end - start, 1.0), np.where(start < -1, 2.0, 1.0))

    def to_dict(self) -> dict[str, object]:
        return {"kind": "bent"}


def test_any_increasing_map_is_split_exactly(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    for one, other in ((with_map(old, Bent()), retrained), (old, with_map(retrained, Bent()))):
        assert_exact(changed(one, other, months), one, other, months)


@given(st.floats(0.05, 5), st.floats(-8, 8), st.floats(-30, 30), st.floats(-30, 30))
def test_a_map_and_its_log_odds_agree(slope: float, intercept: float, one: float, other: float) -> None:
    line = Platt(slope, intercept)
    ends = np.array([one, other])
    assert (line.propensity(ends) == expit(line.log_odds(ends))).all()
    rise = np.diff(line.log_odds(ends))
    assert line.slopes(ends[:1], ends[1:]) * (other - one) == pytest.approx(rise, abs=1e-12)


def test_text_is_read_by_the_values_that_the_old_model_knew() -> None:
    """`mining` is new to the old model: missing for it, and a value of its own for the new one."""
    then, now = industries(seed=1), industries(seed=2, replaced={"retail": "mining"})
    features = ["industry", "seats", "mrr"]
    old, new = simple(then, features, "run-1"), simple(now, features, "run-2", Platt(0.8, 0.1))
    assert "mining" not in old.categories["industry"]
    assert "mining" in new.categories["industry"]
    made = changed(old, new, (then, now))
    assert_exact(made, old, new, (then, now))
    unknown = now.assign(industry=now.industry.where(now.industry != "mining"))
    pd.testing.assert_frame_equal(
        changed(old, new, (then, now)).as_before, score(old, unknown).scores[list(made.as_before)]
    )


@pytest.mark.parametrize("values", ["text", "numbers"])
def test_a_feature_that_changed_between_text_and_numbers_is_not_guessed(values: str) -> None:
    text = industries(seed=1)
    numbers = text.assign(industry=np.arange(len(text), dtype=float))
    then, now = (text, numbers) if values == "numbers" else (numbers, text)
    old, new = (simple(rows, ["industry", "seats"], run) for rows, run in ((then, "run-1"), (now, "run-2")))
    made = changed(old, new, (then, now))
    assert made.not_asked == "industry changed between text and numbers since the earlier model"
    assert set(made.accounts.because) == {"old_features_missing"}
    nothing = now.assign(industry=None)  # without a value there is nothing to misread
    assert (
        changed(old, simple(nothing.assign(industry=np.nan), ["industry", "seats"], "run-3"), (then, nothing)).not_asked
        == ""
    )


@pytest.mark.parametrize("rule_is", ["old", "new"])
def test_a_rule_on_either_side(rule_is: str, old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows = history().sort_values(["snapshot_date", "account_id"], ignore_index=True)
    verdict = Verdict(VerdictKind.TOO_FEW, ("few expansions",))
    rule = rule_bundle(rows, FEATURES, "seats in use", verdict, QUICK).registered("2", "rule-run")
    pair = (rule, old) if rule_is == "old" else (old, rule)
    made = changed(*pair, months)
    assert_exact(made, *pair, months)
    assert "rule" in replacement(*pair)
    if rule_is == "old":
        assert set(made.reasons.reason_code) <= {"seats_in_use", "account_size", "tenure", REST}


def test_an_earlier_list_of_another_model_is_refused(
    old: Bundle, retrained: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    before = published(old, months[0])
    scores, parts = before.scores, before.attributions

    def refused(message: str, **given: pd.DataFrame) -> None:
        with pytest.raises(PublishError, match=message):
            changed(old, retrained, months, published=replace(before, **given))

    refused("of run run-0, the model that was loaded for it of run run-1", scores=scores.assign(run_id="run-0"))
    shifted = parts.assign(mrr=np.roll(parts.mrr, 1))
    refused(r"base \+ attributions of account a00\d\d .* off its log-odds", attributions=shifted)
    refused("differ in the feature mrr", attributions=parts.rename(columns={"mrr": "revenue"}))
    refused("differ in base by 0.5", attributions=parts.assign(base_log_odds=parts.base_log_odds + 0.5))
    refused("the last list's propensity of account a0001", scores=scores.assign(propensity=scores.propensity * 0.9))
    refused("account a0007 is missing in the published attributions", attributions=parts[parts.account_id != "a0007"])
    refused("account a0007 is there twice in the published scores", scores=pd.concat([scores, scores.iloc[[7]]]))


def test_a_booster_with_one_tree_more_is_not_the_published_one(
    old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    rows = history()
    rounds = old.facts["rounds"] + 1
    more = boosting.fit(rows[FEATURES], rows.expanded.to_numpy(), QUICK.boosting, rounds)
    other = replace(old, any_expansion=replace(old.any_expansion, booster=more))
    with pytest.raises(PublishError, match="the base of account a0001 in the last list is off that of model 1"):
        changed(other, other, months, published=published(old, months[0]))


def test_scores_of_another_calibration_or_other_accounts_are_refused(
    old: Bundle, months: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    before, today = published(old, months[0]), score(old, months[1]).scores
    with pytest.raises(PublishError, match="today's propensity of account a0001 is off the calibration of model 1"):
        split(old, old, before, months[1], today.assign(propensity=today.propensity / 2), CODES)
    with pytest.raises(PublishError, match="account a0001 is missing in the new scores"):
        split(old, old, before, months[1], today.iloc[1:], CODES)
    with pytest.raises(PublishError, match="there twice in the rows"):
        split(old, old, before, pd.concat([months[1], months[1].head(1)]), today, CODES)
    with pytest.raises(ModelError, match="without a reason code: noise"):
        split(old, old, before, months[1], today, {code: CODES[code] for code in CODES if code != "noise"})


def test_the_model_that_a_list_names_is_found_or_it_is_said_what_there_is(mlruns: Path, old: Bundle) -> None:
    registry = ModelRegistry(mlruns, "headroom")
    assert served_before(registry, "gone") == (None, "no model has been trained yet")
    stored = registry.log_rule(old)
    found, instead = served_before(registry, stored.run_id)
    assert found is not None
    assert found.run_id == stored.run_id
    assert instead == ""
    shutil.rmtree(registry.artifacts / stored.run_id)
    lost, instead = served_before(registry, stored.run_id)
    assert lost is None
    assert "no files of it" in instead


def with_map(bundle: Bundle, calibrator: Calibrator) -> Bundle:
    return replace(bundle, any_expansion=replace(bundle.any_expansion, calibrator=calibrator), motions={})


def simple(rows: pd.DataFrame, features: list[str], run_id: str, calibrator: Calibrator = IDENTITY) -> Bundle:
    """A small model of these rows; what it learns does not matter."""
    categories = learn_categories(rows, features)
    outcome = np.random.default_rng(0).integers(0, 2, len(rows))
    params = Params(num_leaves=5, min_child_samples=5)
    booster = boosting.fit(encode(rows[features], categories).astype("float64"), outcome, params, 10)
    return Bundle(
        feature_names=tuple(features),
        any_expansion=Propensity(booster, calibrator),
        motions={},
        withheld={},
        all_motions_modelled=False,
        amounts=None,
        categories=categories,
        run_id=run_id,
    )


def industries(seed: int, replaced: dict[str, str] | None = None) -> pd.DataFrame:
    rows = history(accounts=80, months=1, seed=seed)
    names = np.random.default_rng(seed).choice(["bank", "retail", "school"], len(rows))
    return rows.assign(industry=pd.Series(names).replace(replaced or {}))
