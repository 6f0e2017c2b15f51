"""Who is a customer on the 1st of July 2026."""

from datetime import date

from data.ledger.rules import ExpansionRules
from features.cohort import DEFAULT_RULES, cohort
from tests.drawn import SNAPSHOT, base


def customers(rules: ExpansionRules = DEFAULT_RULES, **tables: str) -> list[str]:
    """The accounts that get a feature row; each of them exactly one."""
    rows = cohort(base(**tables), [SNAPSHOT], rules).to_pandas()
    assert rows.account_id.is_unique
    return sorted(rows.account_id)


def test_a_line_that_is_open_makes_a_customer() -> None:
    lines = """
        account_id      | product | plan | mrr | valid_from | valid_to   | known_at
        open            | core    | team | 100 | 2025-01-01 |            |
        since_yesterday | core    | team | 100 | 2026-06-30 |            |
        from_today      | core    | team | 100 | 2026-07-01 |            |
        ended_yesterday | core    | team | 100 | 2025-01-01 | 2026-06-30 |
        ends_today      | core    | team | 100 | 2025-01-01 | 2026-07-01 |
        ends_later      | core    | team | 100 | 2025-01-01 | 2026-12-31 |
        just_known      | core    | team | 100 | 2025-01-01 |            | 2026-06-30
        not_yet_known   | core    | team | 100 | 2025-01-01 |            | 2026-07-01
        known_before    | core    | team | 100 | 2026-07-01 |            | 2026-06-01
    """
    assert customers(subscriptions=lines) == ["ends_later", "ends_today", "just_known", "open", "since_yesterday"]


def test_a_line_whose_place_a_later_one_of_its_contract_has_taken_is_not_open() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from | valid_to   | contract_id | kind
        ended      | core    | team | 100 | 2025-01-01 |            | c1          |
        ended      | core    | team | 120 | 2026-01-01 | 2026-06-01 | c1          |
        goes_on    | core    | team | 100 | 2025-01-01 |            | c2          |
        goes_on    | core    | team | 120 | 2026-01-01 |            | c2          |
        for_free   | core    | team | 100 | 2025-01-01 |            | c3          |
        for_free   | core    | free | 0   | 2026-01-01 |            | c3          | free
        tries      | core    | team | 100 | 2025-01-01 |            | c4          |
        tries      | core    | plus | 0   | 2026-05-01 | 2026-06-01 | c4          | trial
        voided     | core    | team | 100 | 2025-01-01 |            | c5          |
        voided     | core    | plus | 150 | 2026-05-01 | 2026-05-01 | c5          |
        keeps_core | core    | team | 100 | 2025-01-01 |            | c6          |
        keeps_core | mail    | one  | 10  | 2026-01-01 | 2026-06-01 | c6          |
        untold     | core    | team | 100 | 2025-01-01 |            |             |
        untold     | core    | team | 120 | 2026-01-01 | 2026-06-01 |             |
    """
    assert customers(subscriptions=lines) == ["goes_on", "keeps_core", "tries", "untold", "voided"]


def test_two_open_lines_make_one_customer() -> None:
    lines = """
        account_id | product  | plan | mrr | valid_from
        acme       | core     | team | 100 | 2025-01-01
        acme       | core     | team | 100 | 2025-01-01
        acme       | insights | plus | 100 | 2025-01-01
    """
    assert customers(subscriptions=lines) == ["acme"]


def test_a_bill_of_the_last_90_days_makes_a_customer_unless_credits_undo_it() -> None:
    bills = """
        account_id    | product | billed_at  | amount | known_at
        yesterday     | api     | 2026-06-30 | 10     |
        today         | api     | 2026-07-01 | 10     |
        day_90        | api     | 2026-04-02 | 10     |
        day_91        | api     | 2026-04-01 | 10     |
        not_yet_known | api     | 2026-06-01 | 10     | 2026-07-01
        undone        | api     | 2026-06-01 | 10     |
        undone        | api     | 2026-06-10 | -10    |
        undone_today  | api     | 2026-06-01 | 10     |
        undone_today  | api     | 2026-07-01 | -10    |
        partly_undone | api     | 2026-06-01 | 10     |
        partly_undone | storage | 2026-06-10 | -9     |
    """
    assert customers(invoices=bills) == ["day_90", "partly_undone", "undone_today", "yesterday"]


def test_lines_and_bills_together_make_one_customer() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from
        both       | core    | team | 100 | 2025-01-01
        seats_only | core    | team | 100 | 2025-01-01
    """
    bills = """
        account_id | product | billed_at  | amount
        both       | api     | 2026-06-01 | 10
        bills_only | api     | 2026-06-01 | 10
    """
    assert customers(subscriptions=lines, invoices=bills) == ["bills_only", "both", "seats_only"]


def test_bills_that_pay_for_subscriptions_make_no_customer_and_those_after_a_trial_do() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from | valid_to   | kind
        subscribed | api     | team | 100 | 2025-01-01 | 2026-01-01 |
        renamed    | mail    | team | 100 | 2025-01-01 | 2026-01-01 |
        tried      | api     | team | 100 | 2025-12-01 | 2026-01-01 | trial
        told       | api     | team | 100 | 2025-01-01 | 2026-01-01 |
        later      | api     | team | 100 | 2026-07-01 |            |
    """
    bills = """
        account_id | product | billed_at  | amount | kind
        subscribed | api     | 2026-06-01 | 10     |
        renamed    | inbox   | 2026-06-01 | 10     |
        tried      | api     | 2026-06-01 | 10     |
        told       | api     | 2026-06-01 | 10     | usage
        later      | api     | 2026-06-01 | 10     |
    """
    names = """
        product | successor | from_day
        mail    | inbox     | 2026-04-01
    """
    tables = {"subscriptions": lines, "invoices": bills, "product_succession": names}
    payments = ExpansionRules(billed_and_subscribed="payments")
    assert customers(payments, **tables) == ["later", "told", "tried"]  # nobody knows of the line of today
    assert customers(**tables) == ["later", "renamed", "subscribed", "told", "tried"]


def test_lines_make_a_customer_and_rows_in_accounts_do_not() -> None:
    accounts = """
        account_id | name | created_at
        prospect   | P.   | 2020-01-01
        acme       | Acme | 2026-12-01
    """
    lines = """
        account_id | product | plan | mrr | valid_from
        acme       | core    | team | 100 | 2025-01-01
        unlisted   | core    | team | 100 | 2025-01-01
                   | core    | team | 100 | 2025-01-01
    """
    assert customers(accounts=accounts, subscriptions=lines) == ["acme", "unlisted"]  # and nobody is no customer


def test_a_line_at_nothing_makes_a_customer_unless_its_kind_says_that_nobody_pays() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from | kind
        unsaid     | core    | free | 0   | 2025-01-01 |
        a_trial    | core    | free | 0   | 2025-01-01 | trial
        discounted | core    | free | -10 | 2025-01-01 | discount
        paying     | core    | team | 0   | 2025-01-01 | paid
    """
    assert customers(subscriptions=lines) == ["paying", "unsaid"]


def test_each_snapshot_has_customers_of_its_own() -> None:
    lines = """
        account_id | product | plan | mrr | valid_from | valid_to
        came       | core    | team | 100 | 2026-06-15 |
        went       | core    | team | 100 | 2025-01-01 | 2026-06-15
    """
    rows = cohort(base(subscriptions=lines), [date(2026, 6, 1), SNAPSHOT]).to_pandas()
    pairs = {(row.account_id, row.snapshot_date.month) for row in rows.itertuples()}
    assert pairs == {("went", 6), ("came", 7)}
