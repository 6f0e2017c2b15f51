from pathlib import Path

import numpy as np
import pytest

from models.evaluation.measures import calibration_curve
from models.report.plots import calibration_plot, evaluation_plots, gains
from models.training.train import TrainedModel


def test_gains_by_hand() -> None:
    taken, found = gains(np.array([1, 0, 0, 1]), np.array([0.9, 0.5, 0.1, 0.5]))  # in the tie the no comes first
    assert taken.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.tolist() == [0, 0.5, 0.5, 1, 1]


def test_plots_can_be_written(trained: TrainedModel, tmp_path: Path) -> None:
    drawn = evaluation_plots(trained.backtest)
    assert set(drawn) == {"calibration", "gains", "bench", "months", "deciles"}
    for name, figure in drawn.items():
        figure.savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


def test_nothing_was_calibrated(tmp_path: Path) -> None:
    empty = calibration_curve(np.array([]), np.array([]))
    assert empty.empty
    calibration_plot(empty).savefig(tmp_path / "empty.png")


@pytest.mark.parametrize("outcome", [0, 1])
def test_gains_of_one_outcome(outcome: int) -> None:
    _, found = gains(np.full(4, outcome), np.arange(4))
    assert np.isfinite(found).all()
