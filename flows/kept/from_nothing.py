"""``headroom store --from-nothing``: is a training with the store what one from nothing is?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pandas as pd

from flows.run.progress import say
from flows.run.settings import Settings
from flows.stages.history import Known, build_history, evaluate_known, read_known
from models.training.train import fit_model


def differing(settings: Settings, snapshot_date: date | None) -> Iterator[str]:
    """What a training with the store has otherwise than one from nothing: nothing, or it is a fault of ours.

    Compared bit by bit are features, every file of the model, what was foretold of past days, and the figures of the
    backtest with those of the rivals.
    """
    with read_known(settings, snapshot_date) as known:
        say("the same from nothing")
        history, today, cross_sells = build_history(known.base, settings)
        fresh = replace(known, history=history, today=today, cross_sells=cross_sells, store=None)
        for name in ("history", "today"):
            yield from (f"{name}: {column}" for column in _columns(getattr(known, name), getattr(fresh, name)))
        (files, tables), (own_files, own_tables) = _trained(known), _trained(fresh)
        yield from (
            f"model: {name}" for name in sorted(files.keys() | own_files) if files.get(name) != own_files.get(name)
        )
        for name, table in tables.items():
            yield from (f"{name}: {column}" for column in _columns(table, own_tables[name]))


def _trained(known: Known) -> tuple[dict[str, str], dict[str, pd.DataFrame]]:
    """The files of the model, and what is told of past days."""
    trained = fit_model(evaluate_known(known), progress=say)
    told = {"past days": trained.predictions, "figures": trained.backtest.figures, "rivals": trained.backtest.bench}
    return dict(trained.bundle.to_files()), told


def _columns(one: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """The columns that differ in a bit, or are in one alone."""
    names = list(dict.fromkeys([*one.columns, *other.columns]))
    return [name for name in names if name not in one or name not in other or not _same(one[name], other[name])]


def _same(one: pd.Series, other: pd.Series) -> bool:
    if one.dtype.kind in "fiub" and other.dtype == one.dtype:
        return one.to_numpy().tobytes() == other.to_numpy().tobytes()
    return one.dtype == other.dtype and one.equals(other)
