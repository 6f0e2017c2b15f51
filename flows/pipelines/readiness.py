"""Is the company ready for an expansion motion: the verdict of `headroom check`, and, with signals, of the figures."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.contract.inputs import TABLES
from data.errors import NotEnoughHistoryError
from data.figures.accounts.moves import AccountMoves, account_moves
from data.figures.readiness.coverage import OPTIONAL, Seen, seen_in
from data.figures.readiness.literature import LITERATURE
from data.figures.readiness.state import paid_before, state_of
from data.figures.readiness.tables import READINESS, SIGNALS, TABLE_WORTH
from data.figures.readiness.verdict import Readiness, readiness
from data.sources.known import KnownBase, Source, customers, known_before
from data.sources.partitions import filtered
from flows.run.progress import say
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from flows.stages import inputs as steps
from flows.stages.dates import today_utc, training_dates
from flows.stages.outcomes import read_outcomes

MOST_DAYS, MOST_ACCOUNTS = 6, 2_000
"""Snapshots that signals are asked of, a year and a half of them; and accounts, above which a sample is asked."""


@dataclass(frozen=True)
class FoundSignals:
    """``table``: as ``signals`` is declared, without a row where nothing can be asked; ``worth``: by table.

    ``count``: how many signals there are; None where nothing can be asked.
    """

    table: pd.DataFrame
    worth: pd.DataFrame
    count: int | None


NOTHING_FOUND = FoundSignals(pd.DataFrame(columns=list(SIGNALS.names)), pd.DataFrame({"table": []}), None)


def readiness_of_tables(source: Source, settings: Settings) -> Readiness:
    """The verdict on a source as known today, without its signals, which take a build of features."""
    base = read_outcomes(known_before(source, None, today_utc()), settings)
    return _verdict(account_moves(base, settings.expansion), seen_in(base), settings, None)


def _verdict(moves: AccountMoves, seen: Seen, settings: Settings, found: FoundSignals | None) -> Readiness:
    """``found``: None where nobody asked for signals."""
    state = state_of(moves, seen, settings.figures)
    if found is not None:
        state = replace(state, signals=found.count, signals_asked=True)
    return readiness(state, settings.figures.readiness, settings.training.min_expansions)


@stage("readiness", retries=RETRIES)
def compute_readiness(
    base: KnownBase, moves: AccountMoves, found: FoundSignals | None, settings: Settings
) -> tuple[Readiness, dict[str, pd.DataFrame]]:
    """The verdict with its tables; ``found``: None where nobody asked for signals."""
    seen = seen_in(base)
    verdict = _verdict(moves, seen, settings, found)
    told = found or NOTHING_FOUND
    paying = set(moves.accounts["account_id"].to_numpy()[paid_before(moves, moves.day) > 0])
    tables = {
        READINESS.name: verdict.table(),
        SIGNALS.name: told.table,
        TABLE_WORTH.name: _worth(base, seen, paying, told.worth),
    }
    return verdict, tables


def _worth(base: KnownBase, seen: Seen, paying: set[str], measured: pd.DataFrame) -> pd.DataFrame:
    """One row per optional table, as ``table_worth`` is declared."""
    rows = []
    for name in sorted(OPTIONAL):
        figure, source = (None, None) if name in base.tables else LITERATURE.get(name, (None, None))
        rows.append(
            {
                "table": name,
                "is_there": name in base.tables,
                "coverage": seen.coverage(name, paying),
                "adds": TABLES[name].costs,
                "literature": figure,
                "source": source,
            }
        )
    texts = {"table": "str", "literature": "str", "source": "str"}
    told = pd.DataFrame(rows).astype({"coverage": "float64"} | texts)
    return told.merge(measured.astype({"table": "str"}), on="table", how="left").reindex(columns=TABLE_WORTH.names)


@stage("signals", retries=RETRIES)
def find_signals(base: KnownBase, settings: Settings) -> FoundSignals:
    """What went with past expansions; without a row where the history is too short, or one outcome is all there is."""
    # `headroom check` asks for no signals, and need not wait for the libraries of models.
    from models.signals.days import SignalDays
    from models.signals.strength import signals_in, strengths
    from models.signals.worth import worth_of_tables

    dates = signal_dates(base, settings.expansion.horizon_days)
    if len(dates) < 2:
        return NOTHING_FOUND
    some = _sample(base)
    say(f"signals: which went with the expansions of {len(dates)} times {settings.expansion.horizon_days} days")
    rows = steps.in_order(steps.build_rows(some, dates, settings))
    labelled = steps.add_labels(rows, some, dates, settings)
    days = SignalDays(labelled, settings.training.resamples, settings.training.seed)
    if not days.can_tell:
        return NOTHING_FOUND
    cards = steps.feature_cards(some)
    worth = worth_of_tables(days, cards, OPTIONAL, settings.training.boosting)
    table = strengths(days, cards, settings.figures.readiness)
    return FoundSignals(table, worth, signals_in(table))


def signal_dates(base: KnownBase, horizon_days: int) -> list[date]:
    """The days that signals are asked of: a horizon apart, the last whose label has matured, oldest first."""
    try:
        matured = training_dates(base, horizon_days)
    except NotEnoughHistoryError:
        return []  # nobody ever used anything: there is nothing to ask
    if not matured:
        return []
    days = [matured[-1] - timedelta(days=horizon_days * place) for place in range(MOST_DAYS)]
    return [day for day in reversed(days) if day >= matured[0]]


def _sample(base: KnownBase) -> KnownBase:
    """The base, or of a large one so many of its accounts, always the same ones."""
    count = int(np.ceil(int(customers(base.tables).count().to_pyarrow().as_py()) / MOST_ACCOUNTS))
    if count <= 1:
        return base
    state = None if base.state is None else f"{base.state}, one part of {count}"
    return replace(base, tables=filtered(base.tables)(0, count), state=state)
