"""The metrics of a backtest, each one record: its name, its words, how it is computed and what chance gives.

A metric is one record of ``METRICS``. The backtest with its intervals, the bench, the run in MLflow, the pages, the
decision about a challenger, the terminal and docs/metrics.md follow from it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from models.evaluation import measures
from models.evaluation.measures import LIST_LENGTH, SHARE, Listed, ratio


class MetricKind(StrEnum):
    """What a metric is about, and so of which rows it is told."""

    ORDER = "order"
    """Of the list of one day; told is the mean over the days."""
    PROBABILITY = "probabilities"
    """Of all days that were calibrated, together."""
    AMOUNT = "amounts"
    """The same."""
    CROSS_SELL = "product of a cross-sell"
    """Of the accounts that bought a product across."""


BENCH, SLICES, TERMINAL, BEST_RULE = "the bench", "slices", "the terminal", "beside that of the best rule"
LEAD = "first among the figures in MLflow"
"""Where a metric is shown beside the table of all of them."""


@dataclass(frozen=True)
class JudgedRows:
    """Rows to be judged (one account on one day), and how often each counts in each resample.

    ``y``: 0 or 1; ``p``: what they are ranked by, or their propensity; ``counts``: resamples x rows. ``arr``: expansion
    ARR that came; ``expected``: expected ARR; ``inside``: was the ARR that came between the low and the high told for
    it; ``owners``: a whole number, below zero without an owner. None where it is not known of any row.
    """

    y: np.ndarray
    p: np.ndarray
    counts: np.ndarray
    arr: np.ndarray | None = None
    owners: np.ndarray | None = None
    expected: np.ndarray | None = None
    inside: np.ndarray | None = None

    @cached_property
    def total(self) -> np.ndarray:
        return self.counts.sum(axis=1)

    @cached_property
    def rate(self) -> np.ndarray:
        """The base rate of each resample."""
        return np.asarray(ratio(measures.times_of(self.counts, np.asarray(self.y)), self.total))

    @cached_property
    def tenth(self) -> np.ndarray:
        """How many accounts the first tenth are in each resample, at least one."""
        return np.maximum(1, np.round(self.total / SHARE))

    @cached_property
    def first(self) -> np.ndarray:
        """The length of a list, in each resample."""
        return np.full_like(self.total, LIST_LENGTH)

    @cached_property
    def listed(self) -> Listed:
        return Listed(np.asarray(self.y, dtype=np.float64), self.p, self.counts)

    @cached_property
    def listed_arr(self) -> Listed:
        return Listed(np.nan_to_num(np.asarray(self.arr, dtype=np.float64)), self.p, self.counts)

    @cached_property
    def precision_of_first(self) -> np.ndarray:
        return np.asarray(ratio(self.listed.gained(self.first), np.minimum(self.first, self.total)))

    @cached_property
    def precision_of_tenth(self) -> np.ndarray:
        return np.asarray(ratio(self.listed.gained(self.tenth), np.minimum(self.tenth, self.total)))

    @cached_property
    def precision_of_books(self) -> np.ndarray:
        assert self.owners is not None
        return np.asarray(measures.precision_in_books(self.y, self.p, self.owners, LIST_LENGTH, self.counts))

    def arr_recall(self, k: np.ndarray) -> np.ndarray:
        """Share of the ARR that the first ``k`` hold, one ``k`` per resample."""
        return np.asarray(ratio(self.listed_arr.gained(k), self.listed_arr.gained(self.total)))

    def coverage(self) -> np.ndarray:
        """Share of the expansions with an amount that are ``inside``."""
        assert self.arr is not None
        assert self.inside is not None
        gained = (self.y == 1) & (self.arr > 0)
        return np.asarray(measures.base_rate(self.inside[gained], self.counts[:, gained]))


@dataclass(frozen=True)
class JudgedBuyers:
    """Accounts that bought a product across on a day, and how often each counts in each resample.

    ``hit``, ``popular``: was the likeliest product bought, was the most popular one left (0 or 1); ``share``: the
    chance that was given to what was bought.
    """

    hit: np.ndarray
    popular: np.ndarray
    share: np.ndarray
    counts: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        counts = np.asarray(self.counts, dtype=np.float64)
        return (counts @ np.asarray(values, dtype=np.float64)) / np.maximum(self.counts.sum(axis=1), 1)


@dataclass(frozen=True)
class ByChance:
    """What a list in random order is expected to reach: in words, and one value per resample."""

    words: str
    value: Callable[[JudgedRows], np.ndarray]


BASE_RATE = ByChance("the base rate", lambda rows: rows.rate)
HALF = ByChance("0.5", lambda rows: np.full_like(rows.rate, 0.5))
ONE = ByChance("1", lambda rows: np.ones_like(rows.rate))
SHARE_OF_FIRST = ByChance("the share of accounts on it", lambda rows: np.minimum(1, rows.first / rows.total))
SHARE_OF_TENTH = ByChance("a tenth", lambda rows: rows.tenth / rows.total)


@dataclass(frozen=True)
class Metric:
    """One figure.

    ``value``: from the rows to one value per resample. ``by_chance``: what a random list reaches; None where a list in
    random order says nothing of it. ``needs``: what must be known of the rows. ``shown``: where, beside the table of
    all.
    """

    name: str
    words: str
    kind: MetricKind
    value: Callable[[Any], Any]
    by_chance: ByChance | None = None
    needs: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    def can_be_told(self, rows: JudgedRows | JudgedBuyers) -> bool:
        return all(getattr(rows, name) is not None for name in self.needs)


ORDER, PROBABILITY, AMOUNT, CROSS_SELL = MetricKind
EVERYWHERE = (BENCH, SLICES, TERMINAL)

METRICS = (
    Metric(
        "auc",
        "AUC",
        ORDER,
        lambda rows: measures.auc(rows.y, rows.p, rows.counts),
        HALF,
        shown=(*EVERYWHERE, BEST_RULE, LEAD),
    ),
    Metric(
        "average_precision",
        "average precision",
        ORDER,
        lambda rows: rows.listed.average_precision(),
        BASE_RATE,
        shown=EVERYWHERE,
    ),
    Metric(
        "precision_at_20",
        "precision at 20",
        ORDER,
        lambda rows: rows.precision_of_first,
        BASE_RATE,
        shown=(*EVERYWHERE, LEAD),
    ),
    Metric("lift_at_20", "lift at 20", ORDER, lambda rows: ratio(rows.precision_of_first, rows.rate), ONE),
    Metric("precision_at_10pct", "precision at 10%", ORDER, lambda rows: rows.precision_of_tenth, BASE_RATE),
    Metric(
        "lift_at_10pct",
        "lift at 10%",
        ORDER,
        lambda rows: ratio(rows.precision_of_tenth, rows.rate),
        ONE,
        shown=EVERYWHERE,
    ),
    Metric(
        "arr_recall_at_20",
        "share of expansion ARR in the top 20",
        ORDER,
        lambda rows: rows.arr_recall(rows.first),
        SHARE_OF_FIRST,
        needs=("arr",),
    ),
    Metric(
        "arr_recall_at_10pct",
        "share of expansion ARR in the top 10%",
        ORDER,
        lambda rows: rows.arr_recall(rows.tenth),
        SHARE_OF_TENTH,
        needs=("arr",),
        shown=(BENCH,),
    ),
    Metric(
        "book_precision_at_20",
        "precision at 20 of each owner's book",
        ORDER,
        lambda rows: rows.precision_of_books,
        BASE_RATE,
        needs=("owners",),
        shown=(BENCH,),
    ),
    Metric(
        "book_lift_at_20",
        "lift at 20 of each owner's book",
        ORDER,
        lambda rows: ratio(rows.precision_of_books, rows.rate),
        ONE,
        needs=("owners",),
    ),
    Metric("brier", "Brier score", PROBABILITY, lambda rows: measures.brier(rows.y, rows.p, rows.counts)),
    Metric(
        "brier_skill",
        "Brier skill over the base rate",
        PROBABILITY,
        lambda rows: measures.brier_skill(rows.y, rows.p, rows.counts),
        shown=(TERMINAL, LEAD),
    ),
    Metric("log_loss", "log loss", PROBABILITY, lambda rows: measures.log_loss(rows.y, rows.p, rows.counts)),
    Metric(
        "ece",
        "expected calibration error",
        PROBABILITY,
        lambda rows: measures.expected_calibration_error(rows.y, rows.p, weights=rows.counts),
        shown=(SLICES,),
    ),
    Metric(
        "calibration_slope",
        "calibration slope",
        PROBABILITY,
        lambda rows: measures.calibration_slope(rows.y, rows.p, rows.counts),
    ),
    Metric(
        "forecast_over_realised",
        "forecast / realised expansions",
        PROBABILITY,
        lambda rows: measures.forecast_over_realised(rows.p, rows.y, rows.counts),
        shown=(SLICES, TERMINAL, LEAD),
    ),
    Metric(
        "deciles_out_of_order",
        "deciles out of order (of 9 steps)",
        PROBABILITY,
        lambda rows: measures.deciles_out_of_order(rows.y, rows.p, rows.counts),
    ),
    Metric(
        "arr_forecast_over_realised",
        "forecast / realised ARR",
        AMOUNT,
        lambda rows: measures.forecast_over_realised(rows.expected, rows.arr, rows.counts),
        needs=("expected", "arr"),
    ),
    Metric(
        "arr_interval_coverage",
        "share of expansions inside the 80% interval of their amount",
        AMOUNT,
        lambda rows: rows.coverage(),
        needs=("inside", "arr"),
    ),
    Metric(
        "cross_sell_product_hit_rate",
        "likeliest product was bought",
        CROSS_SELL,
        lambda buyers: buyers.mean(buyers.hit),
    ),
    Metric(
        "cross_sell_popular_hit_rate",
        "most popular one left was bought",
        CROSS_SELL,
        lambda buyers: buyers.mean(buyers.popular),
    ),
    Metric(
        "cross_sell_product_share",
        "mean share given to what was bought",
        CROSS_SELL,
        lambda buyers: buyers.mean(buyers.share),
    ),
    Metric(
        "cross_sell_hit_rate_difference",
        "difference, paired",
        CROSS_SELL,
        lambda buyers: buyers.mean(buyers.hit) - buyers.mean(buyers.popular),
    ),
)
"""In the order of the tables."""


def figures(rows: JudgedRows | JudgedBuyers, *kinds: MetricKind) -> dict[str, np.ndarray]:
    """Metric to one value per resample, of these kinds and as far as these rows can tell."""
    return {m.name: np.asarray(m.value(rows)) for m in METRICS if m.kind in kinds and m.can_be_told(rows)}


def figures_by_chance(rows: JudgedRows) -> dict[str, np.ndarray]:
    """The same of these rows in random order."""
    return {m.name: m.by_chance.value(rows) for m in METRICS if m.by_chance and m.can_be_told(rows)}


def order_figures(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """The figures of one list; ``p`` may be any number, ties worst case."""
    rows = JudgedRows(np.asarray(y, dtype=np.float64), np.asarray(p), np.ones((1, len(y))))
    return {name: float(values[0]) for name, values in figures(rows, ORDER).items()}


def of_order() -> list[str]:
    """The metrics that any two rankings of the same rows can be compared by: neither amounts nor owners are needed."""
    return [metric.name for metric in METRICS if metric.kind is ORDER and not metric.needs]


def shown_on(place: str, among: Collection[str] | None = None) -> list[str]:
    """The metrics shown at a place, of those ``among``, if given."""
    return [m.name for m in METRICS if place in m.shown and (among is None or m.name in among)]


def told_at(place: str) -> list[str]:
    """The names of a training's figures that are told there: in the terminal, or first in MLflow."""
    names = [(m.name, f"best_rule_{m.name}" if BEST_RULE in m.shown else "") for m in METRICS if place in m.shown]
    return [name for pair in names for name in pair if name]


def words_of(name: str) -> str:
    """What people read; the name itself of what is no metric."""
    return next((metric.words for metric in METRICS if metric.name == name), name)
