"""What `headroom check` says: every rule with its message, its severity and its count, on small drawn tables."""

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from data.checks.check import Finding, Report, Severity, check, require, write
from data.checks.coverage import STOPPED
from data.contract.inputs import TABLES
from data.errors import ContractError, PublishError
from data.ledger.rules import ExpansionRules
from data.sources.connect import connect
from tests.data.sources.test_connect import FIGHTCHURN, RETAIL

TODAY = date(2026, 7, 1)

BASE = {
    "accounts": "account_id,name,created_at,owner\n1,Acme,2024-01-05,Ann\n2,Bolt,2024-01-06,Bo\n",
    "subscriptions": "account_id,product,plan,mrr,valid_from,valid_to,seats\n1,core,basic,10,2024-01-05,,3\n",
    "usage_daily": "account_id,day,feature,events\n1,2024-01-06,login,3\n",
}
USAGE_EVENTS = "account_id,occurred_at,feature\n"
TICKETS = "ticket_id,account_id,opened_at,closed_at,severity,csat\n"
CRM = "account_id,occurred_at,kind\n"
USERS = "user_id,account_id,created_at,deactivated_at\n"
GROUPED = "account_id,name,created_at,owner,parent_id\n"


def report(folder: Path, **tables: str) -> Report:
    """The report on the base; a text with a header replaces a table of the base, any other text is appended to it."""
    for name, text in (BASE | tables).items():
        is_header = "account_id" in text.split("\n")[0] or name not in BASE
        (folder / f"{name}.csv").write_text(text if is_header else BASE[name] + text, encoding="utf-8")
    return check(connect(f"csv://{folder}"), TODAY)


def messages(told: Report) -> list[str]:
    """What stops a run, and what is told in one but for feeds."""
    return [finding.message for finding in (*told.errors, *told.warnings) if finding.rule != STOPPED]


def of_rule(found: Report, rule: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.rule == rule]


CASES: list[tuple[str, str, dict[str, str], str, int, str]] = [
    (
        "type:created_at",
        "error",
        {"accounts": "3,Cog,05/01/2024,Cy\n4,Dot,soon,Cy\n"},
        "accounts.created_at: 2 rows with no date or time (such as '05/01/2024'; the column is string). "
        "Whether the day or the month comes first cannot be known: '05/01/2024' is 2024-01-05 or 2024-05-01.",
        2,
        "2 rows of another type",
    ),
    (
        "type:created_at",
        "error",
        {"accounts": "3,Cog,02/01/24,Cy\n4,Dot,03/05/24,Cy\n"},
        "accounts.created_at: 2 rows with no date or time (such as '02/01/24'; the column is string). "
        "Whether the day or the month comes first cannot be known: '02/01/24' is 2024-01-02 or 2024-02-01.",
        2,
        "2 years of two digits",
    ),
    (
        "type:mrr",
        "error",
        {"subscriptions": '1,core,basic,"1,200",2024-01-05,,3\n'},
        "subscriptions.mrr: 1 row with no number (such as '1,200'; the column is string).",
        1,
        "a number with a comma",
    ),
    (
        "type:seats",
        "error",
        {"subscriptions": "1,core,basic,10,2024-01-05,,2.5\n2,core,basic,10,2024-01-05,,2.0\n"},
        "subscriptions.seats: 1 row with no whole number (such as '2.5'; the column is string).",
        1,
        "half a seat",
    ),
    (
        "type:csat",
        "error",
        {"tickets": TICKETS + "t,1,2024-01-07,2024-01-08,low,good\n"},
        "tickets.csat: 1 row with no number (such as 'good'; the column is string).",
        1,
        "a rating in words",
    ),
    (
        "parent:own",
        "note",
        {"accounts": GROUPED + "1,Acme,2024-01-05,Ann,1\n2,Bolt,2024-01-06,Bo,1\n"},
        "accounts.parent_id is the account itself for 1 account (such as '1'); that counts as no parent.",
        1,
        "an account under itself",
    ),
    (
        "parent:unknown",
        "warning",
        {"accounts": GROUPED + "1,Acme,2024-01-05,Ann,9\n2,Bolt,2024-01-06,Bo,9\n"},
        "accounts.parent_id is not in accounts for 2 accounts (such as '1'); that counts as no parent.",
        2,
        "a parent that nobody knows",
    ),
    (
        "parent:circle",
        "warning",
        {
            "accounts": GROUPED
            + "1,Acme,2024-01-05,Ann,2\n2,Bolt,2024-01-06,Bo,1\n3,Cog,2024-01-06,Bo,1\n4,Dot,2024-01-06,Bo,\n"
        },
        "accounts.parent_id leads round in a circle, or over more than 16 levels for 3 accounts (such as '1'); "
        "they are in no group.",
        3,
        "parents in a circle",
    ),
    (
        "null:account_id",
        "error",
        {"usage_daily": ",2024-01-06,login,3\n"},
        "usage_daily.account_id: 1 row without a value.",
        1,
        "no account",
    ),
    (
        "null:name",
        "warning",
        {"accounts": "3,,2024-01-05,Ann\n"},
        "accounts.name: 1 row without a value; the list shows their account_id.",
        1,
        "no name",
    ),
    (
        "owner",
        "warning",
        {"accounts": "3,Cog,2024-01-05,\n4,Dot,2024-01-05,\n"},
        "accounts.owner: 2 rows without an owner; they are in nobody's book.",
        2,
        "no owner",
    ),
    (
        "repeated",
        "error",
        {"accounts": "2,Bolt again,2024-01-07,Bo\n"},
        "accounts: 1 key (account_id) more than once, in 2 rows.",
        2,
        "an account twice",
    ),
    (
        "repeated",
        "error",
        {"usage_daily": "1,2024-01-06,login,4\n1,2024-01-06,export,4\n"},
        "usage_daily: 1 key (account_id, day, feature, known_at) more than once, in 2 rows.",
        2,
        "a day counted twice",
    ),
    (
        "equal",
        "warning",
        {"subscriptions": "1,core,basic,10,2024-01-05,,3\n"},
        "subscriptions: 2 rows equal to another in every column (1 different row); they are added up.",
        2,
        "a line twice",
    ),
    (
        "equal",
        "note",
        {"usage_events": USAGE_EVENTS + "1,2024-01-06 10:00:00,login\n" * 3 + "1,2024-01-06 10:00:01,login\n"},
        "usage_events: 3 rows equal to another in every column (1 different row); they are counted each.",
        3,
        "an event three times",
    ),
    (
        "orphan",
        "warning",
        {"subscriptions": "8,core,basic,10,2024-01-05,,3\n8,chat,basic,10,2024-01-05,,3\n9,core,x,1,2024-01-05,,\n"},
        "subscriptions: 3 rows of 2 accounts not in accounts (such as '8'); such an account is scored, but has no "
        "name and no owner.",
        3,
        "lines of unknown accounts",
    ),
    (
        "orphan",
        "error",
        {"usage_daily": "account_id,day,feature,events\n7,2024-01-06,login,3\n8,2024-01-06,login,3\n"},
        "usage_daily: 2 rows of 2 accounts not in accounts (such as '7'); a row counts only if its account has a line "
        "or an invoice.",
        2,
        "use of which no account is known",
    ),
    (
        "negative:quantity",
        "warning",
        {"usage_daily": "account_id,day,feature,events,quantity\n1,2024-01-06,api,3,-2.5\n"},
        "usage_daily.quantity: 1 row below zero (such as '-2.5').",
        1,
        "a quantity below zero",
    ),
    (
        "negative:quantity",
        "warning",
        {"usage_events": "account_id,occurred_at,feature,quantity\n1,2024-01-06 10:00:00,api,-4\n"},
        "usage_events.quantity: 1 row below zero (such as '-4').",
        1,
        "an event of less than nothing",
    ),
    (
        "orphan",
        "warning",
        {"users": USERS + "u,7,2024-01-06,\n"},
        "users: 1 row of 1 account not in accounts (such as '7'); a row counts only if its account has a line or "
        "an invoice.",
        1,
        "a user of an unknown account",
    ),
    (
        "order:valid_to",
        "error",
        {"subscriptions": "2,core,basic,10,2024-01-05,2024-01-04,3\n"},
        "subscriptions: 1 row with valid_to before valid_from.",
        1,
        "a line that ends before it begins",
    ),
    (
        "empty_line",
        "warning",
        {"subscriptions": "2,core,basic,10,2024-01-05,2024-01-05,3\n"},
        "subscriptions: 1 row with valid_to on the day of valid_from; a line of no day is ignored.",
        1,
        "a line of no day",
    ),
    (
        "order:closed_at",
        "warning",
        {"tickets": TICKETS + "t,1,2024-01-07,2024-01-06,low,4\n"},
        "tickets: 1 row with closed_at before opened_at.",
        1,
        "a ticket closed before it was opened",
    ),
    (
        "future",
        "warning",
        {"usage_daily": "1,2026-07-01,login,3\n1,2026-07-02,login,3\n"},
        "usage_daily.day: 1 row after today (2026-07-01), such as '2026-07-02'; a row counts nowhere until then.",
        1,
        "usage of tomorrow",
    ),
    (
        "future",
        "note",
        {"subscriptions": "2,core,basic,10,2027-01-01,,3\n"},
        "subscriptions.valid_from: 1 row after today (2026-07-01), such as '2027-01-01'; signed for later, a line "
        "counts from its first day on.",
        1,
        "a line signed for later",
    ),
    (
        "future:known_at",
        "warning",
        {"crm_events": "account_id,occurred_at,kind,known_at\n1,2024-01-06,qbr_held,2027-01-01\n"},
        "crm_events.known_at: 1 row known only after today (2026-07-01); a row counts nowhere until then.",
        1,
        "learned tomorrow",
    ),
    (
        "negative:mrr",
        "error",
        {"subscriptions": "2,core,basic,-10,2024-01-05,,3\n"},
        "subscriptions.mrr: 1 row below zero (such as '-10').",
        1,
        "negative MRR",
    ),
    (
        "negative:seats",
        "error",
        {"subscriptions": "2,core,basic,10,2024-01-05,,-3\n"},
        "subscriptions.seats: 1 row below zero (such as '-3').",
        1,
        "negative seats",
    ),
    (
        "range:csat",
        "warning",
        {"tickets": TICKETS + "t,1,2024-01-07,2024-01-08,low,9\ns,1,2024-01-07,2024-01-08,low,5\n"},
        "tickets.csat: 1 row outside 1 to 5 (such as '9').",
        1,
        "a rating of nine",
    ),
    (
        "open_together",
        "note",
        {"subscriptions": "1,core,basic,20,2024-02-01,,\n2,core,x,2,2024-01-01,2024-02-01,\n2,core,y,9,2024-02-01,,\n"},
        "subscriptions: 1 account has two or more open lines of one product at one time; they are added up.",
        1,
        "two open lines",
    ),
    (
        "words:kind",
        "note",
        {"crm_events": CRM + "1,2024-01-06,qbr_held\n1,2024-01-06,lunch\n1,2024-01-07,lunch\n1,2024-01-07,QBR_held\n"},
        "crm_events.kind has values that feed no signal of their own: 'QBR_held' (1 row), 'lunch' (2 rows).",
        3,
        "kinds that nobody asked about",
    ),
    (
        "words:measure",
        "note",
        {"plan_features": "product,plan,feature,measure\ncore,basic,login,sum\ncore,basic,export,avg\n"},
        "plan_features.measure has values that feed no signal of their own: 'avg' (1 row).",
        1,
        "a measure that nobody knows",
    ),
    (
        "unclosed",
        "warning",
        {
            "outcomes": "account_id,play,opened_at,status,closed_at\n1,seats,2024-02-01,won,\n"
            "1,tier,2024-02-01,won,2024-03-01\n1,more,2024-02-01,open,\n2,tier,2024-02-01,lost,\n"
        },
        "outcomes: 2 rows with a status of what is over (such as 'won') and no closed_at; such a play counts "
        "as closed on the day on which it was opened.",
        2,
        "a play that was won, nobody says when",
    ),
    (
        "closed_open",
        "warning",
        {
            "outcomes": "account_id,play,opened_at,status,closed_at\n1,seats,2024-02-01,open,2024-03-01\n"
            "1,tier,2024-02-01,won,2024-03-01\n1,more,2024-02-01,open,\n2,tier,2024-02-01,open,2027-01-01\n"
        },
        "outcomes: 1 row with the status open and a closed_at that has passed (such as '2024-03-01'); such a play "
        "counts as under way.",
        1,
        "a play that is closed and still said to be open",
    ),
    (
        "unknown_plan",
        "warning",
        {"plans": "product,plan,tier\ncore,gold,1\n"},
        "subscriptions: 1 plan not in plans: 'basic' of 'core'. Without a tier an upsell to or from "
        "them is a higher MRR, per seat where there are seats.",
        1,
        "a plan without a tier",
    ),
    ("empty", "error", {"accounts": "account_id,name,created_at\n"}, "accounts: the table is empty.", 0, "no accounts"),
    (
        "empty",
        "error",
        {"subscriptions": "account_id,product,plan,mrr,valid_from\n"},
        "subscriptions: the table is empty.",
        0,
        "no lines",
    ),
    (
        "empty",
        "warning",
        {"tickets": TICKETS},
        "tickets: the table is empty; it would add: support load, bugs, critical tickets, satisfaction.",
        0,
        "no tickets",
    ),
    (
        "missing",
        "note",
        {},
        "tickets is not there; it would add: support load, bugs, critical tickets, satisfaction.",
        0,
        "no table of tickets",
    ),
    (
        "missing:renews_on",
        "note",
        {"subscriptions": "account_id,product,plan,mrr,valid_from,Renews_on\n1,core,basic,10,2024-01-05,2025-01-05\n"},
        "subscriptions.renews_on is not there (there is Renews_on: did you mean that?); "
        "it would add: renewal in sight.",
        0,
        "a column written in another way",
    ),
    (
        "missing:closed_at",
        "note",
        {"tickets": "ticket_id,account_id,opened_at,csat\nt,1,2024-01-07,4\n"},
        "tickets.closed_at is not there; it would add: open tickets, critical tickets, satisfaction.",
        0,
        "ratings without a closing day",
    ),
]


@pytest.mark.parametrize(("rule", "severity", "tables", "message", "count", "_case"), CASES, ids=[c[-1] for c in CASES])
def test_a_rule(
    rule: str, severity: str, tables: dict[str, str], message: str, count: int, _case: str, tmp_path: Path
) -> None:
    told = report(tmp_path, **tables)
    findings = of_rule(told, rule)
    assert messages(check(connect(f"csv://{tmp_path}"), TODAY, for_run=True)) == messages(told)
    found = next(finding for finding in findings if finding.message.startswith(message.split(" ")[0]))
    if rule == "missing":
        found = next(finding for finding in findings if finding.table == "tickets")
    assert (found.message, found.severity, found.count) == (message, severity, count)
    assert found.severity != Severity.ERROR or found.todo


def test_a_clean_base_has_no_errors_and_no_warnings(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert (found.errors, found.warnings) == ([], [])
    assert found.row_counts == {"accounts": 2, "subscriptions": 1, "usage_daily": 1}
    assert found.lines()[0] == "accounts: 2 rows, until 2024-01-06"
    assert found.lines()[-1].startswith("0 errors, 0 warnings, ")
    require(found)


def test_a_column_without_a_value_is_told_as_one_that_is_not_there(tmp_path: Path) -> None:
    found = report(tmp_path, tickets=TICKETS + "t,1,2024-01-07,,low,\n")
    assert [finding.rule for finding in found.notes if finding.rule.startswith("empty:")] == [
        "empty:closed_at",
        "empty:csat",
    ]
    (note,) = of_rule(found, "empty:closed_at")
    assert note.message == (
        "tickets.closed_at has no readable value in any row, as if it were not there; it would add: open tickets, "
        "critical tickets, satisfaction."
    )


def test_a_table_in_place_of_another_costs_nothing(tmp_path: Path) -> None:
    events = USAGE_EVENTS + "1,2024-01-06 10:00:00,login\n"
    (tmp_path / "usage_daily.csv").unlink(missing_ok=True)
    missing = {finding.table for finding in of_rule(report(tmp_path, usage_events=events), "missing")}
    signals = {table.name for table in TABLES.values() if table.costs}  # others only translate ids, names, currencies
    assert missing == signals - {"subscriptions", "usage_daily", "usage_events"}


def test_lines_that_follow_each_other_are_not_open_together(tmp_path: Path) -> None:
    lines = "2,core,basic,1,2024-01-01,2024-02-01,\n2,core,basic,2,2024-02-01,,\n2,chat,basic,2,2024-01-15,,\n"
    assert of_rule(report(tmp_path, subscriptions=lines), "open_together") == []


@pytest.mark.parametrize(
    ("every_days", "silent_days", "has_stopped"),
    [
        (1, 2, False),  # two of its own gaps
        (1, 3, True),
        (7, 14, False),
        (7, 15, True),
        (30, 60, False),
        (30, 61, True),
    ],
)
def test_a_feed_that_stopped(every_days: int, silent_days: int, has_stopped: bool, tmp_path: Path) -> None:
    days = pd.date_range(end="2026-06-30", periods=12, freq=f"{every_days}D").strftime("%Y-%m-%d")
    tickets = TICKETS + "".join(f"t{day},1,{day},,,\n" for day in days)
    end = pd.Timestamp("2026-06-30") + pd.Timedelta(days=silent_days)
    report(tmp_path, tickets=tickets, usage_daily=f"1,{end:%Y-%m-%d},login,3\n")
    found = check(connect(str(tmp_path)), date(2027, 1, 1))
    stopped = of_rule(found, "stopped")
    assert [finding.table for finding in stopped] == (["tickets"] if has_stopped else [])
    if has_stopped:
        assert f"tickets: the last row is of 2026-06-30, {silent_days} days before {end:%Y-%m-%d}" in stopped[0].message


def test_a_type_error_of_parquet_names_the_type(tmp_path: Path) -> None:
    report(tmp_path)
    (tmp_path / "accounts.csv").unlink()
    accounts = pd.DataFrame({"account_id": [1.0, 2.0], "name": ["Acme", "Bolt"], "created_at": [20240105, 20240106]})
    accounts.to_parquet(tmp_path / "accounts.parquet")
    found = check(connect(str(tmp_path)), TODAY)
    assert [finding.message for finding in found.errors] == [
        "accounts.created_at: 2 rows with no date or time (such as '20240105'; the column is int64)."
    ]
    assert of_rule(found, "orphan") == []


def test_require_tells_the_first_error_and_how_many_more(tmp_path: Path) -> None:
    bad = "2,core,basic,-10,2024-01-05,,3\n2,core,basic,10,2024-01-05,2024-01-04,3\n"
    found = report(tmp_path, subscriptions=bad)
    assert [finding.rule for finding in found.errors] == ["negative:mrr", "order:valid_to"]
    with pytest.raises(ContractError, match=r"below zero \(such as '-10'\) \(and 1 more error\)\."):
        require(found)


def test_offending_rows_are_written_whole(tmp_path: Path) -> None:
    markup = "3,\"=cmd|' /C calc'!A0 <b>Ünï</b> 株式会社\",2024-01-05,\n"
    (tmp_path / "in").mkdir()
    found = report(tmp_path / "in", accounts=markup, subscriptions="2,core,basic,-10,2024-01-05,,3\n")
    folder = write(found, tmp_path / "out" / "check")
    summary = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    files = {entry["rule"]: entry["file"] for entry in summary["findings"] if entry["file"]}
    assert files == {"negative:mrr": "01-subscriptions-negative-mrr.csv", "owner": "02-accounts-owner.csv"}
    negative = (folder / files["negative:mrr"]).read_text(encoding="utf-8")
    assert negative == "account_id,product,plan,mrr,valid_from,valid_to,seats\n2,core,basic,-10,2024-01-05,,3\n"
    assert pd.read_csv(folder / files["owner"])["name"][0] == "'=cmd|' /C calc'!A0 <b>Ünï</b> 株式会社"


def test_a_report_replaces_a_report_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    found, folder = report(tmp_path / "in"), tmp_path / "check"
    write(found, folder)
    (folder / "99-old.csv").touch()
    write(found, folder)
    assert [path.name for path in folder.iterdir()] == ["check.json"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(PublishError, match="something else in that folder"):
        write(found, tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["check", "in", "mine"]


@pytest.mark.bases
def test_the_bases_pass_and_say_what_they_lack(bases: Path) -> None:
    churn = check(connect("parquet://fightchurn_crm5", FIGHTCHURN, root=bases), TODAY)
    assert churn.errors == []
    # Usage runs a month past the end of the subscriptions.
    assert {finding.table for finding in churn.warnings if finding.rule == "stopped"} == {"subscriptions"}
    retail = check(connect("parquet://online_retail", RETAIL, root=bases), TODAY)
    assert retail.errors == []
    assert "subscriptions" in {finding.table for finding in retail.notes if finding.rule == "missing"}


# --- levels -----------------------------------------------------------------------------------------------------------


def daily(*quantities: float, every: int = 1) -> str:
    """The days up to the end of June with these quantities of contacts, or every so many days."""
    days = [date(2026, 7, 1) - timedelta(days=(len(quantities) - place) * every) for place in range(len(quantities))]
    lines = [f"1,{day},contacts,1,{quantity}\n" for day, quantity in zip(days, quantities, strict=True)]
    return "".join(["account_id,day,feature,events,quantity\n", *lines])


LIMITED = "product,plan,feature,monthly_limit\ncore,basic,contacts,1000\n"
GROWING = [800 + day for day in range(28)]


@pytest.mark.parametrize(
    ("quantities", "limits", "is_found"),
    [
        (GROWING, LIMITED, True),
        (GROWING, LIMITED.replace("limit\n", "limit,measure\n").replace("1000", "1000,last"), False),  # it is said
        (GROWING, LIMITED.replace("limit\n", "limit,measure\n").replace("1000", "1000,sum"), False),
        (GROWING, LIMITED.replace("1000", ""), False),  # no limit
        (GROWING, LIMITED.replace("1000", "100000"), False),  # used up by the month it would stay within
        (GROWING[:13], LIMITED, False),  # too few days to tell
        ([800, 100] * 14, LIMITED, False),  # begins anew
        ([*GROWING, 790], LIMITED, True),  # a few were deleted
    ],
)
def test_a_level_without_a_measure_is_warned_of(
    tmp_path: Path, quantities: list[int], limits: str, is_found: bool
) -> None:
    found = of_rule(report(tmp_path, usage_daily=daily(*quantities), plan_features=limits), "level:contacts")
    assert [finding.severity for finding in found] == [Severity.WARNING] * is_found
    assert all("Write `last` into plan_features.measure" in finding.todo for finding in found)


@pytest.mark.parametrize(("quantities", "is_found"), [([800, 810, 820, 830], True), ([800, 810, 820], False)])
def test_a_level_that_is_reported_by_the_week_is_one_too(tmp_path: Path, quantities: list[int], is_found: bool) -> None:
    found = report(tmp_path, usage_daily=daily(*quantities, every=7), plan_features=LIMITED)
    assert bool(of_rule(found, "level:contacts")) == is_found  # of three weeks nobody can tell


# --- days counted by user ---------------------------------------------------------------------------------------------

BY_USER = "account_id,day,feature,events,user_id\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1,2024-01-06,login,3,ann\n1,2024-01-06,login,2,bob\n1,2024-01-06,login,1,\n", None),
        ("1,2024-01-06,login,3,ann\n1,2024-01-06,login,2,ann\n", "user_id"),
        ("1,2024-01-06,login,3,\n1,2024-01-06,login,2,\n", "user_id"),  # nobody's use, twice
    ],
)
def test_days_counted_by_user_have_the_user_in_their_key(tmp_path: Path, rows: str, message: str | None) -> None:
    found = of_rule(report(tmp_path, usage_daily=BY_USER + rows), "repeated")
    assert [finding.count for finding in found] == [2] * (message is not None)
    assert all("(account_id, day, feature, user_id, known_at)" in finding.message for finding in found)


def test_own_features_of_one_day_are_told_apart_by_their_time(tmp_path: Path) -> None:
    own = "account_id,known_at,health\n1,2024-01-06 08:00,7\n1,2024-01-06 20:00,8\n2,2024-01-06,5\n"
    assert of_rule(report(tmp_path, account_features=own), "repeated") == []
    (found,) = of_rule(report(tmp_path, account_features=own + "1,2024-01-06 20:00:00,9\n2,2024-01-06,5\n"), "repeated")
    assert "account_features: 2 keys (account_id, known_at) more than once, in 4 rows" in found.message


def test_users_are_told_apart_within_their_account(tmp_path: Path) -> None:
    """Each account numbers its own, or a consultant works for two."""
    users = USERS + "1,1,2024-01-06,\n2,1,2024-01-06,\n1,2,2024-01-06,\n"
    assert of_rule(report(tmp_path, users=users), "repeated") == []
    (found,) = of_rule(report(tmp_path, users=users + "2,1,2024-01-07,\n"), "repeated")
    assert "users: 1 key (account_id, user_id) more than once" in found.message


def test_days_counted_for_all_users_have_no_user_in_their_key(tmp_path: Path) -> None:
    (found,) = of_rule(report(tmp_path, usage_daily="1,2024-01-06,login,3\n"), "repeated")
    assert "(account_id, day, feature, known_at)" in found.message


# --- what makes a ledger wrong though every row is right --------------------------------------------------------------

LINES = "account_id,product,plan,mrr,valid_from,valid_to,seats,kind,known_at,ends_known_at\n"
BILLS = "account_id,product,billed_at,amount,kind\n"
CONTRACTS: list[tuple[str, str, dict[str, str], str]] = [
    (
        "words:kind",
        "error",
        {"subscriptions": LINES + "1,core,basic,10,2024-01-05,,3,payed,,\n"},
        "subscriptions.kind has words that are not in use: 'payed' (1 row).",
    ),
    (
        "words:kind",
        "warning",
        {"invoices": BILLS + "1,api,2023-12-05,10,invoice\n1,api,2023-12-06,-10,credit_note\n"},
        "invoices.kind has words that are not in use: 'credit_note' (1 row), 'invoice' (1 row). Such rows count as if",
    ),
    (
        "unpaid",
        "note",
        {"subscriptions": LINES + "1,core,basic,0,2024-01-05,,3,,,\n2,core,basic,0,2024-01-05,,3,free,,\n"},
        "subscriptions: 1 line of 1 account at an MRR of 0.",
    ),
    (
        "negative:mrr",
        "error",
        {"subscriptions": LINES + "1,core,basic,-5,2024-01-05,,,,,\n1,core,basic,50,2024-01-05,,3,,,\n"},
        "subscriptions.mrr: 1 row below zero (such as '-5').",
    ),
    (
        "discount",
        "error",
        {"subscriptions": LINES + "1,core,basic,10,2024-01-05,,3,,,\n1,chat,less,-5,2024-01-05,,,discount,,\n"},
        "subscriptions: 1 line is a discount of a product that the account has no line of.",
    ),
    (
        "booked_late",
        "warning",
        {
            "subscriptions": LINES
            + "1,core,basic,500,2023-01-05,2023-08-01,3,,2023-01-05,\n1,core,basic,800,2023-08-01,,3,,2023-08-18,\n"
        },
        "subscriptions: 1 account had a line that ended before the one after it was known (an MRR of 500)",
    ),
    (
        "moved",
        "note",
        {"subscriptions": "1,chat,one,10,2023-01-05,2023-06-01,\n1,talk,one,15,2023-06-01,,\n"},
        "subscriptions: 1 account ended a product on the day on which another began (MRR 10 before, 15 after)",
    ),
    (
        "amount_only",
        "warning",
        {"subscriptions": LINES + "2,core,core,100,2025-01-05,2026-02-01,,,,\n2,core,core,150,2026-02-01,,,,,\n"},
        "subscriptions: 1 rise of the last year (an MRR of 50) count",
    ),
    (
        "billed_twice",
        "warning",
        {"invoices": BILLS + "1,core,2023-12-05,10,\n1,core,2023-12-06,10,overage\n"},
        "invoices: 1 account subscribe to a product that they are also billed for ('core'; 10 in all)",
    ),
]


@pytest.mark.parametrize(("rule", "severity", "tables", "message"), CONTRACTS, ids=[case[0] for case in CONTRACTS])
def test_what_makes_a_ledger_wrong_is_told(
    tmp_path: Path, rule: str, severity: str, tables: dict[str, str], message: str
) -> None:
    (found,) = of_rule(report(tmp_path, **tables), rule)
    assert found.severity == severity
    assert found.message.startswith(message)
    assert found.todo


@pytest.mark.parametrize(
    ("billed", "subscribed", "severity"),
    [(2, 2, Severity.WARNING), (3, 3, Severity.ERROR), (3, 150, Severity.ERROR), (3, 151, Severity.WARNING)],
)
def test_one_or_two_that_are_billed_for_what_they_subscribe_to_stop_no_run(
    tmp_path: Path, billed: int, subscribed: int, severity: Severity
) -> None:
    lines = LINES + "".join(f"{n},core,basic,10,2024-01-05,,3,,,\n" for n in range(subscribed))
    bills = BILLS + "".join(f"{n},core,2023-12-05,17,\n" for n in range(billed))
    (finding,) = of_rule(report(tmp_path, subscriptions=lines, invoices=bills), "billed_twice")
    assert (finding.severity, finding.count) == (severity, billed)


def test_what_the_settings_say_of_bills_is_no_question_any_more(tmp_path: Path) -> None:
    bills = BILLS + "1,core,2023-12-05,10,\n"
    (tmp_path / "invoices.csv").write_text(bills, encoding="utf-8")
    assert of_rule(report(tmp_path), "billed_twice")
    for settled in ("payments", "on_top"):
        rules = ExpansionRules(billed_and_subscribed=settled)
        assert of_rule(check(connect(f"csv://{tmp_path}"), TODAY, rules), "billed_twice") == []


def test_a_bill_whose_kind_nobody_knows_is_one_that_says_none(tmp_path: Path) -> None:
    assert of_rule(report(tmp_path, invoices=BILLS + "1,core,2023-12-05,10,invoice\n"), "billed_twice")


def test_a_discount_beside_its_line_is_in_order(tmp_path: Path) -> None:
    lines = LINES + "1,core,basic,50,2024-01-05,,3,paid,,\n1,core,less,-5,2024-01-05,,,discount,,\n"
    plans = "product,plan,tier\ncore,basic,1\n"
    found = report(tmp_path, subscriptions=lines, plans=plans)
    assert found.errors == []
    assert of_rule(found, "unknown_plan") == []
    assert of_rule(found, "open_together") == []
