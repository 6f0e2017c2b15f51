"""What could be sold next, on drawn bases. The snapshot is 1 January 2024; the window runs to 30 March."""

from datetime import date

import ibis

from data.ledger.rules import ExpansionRules
from features.cohort import cohort
from features.cross_sell import cross_sells, features_used, products_had, products_on_offer
from tests.drawn import base

SNAPSHOT = date(2024, 1, 1)
LINES = """
    account_id | product | plan | mrr | seats | valid_from | valid_to   | known_at
    acme       | crm     | pro  | 200 | 10    | 2022-03-01 |            |
    acme       | mail    | one  | 50  | 10    | 2022-03-01 | 2023-02-01 |
    acme       | chat    | one  | 70  | 10    | 2024-02-01 |            |
    bolt       | crm     | pro  | 200 | 10    | 2023-03-01 |            |
    bolt       | mail    | one  | 50  | 10    | 2023-12-01 |            | 2024-01-05
    bolt       | crm     | pro  | 300 | 15    | 2024-02-01 |            |
    cora       | phone   | one  | 90  | 10    | 2021-01-01 |            |
    """


def lines(table: ibis.Table) -> set[tuple[str, ...]]:
    return {tuple(map(str, row)) for row in table.drop("snapshot_date").to_pandas().itertuples(index=False)}


def test_what_an_account_has_or_ever_had_as_known_then() -> None:
    tables = base(subscriptions=LINES)
    assert lines(products_had(tables, cohort(tables, [SNAPSHOT]))) == {
        ("acme", "crm"),
        ("acme", "mail"),  # it ended in February 2023: it would be a reactivation
        ("bolt", "crm"),  # its mail was known on the 5th of January only
        ("cora", "phone"),
    }


def test_on_offer_is_what_somebody_began_with_within_a_year() -> None:
    tables = base(subscriptions=LINES)
    assert lines(products_on_offer(tables, [SNAPSHOT])) == {("crm",)}  # phone: 2021; chat: later; mail: known later
    assert lines(products_on_offer(tables, [date(2024, 3, 1)])) == {("crm",), ("mail",), ("chat",)}


def test_what_became_another_product_was_sold_and_is_on_offer_under_the_name_of_today() -> None:
    lines_of = """
        account_id | product | plan | mrr | valid_from | valid_to
        acme       | crm     | pro  | 200 | 2022-03-01 |
        acme       | mail    | one  | 50  | 2024-02-01 |
        bolt       | mail    | one  | 50  | 2023-12-01 |
        """
    names = """
        product | successor | from_day
        mail    | inbox     | 2024-06-01
        """
    tables = base(subscriptions=lines_of, product_succession=names)
    keys = cohort(tables, [SNAPSHOT])
    assert lines(products_on_offer(tables, [SNAPSHOT])) == {("inbox",)}
    assert lines(cross_sells(tables, keys, ExpansionRules())) == {("acme", "inbox")}
    assert lines(products_had(tables, keys)) == {("acme", "crm"), ("bolt", "mail"), ("bolt", "inbox")}
    assert lines(products_on_offer(tables, [date(2024, 7, 1)])) == {("inbox",)}


def test_a_line_that_was_voided_as_it_began_is_nothing_that_was_had_or_sold() -> None:
    voided = """
        account_id | product | plan | mrr | valid_from | valid_to
        acme       | crm     | pro  | 200 | 2023-03-01 |
        acme       | mail    | one  | 50  | 2023-05-01 | 2023-05-01
        """
    tables = base(subscriptions=voided)
    assert lines(products_had(tables, cohort(tables, [SNAPSHOT]))) == {("acme", "crm")}
    assert lines(products_on_offer(tables, [SNAPSHOT])) == {("crm",)}


def test_cross_sells_of_the_window_by_product() -> None:
    tables = base(subscriptions=LINES)
    assert lines(cross_sells(tables, cohort(tables, [SNAPSHOT]), ExpansionRules())) == {("acme", "chat")}


def test_a_billed_product_is_had_once_it_was_billed() -> None:
    bills = """
        account_id | product | billed_at  | amount
        acme       | api     | 2023-12-10 | 300
        acme       | sms     | 2023-12-11 | -20
        acme       | sms     | 2024-02-11 | 40
        """
    tables = base(invoices=bills)
    keys = cohort(tables, [SNAPSHOT])
    assert lines(products_had(tables, keys)) == {("acme", "api")}  # a credit is no product
    assert lines(products_on_offer(tables, [SNAPSHOT])) == {("api",)}
    assert lines(cross_sells(tables, keys, ExpansionRules())) == {("acme", "sms")}


def test_what_a_payment_is_called_is_no_product() -> None:
    bills = """
        account_id | product | billed_at  | amount | kind
        acme       | Invoice | 2023-12-10 | 200    | subscription
        acme       | api     | 2023-12-10 | 300    | usage
        """
    tables = base(subscriptions=LINES, invoices=bills)
    assert ("acme", "Invoice") not in lines(products_had(tables, cohort(tables, [SNAPSHOT])))
    assert lines(products_on_offer(tables, [SNAPSHOT])) == {("crm",), ("api",)}


def test_what_was_used_in_the_quarter_before_as_known_then() -> None:
    events = """
        account_id | occurred_at | feature | known_at
        acme       | 2023-10-02  | boards  |
        acme       | 2023-10-01  | search  |
        acme       | 2023-12-31  | calls   | 2024-01-01
        acme       | 2024-01-01  | export  |
        """
    tables = base(subscriptions=LINES, usage_events=events)
    assert lines(features_used(tables, cohort(tables, [SNAPSHOT]))) == {("acme", "boards")}  # 91 days before
