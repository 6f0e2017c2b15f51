"""The matured scoreboard: the lists whose horizon has passed, with what came of their accounts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from typing import Any

import pandas as pd

from data.contract.outputs import NO_OWNER
from data.contract.vocabulary import E4
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase
from features.labels import held_for_labels, labels
from flows.monitoring.lists import FrozenList
from flows.run.progress import say
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from models.monitoring.alarms import Alarm
from models.monitoring.checks import of_forecast, of_order, of_rate
from models.monitoring.scoreboard import MODEL, STORY, calibration_rows, list_figures, metric_rows, slice_rows
from serving.monitoring.contract import CALIBRATION, FIGURES, LISTS, SLICES
from serving.monitoring.store import frame_of
from serving.published.read import PublishedList

JUDGED = (
    "account_id",
    "propensity",
    "rank",
    "owner_rank",
    "owner",
    "motion",
    "play",
    "expected_arr",
    "arr_if_expands_low",
    "arr_if_expands_high",
)
"""What is read of each account of a list."""


@dataclass(frozen=True)
class Scoreboard:
    """Tables of monitoring by name, and the alarms that follow from the latest matured list."""

    frames: dict[str, pd.DataFrame]
    alarms: list[Alarm]


@stage("matured scoreboard", retries=RETRIES)
def matured_scoreboard(lists: list[FrozenList], base: KnownBase, settings: Settings) -> Scoreboard:
    """What came of every matured list; the others are pending, with the share of their horizon that has come."""
    matured = [frozen for frozen in lists if frozen.is_matured]
    say(f"{len(matured)} of {len(lists)} published lists have matured")
    rows: dict[str, list[dict[str, Any]]] = {"figures": [], "slices": [], "calibration": []}
    told, variances = {frozen.day: _described(frozen) for frozen in lists}, dict[date, float]()
    for frozen, judged in _judged(matured, base):
        day = {"snapshot_date": frozen.day}
        told[frozen.day] |= {"without_outcome": frozen.accounts - len(judged)}
        if judged.empty:
            continue
        told[frozen.day] |= list_figures(judged)
        rows["figures"] += [day | row for row in metric_rows(judged)]
        rows["slices"] += [day | row for row in slice_rows(judged, NO_OWNER)]
        rows["calibration"] += [day | row for row in calibration_rows(judged)]
        variances[frozen.day] = float((judged["propensity"] * (1 - judged["propensity"])).sum())
    frames = {table.name: frame_of(table, rows[table.name]) for table in (FIGURES, SLICES, CALIBRATION)}
    frames[LISTS.name] = frame_of(LISTS, told.values())
    honest = [frozen for frozen in matured if frozen.day in variances and not frozen.learnt_ahead]
    return Scoreboard(frames, list(_alarms(honest, frames, variances, settings)))


def _described(frozen: FrozenList) -> dict[str, Any]:
    return {
        "snapshot_date": frozen.day,
        "model_version": frozen.model_version,
        "horizon_days": frozen.horizon_days,
        "matures_on": frozen.matures_on,
        "share_come": frozen.share_come,
        "is_matured": frozen.is_matured,
        "learnt_ahead": frozen.learnt_ahead,
        "accounts": frozen.accounts,
        "ranked": frozen.ranked,
    }


def _judged(lists: Iterable[FrozenList], base: KnownBase) -> Iterator[tuple[FrozenList, pd.DataFrame]]:
    """Each list with its accounts and what came of them, by the label rules that its model learnt from."""
    by_rules: dict[ExpansionRules, list[FrozenList]] = {}
    for frozen in lists:
        by_rules.setdefault(frozen.rules, []).append(frozen)
    for rules, alike in by_rules.items():
        came = _outcomes(base, [frozen.day for frozen in alike], rules)
        for frozen in alike:
            of_day = came.get(frozen.day, pd.DataFrame(columns=["account_id"]))
            yield frozen, _accounts_of(frozen.open()).merge(of_day, on="account_id", how="inner")


def _outcomes(base: KnownBase, days: list[date], rules: ExpansionRules) -> dict[date, pd.DataFrame]:
    """The labels of each day, as training has them: one row an account."""
    with held_for_labels(base.engine, base.tables, days, rules) as held:
        came = labels(base.tables, held["cohort"], rules, held["lines"]).to_pyarrow().to_pandas()
    came["expansion_arr"] = came.pop("expansion_arr_e4") / E4
    came["snapshot_date"] = pd.to_datetime(came["snapshot_date"]).dt.date
    return {day: part.drop(columns="snapshot_date") for day, part in came.groupby("snapshot_date")}


def _accounts_of(listing: PublishedList) -> pd.DataFrame:
    """The accounts of a list, each with the story of the strongest reason that a CSM sees."""
    asked = ("account_id", "position", STORY, "shown")
    parts = [part[part["shown"].fillna(False).astype(bool)] for part in listing.batches("reasons", asked)]
    shown = pd.concat([pd.DataFrame(columns=list(asked)), *parts]).sort_values("position", kind="stable")
    strongest = shown.drop_duplicates("account_id")[["account_id", STORY]]
    return listing.scores(*JUDGED).merge(strongest, on="account_id", how="left")


def _alarms(
    honest: list[FrozenList], frames: dict[str, pd.DataFrame], variances: dict[date, float], settings: Settings
) -> Iterator[Alarm]:
    """What the latest matured list says of base rate, forecast and order; nothing where its model knew beforehand."""
    if not honest:
        return
    latest, lists = honest[-1], frames[LISTS.name].set_index("snapshot_date", drop=False)
    now = lists.loc[latest.day].to_dict()
    rates = _rates_before(latest, honest, lists)
    yield from islice(chain.from_iterable(of_rate(_counted(now), before, settings.monitor) for before in rates), 1)
    yield from of_forecast(_counted(now), variances[latest.day], settings.monitor)
    if "auc" in latest.model:
        yield from of_order(
            _counted(now), _auc(frames[FIGURES.name], latest.day), latest.model["auc"], settings.monitor
        )


def _counted(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The counts of a list, of those of its accounts whose outcome is known."""
    return {**row, "accounts": int(row["accounts"] - row["without_outcome"])}


def _rates_before(latest: FrozenList, honest: list[FrozenList], lists: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The base rate of the latest list whose window had passed by then, and that of the training.

    A rate that changed is soon that of the earlier list too; it is another one than the model learnt until it learns.
    """
    earlier = [frozen for frozen in honest if frozen.matures_on <= latest.day]
    if earlier:
        yield {**_counted(lists.loc[earlier[-1].day].to_dict()), "said": f"of those of {earlier[-1].day}"}
    model = latest.model
    if model.get("rows") and "positive_rows" in model:
        rate = model["positive_rows"] / model["rows"]
        yield {
            "accounts": model["accounts"],
            "expansions": rate * model["accounts"],
            "said": "of those of the training",
        }


def _auc(figures: pd.DataFrame, day: date) -> float:
    chosen = (figures["snapshot_date"] == day) & (figures["of"] == MODEL) & (figures["metric"] == "auc")
    return float(figures.loc[chosen, "value"].iloc[0])
