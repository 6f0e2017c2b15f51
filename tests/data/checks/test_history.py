"""A past that never was: rows that became known all at once, and lines that never end. On small drawn bases."""

from datetime import date
from pathlib import Path

import pytest

from data.checks.check import Finding, check
from data.sources.connect import connect

TODAY = date(2026, 7, 1)
ACCOUNTS = "account_id,name,created_at\na,Acme,2024-01-05\nb,Bolt,2024-01-06\n"
USAGE = "account_id,day,feature,events\na,2024-01-06,login,3\n"


def found(folder: Path, rule: str, **tables: str) -> list[Finding]:
    for name, text in ({"accounts": ACCOUNTS, "usage_daily": USAGE} | tables).items():
        rows = [",".join(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return [finding for finding in check(connect(f"csv://{folder}"), TODAY).findings if finding.rule.startswith(rule)]


KNOWN = "account_id | product | plan | mrr | valid_from | valid_to | ends_known_at | known_at\n"


def lines(*known: str, ends: str = "") -> str:
    """One line of each month of 2024, each known on a day of its own; ``ends``: all end in July, known on that day."""
    ended = f"2024-07-01,{ends}" if ends else ","
    return KNOWN + "\n".join(f"a{i},core,basic,10,2024-{i:02}-01,{ended},{day}" for i, day in enumerate(known, 1))


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (["2024-12-20"] * 6, "6 of 6 rows became known on 1 day (2024-12-20)"),
        (["2024-12-20 03:00:00", "2024-12-21 03:00:00"] * 3, "6 of 6 rows became known on 2 days"),
        (["2024-12-20"] * 10 + ["2024-11-01"], "10 of 11 rows became known on 1 day (2024-12-20)"),
    ],
)
def test_rows_that_became_known_all_at_once(known: list[str], words: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "known_late", subscriptions=lines(*known))
    assert finding.severity == "warning"
    assert words in finding.message
    assert "no snapshot up to 2024-12-20 knows of them, so" in finding.message
    assert "_fivetran_synced" in finding.todo


@pytest.mark.parametrize(
    "known",
    [
        [""] * 6,  # known when they happened
        [f"2024-{i:02}-20" for i in range(1, 7)],  # within a month
        ["2024-12-20"] * 4 + ["", ""],  # two of six were known in time
        [f"2024-12-{i:02}" for i in range(1, 7)],  # late, and each on its day
        ["2024-12-20"] * 2,  # two rows tell nothing
    ],
)
def test_rows_that_became_known_one_by_one_are_no_finding(known: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, "known_late", subscriptions=lines(*known)) == []


def test_every_table_with_a_clock_of_knowing_is_looked_at_and_ends_too(tmp_path: Path) -> None:
    tickets = "ticket_id,account_id,opened_at,known_at\n" + "\n".join(
        f"t{i},a,2024-01-0{i},2024-12-20" for i in range(1, 6)
    )
    subscriptions = lines(*[""] * 6, ends="2024-12-20")
    rules = {(f.table, f.rule): f for f in found(tmp_path, "known_late", subscriptions=subscriptions, tickets=tickets)}
    assert set(rules) == {("tickets", "known_late:known_at"), ("subscriptions", "known_late:ends_known_at")}
    assert "customer" not in rules["tickets", "known_late:known_at"].message
    assert "6 of 6 ends became known" in rules["subscriptions", "known_late:ends_known_at"].message


# --- lines that never end ---------------------------------------------------------------------------------------------

HEADER = "account_id | product | plan | mrr | valid_from | seats"


def test_without_valid_to_every_line_is_open_for_ever(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "missing:valid_to", subscriptions=f"{HEADER}\na,core,basic,10,2024-01-05,3")
    assert finding.severity == "warning"
    assert finding.message == (
        "subscriptions.valid_to is not there: every line is open for ever, so no customer ever leaves."
    )
    assert found(tmp_path, "never_ending") == []


@pytest.mark.parametrize(
    "name", ["end_date", "valid_until", "ended_at", "current_period_end", "canceled_at", "VALID_TO"]
)
def test_a_column_that_sounds_like_an_end_is_hinted(name: str, tmp_path: Path) -> None:
    text = f"{HEADER} | {name}\na,core,basic,10,2024-01-05,3,2024-02-01"
    (finding,) = found(tmp_path, "missing:valid_to", subscriptions=text)
    assert f"(there is {name}: did you mean that?)" in finding.message


@pytest.mark.parametrize("name", ["vendor", "tone", "updated_at", "customer"])
def test_a_column_that_only_has_the_letters_is_not(name: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "missing:valid_to", subscriptions=f"{HEADER} | {name}\na,core,basic,1,2024-01-05,3,x")
    assert "did you mean" not in finding.message


OVERLAPPING = """
a | core | basic | 500 | 2024-01-10 | 10
a | core | basic | 600 | 2024-02-10 | 12
a | core | team  | 700 | 2024-03-10 | 12
b | core | basic | 500 | 2024-01-10 | 10
b | addon | basic | 50 | 2024-01-10 |
"""


def test_lines_of_one_product_that_overlap_for_ever_are_an_error(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "never_ending", subscriptions=HEADER + OVERLAPPING)
    assert (finding.severity, finding.count) == ("error", 2)
    assert "2 lines of 1 account overlap for ever" in finding.message
    assert "an MRR of 1,100.00 is counted twice" in finding.message  # 500 and 600: the latest is the one that holds
    assert "contract_id" in finding.todo
    assert found(tmp_path, "open_together") == []


@pytest.mark.parametrize(
    ("contracts", "severity"), [(("x", "x", "y"), None), (("x", "x", ""), "error"), (("", "", ""), "error")]
)
def test_contracts_say_which_line_replaces_which(
    contracts: tuple[str, ...], severity: str | None, tmp_path: Path
) -> None:
    rows = "\n".join(f"a,core,basic,{500 + i},2024-0{i}-10,1,{of}" for i, of in enumerate(contracts, 1))
    findings = found(tmp_path, "never_ending", subscriptions=f"{HEADER} | contract_id\n{rows}")
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_a_discount_stands_beside_its_line(tmp_path: Path) -> None:
    text = f"{HEADER} | kind\na,core,basic,500,2024-01-10,1,\na,core,basic,0,2024-02-10,,discount"
    assert found(tmp_path, "never_ending", subscriptions=text) == []


@pytest.mark.parametrize("end", ["", "9999-12-31", "2099-12-31"])
def test_an_end_that_never_comes_in_any_row_is_a_warning_where_lines_overlap(end: str, tmp_path: Path) -> None:
    rows = "\n".join(f"{row} | {end}" for row in OVERLAPPING.strip().splitlines())
    (finding,) = found(tmp_path, "never_ending", subscriptions=f"{HEADER} | valid_to\n{rows}")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert found(tmp_path, "missing:valid_to") == []
    ended = f"{rows}\nb,other,basic,1,2024-01-10,1,2024-02-10"
    assert found(tmp_path, "never_ending", subscriptions=f"{HEADER} | valid_to\n{ended}") == []
