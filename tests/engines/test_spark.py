"""One definition on two engines: what DuckDB gives, Spark gives, bit for bit."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from data.errors import ContractError, SourceError
from data.sources.connect import connect
from tests.engines.comparison import (
    detail_rows,
    differences,
    fact_rows,
    features,
    findings,
    label_rows,
    movement_rows,
    offer_rows,
)
from tests.engines.conftest import Base

pytestmark = pytest.mark.slow
InSpark = Callable[[Base], str]


def test_every_feature_of_the_simulated_base_is_bit_equal(simulated: Base, in_spark: InSpark) -> None:
    there = connect(in_spark(simulated))
    assert differences(simulated.here(features, simulated.dates), features(there, simulated.dates)) == []


def test_what_sentences_name_is_the_same(simulated: Base, in_spark: InSpark) -> None:
    assert (
        differences(
            simulated.here(detail_rows, date(2026, 10, 1)), detail_rows(connect(in_spark(simulated)), date(2026, 10, 1))
        )
        == []
    )


def test_what_an_accounts_page_shows_is_the_same(simulated: Base, in_spark: InSpark) -> None:
    there = connect(in_spark(simulated))
    assert differences(simulated.here(fact_rows, date(2026, 10, 1)), fact_rows(there, date(2026, 10, 1))) == []


@pytest.mark.bases
def test_every_feature_of_fightchurn_is_bit_equal(crm5: Base, in_spark: InSpark) -> None:
    there = connect(in_spark(crm5))
    assert differences(crm5.here(features, crm5.dates), features(there, crm5.dates)) == []


def test_labels_the_ledger_and_the_check_are_the_same(simulated: Base, in_spark: InSpark) -> None:
    there = connect(in_spark(simulated))
    dates = (date(2026, 4, 1), date(2026, 7, 1))
    assert differences(simulated.here(label_rows, dates), label_rows(there, dates)) == []
    assert differences(simulated.here(movement_rows), movement_rows(there)) == []
    for here, other in zip(simulated.here(offer_rows, dates), offer_rows(there, dates), strict=True):
        assert here.num_rows
        assert differences(here, other) == []
    assert simulated.here(findings) == findings(there)


def test_the_tables_of_a_catalog_and_the_users_own_sql(simulated: Base, in_spark: InSpark, tmp_path: Path) -> None:
    folder = in_spark(simulated)
    session = connect(folder).con._session
    session.sql(f"create database crm location '{tmp_path}'")
    try:
        for name in simulated.source.raw:
            session.read.parquet(f"{folder.removeprefix('spark://')}/{name}.parquet").write.saveAsTable(f"crm.{name}")
        there = connect("spark://crm", {"accounts": "select *, 'Ann' as ann from crm.accounts"})
        for name, table in simulated.source.tables.items():
            assert there.tables[name].count().to_pyarrow() == table.count().to_pyarrow(), name
        with pytest.raises(ContractError, match=r"The SQL for the table accounts"):
            connect("spark://crm", {"accounts": "select nothing from accounts"})
    finally:
        session.sql("drop database crm cascade")


def test_what_is_not_there_is_named(in_spark: InSpark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working_folder = tmp_path / "work"
    working_folder.mkdir()
    monkeypatch.chdir(working_folder)
    with pytest.raises(SourceError, match="Spark has no database nowhere"):
        connect("spark://nowhere", root=tmp_path)
    with pytest.raises(SourceError, match="there is no folder"):
        connect("spark://./nowhere", root=tmp_path)
    (tmp_path / "accounts.csv").write_text("account_id\n1\n")
    with pytest.raises(SourceError, match=r"accounts\.csv: spark:// reads Parquet"):
        connect(f"spark://{tmp_path}")
    assert not list(working_folder.iterdir()), "Spark makes no folder of its own there"
