import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import PublishError
from serving.published import tables
from serving.published.row_file import RowFile


@pytest.fixture
def table() -> pd.DataFrame:
    """30,000 accounts in order, which are three row groups; one value is missing."""
    frame = pd.DataFrame({"account_id": [f"a{number:05}" for number in range(30_000)]})
    frame = frame.assign(snapshot_date=date(2026, 9, 1), base_log_odds=-2.5, mrr=np.linspace(-1, 1, 30_000) / 3)
    frame.loc[17, "mrr"] = np.nan
    return frame


def test_scattered_accounts_are_read_as_from_the_table(table: pd.DataFrame, tmp_path: Path) -> None:
    tables.write(tmp_path / "attributions.parquet", tables.to_arrow(table))
    rows = RowFile(tmp_path / "attributions.parquet", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["attributions.parquet"]
    for asked in (["a29999", "nobody", "a00017", "a10240", "a00000"], table["account_id"][5::7], []):
        found = rows.read(asked)
        expected = tables.read(tmp_path / "attributions.parquet", asked)[found.columns]
        assert sorted(found.columns) == ["account_id", "base_log_odds", "mrr"]
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert rows.read(["a00017"])["mrr"].isna().all()


def test_an_account_that_is_there_twice_is_read_twice(table: pd.DataFrame, tmp_path: Path) -> None:
    tables.write(tmp_path / "attributions.parquet", tables.to_arrow(table.iloc[[0, 1, 1, 2]]))
    found = RowFile(tmp_path / "attributions.parquet", tmp_path).read(["a00001", "a00002"])
    assert found["account_id"].tolist() == ["a00001", "a00001", "a00002"]


def test_a_table_without_rows_has_none(table: pd.DataFrame, tmp_path: Path) -> None:
    tables.write(tmp_path / "attributions.parquet", tables.to_arrow(table.head(0)))
    assert RowFile(tmp_path / "attributions.parquet", tmp_path).read(["a00001"]).empty


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_nothing_of_what_was_read_is_held(table: pd.DataFrame, tmp_path: Path) -> None:
    tables.write(tmp_path / "attributions.parquet", tables.to_arrow(table))
    rows = RowFile(tmp_path / "attributions.parquet", tmp_path)
    assert len(rows.read(table["account_id"])) == len(table)
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda frame: frame.assign(mrr="much"), "cannot be read: Failed to parse string: 'much'"),
        (lambda frame: frame.drop(columns="account_id"), "has no column account_id"),
    ],
)
def test_a_table_that_was_spoilt_is_refused(table: pd.DataFrame, tmp_path: Path, spoil, says: str) -> None:
    tables.write(tmp_path / "attributions.parquet", tables.to_arrow(spoil(table)))
    with pytest.raises(PublishError, match=says):
        RowFile(tmp_path / "attributions.parquet", tmp_path)


def test_a_table_that_is_gone_or_cut_short_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "attributions.parquet"
    with pytest.raises(PublishError, match="is not there"):
        RowFile(path, tmp_path)
    tables.write(path, tables.to_arrow(table))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PublishError, match="cannot be read"):
        RowFile(path, tmp_path)


def test_a_disk_without_room_is_no_fault_of_the_table(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.write(tmp_path / "attributions.parquet", tables.to_arrow(table))
    monkeypatch.setattr(
        "serving.published.row_file.TemporaryFile", lambda **_: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb")
    )
    with pytest.raises(OSError, match="No space left"):
        RowFile(tmp_path / "attributions.parquet", tmp_path)
