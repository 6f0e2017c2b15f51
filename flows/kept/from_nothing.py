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

    Features, every file of the model, and what was foretold of past days are compared bit by bit.
    """
    with read_known(settings, snapshot_date) as known:
        say("the same from nothing")
        history, today, cross_sells = build_history(known.base, settings)
        fresh = replace(known, history=history, today=today, cross_sells=cross_sells, store=None)
        for name in ("history", "today"):
            yield from (f"{name}: {column}" for column in _columns(getattr(known, name), getattr(fresh, name)))
        (files, predictions), (own_files, own_predictions) = _trained(known), _trained(fresh)
        yield from (
            f"model: {name}" for name in sorted(files.keys() | own_files) if files.get(name) != own_files.get(name)
        )
        yield from (f"past days: {column}" for column in _columns(predictions, own_predictions))


def _trained(known: Known) -> tuple[dict[str, str], pd.DataFrame]:
    trained = fit_model(evaluate_known(known), progress=say)
    return dict(trained.bundle.to_files()), trained.predictions


def _columns(one: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """The columns that differ in a bit, or are in one alone."""
    names = list(dict.fromkeys([*one.columns, *other.columns]))
    return [name for name in names if name not in one or name not in other or not _same(one[name], other[name])]


def _same(one: pd.Series, other: pd.Series) -> bool:
    if one.dtype.kind in "fiub" and other.dtype == one.dtype:
        return one.to_numpy().tobytes() == other.to_numpy().tobytes()
    return one.dtype == other.dtype and one.equals(other)
