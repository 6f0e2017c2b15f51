"""What the flows that learn share: the labelled history, the rows of today, and the evaluation of both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from data.checks.report import Report
from data.errors import NotEnoughHistoryError, hint
from data.kept.store import ValueStore
from data.sources.known import KnownBase
from features.catalogue import full_catalogue
from features.labels import held_for_labels
from flows.run.progress import say
from flows.run.runner import stage
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.base import opened_store, read_base
from flows.stages.cross_sell import read_cross_sells
from flows.stages.dates import training_dates
from flows.stages.shown import show_verdict
from models.estimators.cross_sell import CrossSellHistory
from models.evaluation.evaluation import Evaluation, evaluate
from models.evaluation.leak_probes import IDENTITY, SHUFFLED_TIME
from models.evaluation.verdict import Verdict, VerdictKind
from models.report.pages import evaluation_page

NOT_FEATURES = (IDENTITY, SHUFFLED_TIME)
"""What probes find that is about no single feature."""


@dataclass(frozen=True)
class Known:
    """All that can be learnt from on a day.

    ``history``: feature rows with labels, one per account and matured snapshot; ``today``: the feature rows of the day
    itself; ``features``: the model's columns; ``cross_sells``: which products were sold across; ``store``: what earlier
    runs have kept, or None where nothing is.
    """

    settings: Settings
    report: Report
    base: KnownBase
    history: pd.DataFrame
    today: pd.DataFrame
    features: tuple[str, ...]
    cross_sells: CrossSellHistory
    store: ValueStore | None = None


@contextmanager
def read_known(settings: Settings, snapshot_date: date | str | None) -> Iterator[Known]:
    """Read and check the source, build what was known before the day; the source is closed with the context."""
    base, report = read_base(settings, snapshot_date)
    with base, opened_store(settings) as store:
        history, today, cross_sells = build_history(base, settings, store)
        yield Known(settings, report, base, history, today, tuple(steps.feature_cards(base)), cross_sells, store)


@stage("build history")
def build_history(
    base: KnownBase, settings: Settings, store: ValueStore | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, CrossSellHistory]:
    """Feature rows with labels of every matured snapshot, those of the day of the base, and what was sold across."""
    dates = training_dates(base, settings.expansion.horizon_days)
    if not dates:
        return steps.no_history(base, settings)
    say(f"learning from {len(dates)} snapshots, {dates[0]} to {dates[-1]}")
    past, today = steps.past_and_today(base, dates, settings, store)
    with held_for_labels(base.engine, base.tables, dates, settings.expansion) as held:
        sold_across = read_cross_sells(base, dates, settings, held)
        return steps.add_labels(past, base, dates, settings, held), today, sold_across


@stage("evaluate")
def evaluate_known(known: Known) -> Evaluation:
    """Replay, backtest, probes and verdict. Raises ``NotEnoughHistoryError`` if there is too little."""
    for warning in unknown_signatures(known.settings, known.features):
        say(f"warning: {warning}")
    evaluation = evaluate(
        known.history,
        known.features,
        known.settings.training_settings,
        today=known.today,
        people=steps.read_people(known.base.tables),
        cross_sells=known.cross_sells,
        progress=say,
        store=known.store,
    )
    show_verdict(evaluation.verdict)
    return evaluation


def unknown_signatures(settings: Settings, features: Sequence[str]) -> Iterator[str]:
    """What is signed off and is no feature of this base or any other, nor a probe: a slip of the pen, most likely."""
    names = {*features, *full_catalogue(), *NOT_FEATURES}
    for name in settings.training.signed_off:
        if name not in names:
            near = hint(name, sorted(names))
            yield f'[training] signed_off names "{name}", which is no feature here{near}; nothing is signed off by it.'


def too_few(error: NotEnoughHistoryError) -> Verdict:
    """The verdict of a base that is too small to evaluate."""
    return Verdict(VerdictKind.TOO_FEW, (error.clause,), error.todo)


def write_verdict(known: Known, verdict: Verdict, evaluation: Evaluation | None) -> Path:
    """The page that shows why no model may be used."""
    if evaluation is None:
        show_verdict(verdict)
    title = f"No model for {known.base.snapshot_date}: {verdict.kind}"
    horizon_days = known.settings.expansion.horizon_days
    return steps.write_page(
        known.settings.reports_folder, "verdict.html", evaluation_page(title, verdict, horizon_days, evaluation)
    )
