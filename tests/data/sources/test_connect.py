"""The source: what is read, how it is cast, and what is said when it cannot be."""

import gzip
import os
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from errno import EACCES
from pathlib import Path

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.contract.inputs import Kind
from data.errors import ContractError, HeadroomError, SourceError
from data.sources.connect import connect
from data.sources.files import list_tables
from data.sources.known import Source, as_of, data_end, label_watermark, next_snapshot, watermarks
from data.sources.staging import cast

TODAY = date(2026, 7, 1)

ACCOUNTS = "account_id,name,created_at\n1,Acme,2024-01-05\n"
SUBSCRIPTIONS = "account_id,product,plan,mrr,valid_from\n1,core,basic,10.5,2024-01-05\n"
USAGE = "account_id,day,feature,events\n1,2024-01-06,login,3\n"
MINIMAL = {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "usage_daily": USAGE}


def csv_base(folder: Path, **tables: str) -> Path:
    """A folder of CSV files: the minimal base, with some tables replaced or added."""
    for name, text in (MINIMAL | tables).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def staged(source: Source, name: str) -> dict[str, object]:
    """The first staged row of a table, nulls as None."""
    return source.tables[name].to_pyarrow().to_pylist()[0]


# --- casts ---------------------------------------------------------------------------------------------------------

BERLIN = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (Kind.ID, 17850, "17850"),
        (Kind.ID, 17850.0, "17850"),
        (Kind.ID, "17850.0", "17850"),
        (Kind.ID, Decimal("17850.00"), "17850"),
        (Kind.ID, "007", "007"),
        (Kind.ID, " A-1 ", " A-1 "),
        (Kind.ID, "", None),
        (Kind.ID, float("nan"), None),
        (Kind.TEXT, "Müller & <b>Söhne</b>", "Müller & <b>Söhne</b>"),
        (Kind.TEXT, 3.0, "3"),  # a code: beside a missing one a whole number is a float
        (Kind.TEXT, Decimal("3.00"), "3"),
        (Kind.TEXT, 2.5, "2.5"),
        (Kind.TEXT, "3.0", "3.0"),
        (Kind.CLOCK, date(2024, 2, 29), date(2024, 2, 29)),
        (Kind.CLOCK, datetime(2024, 2, 29, 23, 59), date(2024, 2, 29)),
        (Kind.CLOCK, datetime(2024, 3, 1, 1, 30, tzinfo=BERLIN), date(2024, 2, 29)),  # 23:30 UTC the day before
        (Kind.CLOCK, "2024-03-01T01:30:00+02:00", date(2024, 2, 29)),
        (Kind.CLOCK, "2024-03-01 01:30:00", date(2024, 3, 1)),
        (Kind.CLOCK, "2024-03-01T01:30:00Z", date(2024, 3, 1)),
        (Kind.CLOCK, "01/03/2024", None),
        (Kind.CLOCK, 1709251200, None),
        (Kind.MONEY, 0.1, 1000),
        (Kind.MONEY, "99.99", 999900),
        (Kind.MONEY, Decimal("12.34"), 123400),
        (Kind.MONEY, -2.5, -25000),
        (Kind.MONEY, 0.00005, 1),  # floor(0.5 + 0.5)
        (Kind.MONEY, "1,200", None),
        (Kind.MONEY, 1e30, None),
        (Kind.MONEY, float("nan"), None),
        (Kind.COUNT, 2.0, 2),
        (Kind.COUNT, 2.5, None),
        (Kind.COUNT, "2.0", 2),
        (Kind.COUNT, "two", None),
        (Kind.RATING, "4.5", 4.5),
        (Kind.RATING, "inf", None),
        (Kind.RATING, True, 1.0),
    ],
)
def test_casts(kind: Kind, raw: object, expected: object, tmp_path: Path) -> None:
    pd.DataFrame({"value": [raw]}).to_parquet(tmp_path / "one.parquet")
    table = ibis.duckdb.connect().read_parquet(tmp_path / "one.parquet")
    assert table.select(value=cast(table.value, kind)).to_pyarrow()["value"].to_pylist() == [expected]


def test_staged_names_types_and_defaults(tmp_path: Path) -> None:
    events = "account_id,occurred_at,feature,quantity,known_at\n1,2024-01-06,login,,\n"
    source = connect(f"csv://{csv_base(tmp_path, usage_events=events)}")
    assert staged(source, "subscriptions") == {
        "account_id": "1",
        "product": "core",
        "plan": "basic",
        "mrr_e4": 105_000,
        "valid_from": date(2024, 1, 5),
        "valid_to": None,
        "seats": None,
        "renews_on": None,
        "known_on": date(2024, 1, 5),
        "contract_id": None,
        "ends_known_on": None,
        "notice_on": None,
        "kind": None,
        "booked_on": None,
        "currency": None,
    }
    assert staged(source, "usage_events")["quantity_e4"] == 10_000  # missing: one
    assert staged(source, "usage_daily")["quantity_e4"] == 30_000  # missing: the events
    assert source.tables["subscriptions"].schema()["valid_to"].is_date()


def test_own_columns_of_account_features_keep_their_kind(tmp_path: Path) -> None:
    own = "account_id,known_at,nps,tier_name,zip\n007,2024-01-06,8,gold,01234\n"
    row = staged(connect(str(csv_base(tmp_path, account_features=own))), "account_features")
    expected = {"account_id": "007", "known_on": date(2024, 1, 6), "nps": 8.0, "tier_name": "gold", "zip": "01234"}
    midnight_of_the_sixth = 1_704_499_200
    assert row == {**expected, "known_second": midnight_of_the_sixth}


# --- shapes of a source --------------------------------------------------------------------------------------------


def test_the_same_base_reads_the_same_from_every_kind_of_source(tmp_path: Path) -> None:
    parquet, hive, file = tmp_path / "parquet", tmp_path / "hive", tmp_path / "base.duckdb"
    csv_base(tmp_path)
    parquet.mkdir()
    con = duckdb.connect(str(file))
    for name in MINIMAL:
        con.execute(f"create table {name} as from '{tmp_path}/{name}.csv'")
        con.execute(f"copy {name} to '{parquet}/{name}.parquet'")
    (hive / "usage_daily").mkdir(parents=True)
    con.execute(f"copy usage_daily to '{hive}/usage_daily' (format parquet, partition_by (day), overwrite_or_ignore)")
    for name in ("accounts", "subscriptions"):
        (hive / name).mkdir()
        con.execute(f"copy {name} to '{hive}/{name}/part-0.parquet'")
    con.close()
    urls = [f"csv://{tmp_path}", str(parquet), f"parquet://{parquet}", f"parquet://{hive}", f"duckdb://{file}"]
    rows = [{name: staged(source, name) for name in MINIMAL} for source in map(connect, urls)]
    assert all(one == rows[0] for one in rows)


def test_a_relative_path_starts_at_root_and_gzip_is_read(tmp_path: Path) -> None:
    base = tmp_path / "we[i]rd name's"
    base.mkdir()
    csv_base(base)
    (base / "accounts.csv").unlink()
    with gzip.open(base / "accounts.csv.gz", "wt", encoding="utf-8") as file:
        file.write('account_id;name;created_at\n1;"Ünï; ""co""";2024-01-05\n')
    source = connect("csv://./we[i]rd name's", root=tmp_path)
    assert staged(source, "accounts")["name"] == 'Ünï; "co"'


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://user:secret@db/crm", "its URL holds a password"),
        ("postgresql://user:secret@db/crm", "its URL holds a password"),
        ("postgres://user@db/crm?password=secret", "its URL holds a password"),
        ("postgres://user@db/crm?sslpassword=secret", "its URL holds a password"),
        ("spark://user:secret@db", "its URL holds a password"),
        ("postgres://user@localhost:1/crm", "refused"),
        ("snowflake://user:secret@x/db", r"its URL holds a password(.|\n)*SNOWFLAKE_PASSWORD"),
        ("databricks://host/main?http_path=/x&access_token=secret", r"holds a password(.|\n)*DATABRICKS_TOKEN"),
        ("mssql://user:secret@x", "mssql:// is not a kind of source. These are: parquet://"),
        ("sparkle://x", "sparkle:// is not a kind of source"),
        ("parquet://nowhere", "there is no"),
        ("duckdb://nowhere.duckdb", "there is no"),
        ("duckdb://.", "is a folder, and duckdb names a file"),
    ],
)
def test_a_source_that_cannot_be_opened(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        connect(url, root=tmp_path)
    assert "secret" not in str(raised.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["accounts.parquet", "base.duckdb"])
def test_a_file_that_is_not_what_its_name_says(name: str, tmp_path: Path) -> None:
    (csv_base(tmp_path) / "accounts.csv").unlink()
    (tmp_path / name).write_text("not at all")
    url = f"duckdb://{tmp_path / name}" if name.endswith("duckdb") else str(tmp_path)
    with pytest.raises(SourceError, match=name):
        connect(url)


# --- what is missing, what is malformed ----------------------------------------------------------------------------


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "account.csv").write_text(ACCOUNTS)
    (tmp_path / "subscriptions.csv").write_text("account_id,product,plan,MRR,start\n")
    with pytest.raises(ContractError) as raised:
        connect(str(tmp_path))
    assert raised.value.found == (
        "missing: table accounts (there is account: did you mean that?); table usage_events or usage_daily; "
        "column subscriptions.mrr (there is MRR: did you mean that?); column subscriptions.valid_from. "
        "There: subscriptions (account_id, product, plan, MRR, start), account."
    )


BAD_CSV = {
    "a value less": (
        "account_id,name,created_at\n1,Acme,2024-01-05\n2,Bolt\n",
        "line 3 of accounts.csv.gz has 2 values where the header has 3: 2,Bolt",
    ),
    "a value more": (
        "account_id,name,created_at\n1,Acme, Inc.,2024-01-05\n",
        "line 2 of accounts.csv.gz has 4 values where the header has 3: 1,Acme, Inc.,2024-01-05",
    ),
    "an open quote": (
        'account_id,name,created_at\n1,"Acme,2024-01-05\n',
        "line 2 of accounts.csv.gz has a quote that is not",
    ),
    "no header": ("", "it has no header line"),
    "a column twice": ("account_id,name,name\n", "columns occur twice: name"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_a_malformed_csv_line_is_named(case: str, tmp_path: Path) -> None:
    text, words = BAD_CSV[case]
    (csv_base(tmp_path) / "accounts.csv").unlink()
    (tmp_path / "accounts.csv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(ContractError) as raised:
        connect(f"csv://{tmp_path}")
    assert words in raised.value.found


@pytest.mark.parametrize(
    ("content", "words"),
    ids=["cut off", "not gzip", "latin-1"],
    argvalues=[
        (gzip.compress(ACCOUNTS.encode() * 9000)[:-100], "GZIP stream"),
        (b"account_id,name,created_at\n", "Not a gzipped file"),
        (
            gzip.compress("account_id,name,created_at\n1,Müller,2024-01-05\n".encode("latin-1")),
            "line 2 .* is not UTF-8",
        ),
    ],
)
def test_a_broken_gzip_or_encoding(content: bytes, words: str, tmp_path: Path) -> None:
    (csv_base(tmp_path) / "accounts.csv").unlink()
    (tmp_path / "accounts.csv.gz").write_bytes(content)
    with pytest.raises(HeadroomError, match=words):
        connect(f"csv://{tmp_path}")


@pytest.mark.parametrize("second", ["name", "NAME"])
def test_a_parquet_file_with_a_column_twice(tmp_path: Path, second: str) -> None:
    columns = [pa.array(["1"]), pa.array(["Acme"]), pa.array(["2024-01-05"]), pa.array(["Acme Inc"])]
    table = pa.Table.from_arrays(columns, names=["account_id", "name", "created_at", second])
    pq.write_table(table, tmp_path / "accounts.parquet")
    with pytest.raises(ContractError, match=rf"Read the file accounts\.parquet .*\n.*occur twice: .*{second}"):
        connect(f"parquet://{tmp_path}")


def test_a_table_that_is_there_twice(tmp_path: Path) -> None:
    (csv_base(tmp_path) / "accounts.csv.gz").write_bytes(gzip.compress(ACCOUNTS.encode()))
    with pytest.raises(ContractError, match=r"it is there twice: accounts.csv and accounts.csv.gz"):
        connect(str(tmp_path))


def test_what_a_tool_keeps_beside_the_parts_of_a_table_is_not_read(tmp_path: Path) -> None:
    """At any depth: the parts of a run that never ended, copies of an editor. A column may begin with `_`."""
    parts = csv_base(tmp_path) / "usage_events"
    pd.DataFrame({"account_id": ["1"], "occurred_at": ["2024-01-06"], "feature": ["login"]}).to_parquet(
        tmp_path / "one.parquet"
    )
    hidden = ("_temporary/0/part-0", ".ipynb_checkpoints/part-0-checkpoint", "_loaded=2024-01-07/._part-0", "_old")
    for name in ("_loaded=2024-01-07/part-0", *hidden):
        path = parts / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "one.parquet").read_bytes())
    assert connect(str(tmp_path)).tables["usage_events"].count().to_pyarrow().as_py() == 1


def test_a_folder_that_may_not_be_looked_into_is_none_without_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in ("day=2024-01-06", "day=2024-01-07"):
        (tmp_path / "usage_events" / day).mkdir(parents=True)
        (tmp_path / "usage_events" / day / "part-0.parquet").touch()
    (files,) = list_tables(tmp_path)
    assert len(files.paths) == 2
    looked_into = os.scandir

    def refused(path: str | Path) -> object:
        if Path(path).name == "day=2024-01-07":
            raise PermissionError(EACCES, "Permission denied", str(path))
        return looked_into(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(PermissionError, match="day=2024-01-07"):
        list_tables(tmp_path)


def test_a_delta_table_is_refused(tmp_path: Path) -> None:
    (csv_base(tmp_path) / "users" / "_delta_log").mkdir(parents=True)
    (tmp_path / "users" / "part-0.parquet").touch()
    with pytest.raises(SourceError, match="Delta or Iceberg"):
        connect(str(tmp_path))


# --- SQL mapping ---------------------------------------------------------------------------------------------------

OWN_NAMES = "select id as account_id, company as name, signed_up as created_at from customers"


def test_sql_sees_every_file_typed_and_leading_zeros_stay(tmp_path: Path) -> None:
    csv_base(tmp_path)
    (tmp_path / "customers.csv").write_text("id,company,signed_up,size\n007,Acme,2024-01-05,12\n")
    (tmp_path / "customers_old.csv").write_text("id\n1,2\n")  # malformed, and asked for by nobody
    source = connect(f"csv://{tmp_path}", {"accounts": f"{OWN_NAMES} where size + 1 = 13;"})
    assert staged(source, "accounts")["account_id"] == "007"
    assert source.mapped == {"accounts"}
    assert source.unread == ("customers_old",)


def test_sql_may_read_the_file_it_replaces(tmp_path: Path) -> None:
    source = connect(str(csv_base(tmp_path)), {"accounts": "select *, 'Ann' as owner from accounts"})
    assert staged(source, "accounts")["owner"] == "Ann"


def test_sql_on_the_schemas_of_a_duckdb_file(tmp_path: Path) -> None:
    file = tmp_path / "memory.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute(
            "create schema crm; create table crm.accounts as select 1 id, 'Acme' company, date '2024-01-05' since"
        )
        for name in ("subscriptions", "usage_daily"):
            con.execute(f"create view {name} as select * from '{csv_base(tmp_path)}/{name}.csv'")
    query = {"accounts": "select id as account_id, company as name, since as created_at from crm.accounts"}
    before = file.read_bytes()
    source = connect(f"duckdb://{file}", query)
    assert staged(source, "accounts")["name"] == "Acme"
    assert staged(source, "subscriptions")["mrr_e4"] == 105_000
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "sql", "words"),
    [
        ("account", OWN_NAMES, "no such table .there is accounts: did you mean that"),
        ("accounts", "select nothing from accounts", "SQL for the table accounts(.|\n)*nothing"),
        ("accounts", "select * from customer", "customer does not exist(.|\n)*It can read: accounts, subscr"),
        ("accounts", "select account_id::date from accounts", "SQL for the table accounts(.|\n)*onver"),
        ("accounts", "selct 1", "syntax error"),
        ("accounts", "select 1; drop view accounts", "it is not one SELECT"),
        ("accounts", "copy accounts to 'out.csv'", "it is not one SELECT"),
        ("accounts", "select account_id, name from accounts", "missing: column accounts.created_at"),
    ],
)
def test_an_error_in_a_query_is_one_message(name: str, sql: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=words):
        connect(str(csv_base(tmp_path)), {name: sql})


# --- time ----------------------------------------------------------------------------------------------------------


def timed_base(folder: Path) -> Source:
    lines = (
        "account_id,product,plan,mrr,valid_from,valid_to,known_at\n"
        "1,core,basic,10,2024-01-05,2024-03-01,\n"  # ends on the day asked for
        "1,core,basic,20,2024-02-01,2024-02-29,\n"
        "1,core,basic,30,2024-02-01,,2024-03-01\n"  # learned too late
        "1,core,basic,40,2024-03-01,,\n"  # begins too late
        "1,core,basic,50,2031-01-01,,2024-02-02\n"  # signed for later than today
    )
    tickets = (
        "ticket_id,account_id,opened_at,closed_at,csat\n"
        "a,1,2024-01-01,2024-02-29,4\n"
        "b,1,2024-01-01,2024-03-01,1\n"
        "c,1,2024-01-01,,2\n"
    )
    outcomes = (
        "account_id,play,opened_at,status,closed_at,arr,reason\n"
        "1,seats,2024-01-01,won,2024-02-29,120,grew\n"
        "1,tier,2024-01-01,lost,2024-03-01,0,price\n"
        "1,addon,2024-01-01,not_now,,,budget\n"
    )
    users = "user_id,account_id,created_at,deactivated_at\nu,1,2024-02-01,2024-03-05\nv,1,2024-03-01,\nw,1,,\n"
    usage = "account_id,day,feature,events\n1,2024-03-31,login,3\n1,2031-01-01,login,3\n"
    tables = {"subscriptions": lines, "tickets": tickets, "outcomes": outcomes, "users": users, "usage_daily": usage}
    return connect(str(csv_base(folder, **tables)))


def test_as_of_knows_only_what_was_known_before_the_day(tmp_path: Path) -> None:
    known = as_of(timed_base(tmp_path).tables, date(2024, 3, 1))
    rows = {name: table.to_pyarrow().to_pylist() for name, table in known.items()}
    assert [(r["mrr_e4"], r["valid_to"]) for r in rows["subscriptions"]] == [
        (100_000, None),
        (200_000, date(2024, 2, 29)),
    ]
    assert [(r["ticket_id"], r["closed_on"], r["csat"]) for r in rows["tickets"]] == [
        ("a", date(2024, 2, 29), 4.0),
        ("b", None, None),
        ("c", None, None),
    ]
    assert [(r["play"], r["status"], r["arr_e4"], r["reason"]) for r in rows["outcomes"]] == [
        ("seats", "won", 1_200_000, "grew"),
        ("tier", "open", None, None),
        ("addon", "not_now", None, "budget"),
    ]
    assert [(r["user_id"], r["deactivated_on"]) for r in rows["users"]] == [("u", None)]
    assert len(rows["accounts"]) == 1


def test_as_of_the_first_day_keeps_the_accounts_and_nothing_else(tmp_path: Path) -> None:
    known = as_of(timed_base(tmp_path).tables, date(2020, 1, 1))
    counts = {name: table.count().to_pandas() for name, table in known.items()}
    assert counts == {"accounts": 1, "subscriptions": 0, "usage_daily": 0, "users": 0, "tickets": 0, "outcomes": 0}


def test_watermarks_ignore_the_future(tmp_path: Path) -> None:
    tables = timed_base(tmp_path).tables
    assert watermarks(tables, TODAY) == {
        "accounts": date(2024, 1, 5),
        "subscriptions": date(2024, 3, 1),
        "usage_daily": date(2024, 3, 31),
        "users": date(2024, 3, 1),
        "tickets": date(2024, 1, 1),
        "outcomes": date(2024, 1, 1),
    }
    assert label_watermark(tables, TODAY) == date(2024, 3, 1)
    assert data_end(tables, TODAY) == date(2024, 3, 31)
    assert next_snapshot(tables, TODAY) == date(2024, 4, 1)


def test_labels_end_with_the_earlier_of_subscriptions_and_invoices(tmp_path: Path) -> None:
    invoices = "account_id,product,billed_at,amount\n1,api,2024-01-02,5\n"
    assert label_watermark(connect(str(csv_base(tmp_path, invoices=invoices))).tables, TODAY) == date(2024, 1, 2)


def test_no_day_at_all_is_said(tmp_path: Path) -> None:
    tables = connect(str(csv_base(tmp_path))).tables
    with pytest.raises(ContractError, match="no row on or before 2020-01-01"):
        label_watermark(tables, date(2020, 1, 1))


# --- bases that nobody here wrote ----------------------------------------------------------------------------------

FIGHTCHURN = {
    "accounts": """
        select account_id, 'Account ' || account_id as name, min(start_date) as created_at
        from account join subscription using (account_id) group by account_id""",
    "subscriptions": """
        select account_id, 'crm' as product, split_part(plan, '_', 1) as plan, mrr, start_date as valid_from,
               end_date as valid_to, quantity as seats
        from subscription where plan in (select plan from plans)""",
    "usage_daily": """
        select account_id, date as day, event_type as feature, n_events as events, n_users as active_users,
               value_sum as quantity
        from event_daily""",
    "plans": """
        select 'crm' as product, split_part(plan, '_', 1) as plan, dense_rank() over (order by min(users)) as tier
        from plans group by all""",
}
RETAIL = {
    "accounts": """
        select customer_id as account_id, 'Customer ' || customer_id as name, min(invoice_date) as created_at
        from online_retail_II where customer_id is not null group by all""",
    "invoices": """
        select customer_id as account_id, 'goods' as product, invoice_date as billed_at, sum(quantity * price) as amount
        from online_retail_II where customer_id is not null group by all""",
    "usage_daily": """
        select customer_id as account_id, invoice_date::date as day, 'order' as feature, count(*) as events
        from online_retail_II where customer_id is not null group by all""",
}


@pytest.mark.bases
def test_fightchurn_maps(bases: Path) -> None:
    tables = connect("parquet://fightchurn_crm5", FIGHTCHURN, root=bases).tables
    assert tables["accounts"].count().to_pandas() == 1643
    assert tables["usage_daily"].events.sum().to_pandas() == pytest.approx(35.7e6, rel=0.01)
    assert (label_watermark(tables, TODAY), data_end(tables, TODAY)) == (date(2024, 1, 1), date(2024, 1, 31))


@pytest.mark.bases
def test_online_retail_maps(bases: Path) -> None:
    tables = connect("online_retail", RETAIL, root=bases).tables
    assert tables["accounts"].count().to_pandas() == 5942
    assert data_end(tables, TODAY) == date(2011, 12, 9)
