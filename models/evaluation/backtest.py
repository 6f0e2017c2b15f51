"""The backtest: what the monthly retrain would have said on past days, held against what came.

One row of ``rows`` is one account on one replayed day. Figures of the order are means over the days (each day is one
list); figures of the probabilities and amounts pool the days. Every figure has the interval of a resampling of
accounts, and rivals are judged on the same rows in the same resamples, so differences are paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from data.contract.expected_arr import FAR, around
from data.kept.keeper import Keeper
from models.estimators.calibration import independent
from models.estimators.expected_arr import ARR_COLUMNS, groups_alike
from models.estimators.sampling import KEYS, places_of
from models.evaluation import baselines, metrics
from models.evaluation.bootstrap import Figures, Resamples, difference, mean_of, table_of
from models.evaluation.measures import calibration_curve, deciles
from models.evaluation.metrics import JudgedRows
from models.evaluation.splits import Split
from models.settings import EvaluationSettings

WHOLE, NEW_TO_SALES = "all", "no open opportunity"
FIGURE_COLUMNS = ["scope", "rows", "positives", "metric", "value", "low", "high"]
OPPORTUNITY = "opportunity_open"
SAID_OF_ARR = (*ARR_COLUMNS, "chance", "total_low", "total_high")
SMALLEST_SLICE = 10
"""Expansions that a slice needs before figures of its own say anything."""
ARR_COVERAGE = {
    "arr_sum_coverage": "of the sums of expected ARR of a day",
    "expected_arr_coverage": "of the tenths of a day by expected ARR, chance included",
}
"""What the shares of ``Backtest.arr_coverage`` are of."""
ARR_SUM = {
    "arr_ratio_low": "least forecast / realised ARR, four times in five, where the forecasts are as right as was said",
    "arr_ratio_high": "the most, likewise",
    "arr_share_of_two": "share of the ARR that came from the two accounts that brought most",
    "expected_arr_share_of_two": "share of the expected ARR that was expected of these two",
    "arr_ratio_without_two": "forecast / realised ARR of all others",
}
"""What ``Backtest.arr_sum`` says of the sum over all calibrated days."""
FEWEST_FORECAST = 5
"""Expansions forecast of accounts alike before what came of them says anything about their mean."""


@dataclass(frozen=True)
class Backtest:
    """What the replay showed.

    ``rows``: account_id, snapshot_date, y, log_odds, propensity, calibrated, rounds, arr (came), expected_arr
    and arr_if_expands with the low and high of each, chance, total_low, total_high (of ``replay_arr``), owner, segment,
    opportunity_open.
    ``figures``: one row per scope and metric with its interval; scopes are ``all``, each day
    (ISO), ``no open opportunity``, ``segment: NAME``. ``bench``: one row per rival and metric: the rival's figure, and
    the difference model - rival with its interval. ``deciles``, ``calibration``: of the days that were calibrated,
    pooled. ``months``: one row per day: expansions and ARR, forecast (with an interval of four in five) and realised.
    ``horizon_days``: of the outcomes, which close days share.
    """

    rows: pd.DataFrame
    figures: pd.DataFrame
    bench: pd.DataFrame
    deciles: pd.DataFrame
    calibration: pd.DataFrame
    months: pd.DataFrame
    horizon_days: int

    def figure(self, metric: str, scope: str = WHOLE) -> tuple[float, float, float]:
        """Value, low and high of one figure; NaN where it cannot be told."""
        hit = self.figures[(self.figures.scope == scope) & (self.figures.metric == metric)]
        if hit.empty:
            return float("nan"), float("nan"), float("nan")
        line = hit.iloc[0]
        return float(line.value), float(line.low), float(line.high)

    def rises(self) -> float:
        """How many deciles did better than the one above; 0: the list is monotone, NaN: there are no two to compare."""
        return self.figure("deciles_out_of_order")[0]

    def best_rival(self, metric: str = "auc", *, rules_only: bool = False) -> pd.Series | None:
        """The bench line of the rival with the best figure; of those that do not learn, if asked."""
        lines = self.bench[(self.bench.metric == metric) & self.bench.rival_value.notna()]
        if rules_only:
            lines = lines[~lines.rival.isin(baselines.LEARNERS)]
        return None if lines.empty else lines.sort_values("rival_value", kind="stable").iloc[-1]

    def by_origin(self) -> pd.DataFrame:
        """One row per day: snapshot_date, rows, positives, base_rate, trees, calibrated, and every figure's value."""
        counts = self.months.set_index("snapshot_date")
        dated = self.figures.assign(day=pd.to_datetime(self.figures.scope, format="%Y-%m-%d", errors="coerce"))
        wide = dated.dropna(subset="day").pivot(index="day", columns="metric", values="value")
        table = pd.DataFrame({"rows": counts.rows, "positives": counts.realised, "trees": counts.trees})
        table = table.assign(base_rate=table.positives / table.rows, calibrated=counts.calibrated)
        return table.join(wide).rename_axis("snapshot_date").reset_index()

    def metrics(self) -> dict[str, float]:
        """Flat names for MLflow: ``auc``, ``auc_low``, ``auc_high``, ``best_rival_auc``, ``segment_SMB_auc``."""
        flat: dict[str, float] = {}
        days = {f"{day:%Y-%m-%d}" for day in self.rows.snapshot_date.unique()}
        for line in self.figures[~self.figures.scope.isin(days)].to_dict("records"):
            name = line["metric"] if line["scope"] == WHOLE else f"{_flat(line['scope'])}_{line['metric']}"
            flat |= {name: line["value"], f"{name}_low": line["low"], f"{name}_high": line["high"]}
        for line in self.bench.to_dict("records"):
            flat[f"rival_{_flat(line['rival'])}_{line['metric']}"] = line["rival_value"]
        return {**self.arr_coverage(), **self.arr_sum(), **flat}

    def arr_coverage(self) -> dict[str, float]:
        """How often the intervals of expected ARR held what came, of the calibrated days; four in five should.

        ``arr_sum_coverage``: of the days' totals. ``expected_arr_coverage``: of tenths of a day by expected ARR, the
        range of their mean widened by chance; those with few expansions forecast are left out, as chance alone is
        larger than their mean.
        """
        told = self._told_of_arr()
        days = self.months[self.months.snapshot_date.isin(told.snapshot_date)]
        alike = told.groupby([told.snapshot_date, groups_alike(told)]).agg(
            expected=("expected_arr", "sum"),
            high=("expected_arr_high", "sum"),
            chance=("chance", "sum"),
            arr=("arr", "sum"),
            forecast=("propensity", "sum"),
        )
        alike = alike[alike.forecast >= FEWEST_FORECAST]
        low, high = around(
            alike.expected.to_numpy(), alike.chance.to_numpy(), np.log((alike.high / alike.expected).to_numpy()) / FAR
        )
        inside = (days.arr_realised.between(days.arr_low, days.arr_high), alike.arr.between(low, high))
        return dict(zip(ARR_COVERAGE, (float(held.mean()) for held in inside), strict=True))

    def arr_sum(self) -> dict[str, float]:
        """How far forecast / realised ARR of all calibrated days may lie from 1, and how much of it two accounts make.

        Its interval is that of the sums of the days, as they were told; days closer than the horizon share outcomes,
        so six of them are no six draws. The two accounts are chosen by what came: the ratio without them is no forecast
        of any day, and says only whether they make the difference. Empty where no expansion ARR came.
        """
        told = self._told_of_arr()
        accounts = told.groupby("account_id")[["arr", "expected_arr"]].sum()
        if not accounts.arr.sum() > 0:
            return {}
        low, high = self._sum_of_days(told)
        total, two = accounts.sum(), accounts.nlargest(2, "arr").sum()
        rest = total - two
        without_two = float(rest.expected_arr / rest.arr) if rest.arr > 0 else float("nan")
        shares = two / total
        values = (total.expected_arr / high, total.expected_arr / low, shares.arr, shares.expected_arr, without_two)
        return dict(zip(ARR_SUM, map(float, values), strict=True))

    def _sum_of_days(self, told: pd.DataFrame) -> tuple[float, float]:
        """Between which the ARR of these days together was said to lie."""
        days = told.groupby("snapshot_date").agg(
            expected=("expected_arr", "sum"), chance=("chance", "sum"), high=("total_high", "first")
        )
        shared = len(days) / independent(list(days.index), self.horizon_days)
        variance = (np.log(days.high / days.expected) / FAR) ** 2 - np.log1p(days.chance / days.expected**2)
        total = days.expected.sum()
        error = np.sqrt(shared * (np.maximum(variance, 0) * days.expected**2).sum()) / total
        low, high = around(np.array([total]), np.array([shared * days.chance.sum()]), error)
        return float(low[0]), float(high[0])

    def _told_of_arr(self) -> pd.DataFrame:
        """The rows of calibrated days of which expected ARR was told."""
        known = self.rows.expected_arr.notna() & self.rows.arr.notna()
        return self.rows[self.rows.calibrated.astype(bool) & known]


def _flat(name: str) -> str:
    """A name that MLflow takes."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)


def judge(
    history: pd.DataFrame,
    features: Sequence[str],
    reported: Sequence[Split],
    predictions: pd.DataFrame,
    arr: pd.DataFrame,
    settings: EvaluationSettings,
    people: pd.DataFrame | None = None,
    store: Keeper | None = None,
) -> Backtest:
    """Hold the predictions of the replay against what came, and against the rivals.

    ``history``: sorted feature rows with labels. ``predictions``: those of ``replay``, also of days before the reported
    ones (last month's list is one of the rivals). ``arr``: the rows of ``replay_arr``. ``people``: account_id, owner,
    segment. ``store``: what earlier runs have kept.
    """
    rows = judged_rows(history, reported, predictions, arr, people)
    judge = _Judge(rows, Resamples(rows.account_id, settings.resamples, settings.seed))
    days = [np.flatnonzero(rows.snapshot_date == day) for day in sorted(rows.snapshot_date.unique())]
    by_day = [judge.order(day) for day in days]
    model = mean_of(by_day)
    scopes = [judge.scope(WHOLE, days, model)]
    scopes += [judge.scope(_iso(rows.snapshot_date.iloc[d[0]]), [d], f) for d, f in zip(days, by_day, strict=True)]
    scopes += [
        judge.scope(name, parts, mean_of([judge.order(part) for part in parts]))
        for name, parts in _slices(rows, days).items()
    ]
    rivals = baselines.rival_rankings(history, features, reported, predictions, settings, rows, store)
    bench = [_against(name, model, mean_of([judge.order(day, rank) for day in days])) for name, rank in rivals.items()]
    chance = _against(baselines.BASE_RATE, model, mean_of([judge.chance(day) for day in days]))
    calibrated = rows[rows.calibrated.astype(bool)]
    y, p = calibrated.y.to_numpy(), calibrated.propensity.to_numpy()
    return Backtest(
        rows=rows,
        figures=pd.concat(scopes, ignore_index=True),
        bench=pd.concat([*bench, chance], ignore_index=True),
        deciles=deciles(y, p, calibrated.expected_arr.to_numpy(), calibrated.arr.to_numpy()),
        calibration=calibration_curve(y, p),
        months=_months(rows),
        horizon_days=settings.horizon_days,
    )


def _iso(day: pd.Timestamp) -> str:
    return f"{day:%Y-%m-%d}"


class _Judge:
    """The judged rows, and the resamples in which every list of some of them (their places) is judged."""

    def __init__(self, rows: pd.DataFrame, resamples: Resamples) -> None:
        self.rows, self.resamples = rows, resamples
        self.log_odds = rows.log_odds.to_numpy(np.float64)
        self.owners = rows.owner.astype("category").cat.codes.to_numpy()

    def order(self, places: np.ndarray, ranked_by: np.ndarray | None = None) -> Figures:
        """Figures of one list, by the model's log-odds or what else ranks the rows."""
        ranked = self.log_odds if ranked_by is None else ranked_by
        return self.resamples.figures(
            places, lambda counts: metrics.figures(self._list(places, ranked, counts), metrics.ORDER)
        )

    def chance(self, places: np.ndarray) -> Figures:
        """What a list in random order would reach."""
        return self.resamples.figures(
            places, lambda counts: metrics.figures_by_chance(self._list(places, self.log_odds, counts))
        )

    def _list(self, places: np.ndarray, ranked_by: np.ndarray, counts: np.ndarray) -> JudgedRows:
        y, arr, owners = self.rows.y.to_numpy()[places], self.rows.arr.to_numpy()[places], self.owners[places]
        return JudgedRows(
            y,
            ranked_by[places],
            counts,
            arr=arr if np.isfinite(arr).any() else None,
            owners=owners if (owners >= 0).any() else None,
        )

    def probabilities(self, places: np.ndarray) -> Figures:
        """Figures of the calibrated days alone: no figure rests on a calibration that has seen its own outcome."""
        places = places[self.rows.calibrated.astype(bool).to_numpy()[places]]
        if not len(places):
            return {}
        part = self.rows.iloc[places]
        y, p, arr, expected = (part[name].to_numpy() for name in ("y", "propensity", "arr", "expected_arr"))
        has_interval = ((y == 1) & (arr > 0)).any() and part.arr_if_expands_low.notna().any()
        inside = part.arr.between(part.arr_if_expands_low, part.arr_if_expands_high).to_numpy()
        rows = partial(
            JudgedRows,
            y,
            p,
            arr=arr,
            expected=expected if np.isfinite(expected).any() else None,
            inside=inside if has_interval else None,
        )
        return self.resamples.figures(
            places, lambda counts: metrics.figures(rows(counts=counts), metrics.PROBABILITY, metrics.AMOUNT)
        )

    def scope(self, name: str, days: Sequence[np.ndarray], order: Figures) -> pd.DataFrame:
        """One row per figure of some rows: ``order`` by day, probabilities of all days together."""
        pooled = np.concatenate(list(days))
        positives = int(self.rows.y.to_numpy()[pooled].sum())
        lines = table_of(order | self.probabilities(pooled))
        return lines.assign(scope=name, rows=len(pooled), positives=positives)[FIGURE_COLUMNS]


def judged_rows(
    history: pd.DataFrame,
    reported: Sequence[Split],
    predictions: pd.DataFrame,
    arr: pd.DataFrame,
    people: pd.DataFrame | None,
) -> pd.DataFrame:
    """The reported predictions with what came of them, the expected ARR and whose accounts they are."""
    days = [split.test_date for split in reported]
    reported_predictions = predictions[predictions.snapshot_date.isin(days)]
    known = [name for name in ("account_id", "snapshot_date", "expansion_arr", OPPORTUNITY) if name in history]
    judged = history[known].iloc[places_of(history, days)]
    facts = judged[["account_id", "snapshot_date"]].assign(
        arr=judged.get("expansion_arr", np.nan),
        opportunity_open=judged.get(OPPORTUNITY, np.nan),
    )
    said = arr.reindex(columns=[*KEYS, *SAID_OF_ARR])
    facts = facts.merge(said, on=KEYS, how="left") if len(said) else facts.assign(**dict.fromkeys(SAID_OF_ARR, np.nan))
    rows = reported_predictions.merge(facts, on=["account_id", "snapshot_date"], how="left", validate="one_to_one")
    whose = pd.DataFrame(columns=["account_id", "owner", "segment"]) if people is None else people
    whose = whose.drop_duplicates("account_id")[["account_id", "owner", "segment"]]
    rows = rows.merge(whose.astype("str").where(whose.notna()), on="account_id", how="left")
    return rows.astype({"y": "int8", "log_odds": "float64", "propensity": "float64", "arr": "float64"})


def _slices(rows: pd.DataFrame, days: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Accounts without an open opportunity, and each segment; those with too few expansions are left out."""
    chosen: dict[str, np.ndarray] = {}
    if (rows.opportunity_open > 0).any():
        chosen[NEW_TO_SALES] = ~(rows.opportunity_open > 0).to_numpy()
    for segment in sorted(rows.segment.dropna().unique()):
        chosen[f"segment: {segment}"] = (rows.segment == segment).to_numpy()
    return {
        name: [part for part in (day[inside[day]] for day in days) if len(part)]
        for name, inside in chosen.items()
        if rows.y.to_numpy()[inside].sum() >= SMALLEST_SLICE
    }


def _against(rival: str, model: Figures, other: Figures) -> pd.DataFrame:
    """One row per metric: rival, metric, model, rival_value, difference, low, high."""
    own = {name: float(values[0]) for name, values in model.items()}
    lines = table_of(difference(model, other)).rename(columns={"value": "difference"})
    values = lines.metric.map({name: float(values[0]) for name, values in other.items()})
    return lines.assign(rival=rival, model=lines.metric.map(own), rival_value=values)[
        ["rival", "metric", "model", "rival_value", "difference", "low", "high"]
    ]


def _months(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per day: snapshot_date, rows, calibrated, forecast, realised, ratio, arr_forecast, arr_realised, ...

    ``arr_ratio`` = ``ratio`` x ``arr_who`` x ``arr_amounts``: of the number of expansions; of the mean amount of those
    said to expand to that of those that did; and of the amounts that these were said to expand by to what came.
    """
    months = (
        rows.assign(of_expanded=rows.arr_if_expands * rows.y)
        .groupby("snapshot_date")
        .agg(
            rows=("y", "size"),
            calibrated=("calibrated", "first"),
            trees=("rounds", "first"),
            forecast=("propensity", "sum"),
            realised=("y", "sum"),
            arr_forecast=("expected_arr", "sum"),
            arr_realised=("arr", "sum"),
            of_expanded=("of_expanded", "sum"),
            arr_low=("total_low", "first"),
            arr_high=("total_high", "first"),
        )
        .reset_index()
    )
    realised, arr_realised, of_expanded = (
        months[name].where(months[name] > 0) for name in ("realised", "arr_realised", "of_expanded")
    )
    return months.drop(columns="of_expanded").assign(
        ratio=months.forecast / realised,
        arr_ratio=months.arr_forecast / arr_realised,
        arr_who=(months.arr_forecast / months.forecast) / (of_expanded / realised),
        arr_amounts=of_expanded / arr_realised,
    )
