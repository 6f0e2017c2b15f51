"""Tables of a warehouse that only share a name with the contract's are left out, and the message says how."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from data.checks.check import check, require
from data.errors import ContractError
from data.sources.connect import connect
from flows.run.settings import load
from tests.data.sources.test_connect import csv_base

TODAY = date(2026, 7, 1)
FOREIGN = "id,customer,status\nsub_1,1,active\n"
BILLS = "cust,on_day,total\n1,2024-01-03,300\n1,2024-02-03,300\n"
INVOICES = "select cust as account_id, 'api' as product, on_day as billed_at, total as amount from bills"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A base of invoices beside which a billing tool's own `subscriptions` lies."""
    folder = csv_base(tmp_path, subscriptions=FOREIGN)
    (folder / "bills.csv").write_text(BILLS)
    return folder


def test_the_message_names_the_way_out(foreign: Path) -> None:
    with pytest.raises(ContractError) as raised:
        connect(f"csv://{foreign}", {"invoices": INVOICES})
    assert 'leave it out: [source] ignore = ["subscriptions"]' in raised.value.todo
    with pytest.raises(ContractError) as raised:
        connect(f"csv://{foreign}")
    assert "ignore" not in raised.value.todo, "without it there would be no contract at all"


@pytest.mark.parametrize("way", ["ignore", "no SQL", "an empty select"])
def test_an_invoices_only_base_beside_a_foreign_table(way: str, foreign: Path) -> None:
    nothing = "select '' account_id, '' product, '' plan, 0 mrr, null::date valid_from where false"
    said = {"ignore": {}, "no SQL": {"subscriptions": " "}, "an empty select": {"subscriptions": nothing}}[way]
    ignore = ["subscriptions", "users"] if way == "ignore" else []
    source = connect(f"csv://{foreign}", {"invoices": INVOICES} | said, ignore=ignore)
    found = check(source, TODAY)
    require(found)
    assert ("subscriptions" in source.tables) == (way == "an empty select")
    about = [(finding.severity, finding.rule) for finding in found.findings if finding.table == "subscriptions"]
    assert about[0] == (("warning", "empty") if way == "an empty select" else ("note", "ignored"))


def test_an_empty_first_alternative_that_nobody_mapped_is_an_error_still(foreign: Path) -> None:
    header = "account_id,product,plan,mrr,valid_from\n"
    source = connect(f"csv://{csv_base(foreign, subscriptions=header)}", {"invoices": INVOICES})
    with pytest.raises(ContractError, match="subscriptions: the table is empty"):
        require(check(source, TODAY))


def test_two_files_of_an_ignored_name_are_nobodys_trouble(foreign: Path) -> None:
    duckdb.execute(f"copy (select 1 as id) to '{foreign}/subscriptions.parquet'")
    assert "subscriptions" not in connect(f"csv://{foreign}", {"invoices": INVOICES}, ignore=["subscriptions"]).tables


@pytest.mark.parametrize(
    ("ignore", "words"),
    [
        (["subscription"], "no such table .there is subscriptions: did you mean that"),
        (["invoices"], "has SQL that makes it"),
        (["accounts"], "missing: table accounts .left out by .source. ignore."),
    ],
)
def test_what_cannot_be_left_out(ignore: list[str], words: str, foreign: Path) -> None:
    with pytest.raises(ContractError, match=words):
        connect(f"csv://{foreign}", {"invoices": INVOICES}, ignore=ignore)


def test_it_is_a_setting_and_changes_the_state(foreign: Path) -> None:
    (foreign / "headroom.toml").write_text('[source]\nignore = ["subscriptions"]\n')
    address = load(foreign / "headroom.toml").address
    assert address.ignored == {"subscriptions"}
    states = {connect(str(csv_base(foreign)), ignore=ignore).state for ignore in ([], ["users"])}
    assert len(states) == 2
