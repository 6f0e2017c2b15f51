"""Every table is published, read, verified and documented as its contract says; a column more is one record."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.contract.outputs import CHANGES, MOTIONS, REASONS, SCORES, TABLES, OutputColumn, OutputKind, OutputTable
from data.contract.score_change import PARTS
from data.errors import PublishError
from flows.reference import outputs_page
from models.scoring.score import Scored
from serving.published.checks import check_batch
from serving.published.read import PublishedList, open_list
from serving.published.tables import ARROW
from serving.ranking.rank import RANK_KEYS
from serving.verify.files_and_sums import check_tables
from tests.serving.world import HeldList, batch_of, publish, snapshot

SORTED_ON_DISK = {OutputKind.TEXT: pa.string()}
"""What DuckDB calls a text."""


@pytest.fixture(scope="module")
def made() -> HeldList:
    return snapshot(40)


@pytest.fixture
def published(tmp_path: Path, made: HeldList) -> PublishedList:
    publish(tmp_path / "out", made)
    return open_list(tmp_path / "out")


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_published_table_is_as_its_contract_says(published: PublishedList, table: OutputTable) -> None:
    rows = pq.read_table(published.path(table.name), partitioning=None)
    names = rows.schema.names
    assert tuple(names[: len(table.names)]) == table.names
    assert bool(table.features_of(names)) == bool(table.features)
    for column in table.columns:
        there = rows.schema.field(column.name).type
        assert there in (ARROW[column.kind], SORTED_ON_DISK.get(column.kind)), column.name
        assert column.nullable or not rows[column.name].null_count, column.name
        assert not column.words or set(rows[column.name].to_pylist()) <= set(column.words), column.name
    frame = rows.to_pandas()
    assert not frame.duplicated(list(table.key)).any()
    by, rising = [name.lstrip("-") for name in table.order], [name[0] != "-" for name in table.order]
    pd.testing.assert_frame_equal(frame, frame.sort_values(by, ascending=rising, ignore_index=True))


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_contract_names_its_own_columns(table: OutputTable) -> None:
    assert len(set(table.names)) == len(table.names)
    assert {name.lstrip("-") for name in (*table.key, *table.order)} <= set(table.names)
    assert {column.part_of for column in table.columns} - {""} <= set(table.names)
    assert all(column.meaning for column in table.columns)


def test_names_that_are_made_elsewhere_are_those_of_the_contract() -> None:
    assert {f"propensity_{motion}" for motion in MOTIONS} <= set(SCORES.names)
    assert set(RANK_KEYS) <= set(SCORES.names)
    assert CHANGES.parts_of("change_log_odds") == tuple(f"{part}_log_odds" for part in PARTS)
    assert {"scores", "attributions"} <= set(TABLES) & set(Scored.__dataclass_fields__)


def test_what_an_older_list_has_not_got_is_null_or_empty(published: PublishedList) -> None:
    """``numbers`` of the reasons and the tables of changes came with a later version."""
    rewrite(published, REASONS.name, drop="numbers")
    for name in ("changes", "change_reasons"):
        published.path(name).unlink()
    older = open_list(published.folder.parent)
    first = older.scores("account_id")["account_id"].tolist()[:2]
    assert older.of("reasons", first, ["account_id", "numbers"])["numbers"].isna().all()
    assert list(older.of("reasons", first).columns) == list(REASONS.names)
    assert older.of("changes", first, ["account_id", "text"]).empty
    assert list(older.batches("changes")) == []
    stated = {name: count for name, count in older.manifest["rows_out"].items() if "change" not in name}
    assert list(check_tables(older.with_manifest(rows_out=stated))) == []


def test_a_column_that_every_version_has_is_missed(published: PublishedList) -> None:
    rewrite(published, SCORES.name, drop="play")
    spoilt = open_list(published.folder.parent)
    assert len(spoilt.scores("account_id")) == 40  # what is not asked for is not missed
    with pytest.raises(PublishError, match=r"scores\.parquet has no column play"):
        spoilt.scores("play")
    with pytest.raises(PublishError, match=r"scores\.parquet has no column play"):
        spoilt.require("scores")
    assert [str(difference) for difference in check_tables(spoilt)] == [
        "(all), table scores: published a column play, derived no such column"
    ]


def rewrite(listing: PublishedList, table: str, drop: str) -> None:
    path = listing.path(table)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns([drop]), path)


MORE = OutputColumn("half", OutputKind.NUMBER, "half the propensity", "0-1", nullable=True, later=True)


@pytest.fixture
def one_more() -> Iterator[OutputColumn]:
    """``scores`` with a record more, at its end."""
    own = dict(vars(SCORES))
    for name in ("names", "of_accounts", "required", "of_sentence"):
        vars(SCORES).pop(name, None)
    vars(SCORES)["columns"] = (*SCORES.columns, MORE)
    yield MORE
    vars(SCORES).clear()
    vars(SCORES).update(own)


def test_a_column_more_is_a_record_and_its_computation(
    published: PublishedList, made: HeldList, one_more: OutputColumn, tmp_path: Path
) -> None:
    """It is published, read, required by nobody of older lists, and on the page."""
    scores = made.scores(*(name for name in SCORES.names if name != one_more.name))
    with_half = made.with_tables(scores=scores.assign(half=scores["propensity"] / 2))
    publish(tmp_path / "new", with_half)
    there = open_list(tmp_path / "new").scores("propensity", "half")
    assert (there["half"] == there["propensity"] / 2).all()
    assert list(pq.read_schema(open_list(tmp_path / "new").path("scores")).names)[-1] == one_more.name
    assert published.scores("half")["half"].isna().all()  # a list of before
    assert list(check_tables(published)) == []
    assert "| `half` | number or null | 0-1 | half the propensity |" in outputs_page()


def test_a_batch_without_the_new_column_is_refused(made: HeldList, one_more: OutputColumn, tmp_path: Path) -> None:
    scores = made.frames["scores"]
    batch = batch_of(made.with_tables(scores=scores.assign(half=None)))
    batch = replace(batch, scores=batch.scores.drop(columns=one_more.name))
    with pytest.raises(PublishError, match="no column half in the scores"):
        check_batch(batch)
