"""One definition on two engines: what DuckDB gives, PostgreSQL gives, bit for bit."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import ibis
import psycopg
import pyarrow.parquet as pq
import pytest

from data.errors import ContractError, SourceError
from data.sources.connect import connect
from tests.data.test_crosswalk import DESK, MERGES, TABLES, moves, told
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
from tests.flows.conftest import Headroom

pytestmark = pytest.mark.slow

InPostgres = Callable[[Base], str]
DAY = date(2026, 10, 1)


def test_every_feature_of_the_simulated_base_is_bit_equal(simulated: Base, in_postgres: InPostgres) -> None:
    with connect(in_postgres(simulated)) as there:
        assert differences(simulated.here(features, simulated.dates), features(there, simulated.dates)) == []


def test_shards_of_the_database_are_the_same_rows(simulated: Base, in_postgres: InPostgres) -> None:
    whole = simulated.here(features, simulated.dates[-1:])
    with connect(in_postgres(simulated)) as there:
        assert differences(whole, features(there, simulated.dates[-1:], shards=2)) == []


def test_what_sentences_name_is_the_same_also_in_shards(simulated: Base, in_postgres: InPostgres) -> None:
    here = simulated.here(detail_rows, DAY)
    assert differences(here, detail_rows(simulated.source, DAY, 2)) == []
    with connect(in_postgres(simulated)) as there:
        assert differences(here, detail_rows(there, DAY)) == []
        assert differences(here, detail_rows(there, DAY, 2)) == []


def test_what_an_accounts_page_shows_is_the_same_also_in_shards(simulated: Base, in_postgres: InPostgres) -> None:
    here = simulated.here(fact_rows, DAY)
    assert len(here) > 0
    assert differences(here, fact_rows(simulated.source, DAY, 2)) == []
    with connect(in_postgres(simulated)) as there:
        assert differences(here, fact_rows(there, DAY)) == []


@pytest.mark.bases
def test_every_feature_of_fightchurn_is_bit_equal(crm5: Base, in_postgres: InPostgres) -> None:
    with connect(in_postgres(crm5)) as there:
        assert differences(crm5.here(features, crm5.dates), features(there, crm5.dates)) == []


def test_labels_the_ledger_and_the_check_are_the_same(simulated: Base, in_postgres: InPostgres) -> None:
    dates = (date(2026, 4, 1), date(2026, 7, 1))
    with connect(in_postgres(simulated)) as there:
        assert differences(simulated.here(label_rows, dates), label_rows(there, dates)) == []
        assert differences(simulated.here(movement_rows), movement_rows(there)) == []
        for here, other in zip(simulated.here(offer_rows, dates), offer_rows(there, dates), strict=True):
            assert here.num_rows
            assert differences(here, other) == []
        assert simulated.here(findings) == findings(there)


def test_ids_are_looked_up_there_too(tmp_path: Path, in_postgres: InPostgres) -> None:
    for name, text in (TABLES | {"account_ids": MERGES + DESK}).items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        ibis.duckdb.connect().read_csv(tmp_path / f"{name}.csv").to_parquet(tmp_path / f"{name}.parquet")
        (tmp_path / f"{name}.csv").unlink()
    with connect(f"parquet://{tmp_path}") as here, connect(in_postgres(Base("merged", here, ()))) as there:
        assert moves(there) == moves(here) == [("Z", "new", 1500, 30)]
        assert told(there) == {}


def test_a_day_is_a_utc_day_whatever_the_zone_of_the_server(
    postgres: str, simulated: Base, in_postgres: InPostgres
) -> None:
    in_postgres(simulated)
    with psycopg.connect(f"{postgres}/postgres") as server:
        server.execute("create schema zoned")
        for name in simulated.source.raw:
            server.execute(f"create table zoned.{name} as select * from simulated.{name}")
        clock = "occurred_at type timestamptz using occurred_at at time zone 'UTC'"
        server.execute(f"alter table zoned.usage_events alter column {clock}")
        server.execute("alter role headroom set timezone to 'Asia/Tokyo'")
    try:
        with connect(f"{postgres}/postgres/zoned") as there:
            assert differences(simulated.here(features, (DAY,)), features(there, [DAY])) == []
    finally:
        with psycopg.connect(f"{postgres}/postgres") as server:
            server.execute("alter role headroom reset timezone")


def test_the_users_own_sql_runs_in_the_database(simulated: Base, in_postgres: InPostgres) -> None:
    url = in_postgres(simulated)
    sql = "select *, 'Ann' as owner from (select account_id, name, created_at from accounts) a;"
    with connect(url, {"accounts": sql}) as there:
        assert set(there.tables["accounts"].owner.to_pyarrow().to_pylist()) == {"Ann"}
    for wrong in ("select nothing from accounts", "drop table accounts", "selec 1"):
        with pytest.raises(ContractError, match=r"The SQL for the table accounts"):
            connect(url, {"accounts": wrong})
    with connect(url) as there:
        assert there.tables["accounts"].count().to_pyarrow().as_py() == 150


def test_text_where_a_date_is_needed_is_refused(postgres: str, simulated: Base, in_postgres: InPostgres) -> None:
    in_postgres(simulated)
    with psycopg.connect(f"{postgres}/postgres") as server:
        server.execute("create schema worded")
        for name in simulated.source.raw:
            server.execute(f"create view worded.{name} as select * from simulated.{name}")
        server.execute("drop view worded.invoices")
        server.execute("create view worded.invoices as select *, 1 as one from simulated.invoices where false")
        server.execute("drop view worded.subscriptions")
        server.execute("create table worded.subscriptions as select * from simulated.subscriptions")
        server.execute("alter table worded.subscriptions alter column mrr type text")
    with pytest.raises(ContractError, match=r"text where a date or a number is needed: subscriptions\.mrr"):
        connect(f"{postgres}/postgres/worded")
    named = ", ".join(name for name in simulated.source.raw["subscriptions"].columns if name != "mrr")
    cast = {"subscriptions": f"select {named}, mrr::numeric as mrr from subscriptions"}
    with connect(f"{postgres}/postgres/worded", cast) as there:
        assert there.tables["subscriptions"].mrr_e4.sum().to_pyarrow().as_py() > 0


def test_a_column_and_its_variants_are_one(postgres: str, simulated: Base, in_postgres: InPostgres) -> None:
    in_postgres(simulated)
    with psycopg.connect(f"{postgres}/postgres") as server:
        server.execute("create schema split")
        for name in simulated.source.raw:
            server.execute(f"create view split.{name} as select * from simulated.{name}")
        server.execute("drop view split.subscriptions")
        whole = "mrr = floor(mrr) and account_id < 'm'"
        server.execute(
            f"create table split.subscriptions as select *, case when {whole} then null else mrr end as mrr__v_double, "
            f"'x' as mrr__v_text from simulated.subscriptions"
        )
        server.execute(f"update split.subscriptions set mrr = null where not ({whole})")
        server.execute("alter table split.subscriptions alter column mrr type bigint using mrr::bigint")
    with connect(f"{postgres}/postgres/split") as there:
        total = there.tables["subscriptions"].mrr_e4.sum().to_pyarrow().as_py()
        assert total == simulated.source.tables["subscriptions"].mrr_e4.sum().to_pyarrow().as_py()
        assert any("mrr__v_double" in line for line in findings(there))


@pytest.mark.parametrize(
    ("place", "words"),
    [("/nowhere", "nowhere"), ("/postgres/nowhere", "no such schema"), ("/postgres", "missing: table")],
)
def test_what_is_not_there_is_named(postgres: str, place: str, words: str) -> None:
    with pytest.raises((SourceError, ContractError), match=words):
        connect(f"{postgres}{place}")


def test_the_command_line_reads_it(
    simulated: Base, in_postgres: InPostgres, headroom: Headroom, tmp_path: Path
) -> None:
    out = tmp_path / "rows.parquet"
    ran = headroom("features", "--source", in_postgres(simulated), "--snapshot-date", DAY, "--out", out)
    assert ran.code == 0, ran.err
    assert differences(simulated.here(features, (DAY,)), pq.read_table(out)) == []
