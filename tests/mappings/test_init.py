"""``headroom init``: what it recognises, what it decides between tools, what it refuses, and what it writes."""

import tomllib
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from data.errors import SourceError
from data.mappings.catalogue import FOLDER, LINKS, mappings
from data.mappings.compose import compose
from data.mappings.recognise import recognised
from data.sources.address import Address
from data.sources.connect import connect, open_warehouse
from data.sources.user_sql import column_names, with_account_ids
from flows.init import init
from flows.run.settings import load
from tests.flows.conftest import Headroom
from tests.mappings.landed import write
from tests.mappings.test_traps import LINE, SALESFORCE, STRIPE

LINES = f"{LINE} l1 | i1 | s1 | t1 | team | 10000 | 4 | 2026-01-01 | 2026-02-01 | false"
CUSTOMER = """
    id | created    | name | metadata
    c1 | 2025-01-01 | Acme | {"salesforce_account_id": "001Q00000000001"}
"""
CLICKS = """
    account_id | day        | feature | events
    c1         | 2026-01-01 | Export  | 3
"""


def stripe(folder: Path, prefix: str = "") -> Path:
    tables = {**STRIPE, "customer": CUSTOMER, "invoice_line_item": LINES}
    return write(folder, **{f"{prefix}{name}": text for name, text in tables.items()})


@pytest.mark.parametrize("layout", ["a folder a tool", "files of one tool", "names that begin with the tool", "parts"])
def test_tables_are_found_where_a_loader_puts_them(headroom: Headroom, tmp_path: Path, layout: str) -> None:
    landing = tmp_path / "landing"
    stripe(landing / "stripe" if layout == "a folder a tool" else landing, "stripe_" if "begin" in layout else "")
    write(landing, usage_daily=CLICKS)
    if layout == "parts":
        for file in sorted(landing.glob("*.csv")):
            folder = landing / (file.stem if file.stem == "usage_daily" else f"stripe/{file.stem}")
            folder.mkdir(parents=True)
            pd.read_csv(file).to_parquet(folder / "part-0.parquet")
            file.unlink()
    ran = headroom("init", "--source", "csv://landing")
    assert ran.code == 0, ran.err
    assert "usage_daily is there in the contract's own shape: it is read as it is." in ran.out
    settings = load()
    with connect(settings.source.url, settings.source.tables, root=settings.root) as source:
        assert source.tables["subscriptions"].account_id.to_pandas().tolist() == ["c1"]
        assert source.tables["usage_daily"].events.to_pandas().tolist() == [3]


@pytest.mark.parametrize("name", ["base", "stripe"])
def test_schemas_of_a_duckdb_file_even_if_it_is_named_like_one(headroom: Headroom, tmp_path: Path, name: str) -> None:
    stripe(tmp_path / "landing")
    with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
        con.execute(f"create schema {name}.stripe")
        for file in sorted((tmp_path / "landing").glob("*.csv")):
            con.execute(f"create table {name}.stripe.{file.stem} as from '{file}'")
        con.execute(
            "create table usage_daily as select 'c1' account_id, date '2026-01-01' as day, 'x' feature, 3 as events"
        )
    assert headroom("init", "--source", f"duckdb://{name}.duckdb").code == 0
    ran = headroom("check")
    assert ran.code == 0, ran.err + ran.out


def test_a_file_that_is_there_is_kept_unless_force_says_so(headroom: Headroom, tmp_path: Path) -> None:
    stripe(tmp_path / "landing")
    file = tmp_path / "headroom.toml"
    file.write_text("# mine\n")
    ran = headroom("init", "--source", "csv://landing")
    assert (ran.code, file.read_text()) == (1, "# mine\n")
    assert "it is there already" in ran.err
    assert headroom("init", "--source", "csv://landing", "--config", "other.toml").code == 0
    assert headroom("init", "--source", "csv://landing", "--force").code == 0
    assert tomllib.loads(file.read_text())["source"]["url"] == "csv://landing"
    assert file.read_text() == (tmp_path / "other.toml").read_text()


@pytest.mark.parametrize(("folder", "named"), [("landing", ("--source", "csv://landing")), ("warehouse", ())])
def test_the_source_starts_at_the_folder_of_the_file(
    headroom: Headroom, tmp_path: Path, folder: str, named: tuple[str, ...]
) -> None:
    stripe(tmp_path / folder)
    (tmp_path / "elsewhere").mkdir()
    assert headroom("init", *named, "--config", "elsewhere/headroom.toml").code == 0
    settings = load(tmp_path / "elsewhere" / "headroom.toml")
    assert settings.address.path == tmp_path / folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "strip"), "there is no ready-made mapping of that name (there is stripe: did you mean that?)"),
        (("--from", "stripe,zendesk"), "zendesk: no table ticket, table organization."),
        (("--from", "salesforce"), "no row of them says what customers pay"),
    ],
)
def test_what_is_asked_for_and_not_there(
    headroom: Headroom,
    tmp_path: Path,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    stripe(tmp_path / "landing" / "stripe")
    write(tmp_path / "landing" / "salesforce", **SALESFORCE)
    ran = headroom("init", "--source", "csv://landing", *arguments)
    assert ran.code == 1
    assert says in ran.err
    assert not (tmp_path / "headroom.toml").exists()


def test_nothing_that_is_known(headroom: Headroom, tmp_path: Path) -> None:
    write(tmp_path / "landing", bills="who | what\nacme | 7")
    ran = headroom("init", "--source", "csv://landing")
    assert ran.code == 1
    assert "no tool is recognised. There: bills." in ran.err


def by_airbyte(file: Path, *names: str) -> None:
    """Tables of Stripe as Airbyte lands them, as far as names tell."""
    with duckdb.connect(str(file)) as con:
        for name in names:
            con.execute(
                f"create table {name} as select 'x' as id, 'r' as _airbyte_raw_id, now() as _airbyte_extracted_at"
            )


@pytest.mark.parametrize("asked", [(), ("--from", "stripe")], ids=["nothing", "stripe"])
def test_what_airbyte_landed_is_recognised_and_said_not_to_be_read(
    headroom: Headroom, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    by_airbyte(tmp_path / "a.duckdb", "customers", "invoices", "subscriptions")
    ran = headroom("init", "--source", f"duckdb://{tmp_path / 'a.duckdb'}", *asked)
    assert ran.code == 1
    assert "3 tables of Airbyte (customers, invoices, subscriptions): its names and columns are others" in ran.err
    assert '[source] ignore = ["invoices", "subscriptions"] leaves it out.' in ran.err
    assert not asked or "Land them with Fivetran, dlt, name the tools" in ran.err
    assert not (tmp_path / "headroom.toml").exists()


def test_what_airbyte_landed_beside_a_tool_is_told_of(headroom: Headroom, tmp_path: Path) -> None:
    stripe(tmp_path / "landing")
    with duckdb.connect() as con:
        con.execute(
            f"copy (select 'x' as id, 'r' as _airbyte_raw_id) to '{tmp_path / 'landing' / 'deals.csv'}' (header)"
        )
    ran = headroom("init", "--source", "csv://landing")
    assert ran.code == 0, ran.err
    assert "not read: 1 table of Airbyte (deals)" in ran.out


def test_what_does_not_run_the_sql_of_the_mappings_is_refused_at_once(tmp_path: Path) -> None:
    class Elsewhere:
        takes_sql, reads_mappings, closed = True, False, False
        engine = property(lambda self: self)

        def close(self) -> None:
            self.closed = True

    there = Elsewhere()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.init.open_warehouse", lambda address: there)
        with pytest.raises(SourceError, match="not in the words of this kind of source"):
            init([], tmp_path / "headroom.toml", f"csv://{tmp_path}", force=False)
    assert there.closed


def test_tables_in_the_contracts_shape_need_no_mapping(headroom: Headroom, warehouse: Path, tmp_path: Path) -> None:
    assert headroom("init", "--source", f"parquet://{warehouse}").code == 0
    assert tomllib.loads((tmp_path / "headroom.toml").read_text())["source"]["tables"] == {}
    assert headroom("check").code == 0


RECURLY = {
    "account_history": "id | updated_at\nr1 | 2026-01-01",
    "plan_history": "id | updated_at | name\np1 | 2026-01-01 | Team",
    "subscription_history": """
        id | updated_at | account_id | state  | plan_id | unit_amount | quantity
        s1 | 2026-01-01 | r1         | active | p1      | 10          | 3
    """,
}


@pytest.mark.parametrize("order", [("stripe", "recurly"), ("recurly", "stripe")])
def test_of_two_billing_tools_the_first_named_wins_and_it_is_said(
    headroom: Headroom,
    tmp_path: Path,
    order: tuple[str, str],
) -> None:
    stripe(tmp_path / "landing" / "stripe")
    write(tmp_path / "landing" / "recurly", **RECURLY)
    write(tmp_path / "landing", usage_daily=CLICKS)
    ran = headroom("init", "--source", "csv://landing", "--from", ",".join(order))
    first, second = (name.capitalize() for name in order)
    said = f"subscriptions: {first} (Fivetran) wins over {second} (Fivetran), for it was named or found first"
    assert said in ran.out
    assert f"# {said}" in (tmp_path / "headroom.toml").read_text()


def test_a_payer_of_the_same_company_is_the_same_account(headroom: Headroom, tmp_path: Path) -> None:
    stripe(tmp_path / "landing" / "stripe")
    customers = """
        id | created    | name   | metadata                                     | email
        c1 | 2025-01-01 | Acme   | {"salesforce_account_id": "001Q00000000001"} | a@acme.example
        c2 | 2024-01-01 | Acme 2 |                                              | b@acme.example
        c3 | 2024-01-01 | Other  |                                              | b@gmail.com
        c4 | 2025-01-01 | Acme 4 | {"account_id": "001Q00000000001AAB"}         |
        c5 | 2024-01-01 | Twice  |                                              | b@twice.example
    """
    write(tmp_path / "landing" / "stripe", customer=customers)
    accounts = """
        id                 | owner_id | name      | website                 | is_deleted
        001Q00000000001AAB | u1       | Acme Inc. | https://www.acme.example | false
        001Q00000000002AAB | u1       | Prospect  | http://gmail.com         | false
        001Q00000000003AAB | u1       | Twice A   | twice.example            | false
        001Q00000000004AAB | u1       | Twice B   | twice.example/b          | false
    """
    write(tmp_path / "landing" / "salesforce", **{**SALESFORCE, "account": accounts})
    write(tmp_path / "landing", usage_daily=CLICKS)
    ran = headroom("init", "--source", "csv://landing")
    assert "salesforce: 1 of 4 ids belong to a billed account" in ran.out
    settings = load()
    with connect(settings.source.url, settings.source.tables, root=settings.root) as source:
        ids = source.tables["account_ids"].to_pandas().set_index(["system", "id"])["account_id"].to_dict()
        assert ids == {
            ("stripe", "c1"): "001Q00000000001AAB",
            ("stripe", "c2"): "001Q00000000001AAB",
            ("stripe", "c3"): "c3",
            ("stripe", "c4"): "001Q00000000001AAB",
            ("stripe", "c5"): "c5",
            ("salesforce", "001Q00000000001AAB"): "001Q00000000001AAB",
        }
        names = source.tables["accounts"].to_pandas().set_index("account_id")
        assert names["name"].to_dict() == {"001Q00000000001AAB": "Acme Inc.", "c3": "Other", "c5": "Twice"}
        assert f"{names.created_on['001Q00000000001AAB']:%Y-%m-%d}" == "2024-01-01"


def test_tickets_of_a_tool_belong_to_accounts_of_ones_own(headroom: Headroom, tmp_path: Path) -> None:
    write(
        tmp_path / "landing",
        accounts="account_id | name | created_at\nacme | Acme | 2025-01-01\nbeta | Beta | 2025-01-01",
        subscriptions="account_id | product | plan | mrr | valid_from\nacme | core | team | 10 | 2025-01-01",
        usage_daily=CLICKS.replace("c1", "acme"),
    )
    write(
        tmp_path / "landing" / "zendesk",
        organization="id | external_id\n37 | acme\n38 | gone",
        ticket="id | organization_id | created_at | status\nt1 | 37 | 2026-01-01 | open\nt2 | 38 | 2026-01-01 | open",
    )
    ran = headroom("init", "--source", "csv://landing")
    assert ran.code == 0, ran.err
    assert "zendesk: 1 of 2 ids belong to a billed account" in ran.out
    settings = load()
    with connect(settings.source.url, settings.source.tables, root=settings.root) as source:
        assert source.tables["tickets"].select("ticket_id", "account_id").to_pandas().to_numpy().tolist() == [
            ["t1", "acme"]
        ]


def test_whose_ids_tables_of_ones_own_must_have_is_said(headroom: Headroom, tmp_path: Path) -> None:
    stripe(tmp_path / "landing" / "stripe")
    write(tmp_path / "landing" / "salesforce", **SALESFORCE)
    write(tmp_path / "landing", usage_daily=CLICKS)
    ran = headroom("init", "--source", "csv://landing")
    assert "account_id of usage_daily must be that of Salesforce (Fivetran), as everywhere else." in ran.out
    how = "the first that says something wins, the CRM before the payer."
    assert f"accounts: Salesforce (Fivetran) and Stripe (Fivetran): {how}" in ran.out


def test_a_table_of_ones_own_says_who_is_who(headroom: Headroom, tmp_path: Path) -> None:
    stripe(tmp_path / "landing" / "stripe")
    write(tmp_path / "landing" / "salesforce", **SALESFORCE)
    ids = """
        system     | id                 | account_id
        stripe     | c1                 | acme
        salesforce | 001Q00000000001AAB | acme
    """
    clicks = CLICKS.replace("c1", "acme")
    write(tmp_path / "landing", usage_daily=clicks, account_ids=ids)
    ran = headroom("init", "--source", "csv://landing")
    assert ran.code == 0, ran.err
    assert "account_ids is there in the contract's own shape: it is read as it is." in ran.out
    settings = load()
    with connect(settings.source.url, settings.source.tables, root=settings.root) as source:
        assert set(source.tables["subscriptions"].account_id.to_pandas()) == {"acme"}
        assert set(source.tables["crm_events"].account_id.to_pandas()) == {"acme"}
        assert source.tables["accounts"].account_id.to_pandas().tolist() == ["acme"]


def test_a_caveat_is_told_in_every_report(headroom: Headroom, warehouse: Path, tmp_path: Path) -> None:
    (tmp_path / "headroom.toml").write_text(
        f'[source]\nurl = "parquet://{warehouse}"\ncaveats = ["Deals are of today."]\n'
    )
    assert "note: Deals are of today." in headroom("check").out
    ran = headroom("features", "--out", "rows.parquet")
    assert "warning: Deals are of today." in ran.err


def test_times_that_are_not_safe_are_written_down(headroom: Headroom, tmp_path: Path) -> None:
    stripe(tmp_path / "landing" / "stripe")
    write(tmp_path / "landing" / "salesforce", **SALESFORCE)
    write(tmp_path / "landing", usage_daily=CLICKS)
    ran = headroom("init", "--source", "csv://landing")
    assert "not safe: crm_events of Salesforce (Fivetran): when a deal was closed is the close date" in ran.out
    (caveat,) = load().source.caveats
    assert caveat in headroom("check").out
    history = "id | is_closed | _fivetran_start\nd1 | false | 2026-01-11"
    write(tmp_path / "landing" / "salesforce", opportunity_history=history)
    assert "not safe" not in headroom("init", "--source", "csv://landing", "--force").out


# --- what a folder must keep ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(mappings()))
def test_a_mapping_is_whole(name: str) -> None:
    """Each table it gives has its SQL, which reads alike; what is dropped and needed is of its tables."""
    mapping = mappings()[name]
    assert name.startswith(mapping.tool)
    for table, given in mapping.gives.items():
        columns = column_names(mapping.sql(table))
        assert set(given.drop) <= set(columns), table
        for place in (*given.needs, *(place for places in given.drop.values() for place in places)):
            of, _, column = place.partition(".")
            assert not column or column in {*mapping.tables[of].columns, *mapping.tables[of].optional}, place
        for place in given.caveats:
            of, _, column = place.partition(".")
            assert mapping.tables[of].may_lack or column in mapping.tables[of].optional, place
        assert all(words.endswith(".") for words in (given.known_at, *given.caveats.values()))
        assert all(trap.endswith(".") for trap in given.traps)
    assert column_names(mapping.sql(LINKS))[:3] == ["id", "kind", "value"]


def test_every_folder_is_a_mapping_and_every_sql_is_of_a_table() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(mappings())
    for name in folders:
        files = {path.stem for path in (FOLDER / name).glob("*.sql") if not path.stem.startswith("_")}
        assert files <= {LINKS, *mappings()[name].gives}


def test_a_query_reads_the_result_of_account_ids(tmp_path: Path) -> None:
    queries = {"account_ids": "select 1 as a -- one;\n;", "accounts": "with x as (select 2) select * from account_ids"}
    assert duckdb.sql(with_account_ids(queries)["accounts"]).fetchall() == [(1,)]
    assert with_account_ids({"accounts": "select account_ids from x"}) == {"accounts": "select account_ids from x"}


def test_recognising_reads_no_row(tmp_path: Path) -> None:
    """A file of a million rows is as quickly recognised as its header."""
    stripe(tmp_path / "landing" / "stripe")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "landing" / "other.parquet")
    warehouse = open_warehouse(Address(f"csv://{tmp_path / 'landing'}", tmp_path))
    there = warehouse.columns()
    warehouse.engine.close()
    (found,) = recognised(there)
    assert found.where == "stripe"
    assert set(compose([found], there).queries) >= {"accounts", "subscriptions", "plans"}
