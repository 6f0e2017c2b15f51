"""What a class of the ledger is when the whole account is looked at."""

from datetime import date

import pandas as pd
import pytest

from data.errors import NotEnoughHistoryError
from data.figures.accounts.moves import AccountMoves, moves_of
from data.figures.figures import figures_of
from data.ledger.rules import ExpansionRules
from tests.data.figures.drawing import drawn_figures
from tests.drawn import drawn

DAY = date(2026, 7, 1)


def moves(rows: str) -> AccountMoves:
    """The movements of accounts from drawn rows of the ledger, in whole currency."""
    ledger = drawn(rows)
    ledger["day"] = pd.to_datetime(ledger["day"])
    ledger["delta_mrr_e4"] = ledger.pop("mrr").astype("int64") * 10_000
    ids = sorted(ledger["account_id"].unique())
    people = pd.DataFrame({"account_id": ids, "segment": None, "region": None, "owner": None}, dtype="str")
    return moves_of(DAY, ledger, pd.DataFrame({"account_id": ids, "plan": "core"}), people)


def told(made: AccountMoves) -> list[str]:
    rows = made.rows
    return [f"{row.day:%m-%d} {row.movement} {row.delta_mrr_e4 // 10_000:+d}" for row in rows.itertuples()]


def test_the_classes_of_the_whole_account() -> None:
    made = moves("""
        account_id | day        | movement_class | mrr
        acme       | 2026-01-01 | new            | 100
        acme       | 2026-01-20 | new            | 50
        acme       | 2026-02-01 | churn          | -50
        acme       | 2026-03-01 | contraction    | -60
        acme       | 2026-03-01 | churn          | -40
        acme       | 2026-04-01 | cross_sell     | 70
        acme       | 2026-04-01 | reactivation   | 30
        acme       | 2026-05-01 | reactivation   | 20
        acme       | 2026-06-01 | seat           | 10
        acme       | 2026-06-01 | contraction    | -5
    """)
    assert told(made) == [
        "01-01 new +100",
        "01-20 new +50",
        "02-01 contraction -50",  # one product ended, the account goes on paying 100
        "03-01 churn -100",  # whatever became of each product, nothing is paid any more
        "04-01 reactivation +100",  # a product that it never had too: it had left
        "05-01 reactivation +20",  # a product that came back to an account that pays
        "06-01 seat +10",
        "06-01 contraction -5",
    ]


def test_the_first_money_of_a_paid_line_of_nothing_is_new() -> None:
    made = moves("""
        account_id | day        | movement_class | mrr
        acme       | 2026-01-01 | upsell         | 100
    """)
    assert told(made) == ["01-01 new +100"]
    assert made.accounts.acquired_on.dt.date.tolist() == [date(2026, 1, 1)]
    assert made.accounts.acquisition_quarter.dt.date.tolist() == [date(2026, 1, 1)]


def test_without_a_month_that_is_over_there_are_no_figures() -> None:
    made = moves("""
        account_id | day        | movement_class | mrr
        acme       | 2026-01-01 | new            | 100
    """)
    early = AccountMoves(date(2026, 1, 31), made.rows, made.accounts)
    with pytest.raises(NotEnoughHistoryError, match="nobody paid in a month that is over"):
        figures_of(early, ExpansionRules(), 12)
    assert len(figures_of(made, ExpansionRules(), 4)["bridge"]) == 4 * 6  # March to June, six slices


def test_all_left_before_the_months_that_are_told() -> None:
    made = moves("""
        account_id | day        | movement_class | mrr
        acme       | 2025-01-01 | new            | 100
        acme       | 2025-03-01 | churn          | -100
    """)
    with pytest.raises(NotEnoughHistoryError, match="nobody paid in the last 3 that are over"):
        figures_of(made, ExpansionRules(), 3)
    assert not figures_of(made, ExpansionRules(), 16)["bridge"].empty  # March 2025 is the first of them


def test_nobody_ever_paid() -> None:
    with pytest.raises(NotEnoughHistoryError, match="nobody paid"):
        drawn_figures(
            subscriptions="""
                account_id | product | plan | mrr | seats | valid_from | kind
                acme       | core    | free | 0   | 3     | 2026-01-01 | free
            """
        )
