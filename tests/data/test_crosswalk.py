"""Whose account an id is: what `account_ids` says counts in every table, and nothing is guessed.

X was merged into Y on the 1st of May, and Y into Z on the 1st of August; Z has what all three had. The help desk has an
id of its own for Z since the 10th of March.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import ibis
import pytest

from data.checks.check import Finding, Severity, check
from data.ledger.revenue import ledger
from data.ledger.rules import ExpansionRules
from data.record.record import record_day
from data.record.settings import RecordSettings
from data.sources.connect import connect
from data.sources.known import Source, known_before
from features.cohort import cohort

TODAY = date(2025, 1, 1)
LINES = """account_id,product,plan,mrr,valid_from,valid_to,seats
X,app,pro,300,2023-03-01,2024-05-01,10
Y,app,pro,500,2023-03-01,2024-05-01,10
Y,app,pro,800,2024-05-01,2024-08-01,20
Z,app,pro,700,2023-03-01,2024-08-01,10
Z,app,pro,1500,2024-08-01,,30
"""
MERGES = "system,id,account_id,known_at\naccounts,X,Y,2024-05-01\naccounts,Y,Z,2024-08-01\n"
DESK = "desk,zd-7,Z,2024-03-10\ndesk,Z,Z,\n"
TABLES = {
    "accounts": "account_id,name,created_at\n" + "".join(f"{i},{i},2023-01-01\n" for i in "XYZ"),
    "subscriptions": LINES,
    "usage_daily": "account_id,day,feature,events\nzd-7,2024-02-01,login,3\nZ,2024-12-30,login,3\n",
    "tickets": "ticket_id,account_id,opened_at\nt1,zd-7,2024-02-01\nt2,zd-7,2024-04-01\n",
}


def opened(folder: Path, ids: str, queries: dict[str, str] | None = None, **tables: str) -> Source:
    for name, text in (TABLES | {"account_ids": ids} | tables).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return connect(f"csv://{folder}", queries)


def told(source: Source) -> dict[tuple[str, str], Finding]:
    return {(f.table, f.rule): f for f in check(source, TODAY, for_run=True).findings if f.severity != Severity.NOTE}


def moves(source: Source) -> list[tuple[object, ...]]:
    made = ledger(source.tables, ExpansionRules(), TODAY).order_by("account_id", "day").to_pandas()
    columns = (made.account_id, made.movement_class, made.delta_mrr_e4 // 10_000, made.seats_after)
    return list(zip(*columns, strict=True))


def test_accounts_that_were_merged_have_one_history(tmp_path: Path) -> None:
    with opened(tmp_path, MERGES + DESK) as source:
        assert moves(source) == [("Z", "new", 1500, 30)]  # 300 + 500 + 700, and then one line of 1500
        assert told(source) == {}  # nor is the id of the help desk strange in any table


def test_rows_of_an_id_are_known_since_it_was_linked(tmp_path: Path) -> None:
    with opened(tmp_path, MERGES + DESK) as source:
        customers: Callable[[date], set[str]] = lambda day: {  # noqa: E731
            *cohort(source.tables, [day]).account_id.to_pyarrow().to_pylist()
        }
        assert (customers(date(2024, 4, 1)), customers(date(2024, 9, 1))) == ({"Z"}, {"Z"})
    for day, tickets in ((date(2024, 3, 10), []), (date(2024, 3, 11), ["t1"]), (date(2024, 4, 2), ["t1", "t2"])):
        with opened(tmp_path, MERGES + DESK) as source, known_before(source, day, TODAY) as base:
            of = base.tables["tickets"].filter(ibis._.account_id == "Z").order_by("ticket_id")
            assert of.ticket_id.to_pyarrow().to_pylist() == tickets


def test_an_id_that_an_account_has_here_stays_what_it_is_until_it_is_said_to_be_merged(tmp_path: Path) -> None:
    with opened(tmp_path, MERGES.replace("accounts,", "crm,") + DESK) as source:
        assert ("Y", "seat", 300, 20) in moves(source)
        finding = told(source)["account_ids", "ids:own"]
    assert (finding.severity, finding.count) == (Severity.ERROR, 2)
    assert "Write `accounts` into account_ids.system" in finding.todo


def test_ids_that_are_an_accounts_by_chance_are_a_warning(tmp_path: Path) -> None:
    with opened(
        tmp_path, "system,id,account_id\ndesk,X,Z\n" + "".join(f"desk,zd-{n},Z\n" for n in range(7, 10))
    ) as source:
        assert told(source)["account_ids", "ids:own"].severity == Severity.WARNING


@pytest.mark.parametrize(
    ("ids", "rule", "count"),
    [
        ("desk,zd-7,Z\nchat,zd-7,X\n", "ids:several", 1),
        ("accounts,X,Y\naccounts,Y,X\n", "ids:endless", 2),
        ("".join(f"accounts,a{n},a{n + 1}\n" for n in range(6)), "ids:endless", 2),  # a0 is six steps from a6
    ],
)
def test_what_leads_to_no_one_account_is_an_error_and_stays_what_it_is(
    tmp_path: Path, ids: str, rule: str, count: int
) -> None:
    with opened(tmp_path, f"system,id,account_id\n{ids}") as source:
        finding = told(source)["account_ids", rule]
        assert (finding.severity, finding.count) == (Severity.ERROR, count)
        assert ("Z", "seat", 800, 30) in moves(source)


def test_accounts_that_were_merged_are_one_of_which_an_id_is_said_to_be(tmp_path: Path) -> None:
    """The desk says that zd-7 is Y's, and the chat that it is Z's, which Y is since August."""
    ids = MERGES + "desk,zd-7,Y,2024-02-10\nchat,zd-7,Z,2024-03-10\n"
    with opened(tmp_path, ids) as source:
        assert told(source) == {}
        assert source.links is not None
        links = source.links.order_by("id").to_pandas()
    assert [*links["account_id"]] == ["Z"] * 3
    assert [f"{day:%m-%d}" for day in links["linked_on"]] == ["08-01", "08-01", "03-10"]  # of X, Y and zd-7


def test_an_id_of_several_accounts_that_no_table_has_is_a_warning(tmp_path: Path) -> None:
    with opened(tmp_path, MERGES + DESK + "desk,zd-9,Z,\nchat,zd-9,W,\n") as source:
        assert told(source)["account_ids", "ids:several"].severity == Severity.WARNING


@pytest.mark.parametrize(("first", "is_told"), [("2024-06-01", True), ("2024-02-20", False), ("", False)])
def test_ids_that_were_linked_all_at_once_long_after_their_rows_are_warned_of(
    tmp_path: Path, first: str, is_told: bool
) -> None:
    """zd-7 has a use and a ticket of the 1st of February, and a ticket of the 1st of April."""
    ids = "system,id,account_id,known_at\n" + "".join(f"desk,zd-{n},Z,{first}\n" for n in range(1, 11))
    with opened(tmp_path, ids) as source:
        finding = told(source).get(("account_ids", "known_late:known_at"))
    assert (finding is not None) == is_told
    if finding is not None:
        assert (finding.severity, finding.count) == (Severity.WARNING, 10)
        assert "(2024-06-01), more than 30 days after 3 rows that have one (usage_daily, tickets)" in finding.message
        assert finding.todo.startswith("Leave known_at of account_ids out")


def test_a_query_that_reads_the_ids_looks_them_up_itself(tmp_path: Path) -> None:
    tickets = "select ticket_id, i.account_id, opened_at from tickets t join account_ids i on i.id = t.account_id"
    with opened(tmp_path, MERGES + DESK, {"tickets": tickets}) as source:
        assert source.links is None
        assert {*source.tables["tickets"].account_id.to_pyarrow().to_pylist()} == {"Z"}
        assert ("Z", "seat", 800, 30) in moves(source)


def test_what_was_recorded_after_a_query_had_looked_ids_up_is_not_looked_up_again(tmp_path: Path) -> None:
    """Desk and chat both have an id 7; that of the desk is Z's."""
    tickets = (
        "select ticket_id, coalesce(i.account_id, t.account_id) as account_id, opened_at from tickets t "
        "left join account_ids i on i.id = t.account_id and i.system = 'desk'"
    )
    ids = "system,id,account_id\ndesk,7,Z\nchat,7,X\nchat,zd-8,X\n"
    rows = "ticket_id,account_id,opened_at\nt1,7,2024-02-01\nt2,zd-8,2024-02-01\n"
    (tmp_path / "live").mkdir()
    with opened(tmp_path / "live", ids, {"tickets": tickets}, tickets=rows) as source:
        record_day(source, tmp_path / "history", TODAY, RecordSettings())
    with connect(f"record://{tmp_path / 'history'}", {"tickets": tickets}) as source:
        of = source.tables["tickets"].order_by("ticket_id").account_id.to_pyarrow().to_pylist()
        assert of == ["Z", "zd-8"]
        assert ("account_ids", "ids:several") not in told(source)
    with connect(f"record://{tmp_path / 'history'}") as source:  # no query looked anything up
        assert source.links is not None
