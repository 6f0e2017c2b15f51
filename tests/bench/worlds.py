"""``make bench-worlds``: the product and its peers on bases of other designs, held against what is really so.

    python -m tests.bench.worlds [--accounts 2000] [--world pressure ...]

Each world is simulated, replayed as ``headroom backtest`` does, and its lists of the reported days are judged by
average precision, the mean over the days: of the product, of its rivals, of an analyst's afternoon, of CatBoost and
xgboost on our features where they are installed, and of the true probabilities. Between product and truth stands a
booster on our features that was taught true probabilities instead of outcomes: what it misses, no learning from these
features will find. Writes docs/worlds.md; figures are kept beside this file, so that a run of one world keeps the
others.
"""

import argparse
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.atomic import whole_file
from data.simulation.base import simulate
from data.simulation.drivers import World
from data.worlds.catalogue import BUILT_ON, HELD_BACK, WORLDS
from flows.run.progress import say
from flows.run.settings import load
from flows.stages.history import Known, evaluate_known, read_known
from models.estimators import boosting
from models.estimators.sampling import matrix, places_of
from models.evaluation.baselines import BEST_RULE, LOGISTIC
from models.evaluation.bootstrap import Figures, Resamples, difference, interval, mean_of
from models.evaluation.evaluation import Evaluation
from models.evaluation.measures import auc, average_precision, expected_calibration_error, forecast_over_realised
from models.settings import Params
from tests.bench import afternoon
from tests.bench.page import machine

PAGE = Path(__file__).parents[2] / "docs" / "worlds.md"
FIGURES = Path(__file__).with_name("worlds.json")
END, MONTHS, SEED = date(2026, 10, 1), 30, 7
KEYS = ["account_id", "snapshot_date"]
RESAMPLES = 1_000
TAUGHT, TAUGHT_ROUNDS = Params(learning_rate=0.06, num_leaves=31), 300
"""Larger than the product's: probabilities have no luck in them that could be learnt by heart."""
LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "duckdb")

Ranking = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From the places of the rows to learn from and of those to rank, to one number for each of the latter."""


def measured(world: World, accounts: int) -> dict[str, Any]:
    """The figures of one world: average precision by name, and what the calibrated days say of the propensities."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "base"
        simulate(folder, accounts, MONTHS, SEED, END, world=world)
        settings = load(None, f"parquet://{folder}")
        started = time.process_time()
        with read_known(settings, END) as known:
            evaluation = evaluate_known(known)
        seconds = time.process_time() - started
        truth = pd.read_parquet(folder / "oracle" / "truth.parquet")
        lists = _lists(folder, known, evaluation, truth.assign(snapshot_date=pd.to_datetime(truth.snapshot_date)))
    return {**_judged(lists), **_of_rivals(evaluation), **_said(evaluation), "seconds": seconds, "accounts": accounts}


def _lists(folder: Path, known: Known, evaluation: Evaluation, truth: pd.DataFrame) -> pd.DataFrame:
    """One row per account and reported day: y, and by what each of them ranks it."""
    rows = evaluation.rows[[*KEYS, "expanded"]].reset_index(drop=True)
    by_hand = rows[KEYS].merge(
        afternoon.columns(folder, sorted({day.date() for day in rows.snapshot_date})), on=KEYS, how="left"
    )
    y = rows.expanded.to_numpy(np.int64)
    truth = rows[KEYS].merge(truth[[*KEYS, "p_any"]], on=KEYS, how="left").fillna({"p_any": 0.0})
    peers: dict[str, Ranking] = {
        "afternoon": lambda train, test: afternoon.ranking(by_hand, train, test, y),
        "taught": _taught(evaluation, truth.p_any.to_numpy()),
    }
    ours = evaluation.rows[list(evaluation.features)].to_numpy(np.float64)
    peers |= {name: fit(ours, y) for name, fit in _LIBRARIES.items() if importlib.util.find_spec(name)}
    parts = []
    for split in evaluation.reported:
        test, train = places_of(rows, [split.test_date]), places_of(rows, split.train_dates)
        said = {name: rank(train, test) for name, rank in peers.items()}
        parts.append(rows.iloc[test].assign(**said))
        say(f"{split.test_date:%Y-%m-%d}: {', '.join(said)} ranked")
    lists = pd.concat(parts, ignore_index=True)
    product = evaluation.backtest.rows[[*KEYS, "log_odds"]].rename(columns={"log_odds": "product"})
    lists = lists.merge(product, on=KEYS, validate="one_to_one")
    return lists.merge(truth.rename(columns={"p_any": "oracle"}), on=KEYS)


def _taught(evaluation: Evaluation, truth: np.ndarray) -> Ranking:
    """By a booster on our features that follows the true probabilities of the rows it learns from."""
    rows, features = evaluation.rows, list(evaluation.features)

    def rank(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        booster = boosting.fit_shares(matrix(rows, features, train), truth[train], TAUGHT, TAUGHT_ROUNDS)
        return boosting.log_odds(booster, matrix(rows, features, test))

    return rank


def _catboost(x: np.ndarray, y: np.ndarray) -> Ranking:
    import catboost

    def rank(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = catboost.CatBoostClassifier(iterations=400, depth=5, learning_rate=0.04, verbose=False, random_seed=0)
        return np.asarray(model.fit(x[train], y[train]).predict(x[test], prediction_type="RawFormulaVal"))

    return rank


def _xgboost(x: np.ndarray, y: np.ndarray) -> Ranking:
    import xgboost

    def rank(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = xgboost.XGBClassifier(
            n_estimators=250, max_depth=4, learning_rate=0.04, subsample=0.8, colsample_bytree=0.5, reg_lambda=5.0
        )
        return np.asarray(model.fit(x[train], y[train]).predict(x[test], output_margin=True))

    return rank


_LIBRARIES: dict[str, Callable[[np.ndarray, np.ndarray], Ranking]] = {"catboost": _catboost, "xgboost": _xgboost}


def _judged(lists: pd.DataFrame) -> dict[str, Any]:
    """Average precision and AUC, the mean over the days; of product less afternoon also the interval by accounts."""
    names = [name for name in lists if name not in (*KEYS, "expanded")]
    days = [part for _, part in lists.groupby("snapshot_date")]
    told: dict[str, Any] = {"days": len(days), "rows": len(lists), "expansions": int(lists.expanded.sum())}
    for name in names:
        told[name] = float(np.mean([average_precision(day.expanded, day[name]) for day in days]))
        told[f"{name} AUC"] = float(np.mean([auc(day.expanded, day[name]) for day in days]))
    resamples = Resamples(lists.account_id, RESAMPLES, SEED)
    product, by_hand = (
        mean_of([resamples.figures(day.index.to_numpy(), partial(_precision, day, name)) for day in days])
        for name in ("product", "afternoon")
    )
    told["over afternoon"] = list(interval(difference(product, by_hand)["average_precision"]))
    return told


def _precision(day: pd.DataFrame, ranked_by: str, weights: np.ndarray) -> Figures:
    return {"average_precision": average_precision(day.expanded, day[ranked_by], weights)}


def _of_rivals(evaluation: Evaluation) -> dict[str, float]:
    bench = evaluation.backtest.bench
    bench = bench[bench.metric == "average_precision"].set_index("rival").rival_value
    return {"best rule": float(bench[BEST_RULE]), "logistic": float(bench.get(LOGISTIC, np.nan))}


def _said(evaluation: Evaluation) -> dict[str, Any]:
    backtest = evaluation.backtest
    rows = backtest.rows[backtest.rows.calibrated.astype(bool)]
    arr_ratio, *resampled = backtest.figure("arr_forecast_over_realised")
    of_sum = backtest.arr_sum()
    return {
        "forecast / realised": float(forecast_over_realised(rows.propensity, rows.y)),
        "ARR forecast / realised": arr_ratio,
        "ARR resampled": resampled,
        "ARR told beforehand": [of_sum["arr_ratio_low"], of_sum["arr_ratio_high"]],
        "calibration error": float(expected_calibration_error(rows.y, rows.propensity)),
        "verdict": str(evaluation.verdict.kind),
    }


COLUMNS = ("product", "afternoon", "best rule", "logistic", "catboost", "xgboost", "taught", "oracle")


def rendered(figures: dict[str, Any]) -> Iterator[str]:
    """The lines of the page."""
    yield from (
        "# Worlds",
        "",
        "A model that is tuned on one simulated base learns that base. `headroom simulate --world NAME` makes bases of",
        "other designs, each with the true probabilities beside its tables: other reasons to buy, not other numbers.",
        "",
        "| world | what sells | |",
        "|---|---|---|",
    )
    for world in WORLDS.values():
        use = "built on" if world.name in BUILT_ON else "held back" if world.name in HELD_BACK else "nothing to learn"
        yield f"| `{world.name}` | {world.words} | {use} |"
    yield from (
        "",
        "*Built on*: may decide how the product is made. *Held back*: for these figures alone.",
        "",
        "## Average precision",
        "",
        "Made by `make bench-worlds`: the mean over the last days of the monthly retrain replayed, each list ranked by",
        "what was known on its day. *Afternoon*: about 90 columns by hand and a bagged LightGBM, as an analyst does",
        "it (`tests/bench/afternoon.py`). *Oracle*: the true probabilities; only luck does better. *Taught*: a booster",
        "on our features that learnt from true probabilities, not outcomes. From product to taught is what better",
        "learning could gain at most, from taught to oracle what the features do not tell.",
        "",
        f"| world | accounts | days | expansions | {' | '.join(COLUMNS)} | share of the oracle | product - afternoon |",
        f"|{'---|' * (len(COLUMNS) + 6)}",
    )
    known = [(name, figures["worlds"][name]) for name in WORLDS if name in figures["worlds"]]
    for name, told in known:
        cells = [f"{told[column]:.3f}" if told.get(column) is not None else "" for column in COLUMNS]
        low, high = told["over afternoon"]
        yield (
            f"| `{name}` | {told['accounts']:,} | {told['days']} | {told['expansions']:,} | {' | '.join(cells)} "
            f"| {told['product'] / told['oracle']:.2f} | {low:+.3f} to {high:+.3f} |"
        )
    yield from (
        "",
        "The last column: between which the difference lies, 95 times in 100, by resampling accounts.",
        "",
        "Of forecast / realised ARR: *resampled*, its interval of 95% by resampling accounts; *told beforehand*,",
        "between which it was to lie four times in five where the forecasts are as right as they say.",
        "",
        "| world | forecast / realised expansions | the same of ARR | resampled | told beforehand | calibration error "
        "| AUC: product, afternoon, oracle | CPU seconds of the backtest |",
        "|---|---|---|---|---|---|---|---|",
    )
    for name, told in known:
        order = ", ".join(f"{told[f'{of} AUC']:.3f}" for of in ("product", "afternoon", "oracle"))
        yield (
            f"| `{name}` | {told['forecast / realised']:.2f} | {told['ARR forecast / realised']:.2f} "
            f"| {_between(told, 'ARR resampled')} | {_between(told, 'ARR told beforehand')} "
            f"| {told['calibration error']:.3f} | {order} | {told['seconds']:.0f} |"
        )
    yield from ("", f"{figures['date']}, {figures['machine']}")


def _between(told: dict[str, Any], name: str) -> str:
    """Both ends of an interval; nothing of a world that was measured before it was told."""
    return " to ".join(f"{end:.2f}" for end in told.get(name, ()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--world", action="append", choices=[*BUILT_ON, *HELD_BACK])
    asked = parser.parse_args()
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {"worlds": {}}
    for name in asked.world or (*BUILT_ON, *HELD_BACK):
        say(f"world {name}, {asked.accounts:,} accounts")
        figures["worlds"][name] = measured(WORLDS[name], asked.accounts)
        figures |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(LIBRARIES)}
        with whole_file(FIGURES) as making:
            making.write_text(json.dumps(figures, indent=1) + "\n")
        PAGE.write_text("\n".join(rendered(figures)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
