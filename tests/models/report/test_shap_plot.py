import numpy as np
import pytest

from models.report.shap_plot import load_shap, summary_plot
from models.scoring import attributions
from models.training.train import TrainedModel


def test_our_values_are_those_of_shap(trained: TrainedModel) -> None:
    X = trained.latest_rows.head(40)
    parts, base = attributions.contributions(trained.bundle.booster, X)
    judge = load_shap().TreeExplainer(trained.bundle.booster)(X.to_numpy())
    assert parts == pytest.approx(judge.values, abs=1e-9)
    assert base == pytest.approx(np.broadcast_to(judge.base_values, base.shape), abs=1e-9)


def test_the_summary_shows_the_words_and_no_empty_column(trained: TrainedModel) -> None:
    X = trained.latest_rows.assign(noise=np.nan)
    figure = summary_plot(trained.bundle.booster, X, {"mrr": "MRR of today"})
    told = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "MRR of today" in told
    assert "noise" not in told


def test_the_same_model_has_the_same_picture_whatever_numpy_draws(trained: TrainedModel) -> None:
    def dots() -> list[np.ndarray]:
        figure = summary_plot(trained.bundle.booster, trained.latest_rows.head(200), seed=3)
        return [np.asarray(drawn.get_offsets()) for drawn in figure.axes[0].collections]

    np.random.seed(1)
    first = dots()
    next_draw = np.random.random()
    np.random.seed(1)
    assert np.random.random() == next_draw
    second = dots()
    assert len(first) > 1
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(first, second, strict=True))
