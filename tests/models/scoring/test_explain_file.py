from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import ContractError, HeadroomError, ModelError, NotEnoughHistoryError, PublishError, SourceError
from models.estimators import boosting
from models.explain.explainer import Explainer
from models.scoring import attributions
from models.scoring.explain_file import explain_file
from models.scoring.score import model_matrix, score
from models.training.train import TrainedModel, train
from tests.models.planted import FEATURES, QUICK, history

K = 3


def rows() -> pd.DataFrame:
    """Feature rows of 90 accounts and two days, and a column that the model does not know."""
    made = history(accounts=90, months=2, seed=7)[["account_id", "snapshot_date", *FEATURES[::-1]]]
    return made.assign(name="x")


def file_of(folder: Path, frame: pd.DataFrame, row_group_size: int = 50) -> Path:
    path = folder / "features.parquet"
    frame.to_parquet(path, index=False, row_group_size=row_group_size)
    return path


@pytest.mark.parametrize("batch_rows", [1, 37, 64, 1000])
def test_it_is_what_scoring_and_the_explainer_say(trained: TrainedModel, tmp_path: Path, batch_rows: int) -> None:
    out = tmp_path / "made" / "explained.parquet"
    steps: list[tuple[int, int]] = []
    done = explain_file(
        trained.bundle,
        file_of(tmp_path, rows()),
        out,
        K,
        batch_rows=batch_rows,
        precision="float64",
        progress=lambda *step: steps.append(step),
    )
    found, scored = pd.read_parquet(out), score(trained.bundle, rows())
    assert done == len(found) == len(rows())
    assert steps[-1] == (done, done)
    assert [path.name for path in out.parent.iterdir()] == ["explained.parquet"]
    same = ["account_id", "snapshot_date", "log_odds", "base_log_odds", "propensity"]
    pd.testing.assert_frame_equal(found[same], scored.scores[same], check_exact=True)
    top = Explainer.from_text(boosting.to_text(trained.bundle.booster)).top(
        model_matrix(trained.bundle, rows()).to_numpy(), K, precision="float64"
    )
    for at in range(K):
        names = found[f"feature_{at + 1}"].astype("str")
        assert names.tolist() == np.array(trained.bundle.feature_names)[top.features[:, at]].tolist()
        assert (found[f"shap_log_odds_{at + 1}"] == top.values[:, at]).all()
        kept = [scored.attributions.at[row, name] for row, name in enumerate(names)]
        assert found[f"shap_log_odds_{at + 1}"].tolist() == kept


def test_the_default_is_single_precision(trained: TrainedModel, tmp_path: Path) -> None:
    features = file_of(tmp_path, rows())
    for name, given in (("usual", {}), ("double", {"precision": "float64"})):
        explain_file(trained.bundle, features, tmp_path / name, 99, **given)  # type: ignore[arg-type]
    usual, double = pd.read_parquet(tmp_path / "usual"), pd.read_parquet(tmp_path / "double")
    assert f"feature_{len(FEATURES)}" in usual
    assert len(usual.columns) == 5 + 2 * len(FEATURES)
    assert (usual.log_odds == double.log_odds).all()
    values = [name for name in usual if name.startswith("shap")]
    assert usual[values].to_numpy() == pytest.approx(double[values].to_numpy(), abs=2e-6)
    parts = double[values].sum(axis=1) + double.base_log_odds
    assert parts.to_numpy() == pytest.approx(double.log_odds.to_numpy(), abs=1e-9)


def test_text_is_encoded_and_what_is_missing_stays_missing(tmp_path: Path) -> None:
    past = history()
    past["plan"] = np.where(past.seats > 100, "pro", "team")
    bundle = train(past, [*FEATURES, "plan"], QUICK).bundle
    given = rows().assign(plan=np.resize(["pro", "team", None, "a new plan"], len(rows())))
    given["tenure_days"] = given["tenure_days"].astype("Int64").mask(given.index % 5 == 0)
    table = pa.Table.from_pandas(given, preserve_index=False)
    at = table.schema.get_field_index("plan")
    for plans in (table["plan"], table["plan"].dictionary_encode()):
        pq.write_table(table.set_column(at, "plan", plans), tmp_path / "features.parquet")
        explain_file(bundle, tmp_path / "features.parquet", tmp_path / "out.parquet", batch_rows=50)
        assert (pd.read_parquet(tmp_path / "out.parquet").log_odds == score(bundle, given).scores.log_odds).all()


def text_for_number(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(seats=frame.seats.astype("str"))


def with_value(name: str, value: object, places: list[int]) -> Any:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[name].astype(object)
        values[places] = value
        return frame.assign(**{name: values if isinstance(value, str | None) else values.astype("float64")})

    return spoil


def nowhere_and_infinite(frame: pd.DataFrame) -> pd.DataFrame:
    return with_value("snapshot_date", None, [1])(with_value("mrr", -np.inf, [60, 170])(frame))


REFUSED = [
    (with_value("account_id", None, [0, 2, 179]), ContractError, "found: account_id is empty in 3 rows\n"),
    (with_value("snapshot_date", None, [179]), ContractError, "found: snapshot_date is empty in 1 row\n"),
    (with_value("seats", np.inf, [5, 150]), ContractError, "found: seats is infinite in 2 rows\n"),
    (nowhere_and_infinite, ContractError, "snapshot_date is empty in 1 row; mrr is infinite in 2 rows\n"),
    (lambda frame: frame.drop(columns="mrr"), ModelError, "missing: mrr"),
    (lambda frame: frame.rename(columns={"tenure_days": "tenure"}), ModelError, "missing: tenure_days"),
    (lambda frame: frame.rename(columns={"account_id": "id"}), ContractError, "missing: account_id"),
    (text_for_number, ContractError, "seats is .*string, and a number when the model was trained"),
    (lambda frame: frame.head(0), NotEnoughHistoryError, "no rows"),
]


@pytest.mark.parametrize(("spoil", "kind", "says"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_does_not_fit_is_named_and_nothing_is_written(
    trained: TrainedModel, tmp_path: Path, spoil: Any, kind: type[HeadroomError], says: str
) -> None:
    features = file_of(tmp_path, spoil(rows()))
    with pytest.raises(kind, match=says):
        explain_file(trained.bundle, features, tmp_path / "out.parquet", batch_rows=50)
    assert [path.name for path in tmp_path.iterdir()] == ["features.parquet"]


@pytest.mark.parametrize("name", ["mrr", "account_id"])
def test_a_column_that_is_there_twice_is_named(trained: TrainedModel, tmp_path: Path, name: str) -> None:
    table = pa.Table.from_pandas(rows(), preserve_index=False)
    pq.write_table(table.append_column(name, table[name]), tmp_path / "features.parquet")
    with pytest.raises(ContractError, match=rf"found: columns occur twice: {name}\."):
        explain_file(trained.bundle, tmp_path / "features.parquet", tmp_path / "out.parquet")


def test_a_column_that_no_model_asks_for_may_be_there_twice(trained: TrainedModel, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(rows(), preserve_index=False)
    notes = pa.array(["x"] * len(table))
    pq.write_table(table.append_column("note", notes).append_column("note", notes), tmp_path / "features.parquet")
    assert explain_file(trained.bundle, tmp_path / "features.parquet", tmp_path / "out.parquet") == len(table)


def test_a_file_that_is_none_is_refused(trained: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("account_id,seats")
    for name in ("text.parquet", "nowhere.parquet"):
        with pytest.raises(SourceError, match=name):
            explain_file(trained.bundle, tmp_path / name, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["text.parquet"]


def test_a_file_that_is_damaged_further_on_is_refused(trained: TrainedModel, tmp_path: Path) -> None:
    """Its end, which says what is where, is whole; the rows of the last group are not."""
    features = file_of(tmp_path, rows())
    column = pq.ParquetFile(features).metadata.row_group(3).column(0)
    with features.open("r+b") as file:
        file.seek(column.dictionary_page_offset)
        file.write(b"\xff" * column.total_compressed_size)
    steps: list[int] = []
    with pytest.raises(SourceError, match="found: it cannot be read as Parquet"):
        explain_file(
            trained.bundle, features, tmp_path / "out.parquet", batch_rows=50, progress=lambda at, _: steps.append(at)
        )
    assert steps == [50, 100, 150]
    assert [path.name for path in tmp_path.iterdir()] == ["features.parquet"]


def test_a_failure_on_the_way_keeps_the_old_file(trained: TrainedModel, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("what was there")

    def stop(done: int, _: int) -> None:
        if done > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain_file(trained.bundle, file_of(tmp_path, rows()), out, batch_rows=20, progress=stop)
    assert out.read_text() == "what was there"
    assert len(list(tmp_path.iterdir())) == 2


def test_lightgbm_serves_what_is_not_covered(trained: TrainedModel, tmp_path: Path) -> None:
    bundle = trained.bundle
    text = boosting.to_text(bundle.booster)
    count = text.partition("internal_count=")[2].split()[0]
    broken = boosting.from_text(text.replace(f"internal_count={count}", f"internal_count={int(count) + 1}", 1))
    assert attributions.explained_by(broken).startswith("LightGBM pred_contrib")
    other = replace(bundle, any_expansion=replace(bundle.any_expansion, booster=broken))
    explain_file(other, file_of(tmp_path, rows()), tmp_path / "out.parquet", 1, batch_rows=50)
    found = pd.read_parquet(tmp_path / "out.parquet")
    parts = broken.predict(model_matrix(bundle, rows()).to_numpy(), pred_contrib=True)
    assert found.shap_log_odds_1.abs().to_numpy() == pytest.approx(np.abs(parts[:, :-1]).max(axis=1), abs=1e-12)
    assert (found.log_odds == score(bundle, rows()).scores.log_odds).all()


def test_the_feature_rows_are_not_written_over(trained: TrainedModel, tmp_path: Path) -> None:
    features = file_of(tmp_path, rows())
    before = features.read_bytes()
    with pytest.raises(SourceError, match="which would be lost"):
        explain_file(trained.bundle, features, tmp_path / ".." / tmp_path.name / features.name)
    assert features.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [features.name]


@pytest.mark.parametrize("out", ["folder", "features.parquet/out.parquet"])
def test_a_place_that_cannot_be_written_is_one_message(trained: TrainedModel, tmp_path: Path, out: str) -> None:
    features = file_of(tmp_path, rows())
    (tmp_path / "folder").mkdir()
    with pytest.raises(PublishError, match="is to be written"):
        explain_file(trained.bundle, features, tmp_path / out)
    assert {path.name for path in tmp_path.iterdir()} == {"features.parquet", "folder"}
