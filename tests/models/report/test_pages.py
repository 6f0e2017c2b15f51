import math
import re
from dataclasses import replace

from models.estimators.bundle import Propensity
from models.estimators.calibration import IDENTITY
from models.evaluation.backtest import judge
from models.evaluation.cross_sell import judge_cross_sell
from models.evaluation.evaluation import Evaluation
from models.evaluation.splits import origins
from models.evaluation.verdict import Verdict, VerdictKind
from models.report.pages import card_page, evaluation_page, limits, number, top_features
from models.settings import PromotionSettings
from models.training.promotion import Decision, decide
from models.training.train import TrainedModel
from tests.models.estimators.test_cross_sell import DATES, drawn
from tests.models.planted import QUICK


def self_contained(page: str) -> None:
    assert not re.search(r"<script|<link|https?://", page)
    assert page.startswith("<!DOCTYPE html>")
    assert page.count('class="scroll"') == page.count('class="scroll" tabindex="0"')  # what scrolls, keys reach
    assert "nan" not in re.sub(r"data:image/png;base64,[^\"]+", "", page).lower().split()


def decision_of(trained: TrainedModel) -> Decision:
    return decide(trained.evaluation, None, PromotionSettings())


def test_the_page_of_a_backtest_says_what_the_figures_say(trained: TrainedModel) -> None:
    page = evaluation_page("Backtest", trained.evaluation.verdict, 90, trained.evaluation, decision_of(trained))
    self_contained(page)
    value, low, high = trained.backtest.figure("auc")
    assert f"{value:.3f}</td><td>{low:.3f} to {high:.3f}" in page
    assert page.count("data:image/png;base64,") == 5
    assert all(rival in page.replace("&#39;", "'") for rival in trained.backtest.bench.rival.unique())
    assert all(f"{day:%Y-%m-%d}" in page for day in trained.backtest.months.snapshot_date)


def test_a_verdict_without_a_backtest(trained: TrainedModel) -> None:
    verdict = Verdict(VerdictKind.TOO_FEW, ("12 distinct expansions of 9 accounts",), "it takes 50, 38 more")
    page = evaluation_page("No model", verdict, 90)
    self_contained(page)
    assert "12 distinct expansions" in page
    assert "it takes 50, 38 more" in page


def test_names_are_escaped(trained: TrainedModel) -> None:
    verdict = Verdict(VerdictKind.LEAK, ("<script>alert(1)</script>: AUC 0.99",))
    assert "&lt;script&gt;" in evaluation_page("<b>", verdict, 90)
    self_contained(evaluation_page("<b>", verdict, 90))


def test_the_card_tells_data_figures_limits_and_decision(trained: TrainedModel) -> None:
    words = {"seat_utilization_28d": "Share of seats in use"}
    page = card_page(trained, decision_of(trained), "headroom", "3", words, {"min_uplift": 0.01}, {"Table x": "9 rows"})
    self_contained(page)
    for told in ("headroom, version 3", "Share of seats in use", "Known limits", "min_uplift", "9 rows", "Decision:"):
        assert told in page, told
    names = [name for name, _ in top_features(trained, words)]
    assert "Share of seats in use" in names[:2]  # it was planted
    assert any("usage" in limit for limit in limits(trained))


def test_limits_are_told(trained: TrainedModel) -> None:
    assert any("positive rows" in limit for limit in limits(_with_few(trained)))


def _with_few(trained: TrainedModel) -> TrainedModel:
    rows = trained.backtest.rows
    backtest = replace(trained.backtest, rows=rows.assign(y=(rows.index < 5).astype(int)))
    return replace(trained, evaluation=replace(trained.evaluation, backtest=backtest))


def test_the_page_tells_which_product_was_bought(trained: TrainedModel) -> None:
    rows, cross_sells = drawn(10)
    judged = judge_cross_sell(rows, origins(DATES, 90, 3, 3), cross_sells, QUICK)
    assert judged is not None
    evaluation = replace(trained.evaluation, cross_sell_backtest=judged)
    page = evaluation_page("Backtest", evaluation.verdict, 90, evaluation)
    self_contained(page)
    assert "Which product for a cross-sell" in page
    assert f"<td>{judged.days.hit_rate.iloc[0]:.3f}</td>" in page
    assert judged.metrics().items() <= evaluation.metrics().items()
    assert "Which product" not in evaluation_page("Backtest", trained.evaluation.verdict, 90, trained.evaluation)


def test_every_figure_of_every_day_is_on_the_page(trained: TrainedModel) -> None:
    page = evaluation_page("Backtest", trained.evaluation.verdict, 90, trained.evaluation)
    for metric in ("arr_recall_at_20", "brier_skill", "calibration_slope", "deciles_out_of_order"):
        for day in trained.backtest.months.snapshot_date:
            value, low, high = trained.backtest.figure(metric, f"{day:%Y-%m-%d}")
            assert f"{number(value)}<small>{number(low)} to {number(high)}</small>" in page, metric


def uncalibrated(trained: TrainedModel) -> Evaluation:
    """As of a short history: no day had a matured past to calibrate on."""
    evaluation = trained.evaluation
    predictions = evaluation.replayed.predictions.assign(calibrated=False)
    backtest = judge(
        evaluation.rows,
        evaluation.features,
        evaluation.reported,
        predictions,
        evaluation.replayed_arr.rows,
        evaluation.settings,
    )
    return replace(evaluation, backtest=backtest)


def test_of_a_list_without_tenths_no_order_is_told(trained: TrainedModel) -> None:
    short = uncalibrated(trained)
    assert math.isnan(short.backtest.rises())
    assert "deciles_out_of_order" not in short.metrics()
    page = evaluation_page("Backtest", short.verdict, 90, short)
    self_contained(page)
    assert "Deciles: – (there are no two to compare)." in page
    assert "monotone" not in page
    assert not any("monotone" in limit for limit in limits(replace(trained, evaluation=short)))


def test_the_sentence_about_the_tenths_says_what_the_figure_says(trained: TrainedModel) -> None:
    page = evaluation_page("Backtest", trained.evaluation.verdict, 90, trained.evaluation)
    rises, steps = trained.metrics["deciles_out_of_order"], len(trained.backtest.deciles) - 1
    said = f"{rises:.0f} of {steps} steps go" if rises else "monotone"
    assert f"Deciles: {said}" in page


def test_a_decision_says_that_calibration_could_not_be_judged(trained: TrainedModel) -> None:
    short = replace(uncalibrated(trained), verdict=Verdict(VerdictKind.USABLE, ("it is",)))
    decision = decide(short, None, PromotionSettings())
    assert decision.because[0] == "it passed 1 check, and there is no champion"
    assert decision.because[1].startswith("calibration could not be judged")
    assert "calibration could not be judged" in evaluation_page("Backtest", short.verdict, 90, short, decision)
    told = decide(trained.evaluation, None, PromotionSettings(max_ece=1, forecast_range=(0.01, 100)))
    assert "could not be judged" not in str(told)


def test_tables_over_all_days_count_account_days_and_say_that_windows_overlap(trained: TrainedModel) -> None:
    people = trained.evaluation.rows[["account_id"]].drop_duplicates().assign(owner="Ada", segment="SMB")
    given = (trained.evaluation.rows, trained.evaluation.features, trained.evaluation.reported, trained.predictions)
    backtest = judge(*given, trained.evaluation.replayed_arr.rows, trained.settings, people)
    evaluation = replace(trained.evaluation, backtest=backtest)
    page = evaluation_page("Backtest", evaluation.verdict, 90, evaluation)
    card = card_page(replace(trained, evaluation=evaluation), decision_of(trained), "headroom", "3", {}, {}, {})
    heads = r'<th scope="col">([a-z-]+)</th><th scope="col">of them with an expansion'
    counted = [re.findall(heads, text) for text in (page, card)]
    assert counted == [["accounts", "account-days", "account-days"], ["account-days", "accounts"]]
    pooled = len(backtest.rows)
    assert f"<tr><td>segment: SMB</td><td>{pooled:,}</td><td>{int(backtest.rows.y.sum()):,}</td>" in card
    assert [text.count("may count on several of them") for text in (page, card)] == [2, 1]
    caption = f"Order: mean over {QUICK.origins} days, each one list. Probabilities and amounts: pooled over"
    assert all(caption in text for text in (page, card))


def test_the_card_lists_a_motion_that_is_any_expansion(trained: TrainedModel) -> None:
    motions = {"seat": trained.bundle.motions["seat"], "usage": Propensity(None, IDENTITY)}
    only = replace(trained, bundle=replace(trained.bundle, motions=motions, withheld={}))
    page = card_page(only, decision_of(trained), "headroom", "3", {}, {}, {})
    assert "<dt>usage</dt><dd>that of any expansion: all were of this motion</dd>" in page
    assert re.search(r"<dt>seat</dt><dd>\d+ positive rows on past days, AUC 0\.\d+</dd>", page)
