from dataclasses import replace

import numpy as np
import pytest

from flows.reference import metrics_page
from models.evaluation import metrics
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.metrics import (
    AMOUNT,
    BASE_RATE,
    BENCH,
    CROSS_SELL,
    METRICS,
    ORDER,
    PROBABILITY,
    SLICES,
    TERMINAL,
    JudgedBuyers,
    JudgedRows,
    Metric,
)
from models.report.pages import evaluation_page
from models.report.run_record import evaluation_record
from models.settings import PromotionSettings
from models.training.promotion import Champion, decide
from models.training.train import TrainedModel, fit_model
from tests.models.planted import FEATURES, QUICK, history

Y = np.array([1, 0, 0, 0])
P = np.array([0.1, 0.4, 0.3, 0.2])
COUNTS = np.array([[1.0, 1, 1, 1], [0, 1, 1, 2]])

FIRST_HIT = Metric(
    "first_hit",
    "the first of the list expanded",
    ORDER,
    lambda rows: rows.counts.any(axis=1) * float(rows.y[np.argmax(rows.p)]),
    BASE_RATE,
    shown=(BENCH, SLICES, TERMINAL),
)


def test_names_and_words_are_their_own() -> None:
    for what in ("name", "words"):
        values = [getattr(metric, what) for metric in METRICS]
        assert len(set(values)) == len(values), what


def test_a_random_list_finds_the_base_rate() -> None:
    rows = JudgedRows(Y, P, COUNTS, arr=Y * 10.0, owners=np.zeros(4, int))
    chance = metrics.figures_by_chance(rows)
    assert chance.keys() == metrics.figures(rows, ORDER).keys()
    assert chance["average_precision"].tolist() == chance["precision_at_20"].tolist() == [0.25, 0]
    assert chance["lift_at_10pct"].tolist() == [1, 1]
    assert chance["arr_recall_at_20"].tolist() == [1, 1]  # the whole base
    assert chance["arr_recall_at_10pct"].tolist() == [0.25, 0.25]


def test_chance_is_what_random_lists_reach_on_average() -> None:
    random, accounts = np.random.default_rng(0), 2000  # average precision reaches the base rate on long lists alone
    y = (np.arange(accounts) % 5 == 0).astype(int)
    arr, owners = y * random.uniform(1, 2, accounts), np.arange(accounts) % 7
    rows = JudgedRows(y, y, np.ones((1, accounts)), arr=arr, owners=owners)
    lists = [metrics.figures(replace(rows, p=random.permutation(accounts)), ORDER) for _ in range(200)]
    for name, values in metrics.figures_by_chance(rows).items():
        assert np.mean([figures[name] for figures in lists]) == pytest.approx(values[0], rel=0.1), name


def test_what_is_not_known_is_not_told() -> None:
    rows = JudgedRows(Y, P, COUNTS)
    assert list(metrics.figures(rows, ORDER)) == metrics.of_order()
    assert metrics.figures(rows, AMOUNT) == {}
    forecast = metrics.figures(replace(rows, arr=Y * 10.0, expected=np.full(4, 5.0)), AMOUNT)
    assert forecast["arr_forecast_over_realised"][0] == 20 / 10
    inside = metrics.figures(replace(rows, arr=Y * 10.0, inside=np.array([True] * 4)), AMOUNT)
    assert inside["arr_interval_coverage"][0] == 1
    assert metrics.figures(rows, PROBABILITY)["forecast_over_realised"][0] == pytest.approx(1.0 / 1)


def test_buyers_count_as_often_as_they_were_drawn() -> None:
    buyers = JudgedBuyers(Y, 1 - Y, P, COUNTS)
    figures = metrics.figures(buyers, CROSS_SELL)
    assert figures["cross_sell_product_hit_rate"].tolist() == [1 / 4, 0]
    assert figures["cross_sell_hit_rate_difference"].tolist() == [1 / 4 - 3 / 4, -1]


@pytest.fixture(scope="module")
def planted() -> TrainedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "METRICS", (*METRICS, FIRST_HIT))
        return fit_model(evaluate(history(), FEATURES, QUICK))


def test_a_metric_is_one_record(planted: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted, it is told wherever figures are, without another line."""
    monkeypatch.setattr(metrics, "METRICS", (*METRICS, FIRST_HIT))
    evaluation: Evaluation = planted.evaluation
    rows = evaluation.backtest.rows
    firsts = [part.y[part.log_odds.idxmax()] for _, part in rows.groupby("snapshot_date")]
    value, low, high = evaluation.backtest.figure("first_hit")
    assert value == pytest.approx(np.mean(firsts))
    assert low <= high
    bench = evaluation.backtest.bench.query("metric == 'first_hit'").set_index("rival")
    rates = rows.groupby("snapshot_date").y.mean()
    assert bench.rival_value["base rate"] == pytest.approx(rates.mean())
    record = evaluation_record("name", evaluation, {}, {})
    assert {"2_all/first_hit", "2_all/first_hit_low", "4_by_snapshot/first_hit"} <= {f.name for f in record.figures}
    assert (
        evaluation_page("Backtest", evaluation.verdict, 90, evaluation).count(FIRST_HIT.words) == 4
    )  # all, bench, by day, every day
    assert "best_rule_first_hit" in planted.metrics
    champion = Champion(planted.bundle.registered("1", "run"), planted.predictions)
    assert decide(evaluation, champion, PromotionSettings()).differences["first_hit"][0] == 0
    assert "first_hit" in metrics.told_at(TERMINAL)
    assert f"| `first_hit` | {FIRST_HIT.words} | order | the base rate |" in metrics_page()
