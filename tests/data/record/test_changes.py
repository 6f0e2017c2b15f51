"""What a change means in each table, drawn: what the source shows day by day, and what the history then says."""

from pathlib import Path

import pytest

from data.contract.inputs import TABLES
from data.record.meaning import MEANINGS
from data.sources.connect import connect
from tests.data.record.shown import drawn_source, recorded, served

ROOT = Path(__file__).parents[3]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history"


def shows(history: Path, day: str, **tables: str) -> None:
    """Record drawn tables on a day of October 2026; small tables may lose all that they have."""
    source = drawn_source(history.parent / "source", **tables)
    recorded(history, source, f"2026-{day}", largest_loss=1)


def lines(history: Path, day: str, *rows: str, columns: str = "plan | mrr | valid_from") -> None:
    """Record lines of acme's contract c1 for `core`."""
    text = "\n".join(
        [f"account_id | product | contract_id | {columns}", *(f"acme | core | c1 | {row}" for row in rows)]
    )
    shows(history, day, subscriptions=text)


def versions(history: Path, *more: str) -> list[tuple]:
    columns = ("mrr", "valid_from", "valid_to", "known_at", "ends_known_at", *more)
    return served(history, "subscriptions", columns)


def test_every_table_of_the_contract_has_a_meaning_and_stands_on_the_page() -> None:
    assert list(MEANINGS) == list(TABLES)
    page = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    assert [name for name in MEANINGS if f"`{name}`" not in page] == []
    for name, meaning in MEANINGS.items():
        assert set(meaning.key) <= {column.name for column in TABLES[name].columns}


# --- lines ------------------------------------------------------------------------------------------------------------


def test_terms_that_are_written_over_close_the_line_on_the_day_they_were_seen(history: Path) -> None:
    lines(history, "10-01", "team | 100 | 2026-01-01")
    lines(history, "10-02", "team | 100 | 2026-01-01")
    lines(history, "10-03", "team | 150 | 2026-01-01")
    assert versions(history, "contract_id") == [
        (100.0, "2026-01-01", "2026-10-03", None, "2026-10-03", "c1"),
        (150.0, "2026-10-03", None, "2026-10-03", None, "c1"),
    ]


def test_a_line_with_a_date_of_its_own_replaces_the_one_of_its_contract_on_that_date(history: Path) -> None:
    lines(history, "10-01", "team | 100 | 2026-01-01")
    lines(history, "10-02", "team | 150 | 2026-10-02")
    lines(history, "10-03", "team | 180 | 2026-11-01")  # from the 1st of November, and known today
    assert versions(history) == [
        (100.0, "2026-01-01", "2026-10-02", None, "2026-10-02"),
        (150.0, "2026-10-02", "2026-11-01", "2026-10-02", "2026-10-03"),
        (180.0, "2026-11-01", None, "2026-10-03", None),
    ]


def test_a_line_that_was_never_so_is_believed_until_the_day_of_the_correction(history: Path) -> None:
    lines(history, "10-01", "team | 100 | 2026-09-20")
    lines(history, "10-05", "team | 90 | 2026-09-01")  # it had begun earlier, at another price
    assert versions(history) == [
        (100.0, "2026-09-20", "2026-09-20", None, "2026-10-05"),  # a line of no day
        (90.0, "2026-09-01", None, "2026-10-05", None),
    ]


def test_without_a_contract_the_same_product_of_the_account_replaces(history: Path) -> None:
    table = "account_id | product | plan | mrr | valid_from\nacme | core | {} | {} | {}"
    shows(history, "10-01", subscriptions=table.format("team", 100, "2026-01-01"))
    shows(history, "10-02", subscriptions=table.format("business", 200, "2026-10-01"))
    assert versions(history) == [
        (100.0, "2026-01-01", "2026-10-01", None, "2026-10-01"),
        (200.0, "2026-10-01", None, "2026-10-01", None),
    ]


def test_two_contracts_of_one_product_do_not_replace_each_other(history: Path) -> None:
    table = "account_id | product | contract_id | plan | mrr | valid_from\n{}"
    shows(history, "10-01", subscriptions=table.format("acme | core | c1 | team | 100 | 2026-01-01"))
    shows(history, "10-02", subscriptions=table.format("acme | core | c2 | team | 70 | 2026-10-02"))
    assert versions(history) == [
        (100.0, "2026-01-01", "2026-10-02", None, "2026-10-02"),  # gone: ended
        (70.0, "2026-10-02", None, "2026-10-02", None),
    ]


def test_an_end_is_believed_from_the_day_it_was_seen(history: Path) -> None:
    dated = "plan | mrr | valid_from | valid_to"
    lines(history, "10-01", "team | 100 | 2026-01-01 |", columns=dated)
    lines(history, "10-05", "team | 100 | 2026-01-01 | 2026-09-15", columns=dated)  # three weeks late
    assert versions(history) == [(100.0, "2026-01-01", "2026-09-15", None, "2026-10-05")]


def test_an_end_that_was_moved_before_it_came_was_never_one(history: Path) -> None:
    dated = "plan | mrr | valid_from | valid_to"
    lines(history, "10-01", "team | 100 | 2026-01-01 | 2026-10-20", columns=dated)
    lines(history, "10-02", "team | 100 | 2026-01-01 | 2027-10-20", columns=dated)
    assert versions(history) == [(100.0, "2026-01-01", "2027-10-20", None, "2026-10-02")]


def test_a_late_renewal_goes_on_as_a_version_of_its_own(history: Path) -> None:
    """On the 2nd and 3rd of October the line was over, as far as anybody knew."""
    dated = "plan | mrr | valid_from | valid_to"
    lines(history, "09-20", "team | 100 | 2026-01-01 | 2026-10-01", columns=dated)
    lines(history, "10-04", "team | 100 | 2026-01-01 | 2027-10-01", columns=dated)
    assert versions(history) == [
        (100.0, "2026-01-01", "2026-10-01", None, None),
        (100.0, "2026-10-01", "2027-10-01", "2026-10-04", "2026-10-04"),
    ]


def test_a_line_that_is_gone_has_ended_and_one_that_comes_back_goes_on(history: Path) -> None:
    other = "other | core | x | team | 1 | 2020-01-01"
    table = f"account_id | product | contract_id | plan | mrr | valid_from\n{other}"
    mine = "\nacme | core | c1 | team | 100 | 2026-01-01"
    shows(history, "10-01", subscriptions=table + mine)
    shows(history, "10-02", subscriptions=table)
    shows(history, "10-03", subscriptions=table)
    shows(history, "10-04", subscriptions=table + mine)
    assert versions(history)[1:] == [
        (100.0, "2026-01-01", "2026-10-02", None, "2026-10-02"),
        (100.0, "2026-10-02", None, "2026-10-04", None),
    ]


def test_what_changed_on_lost_days_is_known_from_the_day_it_was_seen(history: Path) -> None:
    lines(history, "10-01", "team | 100 | 2026-01-01")
    lines(history, "10-08", "team | 150 | 2026-10-04")
    assert versions(history) == [
        (100.0, "2026-01-01", "2026-10-04", None, "2026-10-08"),
        (150.0, "2026-10-04", None, "2026-10-08", None),
    ]


def test_a_time_of_knowing_of_the_source_is_kept_where_it_can_be_true(history: Path) -> None:
    """On the 2nd nobody saw the second line, so it cannot have been known on the 1st."""
    dated = "plan | mrr | valid_from | known_at"
    first = "team | 100 | 2026-01-01 | 2026-01-09"
    lines(history, "10-02", first, columns=dated)
    lines(history, "10-06", first, "team | 20 | 2026-10-01 | 2026-10-01", columns=dated)
    lines(
        history,
        "10-07",
        first,
        "team | 20 | 2026-10-01 | 2026-10-07",  # written anew by a load: the same line
        "team | 30 | 2026-10-03 | 2026-10-06",
        columns=dated,
    )
    assert [(row[0], row[3]) for row in versions(history)] == [
        (100.0, "2026-01-09"),
        (20.0, "2026-10-06"),
        (30.0, "2026-10-06"),
    ]


# --- facts ------------------------------------------------------------------------------------------------------------


def test_a_fact_is_known_on_its_day_if_it_was_seen_then_and_else_when_it_was_seen(history: Path) -> None:
    """A recording early on a day shows what the day before brought: it is known on its own day."""
    events = "account_id | occurred_at | kind"
    shows(history, "10-01", crm_events=f"{events}\nacme | 2026-03-01 | qbr_held")
    shows(history, "10-02", crm_events=f"{events}\nacme | 2026-03-01 | qbr_held\nacme | 2026-10-01 | champion_left")
    shows(history, "10-03", crm_events=f"{events}\nacme | 2026-09-01 | budget_opened\nacme | 2026-11-01 | qbr_gap")
    assert served(history, "crm_events", ("kind", "occurred_at", "known_at")) == [
        ("budget_opened", "2026-09-01", "2026-10-03"),  # late
        ("champion_left", "2026-10-01", "2026-10-01"),
        ("qbr_gap", "2026-11-01", "2026-10-03"),  # ahead
        ("qbr_held", "2026-03-01", None),  # from before the first day: as the source says
    ]  # what is gone stays


def test_equal_facts_are_counted_and_those_that_come_back_are_no_news(history: Path) -> None:
    use = "account_id | occurred_at | feature"
    one = "\nacme | 2026-10-01T08:00 | login"
    for day, times in (("10-01", 2), ("10-02", 1), ("10-03", 2), ("10-04", 3)):
        shows(history, day, usage_events=use + one * times)
    known = served(history, "usage_events", ("feature", "known_at"))
    assert known == [("login", "2026-10-04"), ("login", None), ("login", None)]


def test_a_bill_that_is_gone_is_taken_back_by_a_credit_and_one_that_left_the_window_is_not(history: Path) -> None:
    bills = "account_id | product | billed_at | amount"
    old, wrong, right = (f"\nacme | api | {row}" for row in ("2026-01-01 | 50", "2026-09-30 | 100", "2026-09-30 | 80"))
    shows(history, "10-01", invoices=bills + old + wrong)
    shows(history, "10-02", invoices=bills + right)
    assert served(history, "invoices", ("billed_at", "amount", "known_at")) == [
        ("2026-01-01", 50.0, None),
        ("2026-09-30", -100.0, "2026-10-02"),
        ("2026-09-30", 100.0, None),
        ("2026-09-30", 80.0, "2026-10-02"),
    ]


def test_a_count_that_grew_is_known_in_steps_and_one_that_fell_stays(history: Path) -> None:
    daily = "account_id | day | feature | events | active_users"
    for day, row in (("10-01", "5 | 2"), ("10-02", "9 | 3"), ("10-05", "12 | 3"), ("10-06", "4 | 1")):
        shows(history, day, usage_daily=f"{daily}\nacme | 2026-10-01 | login | {row}")
    assert served(history, "usage_daily", ("events", "active_users", "known_at")) == [
        (3, 3, "2026-10-05"),  # 12 - 9
        (4, 3, "2026-10-01"),  # 9 - 5, seen the day after
        (5, 2, None),
    ]


# --- rows with an end, values and what has no clock -------------------------------------------------------------------


def test_a_ticket_stays_as_first_seen_and_its_closing_is_known_when_it_is_seen(history: Path) -> None:
    tickets = "ticket_id | account_id | opened_at | closed_at | severity | csat\nt1 | acme | {}"
    shows(history, "10-01", tickets=tickets.format("2026-09-30 | | low |"))
    shows(history, "10-03", tickets=tickets.format("2026-09-30 | | critical |"))
    shows(history, "10-06", tickets=tickets.format("2026-09-30 | 2026-10-02 | critical | 4"))
    assert served(history, "tickets", ("severity", "closed_at", "csat", "known_at")) == [
        ("low", "2026-10-06", 4.0, None)
    ]


def test_a_ticket_that_was_opened_again_is_open(history: Path) -> None:
    tickets = "ticket_id | account_id | opened_at | closed_at\nt1 | acme | 2026-09-30 | {}"
    for day, closed in (("10-01", ""), ("10-02", "2026-10-02"), ("10-03", "")):
        shows(history, day, tickets=tickets.format(closed))
    assert served(history, "tickets", ("closed_at",)) == [(None,)]


def test_a_user_who_is_gone_was_deactivated_that_day_and_one_who_came_late_counts_from_then(history: Path) -> None:
    users = "user_id | account_id | created_at | deactivated_at\nu1 | acme | 2026-01-01 |{}"
    shows(history, "10-01", users=users.format("\nu2 | acme | 2026-02-01 |"))
    shows(history, "10-02", users=users.format("\nu3 | acme | 2026-03-01 |"))
    assert served(history, "users", ("user_id", "created_at", "deactivated_at")) == [
        ("u1", "2026-01-01", None),
        ("u2", "2026-02-01", "2026-10-02"),
        ("u3", "2026-10-02", None),
    ]


def test_one_user_id_in_two_accounts_is_two_users(history: Path) -> None:
    users = "user_id | account_id | created_at\n{}u1 | bolt | 2026-02-01"
    shows(history, "10-01", users=users.format("u1 | acme | 2026-01-01\n"))
    shows(history, "10-02", users=users.format(""))
    assert served(history, "users", ("account_id", "user_id", "created_at", "deactivated_at")) == [
        ("acme", "u1", "2026-01-01", "2026-10-02"),
        ("bolt", "u1", "2026-02-01", None),
    ]


def test_users_of_a_source_that_shows_the_active_ones_alone(history: Path) -> None:
    users = "user_id | account_id\nu1 | acme{}"
    shows(history, "10-01", users=users.format("\nu2 | acme"))
    assert "deactivated_at" not in served_columns(history, "users")
    shows(history, "10-02", users=users.format(""))
    assert served(history, "users", ("user_id", "deactivated_at")) == [("u1", None), ("u2", "2026-10-02")]


def served_columns(history: Path, table: str) -> tuple[str, ...]:
    with connect(f"record://{history}") as opened:
        return opened.raw[table].columns


def test_what_came_of_a_play_is_known_when_it_is_seen_with_or_without_a_day(history: Path) -> None:
    plays = "account_id | play | opened_at | status | closed_at | arr"
    shows(history, "10-01", outcomes=f"{plays}\nacme | a | 2026-09-01 | open | |\nacme | b | 2026-09-01 | open | |")
    shows(
        history,
        "10-04",
        outcomes=f"{plays}\nacme | a | 2026-09-01 | won | | 1200\nacme | b | 2026-09-01 | lost | 2026-10-03 |",
    )
    assert served(history, "outcomes", ("play", "status", "closed_at", "arr")) == [
        ("a", "won", "2026-10-04", 1200.0),
        ("b", "lost", "2026-10-03", None),
    ]


def test_own_features_are_recorded_when_they_change_not_when_they_are_loaded(history: Path) -> None:
    own = "account_id | known_at | health | fit"
    for day, row in (
        ("10-01", "0.5 | good"),
        ("10-02", "0.5 | good"),
        ("10-03", "0.7 | good"),
        ("10-04", "0.7 | good"),
    ):
        shows(history, day, account_features=f"{own}\nacme | 2026-{day}T04:00 | {row}")
    assert served(history, "account_features", ("known_at", "health", "fit")) == [
        ("2026-10-01", "0.5", "good"),  # a drawn number is a text
        ("2026-10-03", "0.7", "good"),
    ]


def test_own_features_that_say_a_time_that_cannot_be_are_known_when_they_are_seen(history: Path) -> None:
    own = "account_id | known_at | health\nacme | 2026-01-01 | {}"
    for day, value in (("10-01", 0.5), ("10-02", 0.6), ("10-03", 0.7)):
        shows(history, day, account_features=own.format(value))
    assert [row[0] for row in served(history, "account_features", ("known_at",))] == [
        "2026-01-01",
        "2026-10-02",
        "2026-10-03",
    ]


def test_accounts_and_plans_are_as_last_seen_and_a_feature_that_left_a_plan_is_gone(history: Path) -> None:
    accounts = "account_id | name | created_at | owner\nacme | Acme | 2020-01-01 | {}"
    plans = "product | plan | tier\ncore | team | {}"
    rights = "product | plan | feature\ncore | team | sso{}"
    shows(
        history,
        "10-01",
        accounts=accounts.format("Ada"),
        plans=plans.format(1),
        plan_features=rights.format("\ncore | team | api"),
    )
    shows(history, "10-02", accounts=accounts.format("Bob"), plans=plans.format(2), plan_features=rights.format(""))
    assert served(history, "accounts", ("account_id", "owner")) == [("acme", "Bob")]
    assert served(history, "plans", ("plan", "tier")) == [("team", 2)]
    assert served(history, "plan_features", ("feature",)) == [("sso",)]
