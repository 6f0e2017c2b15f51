"""With what earlier trainings have kept, a training is the same bits as from nothing, whatever has changed since."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.kept.settings import StoreSettings
from data.kept.store import ValueStore
from models.estimators import boosting
from models.settings import EvaluationSettings
from models.training.train import TrainedModel, train
from tests.models.planted import FEATURES, QUICK, history

MONTHS, FEW = 12, QUICK.model_copy(update={"resamples": 10, "max_rounds": 30})


class Counted(ValueStore):
    """A store that counts what it had and what it was given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, StoreSettings(), pytest.fail)
        self.had = self.given = 0

    def get(self, kind: str, key: str) -> bytes | None:
        value = super().get(kind, key)
        self.had += value is not None
        return value

    def put(self, kind: str, key: str, value: bytes) -> None:
        self.given += 1
        super().put(kind, key, value)


def trained(rows: pd.DataFrame, settings: EvaluationSettings, store: ValueStore | None) -> TrainedModel:
    return train(rows, FEATURES, settings, store=store)


def assert_same(one: TrainedModel, other: TrainedModel) -> None:
    """Every bit of the model's files, of what was foretold of past days, and of the figures."""
    assert one.bundle.to_files() == other.bundle.to_files()
    for of in ("predictions", "latest_rows"):
        pd.testing.assert_frame_equal(getattr(one, of), getattr(other, of), check_exact=True)
    pd.testing.assert_frame_equal(one.backtest.figures, other.backtest.figures, check_exact=True)
    pd.testing.assert_frame_equal(one.backtest.bench, other.backtest.bench, check_exact=True)
    assert {n: repr(v) for n, v in one.metrics.items()} == {n: repr(v) for n, v in other.metrics.items()}


def before_the_last_month(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.snapshot_date < rows.snapshot_date.max()]


def with_another_label(rows: pd.DataFrame) -> pd.DataFrame:
    """One that no motion had is one now, in an old month."""
    place = np.flatnonzero((rows.expanded == 0) & (rows.snapshot_date == rows.snapshot_date.unique()[2]))[0]
    return rows.assign(**{name: rows[name].where(rows.index != place, 1) for name in ("expanded", "expanded_seat")})


def with_a_late_row(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(noise=rows.noise.where(rows.index != 170, 1e-300))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return history(months=MONTHS)


@pytest.fixture(scope="module")
def first(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store after the training of a month before."""
    folder = tmp_path_factory.mktemp("kept")
    trained(before_the_last_month(rows), FEW, ValueStore(folder, StoreSettings(), pytest.fail))
    return folder


@pytest.mark.parametrize(
    ("change", "settings", "fewest_kept"),
    [
        (lambda rows: rows, FEW, 6),  # a month later
        (before_the_last_month, FEW, 8),  # again
        (with_another_label, FEW, 1),
        (with_a_late_row, FEW, 0),
        (lambda rows: rows.sample(frac=1, random_state=1), FEW, 6),  # in another order
        (lambda rows: rows, FEW.model_copy(update={"seed": 1}), 0),
        (lambda rows: rows, FEW.model_copy(update={"max_rows": 700}), 0),
        (lambda rows: rows[rows.account_id != "a0003"], FEW, 0),  # an account was deleted
    ],
    ids=["month later", "again", "label", "late row", "order", "seed", "sample", "deleted"],
)
def test_with_what_is_kept_it_is_the_same_as_from_nothing(
    rows: pd.DataFrame,
    first: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    settings: EvaluationSettings,
    fewest_kept: int,
) -> None:
    store, again, changed = Counted(first), Counted(first), change(rows)
    from_nothing = trained(changed, settings, None)
    assert_same(trained(changed, settings, store), from_nothing)
    assert store.had >= fewest_kept
    assert_same(trained(changed, settings, again), from_nothing)
    assert (again.given, again.had) == (0, store.had + store.given)


def test_code_that_has_changed_finds_nothing(rows: pd.DataFrame, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "made_by", lambda: "another version")
    store = Counted(first)
    trained(before_the_last_month(rows), FEW, store)
    assert (store.had, store.given > 0) == (0, True)


def test_what_another_processor_or_number_of_threads_added_up_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    here = boosting._linear_algebra()
    assert here
    own = boosting.made_by()
    assert boosting.made_by.__wrapped__() == own
    for other in ({"num_threads": 64}, {"architecture": "Z80"}):
        monkeypatch.setattr(boosting, "_linear_algebra", lambda other=other: [here[0] | other])
        assert boosting.made_by.__wrapped__() != own
